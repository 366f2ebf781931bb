package integration

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestListenersThatMisbehave has a pool of two: one that misbehaves, at the first event
// that comes or from the start, and one that does not. Whatever the first does, the second is told of
// every event that the first has not acknowledged, and the daemon and its other pool go on.
func TestListenersThatMisbehave(t *testing.T) {
	t.Parallel()
	oursOnly(t, "its memory grows, it loses events, and some of it ends it")
	const unknown = "has entered the UNKNOWN state and will no longer receive events"
	listen := func(what string) string { return "exec TESTPROG listen DIR/bad.log '" + what + "'" }
	for _, c := range []struct {
		name string
		bad  string   // what the first of the two runs
		logs []string // what the daemon tells of it, in order
		kept int      // events that the first has acknowledged, or keeps
	}{
		{"garbage instead of READY", "head -c 1000 /dev/urandom; exec sleep 1000", []string{"WARN bad-0: " + unknown}, 0},
		{"half of a READY", "printf REA; exec sleep 1000", nil, 0},
		{"a hundred megabytes without a newline instead of READY", "head -c 100000000 /dev/zero; touch DIR/done; exec sleep 1000", []string{"WARN bad-0: " + unknown}, 0},
		{"ready twice", "printf 'READY\\nREADY\\n'; exec sleep 1000", []string{"DEBG bad-0: READY -> UNKNOWN", "WARN bad-0: " + unknown}, 0},
		{"no answer", listen("hang"), []string{"event 0 sent to listener bad-0"}, 1},
		{"garbage instead of a result", listen(`say:\x00\xff\x1b[2J\n`), []string{`WARN bad-0: bad result line: '\x00\udcff\x1b[2J'`, "WARN bad-0: " + unknown}, 0},
		{"a result without a number", listen(`say:RESULT x\nOK`), []string{"WARN bad-0: bad result line: 'RESULT x'", "WARN bad-0: " + unknown}, 0},
		{"a number below zero", listen(`say:RESULT -2\nOK`), []string{"WARN bad-0: bad result line: 'RESULT -2'", "WARN bad-0: " + unknown}, 0},
		{"a number beyond all numbers", listen(`say:RESULT 99999999999999999999\nOK`), []string{"WARN bad-0: bad result line: 'RESULT 99999999999999999999'", "WARN bad-0: " + unknown}, 0},
		{"a hundred megabytes without a newline instead of a result", listen("line:100"), []string{"WARN bad-0: bad result line: 'fffff", "WARN bad-0: " + unknown}, 0},
		{"a result of a hundred megabytes", listen("long:100"), []string{"WARN bad-0: event was rejected", "DEBG bad-0: ACKNOWLEDGED -> READY"}, 0},
		{"an answer twice", listen(`say:RESULT 2\nOKRESULT 2\nOK`), []string{"DEBG bad-0: event was processed", "WARN bad-0: " + unknown}, 1},
		{"a death instead of an answer", listen("die"), []string{"WARN exited: bad-0 (exit status 3; not expected)"}, 0},
		{"a death in the middle of an answer", listen("half"), []string{"WARN exited: bad-0 (exit status 3; not expected)"}, 0},
		{"its input closed", listen("close"), []string{"DEBG bad-0: event was processed", "DEBG bad-0: ACKNOWLEDGED -> READY"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, `
[supervisord]
loglevel=debug
[eventlistener:bad]
command=DIR/run %(process_num)d
process_name=bad-%(process_num)d
numprocs=2
events=REMOTE_COMMUNICATION
buffer_size=100
startsecs=0
autorestart=false
stdout_logfile=NONE
[eventlistener:good]
command=TESTPROG listen DIR/good.log
events=REMOTE_COMMUNICATION
buffer_size=100
startsecs=0
`)
			writeFile(t, s.path("run"), s.fill("#!/bin/sh\nif [ $1 = 1 ]; then\n  while [ ! -e DIR/go ]; do sleep 0.05; done\n  exec TESTPROG listen DIR/well.log\nfi\n"+c.bad+"\n"), 0o755)
			s.start()
			if strings.Contains(c.bad, "listen") {
				s.waitLog("bad-0: ACKNOWLEDGED -> READY")
			}
			s.waitLog("good: ACKNOWLEDGED -> READY")
			// The first event is for the one that misbehaves, who is alone; the
			// other comes when it has done so.
			s.remote("n", 0, 1)
			s.waitLog(c.logs...)
			writeFile(t, s.path("go"), "", 0o644)
			s.waitLog("bad-1: ACKNOWLEDGED -> READY")
			s.remote("n", 1, 9)
			const all = 10
			s.waitEvent("good.log", "REMOTE", all)
			heard := func(file string) (numbers []string) {
				for _, e := range s.events(file) {
					numbers = append(numbers, strings.TrimPrefix(e.payload, "type:n\n"))
				}
				return numbers
			}
			until(t, "the other one has heard of the rest", func() (string, bool) {
				bad, well := heard("bad.log"), heard("well.log")
				together := slices.Compact(slices.Sorted(slices.Values(slices.Concat(bad, well))))
				return fmt.Sprintf("the one that misbehaves %v, the other %v", bad, well), len(together) == all && len(well) >= all-max(c.kept, len(bad))
			})
			if strings.HasSuffix(c.bad, "'close'") {
				s.waitLog("DEBG epipe occurred while sending event 1 to listener bad-0, listener state unchanged")
			}
			// Whoever has answered nothing has not lost the event for the others.
			if well := heard("well.log"); c.kept == 0 && !slices.Contains(well, "0") && !slices.Contains(c.logs, "WARN bad-0: event was rejected") {
				t.Errorf("event 0 was lost; the other has heard %v", well)
			}
			if mb := s.peakMemory(); mb > 60 {
				t.Errorf("the daemon has used %d MiB", mb)
			}
			if text := s.log(); strings.ContainsAny(text, "\x00\x1b") {
				t.Error("the log has control characters")
			}
			s.healthy()
			s.terminate()
		})
	}
}

