package core

import (
	"slices"
	"time"

	"gosupervisor/conf"
	"gosupervisor/proc"
)

// sameRequest is how long after a first signal to leave another one counts as
// the same: a terminal and a wrapper that forwards may both send it.
const sameRequest = 200 * time.Millisecond

// stopBudget is how long a shutdown may take in all, and when it is spent.
type stopBudget struct {
	limit time.Duration // 0: there is none
	until proc.Instant  // when all of it has to be over; 0: not begun, or no limit
	asked proc.Instant  // when a signal first asked to leave, and one nanosecond; 0: none did
	spent bool          // everything is being killed
}

// startBudget begins to count when a shutdown begins. A restart has no limit:
// nobody outside waits for it.
func (c *Core) startBudget() {
	if c.budget.limit > 0 {
		c.budget.until = c.now + c.budget.limit
		c.arm(timer{at: c.budget.until, budget: true})
	}
}

// shorten gives a process that is to be stopped no more time than is left.
func (c *Core) shorten(p *process) {
	if c.budget.until > 0 {
		left := max(c.budget.until-c.now, 0)
		p.policy.StopWait = min(p.policy.StopWait, left)
		left -= p.policy.StopWait
		p.policy.StopThen = slices.Clone(p.policy.StopThen)
		for i := range p.policy.StopThen {
			step := &p.policy.StopThen[i]
			step.Wait = min(step.Wait, left)
			left -= step.Wait
		}
	}
}

// askedAgain kills everything when a signal asks to leave for a second time:
// whoever sends it has waited long enough.
func (c *Core) askedAgain(signal string) {
	switch {
	case c.budget.asked == 0:
		c.budget.asked = c.now + 1
	case c.now-c.budget.asked >= sameRequest:
		c.killAll("received " + signal + " again")
	}
}

// killAll lets nobody wait any longer. What is in no hurry to die cannot refuse.
func (c *Core) killAll(why string) {
	if c.budget.spent {
		return
	}
	c.budget.spent = true
	c.logf(conf.Warn, "%s: killing everything that is left", why)
	for _, g := range c.groups {
		for _, p := range g.procs {
			// Also for one that is being forked now. Without time no stop_command is run.
			p.policy.StopWait, p.policy.StopThen = 0, nil
			kind := proc.InputStop
			if p.m.State == proc.Backoff {
				kind = proc.InputGiveUp
			}
			if p.m.State.IsRunning() {
				c.step(p, c.now, proc.Input{Kind: kind})
			}
			if p.m.State == proc.Stopping && !p.m.Reaped {
				c.step(p, c.now, proc.Input{Kind: proc.InputDue})
			}
		}
	}
	c.part()
}
