package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTheDocumentedCommandLineWorks runs what the README shows for curl as it
// stands there.
func TestTheDocumentedCommandLineWorks(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has neither the path nor the protocol")
	needProgram(t, "curl")
	s := newSup(t, "[program:web]\ncommand=TESTPROG signals\nstartsecs=0\n").start()
	s.waitPID("web")
	found := 0
	for line := range strings.Lines(readFile(t, "../README.md")) {
		if !strings.HasPrefix(line, "$ curl ") {
			continue
		}
		found++
		command, _, _ := strings.Cut(strings.TrimPrefix(line, "$ "), " | jq")
		r := runCommand(t, exec.Command("sh", "-c", strings.ReplaceAll(command, "/run/supervisor.sock", s.path("s.sock"))))
		if r.code != 0 || !strings.Contains(r.out, `"name":"web"`) || !strings.Contains(r.out, `"statename":"RUNNING"`) {
			t.Errorf("%s: exit status %d, got %s", command, r.code, r.all())
		}
	}
	if found == 0 {
		t.Error("the README shows no curl")
	}
}
