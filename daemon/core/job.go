package core

import (
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// remindEvery is how often a waiting stop says in the log that it waits.
const remindEvery = 2 * time.Second

// verb says what a job does to its processes.
type verb uint8

const (
	verbStart verb = iota
	verbStop
)

// job is a request that starts or stops processes. It is answered when every
// item has come to its end; nothing polls.
type job struct {
	id       uint64
	request  RequestID
	verb     verb
	wait     bool
	update   bool // it is part of an update, which is answered by itself
	single   bool // answer true or a fault instead of a list
	items    []*item
	results  []api.Status // in the order of completion
	open     int
	reminder proc.Instant // when the next line about waiting is due
}

// item is a job's part that concerns one process.
type item struct {
	proc *process
	job  *job
	name string // what faults call it
	done bool
	live bool // checked, and the verb was given to the machine
}

// newJob makes a job and its items, one for each process.
func (c *Core) newJob(id RequestID, v verb, wait bool, procs []*process) *job {
	c.lastJob++
	j := &job{id: c.lastJob, request: id, verb: v, wait: wait, open: len(procs)}
	for _, p := range procs {
		j.items = append(j.items, &item{proc: p, job: j, name: p.namespec()})
	}
	c.jobs[j.id] = j
	return j
}

// begin gives the verb to every item. A job without items is answered at once.
func (c *Core) begin(j *job) {
	if len(j.items) == 0 {
		c.finish(j)
		return
	}
	for _, it := range j.items {
		if j.verb == verbStart {
			c.emit(Check{Job: j.id, Proc: it.proc.id, Program: it.proc.conf})
		} else {
			c.stopItem(it)
		}
	}
	if j.verb == verbStop && j.wait && j.open > 0 {
		c.remind(j)
	}
}

// checked goes on with a start once it is known whether the command is there.
func (c *Core) checked(in Checked) {
	j := c.jobs[in.Job]
	if j == nil {
		return
	}
	for _, it := range j.items {
		if it.proc.id == in.Proc && !it.done && !it.live {
			c.startItem(it, in.Err)
			return
		}
	}
}

func (c *Core) startItem(it *item, bad *CommandError) {
	p := it.proc
	switch {
	case p.removed:
		c.fail(it, api.BadName, it.name)
	case c.run != RunRunning:
		c.fail(it, api.ShutdownState, "")
	case p.leaving:
		c.fail(it, api.Failed, it.name+" is being updated")
	case bad != nil:
		c.fail(it, bad.Code, bad.Text)
	case p.m.State.IsRunning():
		c.fail(it, api.AlreadyStarted, it.name)
	case p.m.State == proc.Unknown:
		c.fail(it, api.Failed, it.name+" is in an unknown process state")
	case p.m.State == proc.Stopping:
		c.logf(conf.Warn, "process '%s' already running", p.conf.Name)
		if it.job.wait {
			c.fail(it, api.AbnormalTermination, it.name)
		} else {
			c.succeed(it)
		}
	default:
		it.live = true
		p.waiting = append(p.waiting, it)
		p.by = whyStart
		c.step(p, c.now, proc.Input{Kind: proc.InputStart})
	}
}

func (c *Core) stopItem(it *item) {
	p := it.proc
	if !p.m.State.IsRunning() {
		c.step(p, c.now, proc.Input{Kind: proc.InputGiveUp}) // a restart may be waiting
		c.fail(it, api.NotRunning, it.name)
		return
	}
	it.live = true
	p.waiting = append(p.waiting, it)
	if p.by = whyStop; it.job.update {
		p.by = whyUpdate
	}
	c.step(p, c.now, proc.Input{Kind: proc.InputStop})
	if !it.job.wait && !it.done {
		c.succeed(it)
	}
}

// settle ends the items that waited for this transition, well or badly.
func (c *Core) settle(p *process, mv proc.Move) {
	for _, it := range append([]*item(nil), p.waiting...) {
		if it.job.verb == verbStart {
			c.settleStart(it, mv)
		} else {
			c.settleStop(it, mv)
		}
	}
}

func (c *Core) settleStart(it *item, mv proc.Move) {
	switch mv.To {
	case proc.Starting:
	case proc.Running:
		c.succeed(it)
	case proc.Backoff, proc.Fatal:
		c.fail(it, api.SpawnError, it.name)
	default:
		c.fail(it, api.AbnormalTermination, it.name)
	}
}

func (c *Core) settleStop(it *item, mv proc.Move) {
	switch {
	case mv.To == proc.Unknown:
		c.fail(it, api.Failed, it.proc.spawnErr)
	case mv.To.IsStopped():
		c.succeed(it)
	}
}

// settleSpawned ends the starts that wanted no more than a child.
func (c *Core) settleSpawned(p *process) {
	for _, it := range append([]*item(nil), p.waiting...) {
		if it.job.verb == verbStart && !it.job.wait {
			c.succeed(it)
		}
	}
}

// settleRemoved ends whatever waited for a process that is no more.
func (c *Core) settleRemoved(p *process) {
	for _, it := range append([]*item(nil), p.waiting...) {
		c.fail(it, api.AbnormalTermination, it.name)
	}
}

func (c *Core) succeed(it *item) { c.end(it, api.Success, "OK") }

func (c *Core) fail(it *item, code api.Code, detail string) {
	c.end(it, code, api.NewFault(code, detail).Text())
}

// end records an item's outcome, and answers when it was the last.
func (c *Core) end(it *item, code api.Code, text string) {
	if it.done {
		return
	}
	it.done = true
	p := it.proc
	for i, w := range p.waiting {
		if w == it {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			break
		}
	}
	j := it.job
	j.results = append(j.results, api.Status{
		Name: p.conf.Name, Group: p.group.conf.Name, Status: code, Description: text,
	})
	if j.open--; j.open == 0 {
		c.finish(j)
	}
}

// finish answers a job.
func (c *Core) finish(j *job) {
	delete(c.jobs, j.id)
	switch {
	case j.request == 0:
	case !j.single:
		if j.results == nil {
			j.results = []api.Status{}
		}
		c.reply(j.request, j.results)
	case j.results[0].Status == api.Success:
		c.reply(j.request, true)
	default:
		r := j.results[0]
		c.emit(Reply{ID: j.request, Fault: api.ParseFault(r.Status, r.Description)})
	}
}

// remind says in the log which stops are waited for.
func (c *Core) remind(j *job) {
	for _, it := range j.items {
		if !it.done {
			c.logf(conf.Info, "waiting for %s to stop", it.proc.conf.Name)
		}
	}
	j.reminder = c.now + remindEvery
	c.arm(timer{at: j.reminder, job: j})
}

// cancel forgets who asked; what was begun goes on.
func (c *Core) cancel(id RequestID) {
	for _, j := range c.jobs {
		if j.request == id {
			j.request = 0
		}
	}
	for _, u := range c.updates {
		if u.request == id {
			u.request = 0
		}
	}
	if s := c.signals[id]; s != nil {
		s.request = 0
	}
	c.dropWait(id)
}
