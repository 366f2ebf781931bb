package core

import (
	"slices"
	"sort"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// What a pool does when it has no room: its buffer_policy. With block, the programs
// whose output makes the events that it wants are held: nothing more is read of
// what they write until half of the buffer is free. State changes and the rest
// cannot wait; for them, and for what was on its way, there is room beyond
// buffer_size. Nobody is held who could be needed for the pool to get on, nor for
// ever: see held.

const (
	// blockRoom is how many events a pool takes beyond its buffer_size when it
	// has its sources held.
	blockRoom = 4096

	// heldLong is how long programs are held before the log says so.
	heldLong = 5 * time.Second

	// tellEvery is how often those who follow events are told of more losses.
	tellEvery = time.Second
)

// room is how a pool fares with its buffer.
type room struct {
	delivered uint64 // acknowledged
	rejected  uint64
	dropped   uint64
	told      uint64       // of which followers have been told
	toldAt    proc.Instant // when
	grown     bool         // the log knows that more than buffer_size wait
	holding   bool         // sources are held
	since     proc.Instant // since when
	long      bool         // the log knows
}

// limit is how many events may wait at the most.
func (pl *pool) limit() int {
	if most, grows := pl.policy.GrowsTo(); grows {
		return most
	}
	if pl.policy == conf.BlockSource {
		return pl.size + blockRoom
	}
	return pl.size
}

// makeRoom drops the oldest event of a queue that is full.
func (c *Core) makeRoom(pl *pool) {
	if len(pl.queue) >= pl.limit() {
		c.dropOldest(pl)
	} else if _, grows := pl.policy.GrowsTo(); grows && len(pl.queue) >= pl.size && !pl.grown {
		pl.grown = true
		c.logf(conf.Warn, "pool %s buffers more than %d events (buffer_size); there is room for %d", pl.group.conf.Name, pl.size, pl.limit())
	}
}

// dropOldest drops the oldest event of a queue, and says so.
func (c *Core) dropOldest(pl *pool) {
	c.logf(conf.Error, "pool %s event buffer overflowed, discarding event %d", pl.group.conf.Name, pl.queue[0].serial)
	pl.take()
	pl.dropped++
	switch {
	case pl.told == 0 || c.now >= pl.toldAt+tellEvery:
		c.tellDropped(pl)
	case pl.dropped == pl.told+1 && len(c.followers) > 0:
		c.arm(timer{at: pl.toldAt + tellEvery, pool: pl})
	}
}

// take removes the oldest event of a queue and returns it.
func (pl *pool) take() *queued {
	q := pl.queue[0]
	pl.queue[0] = nil
	pl.queue = pl.queue[1:]
	return q
}

// tellDropped tells how many events a pool has lost, but not too often.
func (c *Core) tellDropped(pl *pool) {
	pl.told, pl.toldAt = pl.dropped, c.now
	c.tellFollowers(&entry{members: pl.group.members(), Event: api.Event{Type: api.ListenerOverflow, Group: pl.group.conf.Name, Dropped: pl.dropped}})
}

// poolDue is a moment that a pool waited for. An event whose turn has come is
// dispatched anyway.
func (c *Core) poolDue(pl *pool) {
	if pl.dropped > pl.told && c.now >= pl.toldAt+tellEvery {
		c.tellDropped(pl)
	}
	if pl.holding && !pl.long && c.now >= pl.since+heldLong {
		pl.long = true
		c.logf(conf.Warn, "pool %s is full, and its listeners take nothing; held for %v, as buffer_policy=block: %s",
			pl.group.conf.Name, heldLong, strings.Join(c.heldNames(), ", "))
	}
}

// heldNames names what is held.
func (c *Core) heldNames() (names []string) {
	for _, p := range c.inOrder() {
		if p.held != (holds{}) {
			names = append(names, api.Namespec(p.group.conf.Name, p.conf.Name))
		}
	}
	return names
}

// channels are the outputs of a process, in the order of holds.
var channels = [2]api.Channel{api.Stdout, api.Stderr}

// holds says which outputs of a process are held.
type holds [2]bool

// holdSources holds the sources of pools that are full, and lets go of those of
// pools that are not any more.
func (c *Core) holdSources() {
	holding := false
	for _, pl := range c.pools {
		c.judgeRoom(pl)
		holding = holding || pl.holding
	}
	if !holding && !c.holding {
		return
	}
	c.holding = false
	for _, g := range c.groups {
		for _, p := range g.procs {
			now := c.holdsOf(p)
			for i, channel := range channels {
				if now[i] != p.held[i] {
					c.emit(Hold{Proc: p.id, Channel: channel, On: now[i]})
				}
			}
			p.held = now
			c.holding = c.holding || now != holds{}
		}
	}
}

// judgeRoom decides whether a pool has its sources held.
func (c *Core) judgeRoom(pl *pool) {
	if n := len(pl.queue); pl.grown && n <= pl.size/2 {
		pl.grown = false
	}
	holding := false
	if pl.policy == conf.BlockSource && c.run == RunRunning && slices.ContainsFunc(pl.group.procs, c.coming) {
		holding = len(pl.queue) >= pl.size || pl.holding && len(pl.queue) > pl.size/2
	}
	switch {
	case holding && !pl.holding:
		pl.since = c.now
		c.arm(timer{at: c.now + heldLong, pool: pl})
		c.logf(conf.Debug, "pool %s is full, holding those who write what it wants", pl.group.conf.Name)
	case !holding && pl.holding:
		level := conf.Debug
		if pl.long {
			level = conf.Info
		}
		pl.long = false
		c.logf(level, "pool %s holds nobody any more", pl.group.conf.Name)
	}
	pl.holding = holding
}

// holdsOf returns which outputs of a process are to be held. Those of a listener
// never are: it may be the one for whom all wait. Nor are those of a process that
// is to end, or has: that would hold up its end, and with it everything else.
func (c *Core) holdsOf(p *process) (h holds) {
	alive := p.m.State == proc.Starting || p.m.State == proc.Running
	if p.hears != nil || !alive || p.m.Reaped || p.m.StopWanted || p.leaving || c.run != RunRunning {
		return h
	}
	for i, o := range []conf.Output{p.conf.Stdout, p.conf.Stderr} {
		for _, pl := range c.pools {
			name := strings.ToUpper(string(channels[i]))
			h[i] = h[i] || pl.holding && (o.Events && pl.wants("PROCESS_LOG_"+name) ||
				o.CaptureMaxBytes > 0 && pl.wants("PROCESS_COMMUNICATION_"+name))
		}
	}
	return h
}

// eventPools describes every pool.
func (c *Core) eventPools() []api.EventPool {
	out := []api.EventPool{}
	for _, g := range c.groups {
		pl := g.pool
		if pl == nil {
			continue
		}
		info := api.EventPool{
			Name: g.conf.Name, Events: g.conf.Pool.Events, BufferSize: pl.size, BufferPolicy: string(pl.policy), Limit: pl.limit(),
			Buffered: len(pl.queue), Delivered: pl.delivered, Rejected: pl.rejected, Dropped: pl.dropped, Holding: pl.holding,
			Listeners: []api.PoolListener{},
		}
		for _, p := range g.procs {
			l := api.PoolListener{Name: p.conf.Name, StateName: p.m.State.String(), Listener: p.hears.parser.State().String(),
				Deaf: p.hears.deaf, Restarts: p.hears.mending.times}
			info.Listeners = append(info.Listeners, l)
		}
		out = append(out, info)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
