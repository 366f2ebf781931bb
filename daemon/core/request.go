package core

import (
	"errors"
	"strings"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// apiVersion is the version of the control API, which clients check.
const apiVersion = "3.0"

// request answers a call, or begins what will end in an answer.
func (c *Core) request(id RequestID, req api.Request) {
	if c.run != RunRunning {
		switch req.(type) {
		case api.SendRemoteCommEvent, api.GetEvents:
		default:
			c.fault(id, api.ShutdownState, "")
			return
		}
	}
	switch r := req.(type) {
	case api.GetAPIVersion:
		c.reply(id, apiVersion)
	case api.GetSupervisorVersion:
		c.reply(id, c.opts.Version)
	case api.GetIdentification:
		c.reply(id, c.ident)
	case api.GetState:
		c.reply(id, api.StateInfo{StateCode: int(c.run), StateName: "RUNNING"})
	case api.GetPID:
		c.reply(id, c.opts.PID)
	case api.GetReadiness:
		c.reply(id, c.readiness())
	case api.Shutdown:
		c.reply(id, true)
		c.beginShutdown(RunShutdown)
	case api.Restart:
		c.reply(id, true)
		c.requestRestart()
	case api.ReloadConfig:
		c.emit(LoadConfig{ID: id})
	case api.AddProcessGroup:
		c.addProcessGroup(id, r.Name)
	case api.RemoveProcessGroup:
		c.removeProcessGroup(id, r.Name)
	case api.ConfigChanges:
		c.reply(id, c.configChanges())
	case api.UpdateGroup:
		c.updateGroup(id, r.Name)
	case api.GetProcessInfo:
		c.getProcessInfo(id, r.Name)
	case api.GetAllProcessInfo:
		c.reply(id, c.allProcessInfo())
	case api.GetAllConfigInfo:
		c.reply(id, c.allConfigInfo())
	case api.GetEventPools:
		c.reply(id, c.eventPools())
	case api.GetEvents:
		c.getEvents(id, r)
	case api.SendRemoteCommEvent:
		c.publish(api.Event{Type: "REMOTE_COMMUNICATION", Remote: r.Type, Data: []byte(r.Data)})
		c.reply(id, true)
	default:
		if !c.requestControl(id, req) && !c.requestIO(id, req) {
			c.fault(id, api.UnknownMethod, "")
		}
	}
}

// requestControl handles the requests that start, stop and signal, and those
// that wait for it.
func (c *Core) requestControl(id RequestID, req api.Request) bool {
	switch r := req.(type) {
	case api.StartProcess:
		c.one(id, r.Name, verbStart, r.Wait)
	case api.StartProcessGroup:
		c.groupJob(id, r.Name, verbStart, r.Wait)
	case api.StartAllProcesses:
		c.many(id, c.inOrder(), verbStart, r.Wait)
	case api.StopProcess:
		c.one(id, r.Name, verbStop, r.Wait)
	case api.StopProcessGroup:
		c.groupJob(id, r.Name, verbStop, r.Wait)
	case api.StopAllProcesses:
		c.many(id, c.inOrder(), verbStop, r.Wait)
	case api.ReloadProcess:
		c.reloadProcesses(id, r.Name)
	case api.SignalProcess:
		c.signalOne(id, r.Name, r.Signal)
	case api.SignalProcessGroup:
		c.signalGroup(id, r.Name, r.Signal)
	case api.SignalAllProcesses:
		c.signalMany(id, c.inOrder(), r.Signal)
	case api.WaitProcess:
		c.waitProcess(id, r)
	default:
		return false
	}
	return true
}

// requestIO finds the processes of the requests whose work is reading and
// writing, and leaves that to the daemon.
func (c *Core) requestIO(id RequestID, req api.Request) bool {
	var name string
	switch r := req.(type) {
	case api.ReadLog, api.ClearLog, api.FollowLog:
		c.emit(Perform{ID: id, Req: req})
		return true
	case api.ClearAllProcessLogs:
		c.emit(Perform{ID: id, Req: req, Procs: ids(c.inOrder())})
		return true
	case api.FollowLogs:
		c.followLogs(id, r)
		return true
	case api.SendProcessStdin:
		c.sendStdin(id, r)
		return true
	case api.GetMetrics:
		t := c.tally()
		c.emit(Perform{ID: id, Req: req, Procs: t.Procs, Known: t})
		return true
	case api.GetOrphans:
		c.emit(Perform{ID: id, Req: req})
		return true
	case api.GetAllProcessUsage:
		c.emit(Perform{ID: id, Req: req, Known: c.allUsage()})
		return true
	case api.ExplainProcess:
		if p := c.findProcess(r.Name); p != nil {
			c.emit(Perform{ID: id, Req: req, Procs: []ProcID{p.id}, Known: c.explain(p)})
		} else {
			c.fault(id, api.BadName, r.Name)
		}
		return true
	case api.ReadProcessLog:
		name = r.Name
	case api.TailProcessLog:
		name = r.Name
	case api.ClearProcessLogs:
		name = r.Name
	case api.FollowProcessLog:
		name = r.Name
	default:
		return false
	}
	if p := c.findProcess(name); p != nil {
		c.emit(Perform{ID: id, Req: req, Procs: []ProcID{p.id}})
	} else {
		c.fault(id, api.BadName, name)
	}
	return true
}

// followLogs makes sure that every name means something now. What it means later
// is for the daemon to look at, as processes come and go.
func (c *Core) followLogs(id RequestID, r api.FollowLogs) {
	for _, name := range r.Names {
		group, process := api.SplitNamespec(name)
		if c.findProcess(name) == nil && (process != "" || c.findGroup(group) == nil) {
			c.fault(id, api.BadName, name)
			return
		}
	}
	c.emit(Perform{ID: id, Req: r})
}

func (c *Core) sendStdin(id RequestID, r api.SendProcessStdin) {
	switch p := c.findProcess(r.Name); {
	case p == nil:
		c.fault(id, api.BadName, r.Name)
	case p.m.PID == 0 || p.m.Reaped || !p.m.State.IsRunning():
		c.fault(id, api.NotRunning, r.Name)
	default:
		c.emit(Perform{ID: id, Req: r, Procs: []ProcID{p.id}})
	}
}

func ids(procs []*process) []ProcID {
	out := make([]ProcID, len(procs))
	for i, p := range procs {
		out[i] = p.id
	}
	return out
}

// findProcess returns the process that a namespec names, or nil; a whole group
// is no process.
func (c *Core) findProcess(spec string) *process {
	gname, pname := api.SplitNamespec(spec)
	g := c.findGroup(gname)
	if g == nil || pname == "" {
		return nil
	}
	for _, p := range g.procs {
		if p.conf.Name == pname {
			return p
		}
	}
	return nil
}

// one starts or stops the process, or the group, that a namespec names.
func (c *Core) one(id RequestID, spec string, v verb, wait bool) {
	gname, pname := api.SplitNamespec(spec)
	if pname == "" {
		if c.findGroup(gname) == nil {
			c.fault(id, api.BadName, spec)
			return
		}
		c.groupJob(id, gname, v, wait)
		return
	}
	p := c.findProcess(spec)
	if p == nil {
		c.fault(id, api.BadName, spec)
		return
	}
	j := c.newJob(id, v, wait, []*process{p})
	j.single = true
	j.items[0].name = spec
	c.begin(j)
}

func (c *Core) groupJob(id RequestID, name string, v verb, wait bool) {
	g := c.findGroup(name)
	if g == nil {
		c.fault(id, api.BadName, name)
		return
	}
	c.many(id, g.ascending(), v, wait)
}

// many starts what of the processes does not run, or stops what does.
func (c *Core) many(id RequestID, procs []*process, v verb, wait bool) {
	var some []*process
	for _, p := range procs {
		switch {
		case p.m.State.IsRunning() == (v == verbStop):
			some = append(some, p)
		case v == verbStop:
			c.step(p, c.now, proc.Input{Kind: proc.InputGiveUp}) // a restart may be waiting
		}
	}
	c.begin(c.newJob(id, v, wait, some))
}

// reread takes a configuration that a client asked to be read.
func (c *Core) reread(in Loaded) {
	switch {
	case c.run != RunRunning:
		c.fault(in.ID, api.ShutdownState, "")
	case in.Err != nil:
		c.rereads.bad++
		f := api.NewFault(api.CantReread, firstLine(in.Err))
		f.Hint = strings.Join(details(in.Err), "\n")
		c.emit(Reply{ID: in.ID, Fault: f})
	default:
		c.rereads.good++
		c.config = in.Config
		active := c.active()
		conf.Share(active, in.Config.Groups)
		d := conf.Compare(active, in.Config.Groups)
		c.reply(in.ID, api.Reread{Added: orEmpty(d.Added), Changed: orEmpty(d.Changed), Removed: orEmpty(d.Removed)})
	}
}

// firstLine returns the text of a configuration error that scripts know,
// without the details for people.
func firstLine(err error) string {
	var le *conf.LoadError
	if errors.As(err, &le) {
		return le.First()
	}
	return err.Error()
}

// details returns what helps a person with a configuration error: each problem
// with its place.
func details(err error) []string {
	var le *conf.LoadError
	if errors.As(err, &le) {
		return le.Details()
	}
	return nil
}

// orEmpty makes an absent list an empty one, which every wire shows as such.
func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (c *Core) addProcessGroup(id RequestID, name string) {
	if c.findGroup(name) != nil {
		c.fault(id, api.AlreadyAdded, name)
		return
	}
	if gc := c.configured(name); gc != nil {
		c.tryAndAdd(id, gc)
		return
	}
	c.fault(id, api.BadName, name)
}

// configured returns the group of that name in the configuration as last read,
// or nil.
func (c *Core) configured(name string) *conf.Group {
	for _, gc := range c.config.Groups {
		if gc.Name == name {
			return gc
		}
	}
	return nil
}

// active returns the configurations with which the groups run.
func (c *Core) active() []*conf.Group {
	active := make([]*conf.Group, len(c.groups))
	for i, g := range c.groups {
		active[i] = g.conf
	}
	return active
}

func (c *Core) removeProcessGroup(id RequestID, name string) {
	switch g := c.findGroup(name); {
	case g == nil:
		c.fault(id, api.BadName, name)
	case !g.stopped() || c.updating(name):
		c.fault(id, api.StillRunning, name)
	default:
		c.removeGroup(g)
		c.reply(id, true)
	}
}
