package core

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"gosupervisor/conf"
	"gosupervisor/proc"
	"gosupervisor/proc/listener"
)

// pool is an [eventlistener:x]: its listeners share one queue of events.
type pool struct {
	group   *group
	size    int
	policy  conf.BufferPolicy
	handler string
	removed bool
	queue   []*queued
	serial  uint64 // of the next event in this pool
	types   map[string]bool
	room
}

// queued is an event as one pool has it. The pool's serial stays the same when
// the event is sent again.
type queued struct {
	*event
	poolSerial uint64
	rejected   int          // how often it came back
	notBefore  proc.Instant // when it may be sent again
}

// ear is what a process is as a listener.
type ear struct {
	parser listener.Parser
	event  *queued // the one that it has, nil if none
	deaf   bool    // it reads no more; it gets nothing until it is started again
	mending

	stuffed proc.Instant // it does not read now; until then it gets nothing
}

// reset makes it that of a new child.
func (e *ear) reset() {
	e.parser.Reset()
	e.deaf, e.stuffed, e.mending.at = false, 0, 0
}

// Of an event that a listener keeps rejecting, the first resend is immediate;
// the next ones wait, longer each time.
const (
	firstResend = 10 * time.Millisecond
	lastResend  = time.Second
)

func (c *Core) addPool(g *group) {
	pl := &pool{group: g}
	for _, p := range g.procs {
		p.listen()
	}
	g.pool = pl
	ticked := c.ticking()
	c.pools = append(c.pools, pl)
	c.configurePool(pl, ticked)
}

// configurePool takes over what the configuration says of a pool. What waits in
// its queue stays there, as far as there is room. ticked tells whether there were
// ticks before.
func (c *Core) configurePool(pl *pool, ticked bool) {
	pc := pl.group.conf.Pool
	pl.size, pl.policy, pl.handler, pl.types = pc.BufferSize, pc.Policy, pc.ResultHandler, map[string]bool{}
	for _, want := range pc.Events {
		pl.types[want] = true
	}
	for len(pl.queue) > pl.limit() {
		c.dropOldest(pl)
	}
	if !ticked && c.ticking() {
		c.startTicking()
	}
}

// listen makes a process a listener.
func (p *process) listen() {
	p.hears = &ear{}
	p.hears.reset()
}

func (c *Core) removePool(pl *pool) {
	pl.removed = true
	c.pools = slices.DeleteFunc(c.pools, func(have *pool) bool { return have == pl })
}

// wants tells whether the pool subscribes to an event.
func (pl *pool) wants(name string) bool { return covers(pl.types, name) }

// accept appends an event to the pool's queue, at the cost of the oldest when
// that is full.
func (c *Core) accept(pl *pool, e *event) {
	c.makeRoom(pl)
	pl.queue = append(pl.queue, &queued{event: e, poolSerial: pl.serial})
	pl.serial++
}

// dispatch gives waiting events to listeners that are ready.
func (c *Core) dispatch() {
	for _, pl := range c.pools {
		c.dispatchPool(pl)
	}
}

func (c *Core) dispatchPool(pl *pool) {
	for sent := false; len(pl.queue) > 0; sent = true {
		q := pl.queue[0]
		if q.notBefore > c.now {
			return
		}
		p := pl.ready(c.now)
		if p == nil {
			if sent {
				c.logf(conf.Debug, "rebuffering event %d for pool %s (buf size=%d, max=%d)",
					q.serial, pl.group.conf.Name, len(pl.queue), pl.size)
			}
			return
		}
		c.send(pl, p, pl.take())
	}
}

// ready returns the first listener that waits for an event, nil if none does.
func (pl *pool) ready(now proc.Instant) *process {
	for _, p := range pl.group.procs {
		if p.m.State == proc.Running && !p.m.Reaped && !p.hears.deaf && p.hears.stuffed <= now && p.hears.parser.State() == listener.Ready {
			return p
		}
	}
	return nil
}

