package integration

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestProgramsEndTheDaemon has programs that matter end, as the main process of
// a container does, and looks with what the daemon leaves, as the first process
// and as another.
func TestProgramsEndTheDaemon(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it runs on with nothing left to run")
	rest := `
[program:rest]
command=/bin/cat
priority=1
stdout_logfile=NONE
stderr_logfile=NONE
[program:main]
stdout_logfile=NONE
stderr_logfile=NONE
`
	for _, row := range []struct {
		name, keys string
		code       int
		says       string
	}{
		{"work done", "command=/bin/true\nautorestart=false\nstartsecs=0\non_exit=shutdown\n", 0, "main exited and has on_exit=shutdown"},
		{"a code", "command=/bin/sh -c 'exit 42'\nautorestart=false\nstartsecs=0\non_exit=shutdown\n", 42, "to leave with exit status 42"},
		{"a signal", "command=/bin/sh -c 'kill -SEGV $$'\nautorestart=false\nstartsecs=0\non_exit=shutdown_on_failure\n", 139, "to leave with exit status 139"},
		{"too quick", "command=/bin/sh -c 'exit 5'\nstartretries=0\non_fatal=shutdown\n", 5, "main entered FATAL state and has on_fatal=shutdown"},
		{"no such command", "command=/nonexistent/x\nstartretries=0\non_fatal=shutdown\n", 127, "to leave with exit status 127"},
		{"no program at all", "command=/etc/passwd\nstartretries=0\non_fatal=shutdown\n", 126, "to leave with exit status 126"},
	} {
		for name, wrap := range map[string]func(*exec.Cmd){"first": asFirst, "another": nil} {
			t.Run(row.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				if wrap != nil {
					needRoot(t)
				}
				s := newSup(t, rest+row.keys)
				s.wrap = wrap
				s.launch()
				if code := s.waitExit(); code != row.code {
					t.Errorf("left with %d, want %d", code, row.code)
				}
				if text := s.log(); !strings.Contains(text, row.says) || !strings.Contains(text, "stopped: rest (terminated by SIGTERM)") {
					t.Errorf("the log does not say %q, and that the rest was stopped:\n%s", row.says, text)
				}
				if left := marked(s.mark); len(left) > 0 {
					t.Errorf("processes left: %v", left)
				}
			})
		}
	}
}

// TestASecondSignalAndTheBudgetKill stops programs that heed no signal.
func TestASecondSignalAndTheBudgetKill(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it waits for stopwaitsecs")
	programs := `
[program:deaf]
command=/bin/sh -c 'trap "" TERM; while :; do read x; done'
stopwaitsecs=600
killasgroup=true
stdout_logfile=NONE
stderr_logfile=NONE
[program:meek]
command=/bin/cat
priority=1
stopwaitsecs=600
stdout_logfile=NONE
stderr_logfile=NONE
`
	t.Run("signal", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, programs).start()
		s.waitState("deaf", "RUNNING")
		s.signal(syscall.SIGTERM)
		s.waitLog("waiting for meek, deaf to die")
		until(t, "the daemon takes a second signal", func() (string, bool) {
			_ = syscall.Kill(s.pid, syscall.SIGTERM) // the first ones may count as one request
			return s.log(), strings.Contains(s.log(), "received SIGTERM again: killing everything that is left")
		})
		if code := s.waitExit(); code != 0 {
			t.Errorf("left with %d, want 0", code)
		}
	})
	t.Run("budget", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, programs)
		s.env = append(s.env, "SUPERVISOR_SHUTDOWN_TIMEOUT=1")
		s.start()
		s.waitState("deaf", "RUNNING")
		s.terminate()
		s.waitLog("shutdown_timeout is over: killing everything that is left")
	})
}

// containerRoot is what a root without user= is told with --container, in the
// place of the warning.
const containerRoot = "running as root, as containers do, and so does each program without user="

// TestTheContainerProfile runs a configuration without a word about containers as
// the first process of one.
func TestTheContainerProfile(t *testing.T) {
	t.Parallel()
	needRoot(t)
	oursOnly(t, "it has no such profile")
	s := newSup(t, `
[program:talker]
command=/bin/sh -c 'echo to stdout; echo to stderr >&2; setsid sleep 4711 & exec cat'
[program:main]
command=/bin/sh -c 'while ! [ -e DIR/go ]; do sleep 0.05; done; exit 9'
startretries=0
startsecs=3600
`)
	s.wrap = asFirstWithProc
	s.launch("--container")
	for _, text := range []string{"talker | to stdout\n", "talker | to stderr\n", "INFO --container: supervisord stays in the foreground", "success: talker entered RUNNING"} {
		until(t, "the output has "+text, func() (string, bool) { return s.out.String(), strings.Contains(s.out.String(), text) })
	}
	if first, _, _ := strings.Cut(s.out.String(), "\n"); strings.Contains(s.out.String(), "Privileges were not dropped") || !strings.HasSuffix(first, " INFO "+containerRoot) {
		t.Errorf("a container of root begins with %q; the output:\n%s", first, s.out.String())
	}
	for _, file := range []string{"s.pid"} { // what the configuration names is there
		if _, err := os.Lstat(s.path(file)); err != nil {
			t.Error(err)
		}
	}
	writeFile(t, s.path("go"), "", 0o644)
	if code := s.waitExit(); code != 9 {
		t.Errorf("left with %d, want 9", code)
	}
	if text := s.out.String(); !strings.Contains(text, "killed a process that talker") || !strings.Contains(text, "main entered FATAL state and has on_fatal=shutdown") {
		t.Errorf("the output:\n%s", text)
	}
}
