package integration

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestHundredsOfPrograms(t *testing.T) {
	t.Parallel()
	const n = 200
	s := newSup(t, fmt.Sprintf(`
[program:p]
command=/bin/cat
process_name=p%%(process_num)03d
numprocs=%d
stdout_logfile=DIR/all.log
stdout_logfile_maxbytes=0
redirect_stderr=true
`, n)).start()
	allRun := func() {
		t.Helper()
		until(t, "all programs run", func() (string, bool) {
			r := s.ctl("status")
			return tail(r.all()), r.code == 0 && strings.Count(r.out, " RUNNING ") == n
		})
	}
	allRun()
	before := len(fdTargets(s.pid))
	r := s.must(0, "", "restart", "all")
	if stopped, started := strings.Count(r.out, ": stopped\n"), strings.Count(r.out, ": started\n"); stopped != n || started != n {
		t.Errorf("restart all: %d stopped and %d started, want %d each", stopped, started, n)
	}
	allRun()
	if after := len(fdTargets(s.pid)); after > before+5 {
		t.Errorf("%d descriptors after a restart of all, %d before", after, before)
	}
	s.terminate()
}

func TestEndlessRestartsLeaveTheDaemonWell(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it restarts a few times a second")
	s := newSup(t, `
[program:crash]
command=/bin/sh -c "kill -9 $$"
startsecs=0
autorestart=true
stdout_logfile=DIR/crash.log
[program:calm]
command=/bin/cat
`).start()
	calm := s.waitPID("calm")
	spawns := func(n int) {
		t.Helper()
		until(t, fmt.Sprintf("%d spawns", n), func() (string, bool) {
			got := strings.Count(s.log(), "spawned: 'crash'")
			return fmt.Sprint(got), got >= n
		})
	}
	// One that has just ended, and is not started again yet, is not running.
	stop := func() {
		t.Helper()
		until(t, "crash is stopped", func() (string, bool) {
			r := s.ctl("stop", "crash")
			return r.all(), strings.Contains(r.out, "crash: stopped")
		})
	}
	// The descriptors are counted while nothing is being started: a crash in
	// the middle of its restart has those of two children.
	spawns(50)
	s.healthy()
	stop()
	fds := len(fdTargets(s.pid))
	s.must(0, "crash: started", "start", "crash")
	spawns(500)
	stop()
	until(t, "as many descriptors as before hundreds of restarts", func() (string, bool) {
		now := len(fdTargets(s.pid))
		return fmt.Sprintf("%d descriptors, %d before", now, fds), now <= fds
	})
	s.healthy()
	if got := s.waitPID("calm"); got != calm {
		t.Errorf("pid of calm %d, had %d", got, calm)
	}
	s.terminate()
}

func TestPidproxyPassesSignalsOn(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:proxied]
command=BIN/pidproxy DIR/real.pid DIR/launch
stdout_logfile=DIR/out.log
redirect_stderr=true
stopwaitsecs=60
`)
	s.write(strings.Replace(strings.TrimPrefix(readFile(t, s.conf), baseConf), "BIN", binDir, 1))
	// A launcher, as database wrappers are: the real program is its child.
	writeFile(t, s.path("launch"), s.fill("#!/bin/sh\nTESTPROG signals &\necho $! >DIR/real.pid\nwait\n"), 0o755)
	s.start()
	s.waitPID("proxied")
	waitFile(t, s.path("out.log"), "ready")
	real := waitFile(t, s.path("real.pid"), "\n")
	s.must(0, "proxied: signalled", "signal", "HUP", "proxied")
	waitFile(t, s.path("out.log"), "got HUP")
	s.must(0, "proxied: stopped", "stop", "proxied")
	waitFile(t, s.path("out.log"), "bye after TERM")
	var pid int
	if _, err := fmt.Sscan(real, &pid); err != nil {
		t.Fatal(err)
	}
	waitDead(t, pid)
	if text := s.log(); !strings.Contains(text, "INFO stopped: proxied (exit status 0)") {
		t.Errorf("pidproxy did not end with 0:\n%s", text)
	}
	s.terminate()
}

func TestFrozenDaemonCatchesUp(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=TESTPROG signals
stdout_logfile=DIR/p.log
[program:dies]
command=TESTPROG stay
autorestart=false
`).start()
	s.waitPID("p")
	dies := s.waitPID("dies")
	s.signal(syscall.SIGSTOP)
	until(t, "the daemon is stopped", func() (string, bool) {
		p, _ := lookUp(s.pid)
		return p.String(), p.state == 'T'
	})
	if err := syscall.Kill(dies, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitDead(t, dies)
	s.signal(syscall.SIGCONT)
	s.waitState("dies", "EXITED")
	s.must(0, "p: stopped", "stop", "p")
	if strings.Contains(s.log(), "with SIGKILL") {
		t.Error("a program was killed although it ended at once")
	}
	s.terminate()
}

func TestSocketFileThatVanishesComesBackOnHangup(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram).start()
	s.waitPID("cat")
	if err := os.Remove(s.path("s.sock")); err != nil {
		t.Fatal(err)
	}
	s.must(4, "no such file", "status")
	s.running()
	s.signal(syscall.SIGHUP)
	s.waitListening()
	s.waitPID("cat")
	s.terminate()
}
