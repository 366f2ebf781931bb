package daemon

import (
	"fmt"
	"strings"
)

// fixedText is an error whose text the original fixed, in its own style.
type fixedText string

func (t fixedText) Error() string { return string(t) }

// The texts of this file are fixed: scripts and people's memories match them.

const rootWarning = "Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message."

const searchWarning = `Supervisord is running as root and it is searching for its configuration file in default locations (including its current working directory); you probably want to specify a "-c" argument specifying an absolute path to a configuration file for improved security.`

// noConfig is the error for a search that found nothing.
func noConfig(searched []string) error {
	return fixedText(fmt.Sprintf("No config file found at default paths (%s); use the -c option to specify a config file at a different path",
		strings.Join(searched, ", ")))
}
