package core

import (
	"cmp"
	"sort"
	"strconv"
	"syscall"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// Tally is what the supervisor has counted since it started, for whoever makes
// metrics of it.
type Tally struct {
	Identifier string
	Procs      []ProcID           // sorted by group and name
	Usage      []api.ProcessUsage // of each of them, as far as the core knows
	Counts     []ProcessCounts    // of each of them
	Pools      []QueueCounts      // of event listeners
	Hooks      []QueueCounts
	Rereads    uint64 // of the configuration that found it good
	BadRereads uint64 // that found a mistake
}

// ProcessCounts is what is counted of one process beside its starts.
type ProcessCounts struct {
	FailedStarts uint64
	Exits        []StatusCount // sorted by status
}

// StatusCount is how often children ended with a status: a number, or the name
// of a signal.
type StatusCount struct {
	Status string
	Count  uint64
}

// QueueCounts is what became of the events for a pool or a hook.
type QueueCounts struct {
	Name      string
	Accepted  uint64
	Delivered uint64 // of a pool: acknowledged
	Rejected  uint64 // of a pool: by a listener, which gets it again
	Dropped   uint64
	Waiting   int
}

// exits counts how children ended: by their code, or by 256 more than the number
// of the signal. So their number is bounded.
type exits map[int16]uint64

const signalled = 256

func (e *exits) count(in Exited) {
	if *e == nil {
		*e = exits{}
	}
	status := int16(in.Code)
	if in.Signal != 0 {
		status = signalled + int16(in.Signal)
	}
	(*e)[status]++
}

func (e exits) counts() []StatusCount {
	list := make([]StatusCount, 0, len(e))
	for status, n := range e {
		name := strconv.Itoa(int(status))
		if status >= signalled {
			name = conf.SignalName(syscall.Signal(status - signalled))
		}
		list = append(list, StatusCount{name, n})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Status < list[j].Status })
	return list
}

func (c *Core) tally() Tally {
	t := Tally{Identifier: c.ident, Usage: c.allUsage(), Rereads: c.rereads.good, BadRereads: c.rereads.bad}
	for _, p := range c.byName() {
		t.Procs = append(t.Procs, p.id)
		t.Counts = append(t.Counts, ProcessCounts{FailedStarts: p.history.failures, Exits: p.history.exits.counts()})
	}
	for _, pl := range c.pools {
		t.Pools = append(t.Pools, QueueCounts{
			Name: pl.group.conf.Name, Accepted: pl.serial, Delivered: pl.delivered, Rejected: pl.rejected, Dropped: pl.dropped, Waiting: len(pl.queue)})
	}
	for _, k := range c.hooks {
		t.Hooks = append(t.Hooks, QueueCounts{Name: k.conf.Name, Accepted: k.accepted, Dropped: uint64(k.lostAll), Waiting: len(k.queue)})
	}
	return t
}

// byName returns every process, by group and then by name.
func (c *Core) byName() []*process {
	out := make([]*process, 0, len(c.procs))
	for _, g := range c.groups {
		out = append(out, g.procs...)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		return cmp.Or(cmp.Compare(a.group.conf.Name, b.group.conf.Name), cmp.Compare(a.conf.Name, b.conf.Name)) < 0
	})
	return out
}

// States lists every state that a process can be in.
func States() []string {
	var names []string
	for _, s := range []proc.State{proc.Stopped, proc.Starting, proc.Running, proc.Backoff, proc.Stopping, proc.Exited, proc.Fatal, proc.Unknown} {
		names = append(names, s.String())
	}
	return names
}
