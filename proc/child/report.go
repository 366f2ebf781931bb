package child

import (
	"io"
	"strings"
	"syscall"
)

// Report is what a child has to say of itself, on its way to its program.
type Report struct {
	Warnings []string // what it could not do, and does without
	Refusal  string   // why it cannot be what its Spec asks for: it exits with 127
	Outside  string   // why it is not in the control group of its Spec
	sure     bool     // it is what its Spec asks for; only the program is still to come
}

// empty tells that the child was killed before it had anything to say.
func (r *Report) empty() bool {
	return !r.sure && r.Refusal == "" && r.Outside == "" && r.Warnings == nil
}

// The first byte of each message of a report; a NUL ends it.
const (
	warningMark = 'w'
	refusalMark = 'r'
	outsideMark = 'o'
	sureMark    = 's'
)

// Bounds of a report.
const (
	maxReport  = 16 << 10
	maxMessage = 512
)

// tell adds a message to the report, which the table reads from the descriptor that
// ends with the execution of the program.
func (r request) tell(mark byte, text string) {
	text = strings.ReplaceAll(text, "\x00", "")
	text = text[:min(len(text), maxMessage)]
	// If nobody listens, the exit status still tells that something failed.
	_, _ = syscall.Write(r.status, []byte(string(rune(mark))+text+"\x00"))
}

// readReport reads a report to its end.
func readReport(from io.Reader) Report {
	data, _ := io.ReadAll(io.LimitReader(from, maxReport)) // a broken report is a short one
	var r Report
	for message := range strings.SplitSeq(string(data), "\x00") {
		if message == "" {
			continue
		}
		switch text := message[1:]; message[0] {
		case warningMark:
			r.Warnings = append(r.Warnings, text)
		case refusalMark:
			r.Refusal = text
		case outsideMark:
			r.Outside = text
		case sureMark:
			r.sure = true
		}
	}
	return r
}
