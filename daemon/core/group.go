package core

import (
	"slices"
	"sort"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// group is an active group: its processes exist, running or not.
type group struct {
	conf  *conf.Group
	procs []*process // in the order in which they start
	pool  *pool      // of event listeners; nil for any other group
}

// boot adds every configured group and starts what is to be started.
func (c *Core) boot() {
	if c.run != RunRunning {
		return // asked to leave before anything began
	}
	c.changeHooks(func() {
		for _, hc := range c.config.Hooks {
			c.hooks = append(c.hooks, newHook(hc))
		}
	})
	for _, g := range c.config.Groups {
		c.addGroup(g)
	}
	c.publish(api.Event{Type: "SUPERVISOR_STATE_CHANGE_RUNNING"})
	for _, g := range c.groups {
		c.autostart(g.procs, whyAutostart)
	}
}

// addGroup makes the processes of a group.
func (c *Core) addGroup(gc *conf.Group) *group {
	g := &group{conf: gc}
	for _, pc := range gc.Programs {
		g.procs = append(g.procs, c.newProcess(g, pc))
	}
	c.place(g)
	c.emit(AddProcesses{Procs: ids(g.procs), Programs: gc.Programs})
	if gc.Pool != nil {
		c.addPool(g)
	}
	c.publishGroup("PROCESS_GROUP_ADDED", g)
	return g
}

// newProcess makes a slot of a group, which the daemon is still to hear of.
func (c *Core) newProcess(g *group, pc *conf.Program) *process {
	c.lastID++
	p := &process{id: c.lastID, conf: pc, policy: proc.PolicyOf(pc), group: g}
	c.procs[p.id] = p
	c.others = true
	return p
}

// place puts a group behind those of the same priority.
func (c *Core) place(g *group) {
	at := sort.Search(len(c.groups), func(i int) bool { return c.groups[i].conf.Priority > g.conf.Priority })
	c.groups = slices.Insert(c.groups, at, g)
	c.named[g.conf.Name] = g
}

// autostart starts what is to run without being asked for.
func (c *Core) autostart(procs []*process, by why) {
	for _, p := range procs {
		if p.conf.Main {
			c.main, c.mainWait = p, true
			continue
		}
		if p.conf.Autostart {
			p.by = by
			c.step(p, c.now, proc.Input{Kind: proc.InputStart})
		}
	}
}

// removeGroup forgets a group whose processes are all stopped.
func (c *Core) removeGroup(g *group) {
	for _, p := range g.procs {
		c.forget(p)
	}
	c.groups = slices.DeleteFunc(c.groups, func(have *group) bool { return have == g })
	delete(c.named, g.conf.Name)
	if g.pool != nil {
		c.removePool(g.pool)
	}
	c.emit(RemoveProcesses{Procs: ids(g.procs)})
	c.publishGroup("PROCESS_GROUP_REMOVED", g)
}

// forget drops a slot, and ends what waited for it.
func (c *Core) forget(p *process) {
	p.removed = true
	delete(c.procs, p.id)
	c.others = true
	c.settleRemoved(p)
	c.endWaitsFor(p)
}

// members returns the names of its processes.
func (g *group) members() []string {
	names := make([]string, len(g.procs))
	for i, p := range g.procs {
		names[i] = p.conf.Name
	}
	return names
}

// stopped tells whether nothing of the group runs or is about to.
func (g *group) stopped() bool {
	return !slices.ContainsFunc(g.procs, func(p *process) bool { return !p.m.State.IsStopped() })
}

// ascending returns the processes by priority, equal ones in list order.
func (g *group) ascending() []*process {
	out := slices.Clone(g.procs)
	sort.SliceStable(out, func(i, j int) bool { return out[i].conf.Priority < out[j].conf.Priority })
	return out
}

// findGroup returns the active group of that name, or nil.
func (c *Core) findGroup(name string) *group { return c.named[name] }

// inOrder returns every process: groups by priority, then processes by theirs.
func (c *Core) inOrder() []*process {
	out := make([]*process, 0, len(c.procs))
	for _, g := range c.groups {
		out = append(out, g.ascending()...)
	}
	return out
}
