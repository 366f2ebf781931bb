package proc

import (
	"syscall"
	"testing"
	"time"

	"gosupervisor/conf"
)

func policy(change ...func(*Policy)) *Policy {
	p := &Policy{
		StartWait: time.Second, StartRetries: 3, Autorestart: conf.RestartUnexpected,
		ExitCodes: []int{0}, StopSignal: syscall.SIGTERM, StopWait: 10 * time.Second,
	}
	for _, c := range change {
		c(p)
	}
	return p
}

// at is an input at a moment, for the tables below.
type at struct {
	now Instant
	in  Input
}

func start(now Instant) at            { return at{now, Input{Kind: InputStart}} }
func stop(now Instant) at             { return at{now, Input{Kind: InputStop}} }
func spawned(now Instant) at          { return at{now, Input{Kind: InputSpawned, PID: 7}} }
func failed(now Instant) at           { return at{now, Input{Kind: InputSpawnFailed}} }
func reaped(now Instant) at           { return at{now, Input{Kind: InputReaped}} }
func exited(now Instant, code int) at { return at{now, Input{Kind: InputExited, Code: code}} }
func refusal(now Instant) at          { return at{now, Input{Kind: InputExited, Code: 127, Refused: true}} }
func due(now Instant) at              { return at{now, Input{Kind: InputDue}} }
func sigfail(now Instant) at          { return at{now, Input{Kind: InputSignalFailed}} }
func giveup(now Instant) at           { return at{now, Input{Kind: InputGiveUp}} }
func cmdfail(now Instant) at          { return at{now, Input{Kind: InputCommandFailed}} }