func (c *Core) send(pl *pool, p *process, q *queued) {
	p.hears.event = q
	c.logf(conf.Debug, "event %d sent to listener %s", q.serial, p.conf.Name)
	p.hears.parser.Sent()
	// The length counts characters by default: the listeners of the original's
	// helper library read them from a text stream.
	length := utf8.RuneCountInString(q.payload)
	if pl.group.conf.Pool.LenUnit == conf.LenBytes {
		length = len(q.payload)
	}
	header := fmt.Sprintf("ver:3.0 server:%s serial:%d pool:%s poolserial:%d eventname:%s len:%d\n",
		c.ident, q.serial, pl.group.conf.Name, q.poolSerial, q.name, length)
	c.emit(SendEvent{Proc: p.id, Serial: q.serial, Data: []byte(header + q.payload)})
}

// sendFailed takes an event back from a listener that reads no more, for the
// next one.
func (c *Core) sendFailed(in SendFailed) {
	p := c.procs[in.Proc]
	if p == nil || p.hears == nil || p.hears.event == nil || p.hears.event.serial != in.Serial {
		return
	}
	if in.Full {
		// It is not ready after all, and is tried again in a while.
		c.logf(conf.Debug, "listener %s does not read; event %d is for another one, or waits", p.conf.Name, in.Serial)
		p.hears.parser.Unsent()
		p.hears.stuffed = c.now + lastResend
		c.arm(timer{at: p.hears.stuffed, pool: p.group.pool})
		c.takeBack(p)
		return
	}
	c.logf(conf.Debug, "epipe occurred while sending event %d to listener %s, listener state unchanged", in.Serial, p.conf.Name)
	p.hears.deaf = true
	c.takeBack(p)
	c.broke(p, "it has closed its standard input")
}

// takeBack puts the event that a listener has at the head of its pool's queue.
func (c *Core) takeBack(p *process) {
	q, pl := p.hears.event, p.group.pool
	p.hears.event = nil
	if q == nil || pl.removed {
		return
	}
	c.makeRoom(pl)
	pl.queue = slices.Insert(pl.queue, 0, q)
}

// heard takes what a listener says.
func (c *Core) heard(in Heard) {
	p := c.procs[in.Proc]
	if p == nil || p.hears == nil {
		return
	}
	before := p.hears.parser.State()
	for _, s := range p.hears.parser.Feed(in.Data) {
		before = c.listenerSaid(p, s, before)
	}
}

// listenerSaid acts on one thing that a listener said, and returns the state
// that it is in then.
func (c *Core) listenerSaid(p *process, s listener.Signal, before listener.State) listener.State {
	name, after := p.conf.Name, listener.Acknowledged
	switch s.Kind {
	case listener.BecameReady:
		after = listener.Ready
	case listener.Processed:
		c.processed(p)
	case listener.Rejected:
		if p.group.pool.handler == conf.StdoutHandler { // its every result is an acknowledgement
			c.processed(p)
			break
		}
		c.logf(conf.Warn, "%s: event was rejected", name)
		p.group.pool.rejected++
		c.putOff(p.group.pool, p.hears.event)
		c.takeBack(p)
	case listener.BadResult:
		c.logf(conf.Warn, "%s: bad result line: %s", name, conf.Repr(s.Line))
		after = listener.Unknown
		c.takeBack(p)
	case listener.Violation:
		after = listener.Unknown
	}
	c.logf(conf.Debug, "%s: %v -> %v", name, before, after)
	if after == listener.Unknown {
		c.logf(conf.Warn, "%s: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol", name)
		c.broke(p, "it violated the event listener protocol")
	}
	return after
}

// putOff decides when a rejected event may be sent again.
func (c *Core) putOff(pl *pool, q *queued) {
	if q == nil {
		return
	}
	q.rejected++
	if q.rejected > 1 {
		q.notBefore = c.now + min(firstResend<<min(q.rejected-2, 10), lastResend)
		c.arm(timer{at: q.notBefore, pool: pl})
	}
}
