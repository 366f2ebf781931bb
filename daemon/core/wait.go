package core

import (
	"fmt"
	"maps"
	"slices"

	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// mostAwaited bounds how many processes all waits together name: they may last
// for ever, and as many clients as there are may ask for as many as there are.
const mostAwaited = 1 << 17

// wait is a request that waits for processes to reach a state. It changes
// nothing; every step of a process that somebody waits for is looked at.
type wait struct {
	request RequestID
	goal    api.Goal
	results []api.WaitResult // in the order in which the processes were named
	open    int
	procs   []*process // that were named
}

// awaited is the part of a wait that concerns one process.
type awaited struct {
	wait *wait
	at   int // in the results
}

// waitProcess begins a wait.
func (c *Core) waitProcess(id RequestID, r api.WaitProcess) {
	w := &wait{request: id, goal: r.Goal, results: []api.WaitResult{}}
	seen, asked := map[*process]bool{}, map[string]bool{}
	find := c.finder(len(r.Names))
	for _, spec := range r.Names {
		if asked[spec] {
			continue
		}
		asked[spec] = true
		found := find(spec)
		if len(found) == 0 {
			f := api.NewFault(api.BadName, spec)
			w.results = append(w.results, api.WaitResult{Name: spec, Status: f.Code, Description: f.Text()})
		}
		for _, p := range found {
			if seen[p] {
				continue
			}
			seen[p] = true
			w.procs = append(w.procs, p)
			p.awaited = append(p.awaited, awaited{w, len(w.results)})
			w.results = append(w.results, api.WaitResult{Name: p.conf.Name, Group: p.group.conf.Name})
		}
	}
	w.open = len(w.procs)
	if c.awaited+len(w.results) > mostAwaited && w.open > 0 {
		w.forget()
		c.fault(id, api.Failed, fmt.Sprintf("clients wait for %d processes already, and may for %d", c.awaited, mostAwaited))
		return
	}
	c.waits[id] = w
	c.awaited += len(w.results)
	if w.open == 0 {
		c.finishWait(w)
	}
	for _, p := range w.procs {
		c.settleWaits(p, nil)
	}
}

// finder returns what finds the processes that a name means: one, or those of a
// group. For many names it makes an index first, since the loop waits for this.
func (c *Core) finder(names int) func(spec string) []*process {
	findGroup, findOne := c.findGroup, c.findProcess
	if names > 8 {
		groups, procs := map[string]*group{}, map[[2]string]*process{}
		for _, g := range c.groups {
			groups[g.conf.Name] = g
			for _, p := range g.procs {
				procs[[2]string{g.conf.Name, p.conf.Name}] = p
			}
		}
		findGroup = func(name string) *group { return groups[name] }
		findOne = func(spec string) *process {
			g, p := api.SplitNamespec(spec)
			return procs[[2]string{g, p}]
		}
	}
	return func(spec string) []*process {
		gname, pname := api.SplitNamespec(spec)
		if pname == "" {
			if g := findGroup(gname); g != nil {
				return g.ascending()
			}
		} else if p := findOne(spec); p != nil {
			return []*process{p}
		}
		return nil
	}
}

// settleWaits ends the waits that a step of a process has answered. The states
// that it only went through count too.
func (c *Core) settleWaits(p *process, moves []proc.Move) {
	if len(p.awaited) == 0 {
		return
	}
	p.awaited = slices.DeleteFunc(p.awaited, func(a awaited) bool {
		through := func(mv proc.Move) bool { return c.reached(p, a.wait.goal, mv.To) }
		switch {
		case c.reached(p, a.wait.goal, p.m.State), slices.ContainsFunc(moves, through):
			c.endWait(p, a, api.Success, "")
		case p.m.State == proc.Fatal, p.m.State == proc.Unknown, c.exitedForGood(p):
			// One that is STOPPED goes on: whoever stopped it may start it.
			c.endWait(p, a, api.AbnormalTermination, fmt.Sprintf("%s is %v and %s", p.namespec(), p.m.State, a.wait.goal.OutOfReach()))
		default:
			return false
		}
		return true
	})
}

// reached tells whether a state is what a wait is for.
func (c *Core) reached(p *process, goal api.Goal, at proc.State) bool {
	switch goal {
	case api.GoalRunning:
		return at == proc.Running
	case api.GoalExited:
		return at == proc.Exited
	case api.GoalFatal:
		return at == proc.Fatal
	}
	return at == proc.Stopped || at == proc.Fatal || at == proc.Exited && c.exitedForGood(p)
}

// exitedForGood tells whether a process has ended and is not to be restarted.
func (c *Core) exitedForGood(p *process) bool {
	return p.m.State == proc.Exited && (!p.m.Armed || c.run != RunRunning)
}

// endWait ends the wait for one process.
func (c *Core) endWait(p *process, a awaited, code api.Code, detail string) {
	r := &a.wait.results[a.at]
	r.Status, r.Description = code, "OK"
	if code != api.Success {
		r.Description = api.NewFault(code, detail).Text()
	}
	r.StateName, r.Reason = p.m.State.String(), p.lastReason()
	if a.wait.open--; a.wait.open == 0 {
		c.finishWait(a.wait)
	}
}

func (c *Core) finishWait(w *wait) {
	delete(c.waits, w.request)
	c.awaited -= len(w.results)
	c.reply(w.request, w.results)
}

// endWaitsFor ends the waits for a process that is no more.
func (c *Core) endWaitsFor(p *process) {
	for _, a := range p.awaited {
		c.endWait(p, a, api.BadName, p.namespec()+" was removed")
	}
	p.awaited = nil
}

// dropWait forgets a wait whose client has gone.
func (c *Core) dropWait(id RequestID) {
	w := c.waits[id]
	if w == nil {
		return
	}
	delete(c.waits, id)
	c.awaited -= len(w.results)
	w.forget()
}

// forget has the processes know nothing of a wait.
func (w *wait) forget() {
	for _, p := range w.procs {
		p.awaited = slices.DeleteFunc(p.awaited, func(a awaited) bool { return a.wait == w })
	}
}

// dropWaits ends the waits that make no sense when everything is being stopped:
// all but those for just that.
func (c *Core) dropWaits() {
	for _, id := range slices.Sorted(maps.Keys(c.waits)) {
		if c.waits[id].goal != api.GoalStopped {
			c.dropWait(id)
			c.fault(id, api.ShutdownState, "")
		}
	}
	for _, p := range c.inOrder() {
		c.settleWaits(p, nil) // no restart comes any more
	}
}
