package integration

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestProgramThatDiesAtOnceIsRetriedAndGivenUp(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:quick]
command=/bin/true
startretries=2
[program:missing]
command=/nonexistent/cmd
startretries=1
`).start()
	r := s.waitState("quick", "FATAL")
	if want := "Exited too quickly (process log may have details)"; r.description != want {
		t.Errorf("description %q, want %q", r.description, want)
	}
	text := s.waitLog("gave up: quick entered FATAL state, too many start retries too quickly")
	if n := strings.Count(text, "spawned: 'quick'"); n != 3 {
		t.Errorf("%d spawns, want 1 and 2 retries", n)
	}
	if n := strings.Count(text, "WARN exited: quick (exit status 0; not expected)"); n != 3 {
		t.Errorf("%d exits, want 3", n)
	}
	if strings.Contains(text, "success: quick") {
		t.Error("a program that died at once was called RUNNING")
	}
	if r := s.waitState("missing", "FATAL"); r.description != "can't find command '/nonexistent/cmd'" {
		t.Errorf("description %q", r.description)
	}
	text = s.waitLog("gave up: missing entered FATAL state")
	if n := strings.Count(text, "INFO spawnerr: can't find command '/nonexistent/cmd'"); n != 2 {
		t.Errorf("%d spawn errors, want 1 and 1 retry", n)
	}
	s.must(0, "quick: ERROR (not running)", "stop", "quick")
	s.terminate()
}

func TestExitCodesAndAutorestart(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:expected]
command=/bin/sh -c "read x; exit 3"
exitcodes=0,3
startsecs=0
[program:unexpected]
command=/bin/sh -c "read x; exit 5"
autorestart=false
startsecs=0
[program:again]
command=/bin/cat
autorestart=true
startsecs=0
[program:shot]
command=TESTPROG stay
startsecs=0
`).start()
	before := map[string]int{}
	for _, name := range []string{"expected", "unexpected", "again", "shot"} {
		before[name] = s.waitPID(name)
	}
	for _, name := range []string{"expected", "unexpected", "again"} {
		// Their input is a pipe from the daemon: opened here and closed, it
		// gives one line.
		in, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", before[name]), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.WriteString("go\n"); err != nil {
			t.Fatal(err)
		}
		in.Close()
	}
	s.waitState("expected", "EXITED")
	s.waitState("unexpected", "EXITED")
	if err := syscall.Kill(before["shot"], syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(before["again"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.waitNewPID("again", before["again"])
	text := s.waitLog("exited: shot (")
	for _, want := range []string{
		"INFO exited: expected (exit status 3; expected)",
		"WARN exited: unexpected (exit status 5; not expected)",
		"WARN exited: again (terminated by SIGKILL; not expected)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	s.waitNewPID("shot", before["shot"])
	s.terminate()
}

func TestStopWaitsThenKills(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:deaf]
command=TESTPROG signals TERM
stdout_logfile=DIR/deaf.log
stopwaitsecs=3
[program:polite]
command=TESTPROG signals
stdout_logfile=DIR/polite.log
[program:quits]
command=TESTPROG signals TERM
stdout_logfile=DIR/quits.log
stopsignal=QUIT
`).start()
	for _, name := range []string{"deaf", "polite", "quits"} {
		s.waitPID(name)
		waitFile(t, s.path(name+".log"), "ready")
	}
	s.must(0, "polite: stopped", "stop", "polite")
	s.must(0, "quits: stopped", "stop", "quits")
	s.must(0, "deaf: stopped", "stop", "deaf")
	text := s.log()
	for _, want := range []string{
		"INFO stopped: polite (exit status 0)",
		"INFO stopped: quits (exit status 0)",
		"WARN stopped: deaf (terminated by SIGKILL)",
		"INFO waiting for deaf to stop",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if !inOrder(text, "WARN killing 'deaf' (", ") with SIGKILL", "WARN stopped: deaf") {
		t.Error("the log does not tell of the kill")
	}
	// What a program says between the stop signal and its end is in its log.
	waitFile(t, s.path("polite.log"), "bye after TERM")
	waitFile(t, s.path("quits.log"), "bye after QUIT")
	if got := readFile(t, s.path("quits.log")); strings.Contains(got, "got TERM") {
		t.Errorf("stopsignal=QUIT, and still TERM was sent: %q", got)
	}
	s.terminate()
}

func TestStopAsGroupAndKillAsGroup(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:alone]
command=TESTPROG family
stdout_logfile=DIR/alone.log
[program:together]
command=TESTPROG family
stdout_logfile=DIR/together.log
stopasgroup=true
[program:killed]
command=TESTPROG family deaf
stdout_logfile=DIR/killed.log
stopwaitsecs=2
killasgroup=true
`).start()
	child := map[string]int{}
	for _, name := range []string{"alone", "together", "killed"} {
		parent := s.waitPID(name)
		var first, second int
		text := waitFile(t, s.path(name+".log"), "family ")
		if _, err := fmt.Sscanf(text[strings.Index(text, "family "):], "family %d %d", &first, &second); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if first != parent {
			t.Errorf("%s says its pid is %d, the status says %d", name, first, parent)
		}
		child[name] = second
	}
	waitFile(t, s.path("killed.log"), "ready")
	s.must(0, "together: stopped", "stop", "together")
	waitDead(t, child["together"])
	s.must(0, "killed: stopped", "stop", "killed")
	waitDead(t, child["killed"])
	s.must(0, "alone: stopped", "stop", "alone")
	if !alive(child["alone"]) {
		t.Error("without stopasgroup the program's child ended too")
	}
	s.terminate()
}

func TestStopDuringStartingAndDuringBackoff(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:slow]
command=/bin/cat
startsecs=1000
autostart=false
[program:flappy]
command=/bin/false
startretries=20
`).start()
	done := background(s.ctlCommand("start", "slow"))
	s.waitState("slow", "STARTING")
	s.must(0, "slow: stopped", "stop", "slow")
	if r := <-done; r.code != 7 || !strings.Contains(r.out, "slow: ERROR (abnormal termination)") {
		t.Errorf("the interrupted start: status %d, output %q", r.code, r.all())
	}
	s.waitState("slow", "STOPPED")
	s.waitState("flappy", "BACKOFF")
	s.must(0, "flappy: stopped", "stop", "flappy")
	s.waitState("flappy", "STOPPED")
	s.terminate()
}

func TestStopRightAfterTheSpawnIsNotLost(t *testing.T) {
	t.Parallel()
	oursOnly(t, "a signal between fork and exec is lost there")
	s := newSup(t, `
[program:p]
command=/bin/cat
startsecs=0
autostart=false
stopwaitsecs=1000
`).start()
	for range 50 {
		s.must(0, "p: started", "start", "p")
		s.must(0, "p: stopped", "stop", "p")
	}
	if text := s.log(); strings.Contains(text, "SIGKILL") || strings.Count(text, "stopped: p (terminated by SIGTERM)") != 50 {
		t.Errorf("not each of 50 stops ended the program by its TERM:\n%s", tail(text))
	}
	s.terminate()
}

func TestRetriesCountAnewAfterAStop(t *testing.T) {
	t.Parallel()
	oursOnly(t, "its retries are fewer after a stop in BACKOFF")
	s := newSup(t, `
[program:flappy]
command=/bin/false
startretries=2
`).start()
	until(t, "two failures", func() (string, bool) {
		text := s.log()
		return text, strings.Count(text, "exited: flappy") == 2
	})
	s.must(0, "flappy: stopped", "stop", "flappy")
	before := strings.Count(s.log(), "spawned: 'flappy'")
	s.must(7, "flappy: ERROR (spawn error)", "start", "flappy")
	s.waitState("flappy", "FATAL")
	if got := strings.Count(s.log(), "spawned: 'flappy'") - before; got != 3 {
		t.Errorf("%d spawns after the stop, want 1 and 2 retries", got)
	}
	s.terminate()
}

func TestDaemonKilledLeavesProgramsAndTheNextOneStarts(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:p]
command=TESTPROG stay
`).start()
	left := s.waitPID("p")
	s.signal(syscall.SIGKILL)
	s.waitGone()
	if !alive(left) {
		t.Error("the program ended with its killed daemon")
	}
	s.start()
	if pid := s.waitPID("p"); pid == left {
		t.Errorf("the second daemon shows pid %d of the first one's program", pid)
	}
	s.terminate()
	if !alive(left) {
		t.Error("the second daemon ended a program that is not its own")
	}
}