func TestStepGivesTheDocumentedState(t *testing.T) {
	never := func(p *Policy) { p.Autorestart = conf.RestartNever }
	always := func(p *Policy) { p.Autorestart = conf.RestartAlways }
	atOnce := func(p *Policy) { p.StartWait = 0 }
	commanded := func(p *Policy) { p.StopCommand = true }
	then := func(p *Policy) { p.StopThen = []StopStep{{syscall.SIGINT, 3 * time.Second}} }
	for _, c := range []struct {
		name   string
		policy *Policy
		ins    []at
		want   Machine
		signal syscall.Signal // of the last step
		spawn  bool           // of the last step
	}{
		{"a start spawns", policy(), []at{start(0)}, Machine{State: Starting}, 0, true},
		{"what is refused is not tried again", policy(),
			[]at{start(0), spawned(0), refusal(0)}, Machine{State: Fatal}, 0, false},
		{"what is refused is so without startsecs too", policy(atOnce),
			[]at{start(0), spawned(0), reaped(1), refusal(1)}, Machine{State: Fatal}, 0, false},
		{"what is refused while it is stopped has stopped", policy(),
			[]at{start(0), spawned(0), stop(0), refusal(0)}, Machine{State: Stopped}, 0, false},
		{"a second start does nothing", policy(), []at{start(0), start(1)}, Machine{State: Starting}, 0, false},
		{"a spawned child is starting until startsecs are over", policy(),
			[]at{start(0), spawned(0)}, Machine{State: Starting, PID: 7, Due: time.Second, Armed: true}, 0, false},
		{"startsecs over means running", policy(),
			[]at{start(0), spawned(0), due(time.Second)}, Machine{State: Running, PID: 7}, 0, false},
		{"startsecs zero is due at once", policy(atOnce),
			[]at{start(0), spawned(3)}, Machine{State: Starting, PID: 7, Due: 3, Armed: true}, 0, false},
		{"startsecs zero means running at once", policy(atOnce),
			[]at{start(0), spawned(3), due(3)}, Machine{State: Running, PID: 7}, 0, false},
		{"an exit before startsecs is a failed start even with code 0", policy(),
			[]at{start(0), spawned(0), exited(time.Second-1, 0)},
			Machine{State: Backoff, Tries: 1, Due: 2*time.Second - 1, Armed: true}, 0, false},
		{"an exit at startsecs is one from running", policy(never),
			[]at{start(0), spawned(0), exited(time.Second, 0)}, Machine{State: Exited}, 0, false},
		{"a reaped child is not declared running any more", policy(),
			[]at{start(0), spawned(0), reaped(time.Second - 1)},
			Machine{State: Starting, PID: 7, Due: time.Second, Reaped: true}, 0, false},
		{"the exit of a reaped child counts from its own time", policy(),
			[]at{start(0), spawned(0), reaped(time.Second - 1), exited(time.Second-1, 0)},
			Machine{State: Backoff, Tries: 1, Due: 2*time.Second - 1, Armed: true}, 0, false},
		{"the second failure waits two seconds", policy(),
			[]at{start(0), failed(0), due(time.Second), failed(time.Second)},
			Machine{State: Backoff, Tries: 2, Due: 3 * time.Second, Armed: true}, 0, false},
		{"one failure too many is fatal", policy(func(p *Policy) { p.StartRetries = 1 }),
			[]at{start(0), failed(0), due(1), failed(1)}, Machine{State: Fatal}, 0, false},
		{"a start out of fatal begins a new series", policy(func(p *Policy) { p.StartRetries = 0 }),
			[]at{start(0), failed(0), start(1)}, Machine{State: Starting}, 0, true},
		{"a stop in backoff forgets the failures", policy(),
			[]at{start(0), failed(0), stop(0)}, Machine{State: Stopped}, 0, false},
		{"giving up in backoff is fatal", policy(),
			[]at{start(0), failed(0), giveup(0)}, Machine{State: Fatal}, 0, false},
		{"a stop signals and waits", policy(),
			[]at{start(0), spawned(0), due(time.Second), stop(2 * time.Second)},
			Machine{State: Stopping, PID: 7, Due: 12 * time.Second, Armed: true}, syscall.SIGTERM, false},
		{"a stop while the fork is under way is remembered", policy(),
			[]at{start(0), stop(0)}, Machine{State: Starting, StopWanted: true}, 0, false},
		{"a remembered stop signals as soon as there is a child", policy(),
			[]at{start(0), stop(0), spawned(0)},
			Machine{State: Stopping, PID: 7, Due: 10 * time.Second, Armed: true}, syscall.SIGTERM, false},
		{"a remembered stop of a failed fork is a stop", policy(),
			[]at{start(0), stop(0), failed(0)}, Machine{State: Stopped}, 0, false},
		{"patience over means kill", policy(),
			[]at{start(0), spawned(0), stop(0), due(10 * time.Second)},
			Machine{State: Stopping, PID: 7, Due: 20 * time.Second, Armed: true}, syscall.SIGKILL, false},
		{"kill is repeated at most every second", policy(func(p *Policy) { p.StopWait = 0 }),
			[]at{start(0), spawned(0), stop(0), due(0)},
			Machine{State: Stopping, PID: 7, Due: time.Second, Armed: true}, syscall.SIGKILL, false},
		{"a stopped child is stopped whatever its code", policy(always),
			[]at{start(0), spawned(0), stop(0), exited(1, 3)}, Machine{State: Stopped}, 0, false},
		{"a stop command stands for the stop signal", policy(commanded),
			[]at{start(0), spawned(0), stop(5)},
			Machine{State: Stopping, PID: 7, Due: 5 + 10*time.Second, Armed: true, Commanded: true}, 0, false},
		{"a stop command that failed gives way to the signal, and to no more time", policy(commanded),
			[]at{start(0), spawned(0), stop(5), cmdfail(8)},
			Machine{State: Stopping, PID: 7, Due: 5 + 10*time.Second, Armed: true}, syscall.SIGTERM, false},
		{"a stop command fails once", policy(commanded),
			[]at{start(0), spawned(0), stop(5), cmdfail(8), cmdfail(9)},
			Machine{State: Stopping, PID: 7, Due: 5 + 10*time.Second, Armed: true}, 0, false},
		{"patience with a stop command over means kill", policy(commanded),
			[]at{start(0), spawned(0), stop(5), due(5 + 10*time.Second)},
			Machine{State: Stopping, PID: 7, Due: 5 + 20*time.Second, Armed: true}, syscall.SIGKILL, false},
		{"a stop command is followed by the rest of the sequence", policy(commanded, then),
			[]at{start(0), spawned(0), stop(5), due(5 + 10*time.Second)},
			Machine{State: Stopping, PID: 7, Due: 5 + 13*time.Second, Armed: true, StopStep: 1}, syscall.SIGINT, false},
		{"a stop command that fails after its time does nothing", policy(commanded, then),
			[]at{start(0), spawned(0), stop(5), due(5 + 10*time.Second), cmdfail(5 + 11*time.Second)},
			Machine{State: Stopping, PID: 7, Due: 5 + 13*time.Second, Armed: true, StopStep: 1}, 0, false},
		{"a stop command that fails beside a dead child signals nobody", policy(commanded),
			[]at{start(0), spawned(0), stop(5), reaped(6), cmdfail(7)},
			Machine{State: Stopping, PID: 7, Due: 5 + 10*time.Second, Reaped: true}, 0, false},
		{"a stop command that fails after the end does nothing", policy(commanded, never),
			[]at{start(0), spawned(0), stop(5), exited(6, 0), cmdfail(7)}, Machine{State: Stopped}, 0, false},
		{"a remembered stop runs the command as soon as there is a child", policy(commanded),
			[]at{start(0), stop(1), spawned(2)},
			Machine{State: Stopping, PID: 7, Due: 2 + 10*time.Second, Armed: true, Commanded: true}, 0, false},
		{"a stop command without time is none", policy(commanded, func(p *Policy) { p.StopWait = 0 }),
			[]at{start(0), spawned(0), stop(5)}, Machine{State: Stopping, PID: 7, Due: 5, Armed: true}, syscall.SIGTERM, false},
		{"a stop that cannot be sent is unknown", policy(),
			[]at{start(0), spawned(0), stop(0), sigfail(0)}, Machine{State: Unknown, PID: 7}, 0, false},
		{"an unknown child that exits is stopped", policy(),
			[]at{start(0), spawned(0), stop(0), sigfail(0), exited(5, 0)}, Machine{State: Stopped}, 0, false},
		{"an expected exit stays down", policy(atOnce),
			[]at{start(0), spawned(0), exited(5, 0)}, Machine{State: Exited}, 0, false},
		{"an unexpected exit is due at once", policy(atOnce),
			[]at{start(0), spawned(0), exited(5, 1)}, Machine{State: Exited, Due: 5, Armed: true}, 0, false},
		{"autorestart restarts an expected exit", policy(atOnce, always),
			[]at{start(0), spawned(0), exited(5, 0), due(5)}, Machine{State: Starting}, 0, true},
		{"without autorestart nothing restarts", policy(atOnce, never),
			[]at{start(0), spawned(0), exited(5, 1)}, Machine{State: Exited}, 0, false},
		{"giving up cancels a restart that is due", policy(atOnce),
			[]at{start(0), spawned(0), exited(5, 1), giveup(5)}, Machine{State: Exited}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m, before Machine
			var fx Effects
			for _, a := range c.ins {
				before = m
				m, fx = m.Step(c.policy, a.now, a.in)
			}
			if m != c.want {
				t.Errorf("got %+v, want %+v", m, c.want)
			}
			if fx.Signal != c.signal || fx.Spawn != c.spawn {
				t.Errorf("got signal %v spawn %v, want %v %v", fx.Signal, fx.Spawn, c.signal, c.spawn)
			}
			if want := m.Commanded && !before.Commanded; fx.Command != want {
				t.Errorf("got command %v, want %v", fx.Command, want)
			}
		})
	}
}

