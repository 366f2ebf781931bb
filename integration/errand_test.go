package integration

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// pidIn reads a pid that a program wrote.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(waitFile(t, path, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestStopCommand stops programs that heed no TERM: by a command, which is what the
// program is; without one that works; and with one that never ends.
func TestStopCommand(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no stop_command")
	needRoot(t)
	s := newSup(t, `
[program:polite]
command=TESTPROG signals TERM
stop_command=/bin/sh -c 'echo "$(id -un) $(pwd) $(umask) $MINE $SUPERVISOR_PROCESS_NAME $SUPERVISOR_PROCESS_PID $(cat)|" >who; echo asked; kill -QUIT $SUPERVISOR_PROCESS_PID'
user=nobody
directory=DIR/hook
umask=027
environment=MINE="%(program_name)s"
[program:missing]
command=TESTPROG signals
stop_command=/nonexistent/quit
[program:failing]
command=TESTPROG signals
stop_command=/bin/sh -c 'echo no such server >&2; exit 3'
[program:stuck]
command=TESTPROG signals TERM
stopwaitsecs=1
stop_command=/bin/sh -c 'sleep 1000 & echo $! >child; echo $$ >self; wait'
directory=DIR/hook
`)
	if err := os.Mkdir(s.path("hook"), 0o755); err != nil {
		t.Fatal(err)
	}
	chown(t, "nobody", s.path("hook"))
	s.start()
	pid := s.waitPID("polite")
	for _, name := range []string{"missing", "failing", "stuck"} {
		s.waitPID(name)
	}
	s.must(0, "polite: stopped", "stop", "polite")
	want := "nobody " + s.path("hook") + " 0027 polite polite " + strconv.Itoa(pid) + " |\n"
	if got := readFile(t, s.path("hook/who")); got != want {
		t.Errorf("the command saw %q, want %q", got, want)
	}
	s.waitLog("INFO stopped: polite (exit status 0)")
	s.waitLog("INFO stop_command of polite: asked")
	s.must(0, "missing: stopped\nfailing: stopped", "stop", "missing", "failing")
	s.waitLog("WARN stop_command of missing: cannot be run: can't find command '/nonexistent/quit'; sending SIGTERM in its place")
	s.waitLog("INFO stop_command of failing: no such server", "WARN stop_command of failing: failed (exit status 3); sending SIGTERM in its place")
	s.must(0, "stuck: stopped", "stop", "stuck")
	s.waitLog("WARN stop_command of stuck: not done after 1s, killing its process group", "WARN killing 'stuck'")
	waitDead(t, pidIn(t, s.path("hook/self")))
	waitDead(t, pidIn(t, s.path("hook/child")))

	// The end of everything waits for the command, and uses it.
	s.must(0, "polite: started", "start", "polite")
	if err := os.Remove(s.path("hook/who")); err != nil {
		t.Fatal(err)
	}
	s.terminate()
	if got := readFile(t, s.path("hook/who")); !strings.HasPrefix(got, "nobody ") {
		t.Errorf("at the end of everything the command saw %q", got)
	}
	if log := s.log(); strings.Contains(log, "reaped unknown pid "+strconv.Itoa(pid)) || strings.Contains(log, "nobody knows") {
		t.Error("a command was taken for somebody else's")
	}
}

// TestReloadCommand has programs reload by commands that work, fail, and hang.
func TestReloadCommand(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it reloads no single programs")
	s := newSup(t, `
[program:good]
command=TESTPROG signals
reload_command=/bin/sh -c 'kill -USR2 $SUPERVISOR_PROCESS_PID'
stdout_logfile=DIR/good.log
[program:bad]
command=TESTPROG signals
reload_command=/bin/sh -c 'echo checking; echo "line 7: unknown word" >&2; exit 2'
[program:missing]
command=TESTPROG signals
reload_command=nosuchcommand
[program:slow]
command=TESTPROG signals
reload_timeout=1
reload_command=/bin/sh -c 'echo $$ >DIR/slow.pid; sleep 1000'
[program:lazy]
command=TESTPROG signals
reload_command=/bin/true
autostart=false
`).start()
	for _, name := range []string{"good", "bad", "missing", "slow"} {
		s.waitPID(name)
	}
	waitFile(t, s.path("good.log"), "ready")
	s.must(0, "good: reloaded", "reload", "good")
	waitFile(t, s.path("good.log"), "got USR2")
	s.must(1, "bad: ERROR (FAILED: reload_command failed (exit status 2): line 7: unknown word)", "reload", "bad")
	s.waitLog("INFO reload_command of bad: checking", "WARN reload_command of bad: failed (exit status 2)")
	s.must(1, "missing: ERROR (FAILED: reload_command cannot be run: can't find command 'nosuchcommand')", "reload", "missing")
	s.must(1, "slow: ERROR (FAILED: reload_command not done after 1s)", "reload", "slow")
	waitDead(t, pidIn(t, s.path("slow.pid")))
	s.must(7, "lazy: ERROR (not running)", "reload", "lazy")
	r := s.ctl("reload", "all")
	for _, want := range []string{"good: reloaded\n", "bad: ERROR (FAILED", "slow: ERROR (FAILED"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("reload all says %q, want %q in it", r.out, want)
		}
	}
	s.signal(syscall.SIGTERM)
	if status := s.waitExit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
