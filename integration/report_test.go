package integration

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// report is what "testprog report" says about its process.
type report struct {
	PID, PPID, PGID, SID int
	UID, GID             int
	Groups               []int
	Args, Env            []string
	Dir                  string
	Umask                int
}

func parseReport(t testing.TB, text string) report {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in report %q", err, text)
	}
	return r
}

// report waits for the report that a program writes to a file.
func (s *sup) report(name string) report {
	s.t.Helper()
	return parseReport(s.t, waitFile(s.t, s.path(name), "\n"))
}

// env returns the value of a variable, and whether it is set.
func (r report) env(name string) (string, bool) {
	i := slices.IndexFunc(r.Env, func(s string) bool { return strings.HasPrefix(s, name+"=") })
	if i < 0 {
		return "", false
	}
	return r.Env[i][len(name)+1:], true
}

// underShell runs the daemon's command after shell commands, in their process.
func underShell(commands string) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"/bin/sh", "-c", fmt.Sprintf("%s; exec \"$@\"", commands), "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
}
