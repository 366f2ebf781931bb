package integration

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestTheWholeTreeStops has a program leave its group in every way that there is
// before it is stopped, dies by itself, or is killed.
func TestTheWholeTreeStops(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it kills groups at most")
	const program = `
[program:p]
command=/bin/sh DIR/p.sh
kill_scope=tree
stdout_logfile=DIR/p.log
stderr_logfile=NONE
[program:other]
command=/bin/sh DIR/other.sh
stdout_logfile=DIR/other.log
stderr_logfile=NONE
`
	// What clears its environment as well as its session is nobody's any more.
	const escapes = `
setsid sh -c "setsid sleep 4001 & sleep 4002" &
(sleep 4003 &)
(env -i /bin/sleep 4004 &)
setsid -f sleep 4005
(setsid sh -c "env -i /bin/sleep 4006; true" &)
echo ready
exec TESTPROG signals
`
	const sleeps = 6
	left := func(s *sup) (text string, n int) {
		for _, p := range descendants(s.pid) {
			if p.name == "sleep" {
				text += fmt.Sprintf("%d ", p.pid)
				n++
			}
		}
		return text, n
	}
	for name, wrap := range map[string]func(*exec.Cmd){"first process": asFirstWithProc, "subreaper": nil} {
		for end, do := range map[string]func(s *sup){
			"stop": func(s *sup) { s.must(0, "p: stopped", "stop", "p") },
			"kill": func(s *sup) { s.must(0, "p: signalled", "signal", "KILL", "p") },
		} {
			t.Run(name+"/"+end, func(t *testing.T) {
				t.Parallel()
				if wrap != nil {
					needRoot(t)
				}
				s := newSup(t, program)
				s.wrap = wrap
				writeFile(t, s.path("p.sh"), s.fill(escapes), 0o644)
				writeFile(t, s.path("other.sh"), s.fill("setsid -f sleep 4007\necho ready\nexec TESTPROG signals\n"), 0o644)
				s.start()
				waitFile(t, s.path("p.log"), "ready ")
				waitFile(t, s.path("other.log"), "ready ")
				until(t, "everything is there", func() (string, bool) {
					text, n := left(s)
					return text, n == sleeps+1
				})
				if name == "subreaper" {
					list := s.must(0, "", "orphans").out
					if !strings.Contains(list, " p  ") || !strings.Contains(list, "sleep 4005") || !strings.Contains(list, "/bin/sleep 4004") || !strings.Contains(list, "unknown program") {
						t.Errorf("the orphans:\n%s", list)
					}
				}
				do(s)
				until(t, "all is gone but what belongs to the other", func() (string, bool) {
					text, n := left(s)
					if end == "kill" { // it was started again, and made all of it anew
						return text, n == sleeps+1 && strings.Contains(s.log(), "has left behind")
					}
					return text, n == 1
				})
				if text := s.log(); !strings.Contains(text, "that p (pid ") {
					t.Errorf("the log does not say it:\n%s", text)
				}
				s.terminate()
			})
		}
	}
}
