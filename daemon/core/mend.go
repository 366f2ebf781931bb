package core

import (
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
	"gosupervisor/proc/listener"
)

// A listener that broke the protocol, or that has closed its standard input, gets
// no events any more, though its process runs on. The original leaves it at that;
// here it is stopped and started again after a while, unless autorestart=false. One
// that does it again waits longer, until it has been well for long enough.
const (
	firstMend = 5 * time.Second
	lastMend  = 5 * time.Minute
	wellAfter = 10 * time.Minute
)

// mending is how a listener is brought back.
type mending struct {
	at    proc.Instant // when it is stopped; 0: it is well
	again bool         // it is being stopped, to be started again
	times int          // lately
	last  proc.Instant // when it was last found broken
}

// broke decides what becomes of a listener that gets no events any more.
func (c *Core) broke(p *process, reason string) {
	c.tellFollowers(&entry{Event: api.Event{Type: api.ListenerUnknown, Group: p.group.conf.Name, Name: p.conf.Name, Reason: reason}})
	m := &p.hears.mending
	if p.policy.Autorestart == conf.RestartNever || c.run != RunRunning || m.at != 0 {
		return
	}
	if m.times > 0 && c.now-m.last > wellAfter {
		m.times = 0
	}
	m.at, m.last = c.now+min(firstMend<<min(m.times, 10), lastMend), c.now
	m.times++
	c.arm(timer{at: m.at, mend: p})
}

// mend stops a listener that is still broken.
func (c *Core) mend(p *process) {
	m := &p.hears.mending
	m.at = 0
	lives := p.m.PID != 0 && !p.m.Reaped && (p.m.State == proc.Running || p.m.State == proc.Starting)
	if c.run != RunRunning || p.leaving || !lives || !p.hears.broken() {
		return
	}
	c.logf(conf.Warn, "%s: stopping it to start it again, because it gets no events any more", p.conf.Name)
	p.by = whyMended
	c.step(p, c.now, proc.Input{Kind: proc.InputStop})
	m.again = true
}

// mended starts a listener that was stopped to be started again. Whoever else
// stops it, or wants it stopped, has the last word.
func (c *Core) mended(p *process, in proc.Input) {
	if in.Kind == proc.InputStop || in.Kind == proc.InputGiveUp {
		p.hears.mending.again = false
	}
	if !p.hears.mending.again || p.m.State != proc.Stopped {
		return
	}
	p.hears.mending.again = false
	if c.run == RunRunning && !p.leaving && !p.removed {
		p.by = whyMended
		c.step(p, c.now, proc.Input{Kind: proc.InputStart})
	}
}

// broken tells whether a listener that runs gets no events any more.
func (e *ear) broken() bool { return e.deaf || e.parser.State() == listener.Unknown }

// coming tells whether a listener can be expected to take an event some time.
func (c *Core) coming(p *process) bool {
	switch p.m.State {
	case proc.Starting, proc.Backoff:
		return true
	case proc.Running:
		return !p.hears.broken() || p.hears.mending.at != 0
	case proc.Stopping:
		return p.hears.mending.again
	case proc.Exited:
		return p.m.Armed
	}
	return false
}
