package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestHangupStartsEverythingAgainInTheSameProcess(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram).start()
	old := s.waitPID("cat")
	oldLogs, err := filepath.Glob(s.path("cat-stdout---*"))
	if err != nil || len(oldLogs) != 1 {
		t.Fatalf("AUTO logs: %v (%v), want one", oldLogs, err)
	}
	s.write(catProgram + "[program:added]\ncommand=/bin/cat\n")
	s.signal(syscall.SIGHUP)
	s.waitLog("WARN received SIGHUP indicating restart request", "supervisord started with pid")
	s.waitListening()
	s.waitPID("added")
	if now := s.waitPID("cat"); now == old {
		t.Errorf("cat still has pid %d after a restart", now)
	}
	if alive(old) {
		t.Errorf("the process %d from before the restart is still there", old)
	}
	if _, err := os.Lstat(oldLogs[0]); !os.IsNotExist(err) {
		t.Errorf("the AUTO log from before the restart is still there: %v", err)
	}
	s.running()
	s.terminate()
}

func TestHangupWithBrokenConfigKeepsEverythingRunning(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it stops all programs and then ends with status 2")
	s := newSup(t, catProgram).start()
	old := s.waitPID("cat")
	good := strings.TrimPrefix(readFile(t, s.conf), baseConf)
	s.write(good + "[program:bad]\ncommand=/bin/cat\nstopsignal=NOPE\n")
	s.signal(syscall.SIGHUP)
	s.waitLog("received SIGHUP", "CRIT", "value 'NOPE' is not a valid signal name in section 'program:bad'")
	s.must(1, "ERROR: CANT_REREAD: value 'NOPE' is not a valid signal name in section 'program:bad'", "reread")
	if got := s.waitPID("cat"); got != old {
		t.Errorf("cat has pid %d, had %d", got, old)
	}
	s.write(good)
	s.signal(syscall.SIGHUP)
	s.waitNewPID("cat", old)
	s.terminate()
}

func TestUser2ReopensTheLogs(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:talker]
command=TESTPROG signals
stdout_logfile=DIR/talker.log
`).start()
	pid := s.waitPID("talker")
	waitFile(t, s.path("talker.log"), "ready")
	for _, name := range []string{"s.log", "talker.log"} {
		if err := os.Rename(s.path(name), s.path(name+".old")); err != nil {
			t.Fatal(err)
		}
	}
	s.signal(syscall.SIGUSR2)
	waitFile(t, s.path("s.log.old"), "INFO received SIGUSR2 indicating log reopen request")
	waitFile(t, s.path("talker.log"), "")
	until(t, "the program's log is there again", func() (string, bool) {
		_, err := os.Stat(s.path("talker.log"))
		return "", err == nil
	})
	s.must(0, "talker: signalled", "signal", "USR1", "talker")
	if got := waitFile(t, s.path("talker.log"), "got USR1"); strings.Contains(got, "ready") {
		t.Errorf("the new log holds what the old one holds: %q", got)
	}
	if got := readFile(t, s.path("talker.log.old")); strings.Contains(got, "USR1") {
		t.Errorf("the old log got new lines: %q", got)
	}
	s.must(0, "talker: stopped", "stop", "talker")
	if text := s.waitLog("stopped: talker"); strings.Contains(text, "SIGUSR2") {
		t.Errorf("the new log begins before the reopening:\n%s", text)
	}
	if alive(pid) {
		t.Error("talker is still there")
	}
	s.terminate()
}

func TestHangupDuringShutdownIsIgnored(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:slow]
command=TESTPROG signals TERM
stdout_logfile=DIR/slow.log
stopwaitsecs=3
`).start()
	s.waitPID("slow")
	waitFile(t, s.path("slow.log"), "ready")
	s.signal(syscall.SIGTERM)
	waitFile(t, s.path("slow.log"), "got TERM")
	s.signal(syscall.SIGHUP)
	s.waitLog("WARN received SIGTERM indicating exit request", "WARN ignored SIGHUP indicating restart request (shutdown in progress)")
	s.signal(syscall.SIGTERM)
	if code := s.waitExit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	s.waitLog("WARN killing 'slow' (", ") with SIGKILL", "WARN stopped: slow (terminated by SIGKILL)")
	if n := strings.Count(s.log(), "received SIGTERM indicating exit request"); n != 2 {
		t.Errorf("%d lines about TERM, want one for each of 2", n)
	}
}

