package core

import (
	"syscall"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// mapped hands a signal to the daemon on to the programs that signal_map= names,
// and tells whether there is a rule for it. What does not run gets nothing.
func (c *Core) mapped(sig syscall.Signal) bool {
	found := false
	for _, rule := range c.signalMap {
		if rule.Signal != sig {
			continue
		}
		found = true
		c.logf(conf.Info, "received %s, which signal_map sends to %s as %s",
			conf.SignalName(sig), rule.Name, conf.SignalName(rule.Send))
		procs := c.meant(rule.Name)
		if rule.Name == "all" {
			procs = c.inOrder()
		}
		for _, p := range procs {
			if p.m.State.IsSignallable() && p.m.PID != 0 {
				c.emit(Signal{Proc: p.id, Signal: rule.Send})
			}
		}
	}
	return found
}

// meant returns the processes that a name means: one, or those of a group.
func (c *Core) meant(name string) (procs []*process) {
	group, member := api.SplitNamespec(name)
	switch {
	case member == "":
		if g := c.findGroup(group); g != nil {
			procs = g.ascending()
		}
	default:
		if p := c.findProcess(name); p != nil {
			procs = append(procs, p)
		}
	}
	return procs
}
