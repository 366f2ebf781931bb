package integration

import (
	"fmt"
	"strings"
	"testing"
)

// A listener that is slower than the programs that it listens to gets all that they
// write, in order, if they are made to wait; in the original's way it does not.
func TestNothingIsLostWhenSourcesAreHeld(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no buffer_policy")
	const count = 20_000
	s := newSup(t, fmt.Sprintf(`
[supervisord]
loglevel=debug
[eventlistener:ear]
command=TESTPROG listen DIR/ear.log slow slow slow
events=PROCESS_LOG_STDOUT
buffer_size=4
buffer_policy=block
startsecs=0
stdout_logfile=NONE
[eventlistener:careless]
command=TESTPROG listen DIR/careless.log slow slow slow hang
events=PROCESS_LOG_STDOUT
buffer_size=4
startsecs=0
stdout_logfile=NONE
[program:one]
command=TESTPROG lines one %[1]d 50
startsecs=0
stdout_events_enabled=true
[program:two]
command=TESTPROG lines two %[1]d 50
startsecs=0
stdout_events_enabled=true
stdout_logfile=NONE
`, count)).start()
	written := func(name string) string {
		var text strings.Builder
		for _, e := range s.events("ear.log") {
			header, data, _ := strings.Cut(e.payload, "\n")
			if strings.Contains(header, "processname:"+name+" ") {
				text.WriteString(data)
			}
		}
		return text.String()
	}
	for _, name := range []string{"one", "two"} {
		last := fmt.Sprintf("%s %07d ", name, count)
		until(t, "the listener has heard the last line of "+name, func() (string, bool) {
			text := written(name)
			return tail(text), strings.Contains(text, last)
		})
		n := 0
		for line := range strings.Lines(written(name)) {
			if n++; !strings.HasPrefix(line, fmt.Sprintf("%s %07d ", name, n)) && n <= count {
				t.Fatalf("line %d is %q", n, line)
			}
		}
		if n < count {
			t.Errorf("%d lines of %s", n, name)
		}
	}
	var pools []struct {
		Name               string
		Dropped, Delivered int
	}
	s.dial().call("supervisor.getEventPools", "", &pools)
	if len(pools) != 2 || pools[0].Name != "careless" || pools[0].Dropped == 0 || pools[1].Dropped != 0 || pools[1].Delivered < 10 {
		t.Errorf("got %+v", pools)
	}
	if text := s.log(); !strings.Contains(text, "pool ear is full, holding those who write what it wants") || !strings.Contains(text, "pool ear holds nobody any more") {
		t.Error("nobody was held, so nothing was tested")
	}
	s.terminate()
}

// A listener that hangs holds the program; a stop of the program, a restart of the
// listener and the end of everything take no longer for it.
func TestHeldProgramsCanBeStopped(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no buffer_policy")
	s := newSup(t, `[eventlistener:ear]
command=TESTPROG listen DIR/ear.log first:hang
events=PROCESS_LOG_STDOUT
buffer_size=2
buffer_policy=block
startsecs=0
stdout_logfile=NONE
[program:endless]
command=TESTPROG lines endless 100000000 1000
startsecs=0
stdout_events_enabled=true
stdout_logfile=NONE
[program:talk]
command=TESTPROG lines talk 100000 100
startsecs=0
stdout_events_enabled=true
stdout_logfile=NONE
`).start()
	holding := func() bool {
		return strings.Contains(s.ctl("events", "--pools").out, "block (holding)")
	}
	until(t, "the programs are held", func() (string, bool) { return "", holding() })
	s.must(0, "room in a pool of event listeners", "why", "talk")
	s.waitLog("WARN pool ear is full, and its listeners take nothing; held for 5s, as buffer_policy=block: endless, talk")
	s.must(0, "endless: stopped", "stop", "endless")
	if text := s.log(); strings.Contains(text, "killing 'endless'") {
		t.Error("it took SIGKILL")
	}
	s.must(0, "ear: started", "restart", "ear")
	until(t, "all of it is heard after all", func() (string, bool) {
		n := 0
		for _, e := range s.events("ear.log") {
			if strings.Contains(e.payload, "talk 0100000 ") {
				n++
			}
		}
		return fmt.Sprint(len(s.events("ear.log"))), n > 0
	})
	s.must(0, "endless: started", "start", "endless")
	s.must(0, "ear: stopped", "stop", "ear")
	s.healthy()
	s.terminate()
}

// A listener that has broken the protocol is started again, and gets the event that
// it had not acknowledged; one with autorestart=false is left alone.
func TestListenersAreMended(t *testing.T) {
	t.Parallel()
	oursOnly(t, "there they stay as they are")
	s := newSup(t, `
[supervisord]
loglevel=debug
[eventlistener:ear]
command=TESTPROG listen DIR/ear.log first:say:nonsense!
events=REMOTE_COMMUNICATION
startsecs=0
[eventlistener:shut]
command=TESTPROG listen DIR/shut.log first:close
events=REMOTE_COMMUNICATION
startsecs=0
[eventlistener:left]
command=TESTPROG listen DIR/left.log first:say:nonsense!
events=REMOTE_COMMUNICATION
startsecs=0
autorestart=false
`).start()
	for _, name := range []string{"ear", "shut", "left"} {
		s.waitLog(name + ": ACKNOWLEDGED -> READY")
	}
	pid := s.waitPID("ear")
	left := s.waitPID("left")
	for i := range 3 {
		s.xmlrpc("supervisor.sendRemoteCommEvent", "n", fmt.Sprint(i))
	}
	s.waitLog("ear: has entered the UNKNOWN state", "ear: stopping it to start it again")
	s.waitNewPID("ear", pid)
	s.waitEvent("ear.log", "n\n2", 1)
	var heard []string
	for _, e := range s.events("ear.log") {
		heard = append(heard, strings.TrimPrefix(e.payload, "type:n\n")+"/"+e.header["serial"])
	}
	if got := strings.Join(heard, " "); got != "0/0 0/0 1/1 2/2" {
		t.Errorf("it has heard %s", got)
	}
	s.waitEvent("shut.log", "n\n2", 1)
	if all := s.events("shut.log"); len(all) != 3 || all[0].listener == all[1].listener {
		t.Errorf("the one that shut its input has heard %+v", all)
	}
	if s.waitPID("left") != left || len(s.events("left.log")) != 1 {
		t.Error("the one with autorestart=false was not left alone")
	}
	s.terminate()
}
