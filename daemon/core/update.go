package core

import (
	"slices"
	"strings"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// groupUpdate is a request to bring one group into line with the configuration as
// last read, from its arrival to its reply. Those of the same group go one after
// another.
type groupUpdate struct {
	id      RequestID // under which its sockets are tried
	request RequestID // zero: nobody waits for the reply any more
	name    string
	stage   updateStage
	tried   bool // its sockets have been
	*plan
}

// updateStage says how far an update has come.
type updateStage uint8

const (
	updateInLine   updateStage = iota // not begun
	updateTrying                      // waits to hear of its sockets
	updateStopping                    // waits for the end of what goes or has changed
)

// plan is what an update does: leaving are stopped and dropped, then the members
// of target that are not there are made, and started if they start by themselves.
type plan struct {
	group   *group      // nil: it is to be added
	target  *conf.Group // nil: it is to be removed
	leaving []*process  // in the order in which they are stopped
	change  api.GroupChange
}

// configChanges tells what updating each group would do now.
func (c *Core) configChanges() []api.GroupChange {
	out := []api.GroupChange{}
	for _, change := range conf.Changes(c.active(), c.config.Groups) {
		out = append(out, c.plan(change).change)
	}
	for _, change := range conf.HookChanges(c.activeHooks(), c.config.Hooks) {
		out = append(out, hookChange(change))
	}
	return out
}

// plan makes the plan for a group that differs.
func (c *Core) plan(d conf.GroupChange) *plan {
	pl := &plan{group: c.findGroup(d.Name), target: c.configured(d.Name)}
	pl.change = api.GroupChange{Name: d.Name, Change: api.Change(d.Kind), Keys: keyChanges(d.Keys), Members: []api.MemberChange{}}
	// A pool that becomes something else, or the reverse, keeps nothing.
	pl.change.Whole = d.Kind != conf.ChangeChanged || c.mode == conf.UpdateGroup ||
		(pl.group.conf.Pool == nil) != (pl.target.Pool == nil)
	differs := make(map[string]conf.MemberChange, len(d.Members))
	for _, m := range d.Members {
		differs[m.Name] = m
	}
	running := map[string]bool{} // by name, those that go
	if pl.group != nil {
		for _, p := range pl.group.ascending() {
			if _, ok := differs[p.conf.Name]; ok || pl.change.Whole {
				pl.leaving = append(pl.leaving, p)
				running[p.conf.Name] = !p.m.State.IsStopped()
			}
		}
	}
	add := func(name string, autostart bool) {
		m := api.MemberChange{Name: name, Change: api.Unchanged, Keys: []api.KeyChange{}, Stop: running[name]}
		if was, ok := differs[name]; ok {
			m.Change, m.Keys = api.Change(was.Kind), keyChanges(was.Keys)
		}
		m.Start = autostart && (m.Change != api.Unchanged || pl.change.Whole)
		pl.change.Members = append(pl.change.Members, m)
	}
	if pl.target != nil {
		for _, p := range pl.target.Programs {
			add(p.Name, p.Autostart)
		}
	}
	for _, m := range d.Members {
		if m.Kind == conf.ChangeRemoved {
			add(m.Name, false)
		}
	}
	return pl
}

func keyChanges(keys []conf.KeyChange) []api.KeyChange {
	out := make([]api.KeyChange, len(keys))
	for i, k := range keys {
		out[i] = api.KeyChange(k)
	}
	return out
}

// planFor makes the plan for one group; nil if it is in line.
func (c *Core) planFor(name string) *plan {
	var active, configured []*conf.Group
	if g := c.findGroup(name); g != nil {
		active = append(active, g.conf)
	}
	if gc := c.configured(name); gc != nil {
		configured = append(configured, gc)
	}
	changes := conf.Changes(active, configured)
	if len(changes) == 0 {
		return nil
	}
	return c.plan(changes[0])
}

// updateGroup takes the request. It is begun at the end of the step.
func (c *Core) updateGroup(id RequestID, name string) {
	if strings.HasPrefix(name, conf.HookSection("")) {
		c.updateHook(id, name)
		return
	}
	if c.findGroup(name) == nil && c.configured(name) == nil {
		c.fault(id, api.BadName, name)
		return
	}
	c.updates = append(c.updates, &groupUpdate{id: id, request: id, name: name})
}

// updating tells whether an update of the group is under way.
func (c *Core) updating(name string) bool {
	return slices.ContainsFunc(c.updates, func(u *groupUpdate) bool { return u.name == name })
}

// advanceUpdates takes every update as far as it goes now.
func (c *Core) advanceUpdates() {
	for i := 0; i < len(c.updates); {
		u := c.updates[i]
		if slices.ContainsFunc(c.updates[:i], func(before *groupUpdate) bool { return before.name == u.name }) || !c.advanceUpdate(u) {
			i++
			continue
		}
		c.updates = slices.Delete(c.updates, i, i+1)
	}
}

// advanceUpdate tells whether the update has come to its end.
func (c *Core) advanceUpdate(u *groupUpdate) bool {
	if u.stage == updateInLine {
		if u.plan = c.planFor(u.name); u.plan == nil {
			c.reply(u.request, api.GroupChange{Name: u.name, Change: api.Unchanged, Keys: []api.KeyChange{}, Members: []api.MemberChange{}})
			return true
		}
		if try := u.newSockets(); len(try) > 0 && !u.tried {
			u.stage = updateTrying
			c.emit(TrySockets{ID: u.id, Group: &conf.Group{Name: u.name, Programs: try}, Update: true})
			return false
		}
		c.stopLeaving(u)
	}
	if u.stage == updateTrying || slices.ContainsFunc(u.leaving, func(p *process) bool { return !p.m.State.IsStopped() }) {
		return false
	}
	c.finishUpdate(u)
	return true
}

// newSockets returns the programs to come whose sockets can be tried before
// anything is stopped: those that nobody who leaves may still hold.
func (u *groupUpdate) newSockets() []*conf.Program {
	if u.target == nil {
		return nil
	}
	held := map[string]bool{}
	for _, p := range u.leaving {
		if p.conf.Socket != nil {
			held[p.conf.Socket.URL] = true
		}
	}
	var try []*conf.Program
	for i, m := range u.change.Members[:len(u.target.Programs)] {
		p := u.target.Programs[i]
		if p.Socket != nil && !held[p.Socket.URL] && (u.change.Whole || m.Change != api.Unchanged) {
			try = append(try, p)
		}
	}
	return try
}

// updateTried goes on with an update that had to try sockets. Meanwhile the group
// may have changed, so it is looked at anew.
func (c *Core) updateTried(in SocketsTried) {
	i := slices.IndexFunc(c.updates, func(u *groupUpdate) bool { return u.id == in.ID })
	if i < 0 {
		return // everything is about to end, and that was the answer
	}
	u := c.updates[i]
	if in.Err != nil {
		c.updates = slices.Delete(c.updates, i, i+1)
		c.fault(u.request, api.Failed, in.Err.Error())
		return
	}
	u.stage, u.tried = updateInLine, true
}

// stopLeaving stops what is to be dropped. From here on nobody can start it.
func (c *Core) stopLeaving(u *groupUpdate) {
	u.stage = updateStopping
	var running []*process
	for _, p := range u.leaving {
		p.leaving = true
		switch {
		case p.m.State.IsRunning():
			running = append(running, p)
		case p.m.State == proc.Exited:
			c.step(p, c.now, proc.Input{Kind: proc.InputGiveUp})
		}
	}
	if len(running) > 0 {
		j := c.newJob(0, verbStop, true, running)
		j.update = true
		c.begin(j)
	}
}

// finishUpdate makes the group what it is to be, now that nothing that leaves is
// running. What could not be stopped keeps its slot, and a group that is to go,
// or to be replaced as a whole, stays with it.
func (c *Core) finishUpdate(u *groupUpdate) {
	var stuck []string
	for _, p := range u.leaving {
		if p.m.State == proc.Unknown {
			p.leaving = false
			stuck = append(stuck, api.Namespec(u.name, p.conf.Name)+" "+p.spawnErr)
		}
	}
	var fresh []*process
	switch {
	case !u.change.Whole:
		fresh = c.exchange(u.group, u.target)
	case len(stuck) == 0:
		if u.group != nil {
			c.removeGroup(u.group)
		}
		if u.target != nil {
			fresh = c.addGroup(u.target).procs
		}
	}
	for _, p := range u.leaving {
		p.leaving = false
	}
	if len(stuck) > 0 {
		c.fault(u.request, api.Failed, strings.Join(stuck, ", "))
	} else {
		c.reply(u.request, u.change)
	}
	c.autostart(fresh, whyUpdated)
}

// exchange drops the members that leave, makes those that are new, and takes over
// the rest of the configuration. It returns the new ones.
func (c *Core) exchange(g *group, target *conf.Group) (fresh []*process) {
	stay := map[string]*process{}
	var gone []*process
	for _, p := range g.procs {
		if p.leaving {
			c.forget(p)
			gone = append(gone, p)
		} else {
			stay[p.conf.Name] = p
		}
	}
	before, old := g.procs, g.conf
	now := *target
	g.conf, g.procs, now.Programs = &now, nil, nil
	join := func(p *process) {
		delete(stay, p.conf.Name)
		g.procs, now.Programs = append(g.procs, p), append(now.Programs, p.conf)
	}
	for _, pc := range target.Programs {
		p := stay[pc.Name]
		if p == nil {
			p = c.newProcess(g, pc)
			fresh = append(fresh, p)
		}
		join(p)
	}
	for _, p := range before { // what should have gone, and could not
		if stay[p.conf.Name] == p {
			join(p)
		}
	}
	c.tellSlots(gone, fresh)
	c.adapt(g, old)
	return fresh
}

// tellSlots tells the daemon which slots are gone and which are new.
func (c *Core) tellSlots(gone, fresh []*process) {
	if len(gone) > 0 {
		c.emit(RemoveProcesses{Procs: ids(gone)})
	}
	if len(fresh) == 0 {
		return
	}
	programs := make([]*conf.Program, len(fresh))
	for i, p := range fresh {
		programs[i] = p.conf
	}
	c.emit(AddProcesses{Procs: ids(fresh), Programs: programs})
}

// adapt applies what has changed of the group itself.
func (c *Core) adapt(g *group, old *conf.Group) {
	if g.conf.Priority != old.Priority {
		c.groups = slices.DeleteFunc(c.groups, func(have *group) bool { return have == g })
		c.place(g)
	}
	if g.pool == nil {
		return
	}
	for _, p := range g.procs {
		if p.hears == nil {
			p.listen()
		}
	}
	c.configurePool(g.pool, c.ticking())
}

// dropUpdates ends every update without its being done.
func (c *Core) dropUpdates() {
	for _, u := range c.updates {
		c.fault(u.request, api.ShutdownState, "")
	}
	c.updates = nil
}