func TestEventOfAListenerThatNeverAnswersGoesOnWhenItIsRestarted(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[supervisord]
loglevel=debug
[eventlistener:ear]
command=TESTPROG listen DIR/ear.log first:hang
events=REMOTE_COMMUNICATION
startsecs=0
`).start()
	s.waitLog("ear: ACKNOWLEDGED -> READY")
	s.xmlrpc("supervisor.sendRemoteCommEvent", "n", "0")
	s.waitEvent("ear.log", "n\n0", 1)
	s.must(0, "ear: started", "restart", "ear")
	s.waitEvent("ear.log", "n\n0", 2)
	if all := s.events("ear.log"); all[0].header["serial"] != all[1].header["serial"] || all[0].listener == all[1].listener {
		t.Errorf("it came again as %v, was %v", all[1], all[0])
	}
	s.terminate()
}

func TestListenerThatDoesNotReadIsPassedBy(t *testing.T) {
	t.Parallel()
	oursOnly(t, "a full pipe ends it")
	s := newSup(t, `
[supervisord]
loglevel=debug
[eventlistener:ear]
command=TESTPROG listen DIR/ear.log first:blind
process_name=ear-%(process_num)d
numprocs=2
events=REMOTE_COMMUNICATION
buffer_size=1000
startsecs=0
stdout_logfile=NONE
`).start()
	s.waitLog("ear-0: ACKNOWLEDGED -> READY")
	s.waitLog("ear-1: ACKNOWLEDGED -> READY")
	// It answers each event unread, until no more of them fit into its pipe.
	big, passed := strings.Repeat("x", 100_000), func() bool { return strings.Contains(s.log(), "listener ear-0 does not read; event") }
	blind := 0
	for n := 0; !passed(); n++ {
		s.xmlrpc("supervisor.sendRemoteCommEvent", "n", big)
		s.waitLog(fmt.Sprintf("event %d sent to listener ear-0", n))
		if n == 0 {
			s.waitEvent("ear.log", "REMOTE", 1)
			blind = s.events("ear.log")[0].listener
		}
		if n > 50 {
			t.Fatal("events for somebody who does not read are kept without end")
		}
		if err := syscall.Kill(blind, syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		until(t, "it is ready again", func() (string, bool) {
			return "", passed() || strings.Count(s.log(), "ear-0: ACKNOWLEDGED -> READY") == n+2
		})
	}
	s.remote("last", 0, 10)
	s.waitEvent("ear.log", "REMOTE_COMMUNICATION type:last\n", 10)
	if mb := s.peakMemory(); mb > 80 {
		t.Errorf("the daemon has used %d MiB", mb)
	}
	s.healthy()
	s.terminate()
}
