package proc

import (
	"slices"
	"syscall"
	"time"

	"gosupervisor/conf"
)

// Instant is monotonic time since the daemon started. Every deadline and age
// is one, so that a step of the wall clock neither delays nor hastens anything.
type Instant = time.Duration

// longest bounds every configured number of seconds, so that adding one to an
// Instant cannot overflow: a hundred years is for ever.
const longest = 100 * 365 * 24 * time.Hour

// Policy is what the configuration says about one program's life. It is never
// changed while a Machine runs under it, but for StopWait and StopThen, which the
// end of the supervisor may shorten.
type Policy struct {
	StartWait    time.Duration // how long it must stay up to count as started
	StartRetries int           // further attempts after the first failed one
	Autorestart  conf.Autorestart
	ExitCodes    []int // the expected ones
	StopSignal   syscall.Signal
	StopWait     time.Duration // from the stop signal to what follows
	StopThen     []StopStep    // what follows, before SIGKILL
	StopCommand  bool          // where there is time for it a command stands for the stop signal, which is sent if it fails
	StopAsGroup  bool
	KillAsGroup  bool
}

// StopStep is one more signal that asks a process to end.
type StopStep struct {
	Signal syscall.Signal
	Wait   time.Duration // until what follows
}

// PolicyOf returns the policy of a configured program.
func PolicyOf(p *conf.Program) Policy {
	var then []StopStep
	for _, step := range p.StopThen {
		then = append(then, StopStep{step.Signal, seconds(step.Secs)})
	}
	return Policy{
		StopThen:     then,
		StartWait:    seconds(p.StartSecs),
		StartRetries: p.StartRetries,
		Autorestart:  p.Autorestart,
		ExitCodes:    p.ExitCodes,
		StopSignal:   p.StopSignal,
		StopWait:     seconds(p.StopWaitSecs),
		StopCommand:  p.StopCommand != "",
		StopAsGroup:  p.StopAsGroup,
		KillAsGroup:  p.KillAsGroup,
	}
}

// seconds turns a configured number into a duration, within bounds.
func seconds(n int) time.Duration {
	switch {
	case n <= 0:
		return 0
	case n > int(longest/time.Second):
		return longest
	}
	return time.Duration(n) * time.Second
}

// Expected tells whether an exit code is one of exitcodes=. The death by a
// signal has the code -1 and is never expected.
func (p *Policy) Expected(code int) bool { return slices.Contains(p.ExitCodes, code) }

// restarts tells whether an exit from Running is followed by a new start.
func (p *Policy) restarts(code int) bool {
	switch p.Autorestart {
	case conf.RestartAlways:
		return true
	case conf.RestartUnexpected:
		return !p.Expected(code)
	}
	return false
}
