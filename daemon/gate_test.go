package daemon

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gosupervisor/ctl/api"
)

func TestAGateHoldsWhoeverComesUntilItIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.pass() // nobody has shut it
		g.set(false)
		g.set(true)
		g.set(true)
		var passed atomic.Int32
		for range 3 {
			go func() { g.pass(); passed.Add(1) }()
		}
		synctest.Wait()
		if n := passed.Load(); n != 0 {
			t.Errorf("%d have passed", n)
		}
		g.set(false)
		synctest.Wait()
		if n := passed.Load(); n != 3 {
			t.Errorf("%d have passed", n)
		}
		g.set(true)
		g.set(false)
		g.pass()
	})
}

// A listener that never says that it is ready: those whose output its pool wants are
// held, and can be stopped and read all the same.
func TestHeldProgramsAreHeldUpByNobodyElse(t *testing.T) {
	s := supervise(t, `[eventlistener:ear]
command=/bin/cat
startsecs=0
events=PROCESS_LOG
buffer_size=3
buffer_policy=block
[program:talk]
command=/bin/sh -c "i=0; while echo $i; do i=$((i+1)); done"
startsecs=0
stdout_events_enabled=true
[program:last]
command=/bin/sh -c "yes | head -c 3000000; exit 3"
autostart=false
startsecs=0
autorestart=false
stdout_events_enabled=true
`)
	s.waitFor("ear", "RUNNING")
	pool := func() api.EventPool { return s.call(api.GetEventPools{}).([]api.EventPool)[0] }
	eventually(t, "talk is held", func() bool { return pool().Holding })
	waits := func(name string) string {
		return s.call(api.ExplainProcess{Name: name}).(api.Explanation).WaitsFor
	}
	if got := waits("talk"); !strings.Contains(got, "buffer_policy=block") {
		t.Errorf("it waits for %q", got)
	}
	s.call(api.StartProcess{Name: "last", Wait: true})
	if p := pool(); p.Dropped > 0 || !p.Holding {
		t.Errorf("got %+v", p)
	}
	s.call(api.StopProcess{Name: "talk", Wait: true})
	s.call(api.StopProcess{Name: "last", Wait: true})

	// Without the listener nobody waits.
	s.call(api.StartProcess{Name: "talk", Wait: true})
	s.call(api.StopProcess{Name: "ear", Wait: true})
	s.call(api.StartProcess{Name: "last", Wait: false})
	if p := s.waitFor("last", "EXITED"); p.ExitStatus != 3 {
		t.Errorf("got %+v", p)
	}
	if got := s.read(s.info("last").StdoutLogfile); len(got) < 3000000 {
		t.Errorf("%d bytes of its last words", len(got))
	}
}
