package core

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// A batch ends when it has so many events, or so much.
const (
	batchEvents = 256
	batchBytes  = 256 << 10
)

// follower is a client that follows events. It takes them at its own pace: what
// waits for it waits in the chronicle, and what is dropped from there is a gap.
type follower struct {
	filter
	cursor uint64    // the newest event that it has, or did not want
	gap    api.Gap   // what it wanted and was dropped; To is 0 if nothing was
	parked RequestID // of the More that waits for an event; 0: none
	fresh  bool      // there is something for it
}

// filter says which events somebody wants.
type filter struct {
	types map[string]bool
	names []pattern // none: any
}

// pattern is a process, or a whole group if process is empty.
type pattern struct{ group, process string }

// eventKindNames are the types that a client can ask for, and eventNames those of
// them that events have; the others are kinds of these.
var eventKindNames = sync.OnceValue(func() []string { return slices.Concat(conf.EventTypes(), api.FollowedTypes()) })

var eventNames = sync.OnceValue(func() (names []string) {
	for _, name := range eventKindNames() {
		kind := func(other string) bool {
			rest, under := strings.CutPrefix(other, name)
			return under && strings.HasPrefix(rest, "_")
		}
		if name != "EVENT" && !slices.ContainsFunc(eventKindNames(), kind) {
			names = append(names, name)
		}
	}
	return names
})

// isOf tells whether events of a type are of a kind too.
func isOf(name, kind string) bool {
	return kind == "EVENT" || name == kind || strings.HasPrefix(name, kind+"_")
}

// newFilter makes a filter of what a client asks for.
func newFilter(types, names []string) (filter, *api.Fault) {
	f := filter{types: map[string]bool{}}
	for _, want := range types {
		kind := strings.ToUpper(want)
		if !slices.Contains(eventKindNames(), kind) {
			return f, unknownType(want)
		}
		for _, name := range eventNames() {
			if isOf(name, kind) {
				f.types[name] = true
			}
		}
	}
	for _, name := range eventNames() {
		if len(types) == 0 && kindOf(name) == ordinary {
			f.types[name] = true
		}
	}
	for _, name := range names {
		group, process := api.SplitNamespec(name)
		f.names = append(f.names, pattern{group, process})
	}
	return f, nil
}

func unknownType(name string) *api.Fault {
	f := &api.Fault{Code: api.IncorrectParameters, Detail: "there is no event type " + api.Shorten(fmt.Sprintf("%q", name))}
	if near := api.Nearest(strings.ToUpper(name), eventKindNames()); near != "" {
		f.Hint = "did you mean " + near + "?"
	} else {
		f.Hint = "the types are " + strings.Join(eventKindNames(), ", ")
	}
	return f
}

// wants tells whether an event is one of those that are wanted. What concerns a
// group as a whole concerns each of its processes, but nobody else: who may see a
// process of that name in any group is not to learn which groups there are.
func (f *filter) wants(e *entry) bool {
	if !f.types[e.Type] {
		return false
	}
	return len(f.names) == 0 || slices.ContainsFunc(f.names, func(p pattern) bool {
		if e.Group == "" || p.group != e.Group {
			return false
		}
		return p.process == "" || p.process == e.Name || slices.Contains(e.members, p.process)
	})
}

// since puts a follower behind the event with that serial. What is not kept of
// what came after it is a gap; nobody knows any more whether it was wanted.
func (c *Core) since(f *follower, serial int64) {
	past := c.chronicle
	if f.cursor = past.newest; serial < 0 {
		return
	}
	f.cursor, f.fresh = uint64(serial), true
	switch {
	case serial == 0:
		f.cursor = past.first - 1
	case f.cursor > past.newest: // of another supervisor, whose clock was ahead
		f.cursor = past.first - 1
		f.miss(max(f.cursor, 1))
	case f.cursor < past.first-1: // of another supervisor
		f.miss(past.first - 1)
	}
	for _, name := range eventNames() {
		if lost := past.lost[kindOf(name)]; f.types[name] && lost > f.cursor {
			f.miss(lost)
		}
	}
}

// miss notes that an event, and perhaps those before it that the follower has
// not seen, are no longer there.
func (f *follower) miss(serial uint64) {
	if f.gap.To == 0 {
		f.gap.From = min(f.cursor+1, serial)
	}
	f.gap.To = max(f.gap.To, serial)
}

