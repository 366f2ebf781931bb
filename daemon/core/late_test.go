package core

import (
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

func program(name string, startSecs int) *conf.Program {
	return &conf.Program{Section: "program:" + name, Group: name, Name: name, Autostart: true, StartSecs: startSecs,
		StartRetries: 3, Autorestart: conf.RestartUnexpected, ExitCodes: []int{0}, StopWaitSecs: 10}
}

// TestADeathThatIsKnownCountsBeforeADeadline has the loop come late: the child
// died before its startsecs were over, and a request stands before that news.
func TestADeathThatIsKnownCountsBeforeADeadline(t *testing.T) {
	c := New(&conf.Config{Groups: []*conf.Group{{Name: "x", Programs: []*conf.Program{program("x", 1)}}}}, Options{})
	wall := time.Unix(1e9, 0)
	c.Step(0, wall, Boot{})
	c.Step(0, wall, Spawned{Proc: 1, PID: 7})
	late := proc.Instant(1100 * time.Millisecond)
	c.Step(late, wall, Request{ID: 1, Req: api.GetState{}})
	c.Step(late, wall, Reaped{Proc: 1})
	c.Step(late, wall, Exited{Proc: 1, At: 900 * time.Millisecond, Wall: wall, Code: 0, Text: "exit status 0"})
	c.Step(late, wall, Due{})
	if got := c.procs[1].m.State; got != proc.Backoff {
		t.Errorf("got %v, want BACKOFF", got)
	}
}

// TestAListenerThatDoesNotReadGetsItsEventLater fills its input.
func TestAListenerThatDoesNotReadGetsItsEventLater(t *testing.T) {
	l := program("l", 0)
	l.Section = "eventlistener:l"
	c := New(&conf.Config{Groups: []*conf.Group{{Name: "l", Kind: conf.KindListener, Programs: []*conf.Program{l},
		Pool: &conf.Pool{BufferSize: 10, Events: []string{"REMOTE_COMMUNICATION"}, ResultHandler: conf.DefaultHandler}}}}, Options{})
	wall := time.Unix(1e9, 0)
	sends := func(now proc.Instant, in Input) (n int) {
		for _, e := range c.Step(now, wall, in) {
			if _, ok := e.(SendEvent); ok {
				n++
			}
		}
		return n
	}
	sends(0, Boot{})
	sends(0, Spawned{Proc: 1, PID: 7})
	sends(0, Heard{Proc: 1, Data: []byte("READY\n")})
	if got := sends(0, Request{ID: 1, Req: api.SendRemoteCommEvent{Type: "a"}}); got != 1 {
		t.Fatalf("%d events sent, want 1", got)
	}
	if got := sends(0, SendFailed{Proc: 1, Serial: 0, Full: true}); got != 0 {
		t.Fatal("sent again at once")
	}
	at, ok := c.NextDue()
	if !ok || at != proc.Instant(lastResend) {
		t.Fatalf("next due %v, %v", at, ok)
	}
	if got := sends(at, Due{}); got != 1 {
		t.Errorf("%d events sent after the wait, want 1", got)
	}
}