func TestTermDuringRestartBecomesShutdown(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:slow]
command=TESTPROG signals TERM
stdout_logfile=DIR/slow.log
stopwaitsecs=3
`).start()
	s.waitPID("slow")
	waitFile(t, s.path("slow.log"), "ready")
	s.signal(syscall.SIGHUP)
	waitFile(t, s.path("slow.log"), "got TERM")
	s.signal(syscall.SIGTERM)
	if code := s.waitExit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	if n := strings.Count(s.log(), "supervisord started with pid"); n != 1 {
		t.Errorf("started %d times, want 1", n)
	}
}

func TestShutdownGoesGroupByGroupInDescendingPriority(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:first]
command=TESTPROG signals
stdout_logfile=DIR/all.log
priority=5
[program:last]
command=TESTPROG signals
stdout_logfile=DIR/all.log
priority=900
[program:g1]
command=TESTPROG signals
stdout_logfile=DIR/all.log
priority=1
[program:g2]
command=TESTPROG signals
stdout_logfile=DIR/all.log
priority=2
[group:middle]
programs=g2,g1
priority=100
`).start()
	for _, name := range []string{"first", "last", "middle:g1", "middle:g2"} {
		s.waitPID(name)
	}
	until(t, "all programs are ready", func() (string, bool) {
		text := readFile(t, s.path("all.log"))
		return text, strings.Count(text, "ready") == 4
	})
	text := s.log()
	if !inOrder(text, "spawned: 'first'", "spawned: 'g2'", "spawned: 'g1'", "spawned: 'last'") {
		t.Errorf("not spawned in the order first, g2, g1, last:\n%s", text)
	}
	s.terminate()
	text = s.log()
	if !inOrder(text, "stopped: last", "stopped: g", "stopped: g", "stopped: first") {
		t.Errorf("not stopped in the order last, the group, first:\n%s", text)
	}
}

// TestSignalInTheMiddleOfBoot holds the daemon in its boot: it finds a socket
// in its place and asks who is there, and there is nobody who answers.
func TestSignalInTheMiddleOfBoot(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it dies from a signal that arrives before its main loop")
	for name, sig := range map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, catProgram)
			listener, err := net.Listen("unix", s.path("s.sock"))
			if err != nil {
				t.Fatal(err)
			}
			listener.(*net.UnixListener).SetUnlinkOnClose(false)
			s.launch()
			asked, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			s.signal(sig)
			// Nobody may be there when the daemon asks again; a process that is
			// just being forked here would keep a socket that is only closed.
			file, err := listener.(*net.UnixListener).File()
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Shutdown(int(file.Fd()), syscall.SHUT_RDWR); err != nil {
				t.Fatal(err)
			}
			file.Close()
			listener.Close()
			asked.Close()
			if code := s.waitExit(); code != 0 {
				t.Errorf("exit status %d, want 0", code)
			}
			if left := marked(s.mark); len(left) > 0 {
				t.Errorf("processes left: %v", left)
			}
		})
	}
}

// TestSignalsAreHeardWhateverWasInherited starts the daemon as who has signals blocked or
// ignored starts it. Of those that are blocked Go's runtime has USR2 be blocked in every thread,
// and sees by itself to those that end a program.
func TestSignalsAreHeardWhateverWasInherited(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it leaves blocked signals blocked")
	needBlockingEnv(t)
	blocked := underShell("exec /usr/bin/env --block-signal=HUP,INT,QUIT,USR2,TERM \"$@\"")
	ignored := underShell("trap '' HUP INT QUIT USR2 TERM")
	for name, wrap := range map[string]func(*exec.Cmd){
		"as usual":               nil,
		"blocked":                blocked,
		"ignored":                ignored,
		"first process":          asFirst,
		"first process, blocked": func(cmd *exec.Cmd) { blocked(cmd); asFirst(cmd) },
		"first process, ignored": func(cmd *exec.Cmd) { ignored(cmd); asFirst(cmd) },
	} {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
			t.Run(name+"/"+sig.String(), func(t *testing.T) {
				t.Parallel()
				if strings.HasPrefix(name, "first process") {
					needRoot(t)
				}
				s := newSup(t, catProgram)
				s.wrap = wrap
				s.start()
				pid := s.waitPID("cat")
				s.signal(syscall.SIGUSR2)
				s.waitLog("INFO received SIGUSR2 indicating log reopen request")
				s.signal(syscall.SIGHUP)
				s.waitNewPID("cat", pid)
				s.signal(sig)
				if code := s.waitExit(); code != 0 {
					t.Errorf("exit status %d, want 0", code)
				}
			})
		}
	}
}

// TestNoThreadIsKeptForSignals holds what a start gains by: Go's runtime keeps a thread, with
// all signals blocked, for taking those that somebody asks for out of its mask.
func TestNoThreadIsKeptForSignals(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it is no program in Go")
	needQuietRuntime(t)
	s := newSup(t, catProgram).start()
	s.waitPID("cat")
	// A thread that is being made has all signals blocked for a moment.
	until(t, "no thread has signals blocked", func() (string, bool) {
		statuses, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.pid))
		if err != nil || len(statuses) == 0 {
			t.Fatalf("threads %v: %v", statuses, err)
		}
		for _, path := range statuses {
			text, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // the thread has ended
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := field1(t, string(text), "SigBlk"); got != "0000000000000000" {
				return path + ": blocked signals " + got, false
			}
		}
		return "", true
	})
	s.terminate()
}

// needBlockingEnv leaves a test out where env(1) cannot start who has signals blocked.
func needBlockingEnv(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/env", "--block-signal=USR2", "true").CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("needs an env that blocks signals, as coreutils 8.31 and later have: %v: %s", err, out))
	}
}
