package core

import (
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// pendingSignals is a request for signals or reloads on its way: answered when the
// last one has been told of.
type pendingSignals struct {
	request RequestID
	single  bool
	name    string
	open    int
	results []api.Status
	procs   map[ProcID]*process
}

func (c *Core) signalOne(id RequestID, spec, signal string) {
	gname, pname := api.SplitNamespec(spec)
	if pname == "" {
		if c.findGroup(gname) == nil {
			c.fault(id, api.BadName, spec)
			return
		}
		c.signalGroup(id, gname, signal)
		return
	}
	p := c.findProcess(spec)
	if p == nil {
		c.fault(id, api.BadName, spec)
		return
	}
	sig, err := conf.ParseSignal(signal)
	switch {
	case err != nil:
		c.fault(id, api.BadSignal, signal)
	case !p.m.State.IsSignallable() || p.m.PID == 0:
		c.fault(id, api.NotRunning, spec)
	default:
		c.sendSignals(&pendingSignals{request: id, single: true, name: spec}, []*process{p}, sig)
	}
}

func (c *Core) signalGroup(id RequestID, name, signal string) {
	if g := c.findGroup(name); g != nil {
		c.signalMany(id, g.ascending(), signal)
	} else {
		c.fault(id, api.BadName, name)
	}
}

// signalMany signals what of the processes can be signalled. A bad signal name
// is reported for each of them.
func (c *Core) signalMany(id RequestID, procs []*process, signal string) {
	var some []*process
	for _, p := range procs {
		if p.m.State.IsSignallable() && p.m.PID != 0 {
			some = append(some, p)
		}
	}
	sig, err := conf.ParseSignal(signal)
	if err != nil {
		results := []api.Status{}
		for _, p := range some {
			results = append(results, statusOf(p, api.NewFault(api.BadSignal, signal)))
		}
		c.reply(id, results)
		return
	}
	c.sendSignals(&pendingSignals{request: id}, some, sig)
}

func statusOf(p *process, f *api.Fault) api.Status {
	s := api.Status{Name: p.conf.Name, Group: p.group.conf.Name, Status: api.Success, Description: "OK"}
	if f != nil {
		s.Status, s.Description = f.Code, f.Text()
	}
	return s
}

// reloadProcesses runs the reload_command of each of the processes that a name means, or
// sends it its reload_signal.
func (c *Core) reloadProcesses(id RequestID, name string) {
	_, member := api.SplitNamespec(name)
	single := member != ""
	procs := c.meant(name)
	var some []*process
	for _, p := range procs {
		if p.m.State.IsSignallable() && p.m.PID != 0 {
			some = append(some, p)
		}
	}
	switch {
	case len(procs) == 0:
		c.fault(id, api.BadName, name)
	case single && len(some) == 0:
		c.fault(id, api.NotRunning, name)
	default:
		s := &pendingSignals{request: id, single: single, name: name}
		c.each(s, some, func(p *process) { c.reloadProcess(s, p) })
	}
}

// reloadProcess has one process reload. Its command runs once at a time, however often
// it is asked for.
func (c *Core) reloadProcess(s *pendingSignals, p *process) {
	switch {
	case p.conf.ReloadCommand == "":
		c.sendSignal(s, p, p.conf.ReloadSignal)
	case p.reloading != nil:
		c.settleSignal(s.request, p, api.NewFault(api.Failed, "its reload_command is still running"))
	default:
		limit := time.Duration(p.conf.ReloadTimeout) * time.Second
		p.reloading = c.runCommand(p, errandReload, p.conf.ReloadCommand, limit)
		p.reloading.request = s.request
	}
}

func (c *Core) sendSignals(s *pendingSignals, procs []*process, sig syscall.Signal) {
	c.each(s, procs, func(p *process) { c.sendSignal(s, p, sig) })
}

// each does to every process what a request asks for. The request is answered when it
// is known how that went for the last of them.
func (c *Core) each(s *pendingSignals, procs []*process, do func(*process)) {
	if len(procs) == 0 {
		c.reply(s.request, []api.Status{})
		return
	}
	s.open, s.procs = len(procs), map[ProcID]*process{}
	c.signals[s.request] = s
	for _, p := range procs {
		s.procs[p.id] = p
	}
	for _, p := range procs {
		do(p)
	}
}

func (c *Core) sendSignal(s *pendingSignals, p *process, sig syscall.Signal) {
	p.killed = p.killed || sig == syscall.SIGKILL
	c.logf(conf.Debug, "sending %s (pid %d) sig %s", p.conf.Name, p.m.PID, conf.SignalName(sig))
	c.emit(Signal{Proc: p.id, Signal: sig, Request: s.request})
}

// signalled takes the answer of the kernel.
func (c *Core) signalled(in SignalDone) {
	s := c.signals[in.Request]
	if s == nil {
		return
	}
	var f *api.Fault
	if in.Err != nil {
		f = api.NewFault(api.Failed, in.Err.Error())
	}
	if p := s.procs[in.Proc]; p != nil {
		c.settleSignal(in.Request, p, f)
	}
}

// settleSignal counts how it went for one process of a request.
func (c *Core) settleSignal(id RequestID, p *process, f *api.Fault) {
	s := c.signals[id]
	if s == nil || s.procs[p.id] == nil {
		return
	}
	delete(s.procs, p.id)
	s.results = append(s.results, statusOf(p, f))
	if s.open--; s.open > 0 {
		return
	}
	delete(c.signals, id)
	switch {
	case !s.single:
		c.reply(s.request, s.results)
	case f != nil:
		c.fault(s.request, f.Code, f.Detail)
	default:
		c.reply(s.request, true)
	}
}
