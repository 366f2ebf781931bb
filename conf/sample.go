package conf

import (
	_ "embed"
	"io"
)

// Sample is a configuration to start from: it can be used as it stands, and
// shows every key.
//
//go:embed sample.conf
var Sample string

// EchoMain is the applet echo_supervisord_conf: it prints the sample. It
// returns the exit status.
func EchoMain(w io.Writer) int {
	if _, err := io.WriteString(w, Sample); err != nil {
		return 1
	}
	return 0
}
