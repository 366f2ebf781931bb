package daemon

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// peek asks without the loop. At rest there is no view, so it may have to be made
// anew.
func (s *supervisor) peek(r api.Request) any {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); s.call(api.GetAllProcessInfo{}) {
		v, ok, err := s.host.Peek(s.t.Context(), r)
		if err != nil {
			s.t.Fatalf("%T: %v", r, err)
		}
		if ok {
			return v
		}
	}
	s.t.Fatalf("never: an answer to %T without the loop", r)
	return nil
}

func TestWhoeverReadsOftenDoesNotAskTheLoop(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	s.waitFor("cat", "RUNNING")
	if v := s.peek(api.GetProcessInfo{Name: "cat"}); v.(api.ProcessInfo).Name != "cat" {
		t.Errorf("got %v", v)
	}
	if v := s.peek(api.GetAllProcessInfo{}); len(v.([]api.ProcessInfo)) != 1 {
		t.Errorf("got %v", v)
	}
	s.faults(api.GetProcessInfo{Name: "nosuch"}, api.BadName)
	s.faults(api.GetProcessInfo{Name: "cat:*"}, api.BadName)
	if _, ok, _ := s.host.Peek(t.Context(), api.StopProcess{Name: "cat"}); ok {
		t.Error("a stop was answered without the loop")
	}
}

func TestWhoeverHasTheAnswerReadsWhatHasBecomeOfIt(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\nautostart=false\n")
	for range 50 {
		s.call(api.StartProcess{Name: "cat", Wait: true})
		if p := s.peek(api.GetProcessInfo{Name: "cat"}).(api.ProcessInfo); p.StateName != "RUNNING" || p.PID == 0 {
			t.Fatalf("started, and it is %+v", p)
		}
		s.call(api.StopProcess{Name: "cat", Wait: true})
		if p := s.peek(api.GetProcessInfo{Name: "cat"}).(api.ProcessInfo); p.StateName != "STOPPED" || p.PID != 0 {
			t.Fatalf("stopped, and it is %+v", p)
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

func TestAViewIsThereWhileItIsWorthTheWhile(t *testing.T) {
	g := &conf.Group{Name: "g"}
	for i := range 10 * rowsPerRead {
		g.Programs = append(g.Programs, &conf.Program{Name: fmt.Sprint(i), Group: "g"})
	}
	c := core.New(&conf.Config{Groups: []*conf.Group{g}}, core.Options{})
	c.Step(0, time.Now(), core.Boot{})
	var v view
	v.update(c)
	for name, requests := range map[string][]api.Request{
		"one":   slices.Repeat([]api.Request{api.GetProcessInfo{}}, 10),
		"all":   slices.Repeat([]api.Request{api.GetAllProcessInfo{}}, 2),
		"mixed": append(slices.Repeat([]api.Request{api.GetState{}, api.GetProcessInfo{}}, 9), api.GetAllProcessInfo{}),
	} {
		for i, r := range requests {
			if v.table.Load() != nil {
				t.Errorf("%s: it is there after %d of %d requests", name, i, len(requests))
			}
			v.want(c, r)
		}
		if v.table.Load() == nil {
			t.Errorf("%s: it is not there after %d requests", name, len(requests))
		}
		v.rest()
	}
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
		for range 2 {
			h.view.want(h.core, api.GetAllProcessInfo{})
		}
		begun, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			deadline := time.Now().Add(patience)
			for last := ""; last != "STOPPING" && time.Now().Before(deadline); {
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
		select {
		case <-begun:
		case <-over:
			t.Fatal("there is no view")
		}
		step(core.Request{ID: 1, Req: api.StopAllProcesses{}})
		<-over
	}
	if seen["STARTING"] < rounds || seen["STOPPING"] < rounds {
		t.Errorf("seen: %v", seen)
	}
}
