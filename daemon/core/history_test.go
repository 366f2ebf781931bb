package core

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// What 10,000 programs remember has to fit into ten megabytes.
func TestMemoriesAreSmall(t *testing.T) {
	most := unsafe.Sizeof(history{}) + historySize*unsafe.Sizeof(record{})
	if most*10_000 > 10<<20 {
		t.Errorf("a process remembers %d bytes", most)
	}
	c, now := thousand(t)
	p := c.procs[1]
	if n := len(p.history.records); n != 2 || cap(p.history.records) > 2 {
		t.Errorf("after two transitions there are %d, with room for %d", n, cap(p.history.records))
	}
	for range 1000 {
		wall := birth.Add(now)
		c.Step(now, wall, Reaped{Proc: 1})
		c.Step(now, wall, Exited{Proc: 1, At: now, Wall: wall, Code: 1, Text: "exit status 1"})
		c.Step(now, wall, SpawnFailed{Proc: 1, Text: strings.Repeat("é", 4000)})
		now += time.Second
		c.Step(now, wall, Due{})
		c.Step(now, wall, Spawned{Proc: 1, PID: 9})
		now += time.Second
		c.Step(now, wall, Due{})
	}
	if cap(p.history.records) > historySize || p.history.starts != 2001 || p.history.restarts != 2000 {
		t.Errorf("got room for %d, %d starts, %d restarts", cap(p.history.records), p.history.starts, p.history.restarts)
	}
	kept := 0
	p.history.each(func(r *record) { kept = max(kept, len(r.text)) })
	if kept == 0 || kept > longestReason+3 {
		t.Errorf("the longest text that is kept has %d bytes", kept)
	}
}

func TestWhatIsWaitedFor(t *testing.T) {
	c := &Core{run: RunRunning, now: time.Minute}
	policy := proc.Policy{StartRetries: 3, Autorestart: conf.RestartAlways}
	for want, m := range map[string]proc.Machine{
		"":                                      {State: proc.Running, PID: 7},
		"startsecs: in 0s it counts as started": {State: proc.Starting, PID: 7, Armed: true, Due: time.Second},
		"the rest of the output of pid 7, which has ended":               {State: proc.Running, PID: 7, Reaped: true},
		"retry 2 of 3, in 1m15s":                                         {State: proc.Backoff, Tries: 2, Armed: true, Due: 2*time.Minute + 15*time.Second},
		"a start; none comes by itself, as a stop took its restart back": {State: proc.Exited},
		"a start; none comes by itself":                                  {State: proc.Fatal},
	} {
		if got := c.waitsFor(&process{m: m, policy: policy}); got != want {
			t.Errorf("%+v: got %q, want %q", m, got, want)
		}
	}
}

// Whoever waits for all of many programs is told at once and no other is kept.
func TestManyWaits(t *testing.T) {
	c, now := thousand(t)
	replies := 0
	step := func(in Input) {
		for _, e := range c.Step(now, birth.Add(now), in) {
			if r, ok := e.(Reply); ok && len(r.Value.([]api.WaitResult)) == 1000 {
				replies++
			}
		}
	}
	var all []string
	for _, p := range c.procs {
		all = append(all, p.conf.Name+":*")
	}
	step(Request{ID: 1, Req: api.WaitProcess{Names: append(all, "p001"), Goal: api.GoalRunning}})
	for id := RequestID(2); id < 50; id++ {
		step(Request{ID: id, Req: api.WaitProcess{Names: all, Goal: api.GoalFatal}})
	}
	if replies != 1 || len(c.waits) != 48 {
		t.Fatalf("%d replies, %d wait", replies, len(c.waits))
	}
	for id := RequestID(2); id < 50; id++ {
		step(Cancel{ID: id})
	}
	if len(c.waits) != 0 || c.awaited != 0 {
		t.Errorf("%d still wait for %d", len(c.waits), c.awaited)
	}
	refused := 0
	for id := RequestID(100); id < 250; id++ {
		for _, e := range c.Step(now, birth.Add(now), Request{ID: id, Req: api.WaitProcess{Names: all, Goal: api.GoalStopped}}) {
			if r, ok := e.(Reply); ok && r.Fault != nil && r.Fault.Code == api.Failed {
				refused++
			}
		}
	}
	if len(c.waits) != mostAwaited/1000 || len(c.waits)+refused != 150 || c.awaited > mostAwaited {
		t.Errorf("%d wait and %d were refused", len(c.waits), refused)
	}
	for id := RequestID(100); id < 250; id++ {
		step(Cancel{ID: id})
	}
	for _, p := range c.procs {
		if len(p.awaited) > 0 {
			t.Fatalf("%s knows of %d", p.conf.Name, len(p.awaited))
		}
	}
}
