package core

import (
	"syscall"

	"gosupervisor/proc"
)

// The main program is the command of a command line, and the other programs are
// there for it: they are up before it starts, and it ends before they do.

// startMain starts the main program as soon as nobody else is still starting.
// Who has failed for good is not waited for; whether that matters is for on_fatal.
func (c *Core) startMain() {
	if !c.mainWait || c.run != RunRunning {
		return
	}
	for _, g := range c.groups {
		for _, p := range g.procs {
			if s := p.m.State; s == proc.Starting || s == proc.Backoff {
				return
			}
		}
	}
	c.mainWait = false
	c.main.by = whyAutostart
	c.step(c.main, c.now, proc.Input{Kind: proc.InputStart})
}

// forward hands a signal that means nothing to us to the main program.
func (c *Core) forward(sig syscall.Signal) {
	if c.main != nil && c.main.m.PID != 0 {
		c.emit(Signal{Proc: c.main.id, Signal: sig})
	}
}

// stopMainBy has the main program stopped by the signal that we were sent, which
// it may tell from others.
func (c *Core) stopMainBy(sig syscall.Signal) {
	if c.main != nil && c.run == RunRunning {
		c.main.policy.StopSignal = sig
	}
}
