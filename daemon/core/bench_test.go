package core

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// thousand returns a supervisor with 1,000 programs that run and restart, each
// in a group of its own.
func thousand(tb testing.TB) (c *Core, now proc.Instant) { return many(tb, 1000) }

func many(tb testing.TB, n int) (c *Core, now proc.Instant) {
	tb.Helper()
	var text strings.Builder
	text.WriteString("[supervisord]\n")
	for i := range n {
		fmt.Fprintf(&text, "[program:p%03d]\ncommand=/bin/x\nautorestart=true\nstartsecs=1\n", i)
	}
	cfg, err := loadText(text.String())
	if err != nil {
		tb.Fatal(err)
	}
	c = New(cfg, Options{PID: 1})
	step := func(in Input) { c.Step(now, birth.Add(now), in) }
	step(Boot{})
	for id := range c.procs {
		step(Spawned{Proc: id, PID: int(id) + 1})
	}
	now += 2 * time.Second
	step(Due{})
	for _, p := range c.procs {
		if p.m.State != proc.Running {
			tb.Fatalf("%s is %v", p.conf.Name, p.m.State)
		}
	}
	return c, now
}

// One of 1,000 programs ends, is started again and counts as started.
func BenchmarkExitAndRestart(b *testing.B) {
	c, now := thousand(b)
	i := 0
	for b.Loop() {
		id := ProcID(i%1000 + 1)
		i++
		wall := birth.Add(now)
		c.Step(now, wall, Reaped{Proc: id})
		c.Step(now, wall, Exited{Proc: id, At: now, Wall: wall, Text: "exit status 0"})
		c.Step(now, wall, Spawned{Proc: id, PID: i})
		now += time.Second
		c.Step(now, wall, Due{})
		if c.procs[id].m.State != proc.Running {
			b.Fatal("it does not run again")
		}
	}
}

func BenchmarkGetAllProcessInfo(b *testing.B) {
	c, now := thousand(b)
	for b.Loop() {
		fx := c.Step(now, birth, Request{ID: 1, Req: api.GetAllProcessInfo{}})
		if n := len(fx[0].(Reply).Value.([]api.ProcessInfo)); n != 1000 {
			b.Fatal(n)
		}
	}
}

func BenchmarkGetProcessInfo(b *testing.B) {
	c, now := thousand(b)
	for b.Loop() {
		c.Step(now, birth, Request{ID: 1, Req: api.GetProcessInfo{Name: "p999"}})
	}
}

// All programs are stopped and the supervisor leaves. Each costs the same.
func BenchmarkShutdown(b *testing.B) {
	for _, n := range []int{1000, 9000} {
		b.Run(fmt.Sprintf("programs=%d", n), func(b *testing.B) { benchmarkShutdown(b, n) })
	}
}

func benchmarkShutdown(b *testing.B, n int) {
	for b.Loop() {
		b.StopTimer()
		c, now := many(b, n)
		b.StartTimer()
		wall := birth.Add(now)
		c.Step(now, wall, Request{ID: 1, Req: api.Shutdown{}})
		left := false
		for id := ProcID(n); id > 0; id-- {
			c.Step(now, wall, Reaped{Proc: id})
			for _, e := range c.Step(now, wall, Exited{Proc: id, At: now, Wall: wall, Code: -1, Text: "terminated by SIGTERM"}) {
				_, leave := e.(Leave)
				left = left || leave
			}
		}
		if !left {
			b.Fatal("it does not leave")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/program")
}

func TestMovedDeadlinesDoNotPileUp(t *testing.T) {
	cfg, err := loadText("[supervisord]\n[program:x]\ncommand=/bin/x\nautostart=false\nstartsecs=100000000\nstopwaitsecs=100000000\n")
	if err != nil {
		t.Fatal(err)
	}
	c := New(cfg, Options{})
	now := proc.Instant(0)
	step := func(in Input) { now += time.Second; c.Step(now, birth.Add(now), in) }
	step(Boot{})
	for range 10_000 {
		step(Request{ID: 1, Req: api.StartProcess{Name: "x"}})
		step(Checked{Job: c.lastJob, Proc: 1})
		step(Spawned{Proc: 1, PID: 7})
		step(Request{ID: 2, Req: api.StopProcess{Name: "x"}})
		step(Reaped{Proc: 1})
		step(Exited{Proc: 1, At: now, Wall: birth.Add(now), Code: -1, Text: "terminated by SIGTERM"})
		if n := len(c.timers); n > 2*fewTimers {
			t.Fatalf("%d timers for one process", n)
		}
	}
}
