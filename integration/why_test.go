package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// matches requires an exit status and lines that match patterns, one after
// another.
func (s *sup) matches(code int, patterns []string, args ...string) {
	s.t.Helper()
	r := s.ctl(args...)
	if r.code != code {
		s.t.Errorf("supervisorctl %q: exit status %d, want %d; output:\n%s", args, r.code, code, r.all())
	}
	rest := r.out
	for _, p := range patterns {
		at := regexp.MustCompile("(?m)" + p).FindStringIndex(rest)
		if at == nil {
			s.t.Errorf("supervisorctl %q: nothing matches %q in:\n%s", args, p, rest)
			return
		}
		rest = rest[at[1]:]
	}
}

const whyConf = `[program:web]
command=TESTPROG signals
[program:once]
command=/bin/sh -c "echo some; echo lines; exit 3"
startsecs=0
autorestart=false
[program:broken]
command=/bin/false
startretries=0
[program:manual]
command=TESTPROG signals
startsecs=0
autostart=false
`

// TestAnOriginalIsExplainedAndWaitedFor drives the original by our supervisorctl.
func TestAnOriginalIsExplainedAndWaitedFor(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no such verbs")
	foreign := needProgram(t, "supervisord")
	s := newSup(t, whyConf)
	s.wrap = func(cmd *exec.Cmd) { cmd.Path = foreign }
	s.start()
	s.matches(0, []string{`^web: running$`}, "wait", "web")
	s.matches(0, []string{`^once: exited$`}, "wait", "once", "--for=exited")
	s.matches(0, []string{`^once: stopped$`, `^broken: stopped$`}, "wait", "--for=stopped", "once", "broken")
	s.matches(1, []string{`^once: ERROR \(EXITED.*; it will not be running by itself\)$`}, "wait", "once")
	s.matches(1, []string{`^broken: ERROR \(FATAL: .*; it will not be running by itself\)$`, `^nosuch: ERROR \(no such process\)$`}, "wait", "broken", "nosuch")
	s.matches(124, []string{`^manual: ERROR \(timed out after 1s; it is STOPPED\)$`}, "wait", "manual", "--timeout=1")
	waiting := s.ctlCommand("wait", "manual")
	done := make(chan result, 1)
	go func() {
		r, err := runToEnd(waiting)
		if err != nil {
			r.err += err.Error()
		}
		done <- r
	}()
	s.must(0, "started", "start", "manual")
	if r := <-done; r.code != 0 || r.out != "manual: running\n" {
		t.Errorf("exit status %d, got %q", r.code, r.all())
	}

	s.matches(0, []string{`^web  RUNNING  pid \d+, uptime`, `^  started     20\d\d-`, `does not keep its reasons`}, "why", "web")
	s.matches(0, []string{`^once  EXITED  `, `^  last exit   20.*: exited with status 3$`, `^stdout, .*\n  some\n  lines$`}, "why", "once")
	s.matches(1, []string{`^nosuch: ERROR \(no such process\)$`}, "why", "nosuch")
	s.matches(0, []string{`"statename":"EXITED".*"history":\[\].*"unknown":\["command","starts"`}, "why", "once", "--json")

	s.matches(0, []string{`^NAME`, `^broken +FATAL +- +- +- +- +- +- +- +-$`, `^web +RUNNING +\d+ +- +- +- +- +- +0:`}, "top")
}

// TestWaitingClientsAreToldAndForgotten has many clients wait at once, some of
// which do not see the end of it.
func TestWaitingClientsAreToldAndForgotten(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no such verbs")
	s := newSup(t, whyConf)
	s.start()
	const stay, leave = 8, 8
	done := make(chan result, stay)
	for range stay {
		cmd := s.ctlCommand("wait", "manual", "--for=running")
		go func() {
			r, err := runToEnd(cmd)
			if err != nil {
				r.err += err.Error()
			}
			done <- r
		}()
	}
	for range leave {
		cmd := s.ctlCommand("wait", "manual", "--for=running")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "the client waits", func() (string, bool) { return "", connected(cmd.Process.Pid) })
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
	select {
	case r := <-done:
		t.Fatalf("one does not wait: %q", r.all())
	default:
	}
	s.must(0, "started", "start", "manual")
	for range stay {
		if r := <-done; r.code != 0 || r.out != "manual: running\n" {
			t.Errorf("exit status %d, got %q", r.code, r.all())
		}
	}
	// One that waits for what the end of everything makes impossible hears so.
	last := s.ctlCommand("wait", "manual", "--for=fatal")
	go func() {
		r, err := runToEnd(last)
		if err != nil {
			r.err += err.Error()
		}
		done <- r
	}()
	until(t, "the client waits", func() (string, bool) { return "", last.Process != nil && connected(last.Process.Pid) })
	// It is connected, and has yet to ask: another that comes after it is answered first.
	for range 3 {
		s.must(0, "RUNNING", "status", "manual")
	}
	s.terminate()
	if r := <-done; r.code == 0 || !strings.Contains(r.all(), "shutting down") && !strings.Contains(r.all(), "s.sock") {
		t.Errorf("exit status %d, got %q", r.code, r.all())
	}
}

// connected tells whether a process has a socket open.
func connected(pid int) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:") {
			return true
		}
	}
	return false
}

// TestTopOnATerminal watches programs for a while.
func TestTopOnATerminal(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no such verb")
	s := newSup(t, whyConf+"[program:busy]\ncommand=/bin/sh -c \"while :; do :; done\"\nstartsecs=0\n")
	s.start()
	s.must(0, "busy: running", "wait", "busy", "web")
	v := onTerminal(t, nil, s.program("supervisorctl"), "-c", s.conf, "top", "--interval=0.3")
	v.expect("\x1b[?1049h", "2 of 5 running, CPU ", "sorted by CPU%;", "NAME", "\nbusy ")
	v.typeIn("n")
	v.expect("sorted by NAME;", "\nbroken ", "\nbusy ", "\nmanual ", "\nonce ", "\nweb ")
	s.must(0, "started", "start", "manual")
	v.expect("3 of 5 running")
	v.resize(40)
	v.expect("sorted by NAME; press c m f t p u", "...\x1b[K")
	v.typeIn("q")
	v.expect("\x1b[?1049l")
	v.end(0)

	// The shell goes on behind it.
	w := onTerminal(t, nil, s.program("supervisorctl"), "-c", s.conf)
	w.expect("supervisor> ")
	w.typeIn("top\r")
	w.expect("sorted by CPU%;")
	w.typeIn("q")
	w.expect("supervisor> ")
	w.typeIn("pid\r")
	w.expect(fmt.Sprint(s.pid))
	w.typeIn("quit\r")
	w.end(0)
}

// TestTopCountsDescendants has a shell's child do the work.
func TestTopCountsDescendants(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no such verb")
	s := newSup(t, "[program:family]\ncommand=/bin/sh -c \"(while :; do :; done) & wait\"\nstartsecs=0\nstopasgroup=true\nkillasgroup=true\n")
	s.start()
	until(t, "the child works", func() (string, bool) {
		r := s.ctl("top", "--json", "--interval=0.3")
		var reply struct {
			Result []struct {
				Processes, Threads, FDs int
				RSS                     int64
				CPU                     float64 `json:"cpu_percent"`
			}
		}
		if err := json.Unmarshal([]byte(r.out), &reply); err != nil || len(reply.Result) != 1 {
			t.Fatalf("%v in %s", err, r.all())
		}
		u := reply.Result[0]
		return r.out, u.Processes == 2 && u.Threads == 2 && u.FDs >= 6 && u.RSS > 100<<10 && u.CPU > 5
	})
}
