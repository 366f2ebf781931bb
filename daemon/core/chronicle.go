package core

import (
	"slices"
	"sort"
	"strings"

	"gosupervisor/ctl/api"
)

// eventKind says how events of a type are kept.
type eventKind uint8

const (
	ordinary eventKind = iota // always
	logs                      // the others only while somebody follows them
	messages
	ticks
	eventKinds // their number
)

func kindOf(name string) eventKind {
	switch {
	case strings.HasPrefix(name, "PROCESS_LOG_"):
		return logs
	case strings.HasPrefix(name, "PROCESS_COMMUNICATION_"):
		return messages
	case strings.HasPrefix(name, "TICK_"):
		return ticks
	}
	return ordinary
}

// Chronicle is the latest events, and the serials of all of them. It
// outlives a Core: a restart hands it on. Its zero value is a past in which
// nothing happened.
type Chronicle struct {
	first  uint64 // serial that was ever given
	newest uint64 // serial that was given; first-1: none was
	lanes  [2]lane
	lost   [eventKinds]uint64 // the newest event of each kind that is not kept
}

// NewChronicle returns an empty chronicle whose first event has the serial first.
func NewChronicle(first uint64) *Chronicle {
	return &Chronicle{
		first: first, newest: first - 1,
		lanes: [2]lane{{most: api.HistoryEvents, mostBytes: api.HistoryBytes}, {most: api.OutputEvents, mostBytes: api.OutputBytes}},
	}
}

// laneOf returns where events of a kind are kept.
func (c *Chronicle) laneOf(k eventKind) *lane { return &c.lanes[min(int(k), 1)] }

// number gives an event the next serial.
func (c *Chronicle) number(e *entry) {
	c.newest++
	e.Serial = c.newest
}

// keep adds an event, at the cost of the oldest ones: dropped is told of each.
func (c *Chronicle) keep(e *entry, dropped func(*entry)) {
	e.fit()
	l := c.laneOf(kindOf(e.Type))
	for l.tight(e.size()) {
		old := l.at(0)
		c.lost[kindOf(old.Type)] = old.Serial
		dropped(old)
		l.drop()
	}
	l.add(e)
}

// oldest returns the serial of the oldest event that is kept.
func (c *Chronicle) oldest() uint64 {
	at := c.newest + 1
	for i := range c.lanes {
		if l := &c.lanes[i]; l.count > 0 {
			at = min(at, l.at(0).Serial)
		}
	}
	return at
}

// after calls use with the events after a serial, in order, for as long as it
// returns true.
func (c *Chronicle) after(serial uint64, use func(*entry) bool) {
	a, b := &c.lanes[0], &c.lanes[1]
	i, j := a.after(serial), b.after(serial)
	for i < a.count || j < b.count {
		var next *entry
		if j == b.count || i < a.count && a.at(i).Serial < b.at(j).Serial {
			next = a.at(i)
			i++
		} else {
			next = b.at(j)
			j++
		}
		if !use(next) {
			return
		}
	}
}

// forgetOutput drops what is only kept for those who follow it.
func (c *Chronicle) forgetOutput() {
	l := &c.lanes[1]
	for l.count > 0 {
		c.lost[kindOf(l.at(0).Type)] = l.at(0).Serial
		l.drop()
	}
	l.ring, l.head = nil, 0
}

// lane is a queue of events with a bound: a ring that grows up to it.
type lane struct {
	ring      []entry
	head      int // where the oldest one is
	count     int
	bytes     int
	most      int
	mostBytes int
}

// at returns the event at a place in the queue, the oldest being at 0.
func (l *lane) at(i int) *entry {
	if i += l.head; i >= len(l.ring) {
		i -= len(l.ring)
	}
	return &l.ring[i]
}

// tight tells whether the oldest event has to go before one of so many bytes
// can come.
func (l *lane) tight(bytes int) bool {
	return l.count > 0 && (l.count >= l.most || l.bytes+bytes > l.mostBytes)
}

// add appends an event, for which there is room.
func (l *lane) add(e *entry) {
	if l.count == len(l.ring) {
		grown := make([]entry, min(max(64, 2*l.count), l.most))
		for i := range l.count {
			grown[i] = *l.at(i)
		}
		l.ring, l.head = grown, 0
	}
	l.count++
	*l.at(l.count - 1) = *e
	l.bytes += e.size()
}

// drop forgets the oldest event.
func (l *lane) drop() {
	old := l.at(0)
	l.bytes -= old.size()
	*old = entry{}
	l.count--
	if l.head++; l.head == len(l.ring) {
		l.head = 0
	}
}

// after returns the place of the first event after a serial.
func (l *lane) after(serial uint64) int {
	return sort.Search(l.count, func(i int) bool { return l.at(i).Serial > serial })
}

// entry is an event as it is kept. There are many of them, so that the reason of a
// transition is worded only for somebody who asks.
type entry struct {
	api.Event
	of      *process // whose transition this is; nil: it is none
	members []string // of the group that this concerns as a whole, at that time
	record
}

// told returns the event with its reason.
func (e *entry) told() api.Event {
	out := e.Event
	if e.of != nil {
		out.Reason = e.of.reason(&e.record)
		if e.why == whyEnded || e.why == whyTooQuick {
			out.Ended, out.Exit = true, int(e.code)
		}
	}
	return out
}

// size estimates the memory that an event takes.
func (e *entry) size() int {
	const bare, name = 256, 16
	return bare + name*len(e.members) + len(e.Group) + len(e.Name) + len(e.Remote) + len(e.Data) + len(e.text)
}

// fit cuts the data of an event to what may be kept.
func (e *entry) fit() {
	if len(e.Data) > api.MaxEventData {
		e.Whole = len(e.Data)
		e.Data = slices.Clone(e.Data[:api.MaxEventData])
	}
	if len(e.Remote) > api.MaxEventData {
		e.Remote = strings.Clone(e.Remote[:api.MaxEventData])
	}
}