func TestStopAsGroupReachesTheGroup(t *testing.T) {
	for _, c := range []struct {
		name             string
		asGroup, killGrp bool
		forced, want     bool
	}{
		{"the stop signal goes to the process alone", false, true, false, false},
		{"the stop signal goes to the group with stopasgroup", true, false, false, true},
		{"the kill goes to the process alone", true, false, true, false},
		{"the kill goes to the group with killasgroup", false, true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := policy(func(p *Policy) { p.StopAsGroup, p.KillAsGroup = c.asGroup, c.killGrp })
			m := Machine{State: Running, PID: 7}
			m, fx := m.Step(p, 0, Input{Kind: InputStop})
			if c.forced {
				_, fx = m.Step(p, m.Due, Input{Kind: InputDue})
			}
			if fx.Group != c.want || fx.Forced != c.forced {
				t.Errorf("got group %v forced %v, want %v %v", fx.Group, fx.Forced, c.want, c.forced)
			}
		})
	}
}

func TestMovesTellTheWholeWay(t *testing.T) {
	p := policy(func(p *Policy) { p.StartRetries = 0 })
	m, fx := Machine{State: Starting}.Step(p, 0, Input{Kind: InputSpawnFailed})
	want := []Move{{From: Starting, To: Backoff, Tries: 1}, {From: Backoff, To: Fatal, Tries: 1}}
	if got := fx.Moves(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] || m.Tries != 0 {
		t.Errorf("got %+v and %d tries, want %+v and none", got, m.Tries, want)
	}
	m = Machine{State: Starting, PID: 7, Due: 1, Armed: true}
	_, fx = m.Step(p, 1, Input{Kind: InputExited, Code: 3})
	want = []Move{{From: Starting, To: Running, PID: 7}, {From: Running, To: Exited, PID: 7}}
	if got := fx.Moves(); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPolicyOfBoundsTheSeconds(t *testing.T) {
	p := PolicyOf(&conf.Program{StartSecs: -5, StopWaitSecs: 1 << 62, StartRetries: 2})
	if p.StartWait != 0 || p.StopWait != longest || p.StartRetries != 2 {
		t.Errorf("got %+v", p)
	}
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 2, 6, 1, 4, 5}, byte(1), byte(0))
	f.Add([]byte{0, 3, 6, 3, 6, 3}, byte(0), byte(2))
	f.Fuzz(func(t *testing.T, ins []byte, startSecs, retries byte) {
		p := policy(func(p *Policy) {
			p.StartWait = time.Duration(startSecs%3) * time.Second
			p.StartRetries = int(retries % 4)
		})
		var m Machine
		var now Instant
		for _, b := range ins {
			in := Input{Kind: Kind(b % 9), PID: 7, Code: int(b>>4) - 1}
			now += time.Duration(b>>5) * time.Second / 2
			var fx Effects
			m, fx = m.Step(p, now, in)
			if (fx.Spawn || fx.Signal != 0) && fx.Spawn == (fx.Signal != 0) {
				t.Fatalf("spawn and signal in one step: %+v", fx)
			}
			if fx.Signal != 0 && m.PID == 0 {
				t.Fatalf("signal without a child: %+v", m)
			}
			if m.Tries > p.StartRetries+1 {
				t.Fatalf("too many tries: %+v", m)
			}
		}
	})
}

func BenchmarkStep(b *testing.B) {
	p := policy()
	ins := []Input{{Kind: InputStart}, {Kind: InputSpawned, PID: 7}, {Kind: InputDue}, {Kind: InputStop}, {Kind: InputExited}}
	b.ReportAllocs()
	var m Machine
	for i := 0; b.Loop(); i++ {
		m, _ = m.Step(p, Instant(i)*time.Second, ins[i%len(ins)])
	}
}
