package core

import (
	"slices"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// waitingEvery is how often a shutdown names who it is waiting for.
const waitingEvery = 3 * time.Second

// beginShutdown starts to stop everything, to leave or to begin anew. A
// restart under way may become a shutdown, never the other way round.
func (c *Core) beginShutdown(to RunState) {
	if c.run != RunRunning {
		if to == RunShutdown && c.run != to {
			c.run = to
			c.startBudget()
		}
		return
	}
	c.run = to
	if to == RunShutdown {
		c.startBudget()
	}
	c.dropUpdates()
	c.dropWaits()
	c.publish(api.Event{Type: "SUPERVISOR_STATE_CHANGE_STOPPING"})
	c.stopAt = len(c.groups)
	c.stopNext()
	c.sayWaiting()
}

// requestRestart reads the configuration first: a restart into one that does
// not parse would stop everything for nothing.
func (c *Core) requestRestart() {
	if c.run != RunRunning {
		return
	}
	if c.loading {
		c.logf(conf.Warn, "a restart has been asked for already; its configuration is still being read")
		return
	}
	c.loading = true
	c.emit(LoadConfig{})
}

// loaded takes a configuration that was read anew, for a restart or a reread.
func (c *Core) loaded(in Loaded) {
	if in.ID != 0 {
		c.reread(in)
		return
	}
	c.loading = false
	if c.run != RunRunning {
		return // asked to leave meanwhile, which no longer depends on it
	}
	if in.Err != nil {
		c.logf(conf.Critical, "the restart is refused and everything keeps running, because the configuration has an error: %s", firstLine(in.Err))
		for _, line := range details(in.Err) {
			c.logf(conf.Error, "%s", line)
		}
		return
	}
	c.beginShutdown(RunRestarting)
}

// advanceShutdown goes to the next group as soon as the present one is down,
// and leaves when there is none.
func (c *Core) advanceShutdown() {
	if c.run == RunRunning {
		return
	}
	for c.stopping != nil && c.stopping.stopped() {
		if c.stopNext(); c.stopping == nil { // nobody has come back meanwhile, or
			c.stopAt = len(c.groups)
			c.stopNext()
		}
	}
	if c.stopping == nil {
		c.leave()
	}
}

// leave ends the supervisor, with nothing running any more, when its errands are done.
func (c *Core) leave() {
	if !c.ended && !c.errandsHold() {
		c.ended = true
		c.emit(Leave{Restart: c.run == RunRestarting, Status: c.exit.status})
	}
}

// stopNext stops the highest group that is not down: all of its processes at
// once, the highest first.
func (c *Core) stopNext() {
	// A look at all of them for each would be quadratic.
	for c.stopAt = min(c.stopAt, len(c.groups)); c.stopAt > 0; c.stopAt-- {
		g := c.groups[c.stopAt-1]
		if g.stopped() {
			continue
		}
		c.stopping = g
		for _, p := range slices.Backward(g.ascending()) {
			kind := proc.InputStop
			if p.m.State == proc.Backoff {
				kind = proc.InputGiveUp
			}
			c.shorten(p)
			if p.m.State.IsRunning() {
				if p.by = whyShutdown; c.run == RunRestarting {
					p.by = whyReload
				}
				c.step(p, c.now, proc.Input{Kind: kind})
			}
		}
		return
	}
	c.stopping = nil
}

// sayWaiting names everything that still runs, now and again later.
func (c *Core) sayWaiting() {
	var names []string
	for _, g := range c.groups {
		for _, p := range g.procs {
			if !p.m.State.IsStopped() {
				names = append(names, p.conf.Name)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	c.logf(conf.Info, "waiting for %s to die", strings.Join(names, ", "))
	c.arm(timer{at: c.now + waitingEvery})
}
