package core

import (
	"time"

	"gosupervisor/conf"
	"gosupervisor/proc"
)

// A restart out of EXITED has no delay, as the original has none. But the
// original looks at its processes about once a second, so that a program which
// ends at once is started a few times a second there and thousands of times
// here, with as many lines in the log. So a program that ends by itself within
// quickLife of its start may be started again at once for quickBurst times, and
// then once every quickPace. One that a signal ended is not meant by this: it
// is to be back as soon as it can be.
const (
	quickLife  = time.Second
	quickBurst = 10
	quickPace  = 400 * time.Millisecond
)

// throttle is how often a process was restarted lately.
type throttle struct {
	full   proc.Instant // when all of the burst may be used again
	resume proc.Instant // when the restart that waits is due
	quick  bool         // the last run was a short one that ended by itself
	told   bool         // the log knows that restarts wait
}

// ended judges a run of a child: how long it lived and its exit code.
func (t *throttle) ended(lived time.Duration, code int) {
	if t.quick = lived < quickLife && code >= 0; !t.quick {
		t.told = false
	}
}

// take returns the moment at which the process may be restarted, now or later.
// If it is now, the restart counts.
func (t *throttle) take(now proc.Instant) proc.Instant {
	if !t.quick {
		return now
	}
	full := max(t.full, now)
	if at := full - (quickBurst-1)*quickPace; at > now {
		return at
	}
	t.full = full + quickPace
	return now
}

// holdBack tells whether a restart that is due has to wait, and sees to it that
// it is not forgotten.
func (c *Core) holdBack(p *process) bool {
	at := p.throttle.take(c.now)
	if at <= c.now {
		return false
	}
	if !p.throttle.told {
		p.throttle.told = true
		c.logf(conf.Warn, "%s ends as soon as it is started; from now on it is restarted no more than every %v", p.conf.Name, quickPace)
	}
	p.throttle.resume = at
	c.arm(timer{at: at, proc: p})
	return true
}