// follow takes a new follower and answers with its first batch.
func (c *Core) follow(in Follow) {
	if len(c.followers) >= api.MaxFollowers {
		c.emit(Reply{ID: in.ID, Fault: &api.Fault{Code: api.Failed, Detail: fmt.Sprintf("%d clients follow events already", api.MaxFollowers)}})
		return
	}
	f, fault := newFilter(in.Req.Types, in.Req.Names)
	if fault != nil {
		c.emit(Reply{ID: in.ID, Fault: fault})
		return
	}
	open := c.opened()
	one := &follower{filter: f}
	c.since(one, in.Req.Since)
	ticked := c.ticking()
	if c.followers == nil {
		c.followers = map[RequestID]*follower{}
	}
	c.followers[in.ID] = one
	c.order = append(c.order, in.ID)
	if !ticked && c.ticking() {
		c.startTicking()
	}
	batch := c.batch(one)
	batch.Open = &open
	c.reply(in.ID, batch)
}

func (c *Core) opened() api.EventsOpen {
	return api.EventsOpen{Serial: c.chronicle.newest, Oldest: c.chronicle.oldest(), PID: c.opts.PID, Identifier: c.ident}
}

// more answers with the next batch, as soon as there is something in it.
func (c *Core) more(in More) {
	f := c.followers[in.Follower]
	switch {
	case f == nil:
		c.fault(in.ID, api.Failed, "this stream has ended")
	case f.parked != 0:
		c.fault(in.ID, api.Failed, "this stream is being waited for already")
	default:
		f.parked = in.ID
	}
}

// unfollow forgets a follower. Of what nobody follows any more nothing is kept.
func (c *Core) unfollow(in Unfollow) {
	delete(c.followers, in.Follower)
	c.order = slices.DeleteFunc(c.order, func(id RequestID) bool { return id == in.Follower })
	for _, f := range c.followers {
		for name := range f.types {
			if kindOf(name) != ordinary {
				return
			}
		}
	}
	c.chronicle.forgetOutput()
}

// record numbers an event and keeps it, if it is one to be kept. subscribed tells
// whether anybody else gets it.
func (c *Core) record(e *entry, subscribed bool) {
	kind := kindOf(e.Type)
	followed := kind == ordinary
	for _, f := range c.followers {
		if f.wants(e) {
			f.fresh, followed = true, true
		}
	}
	switch {
	case kind == ticks && !followed && !subscribed:
		return // it ticks for others, and this period is nobody's
	case !followed:
		c.chronicle.number(e)
		c.chronicle.lost[kind] = e.Serial
		return
	}
	c.chronicle.number(e)
	c.chronicle.keep(e, c.dropped)
}

// dropped tells those who have not taken an event that it is no longer there.
func (c *Core) dropped(e *entry) {
	for _, f := range c.followers {
		if f.cursor < e.Serial && f.wants(e) {
			f.miss(e.Serial)
		}
	}
}

// batch returns what a follower has not seen, or as much of it as fits.
func (c *Core) batch(f *follower) api.EventBatch {
	b := api.EventBatch{Events: []api.Event{}}
	if gap := f.gap; gap.To > 0 {
		b.Gap, f.gap = &gap, api.Gap{}
	}
	bytes := 0
	f.fresh = false
	c.chronicle.after(f.cursor, func(e *entry) bool {
		if !f.wants(e) {
			f.cursor = e.Serial
			return true
		}
		if len(b.Events) == batchEvents || bytes > 0 && bytes+e.size() > batchBytes {
			f.fresh = true
			return false
		}
		b.Events = append(b.Events, e.told())
		bytes += e.size()
		f.cursor = e.Serial
		return true
	})
	if !f.fresh {
		f.cursor = c.chronicle.newest
	}
	return b
}

// feed gives those who wait what there is for them.
func (c *Core) feed() {
	for _, id := range c.order {
		f := c.followers[id]
		if f.parked == 0 || !f.fresh && f.gap.To == 0 {
			continue
		}
		b := c.batch(f)
		if b.Gap == nil && len(b.Events) == 0 {
			continue
		}
		c.reply(f.parked, b)
		f.parked = 0
	}
}

// Rest returns what a follower has not taken, when there will be no further
// Step; it returns false when that is nothing. Different followers may be asked
// for at the same time.
func (c *Core) Rest(id RequestID) (api.EventBatch, bool) {
	f := c.followers[id]
	if f == nil {
		return api.EventBatch{}, false
	}
	b := c.batch(f)
	return b, b.Gap != nil || len(b.Events) > 0
}

// getEvents answers with what is kept.
func (c *Core) getEvents(id RequestID, r api.GetEvents) {
	filter, fault := newFilter(r.Types, r.Names)
	if fault != nil {
		c.emit(Reply{ID: id, Fault: fault})
		return
	}
	f := &follower{filter: filter}
	c.since(f, max(r.Since, 0))
	out := api.EventList{Serial: c.chronicle.newest, Oldest: c.chronicle.oldest(), Events: []api.Event{}}
	for more := true; more; more = f.fresh {
		b := c.batch(f)
		if b.Gap != nil {
			out.Gap = b.Gap
		}
		out.Events = append(out.Events, b.Events...)
	}
	c.reply(id, out)
}
