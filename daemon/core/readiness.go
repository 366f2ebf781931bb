package core

import (
	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// readiness tells whether everything is up that starts by itself.
func (c *Core) readiness() api.Readiness {
	r := api.Readiness{NotReady: []api.Unready{}}
	for _, p := range c.inOrder() {
		if !p.conf.Autostart {
			continue
		}
		r.Expected++
		if p.ready() {
			continue
		}
		reason := p.lastReason()
		if p.m.State == proc.Starting {
			reason = "waits for " + c.waitsFor(p)
		}
		r.NotReady = append(r.NotReady, api.Unready{
			Name: p.conf.Name, Group: p.group.conf.Name, StateName: p.m.State.String(), Reason: reason,
		})
	}
	r.Ready = len(r.NotReady) == 0
	return r
}

// ready tells whether a process runs, or has done what it was to do.
func (p *process) ready() bool {
	switch p.m.State {
	case proc.Running:
		return !p.m.Reaped
	case proc.Exited:
		return p.policy.Autorestart != conf.RestartAlways && p.policy.Expected(p.exitStatus)
	}
	return false
}
