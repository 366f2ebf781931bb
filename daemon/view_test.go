package daemon

import (
	"fmt"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// peek asks without the loop.
func (s *supervisor) peek(r api.Request) (any, bool) {
	s.t.Helper()
	v, ok, err := s.host.Peek(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("%T: %v", r, err)
	}
	return v, ok
}

func TestWhoeverReadsOftenDoesNotAskTheLoop(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	s.waitFor("cat", "RUNNING")
	if _, ok := s.peek(api.GetProcessInfo{Name: "cat"}); !ok {
		t.Error("after the first time it has to be asked again")
	}
	if v, ok := s.peek(api.GetAllProcessInfo{}); !ok || len(v.([]api.ProcessInfo)) != 1 {
		t.Errorf("got %v, %v", v, ok)
	}
	s.faults(api.GetProcessInfo{Name: "nosuch"}, api.BadName)
	s.faults(api.GetProcessInfo{Name: "cat:*"}, api.BadName)
	if _, ok := s.peek(api.StopProcess{Name: "cat"}); ok {
		t.Error("a stop was answered without the loop")
	}
}

func TestWhoeverHasTheAnswerReadsWhatHasBecomeOfIt(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\nautostart=false\n")
	s.call(api.GetAllProcessInfo{})
	for range 50 {
		s.call(api.StartProcess{Name: "cat", Wait: true})
		if v, ok := s.peek(api.GetProcessInfo{Name: "cat"}); !ok || v.(api.ProcessInfo).StateName != "RUNNING" || v.(api.ProcessInfo).PID == 0 {
			t.Fatalf("started, and it is %+v, %v", v, ok)
		}
		s.call(api.StopProcess{Name: "cat", Wait: true})
		if v, ok := s.peek(api.GetProcessInfo{Name: "cat"}); !ok || v.(api.ProcessInfo).StateName != "STOPPED" || v.(api.ProcessInfo).PID != 0 {
			t.Fatalf("stopped, and it is %+v, %v", v, ok)
		}
	}
}

func TestProcessesThatComeAndGoAreReadAtOnce(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nautostart=false\n[program:b]\ncommand=/bin/cat\nautostart=false\n")
	count := func() int { return len(s.call(api.GetAllProcessInfo{}).([]api.ProcessInfo)) }
	for range 20 {
		if n := count(); n != 2 {
			t.Fatalf("%d processes", n)
		}
		s.call(api.RemoveProcessGroup{Name: "b"})
		s.faults(api.GetProcessInfo{Name: "b"}, api.BadName)
		if n := count(); n != 1 {
			t.Fatalf("%d processes", n)
		}
		s.call(api.AddProcessGroup{Name: "b"})
		if p := s.info("b"); p.StdoutLogfile == "" {
			t.Fatalf("got %+v", p)
		}
	}
}

func TestNothingIsReadOnceAShutdownHasBegun(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	s.waitFor("cat", "RUNNING")
	s.call(api.Shutdown{})
	s.faults(api.GetProcessInfo{Name: "cat"}, api.ShutdownState)
	s.faults(api.GetAllProcessInfo{}, api.ShutdownState)
}

// TestAListIsOfOneMoment has one step of the core change many programs while others
// read: they see all of it or nothing.
func TestAListIsOfOneMoment(t *testing.T) {
	const programs, rounds = 1000, 40
	g := &conf.Group{Name: "g"}
	for i := range programs {
		g.Programs = append(g.Programs, &conf.Program{Name: fmt.Sprintf("p%03d", i), Group: "g", StartSecs: 100, Autostart: true})
	}
	seen := map[string]int{}
	for range rounds {
		h := &host{core: core.New(&conf.Config{Groups: []*conf.Group{g}}, core.Options{}), epoch: time.Now()}
		step := func(in core.Input) {
			h.core.Step(h.instant(time.Now()), time.Now(), in)
			h.view.update(h.core)
		}
		step(core.Boot{})
		for id := range core.ProcID(programs) {
			step(core.Spawned{Proc: id + 1, PID: int(id) + 100})
		}
		h.view.want(h.core, api.GetAllProcessInfo{})
		begun, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			for last := ""; last != "STOPPING"; {
				v, ok, _ := h.Peek(t.Context(), api.GetAllProcessInfo{})
				if !ok {
					continue
				}
				list := v.([]api.ProcessInfo)
				if last == "" {
					close(begun)
				}
				last = list[0].StateName
				seen[last]++
				for _, p := range list {
					if p.StateName != last {
						t.Errorf("%s is %s while %s is %s", list[0].Name, last, p.Name, p.StateName)
						return
					}
				}
			}
		}()
		<-begun
		step(core.Request{ID: 1, Req: api.StopAllProcesses{}})
		<-over
	}
	if seen["STARTING"] < rounds || seen["STOPPING"] < rounds {
		t.Errorf("seen: %v", seen)
	}
}
