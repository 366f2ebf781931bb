package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// What a supervisor keeps of the past at the most. Events that come at the pace
// of a program's output have a room of their own, so that they push out no others.
const (
	HistoryEvents = 2048
	HistoryBytes  = 2 << 20
	OutputEvents  = 2048
	OutputBytes   = 4 << 20

	MaxEventData = 256 << 10 // the data that an event keeps
	MaxFollowers = 1000      // clients that follow events
)

// Event is something that happened, with the time and a serial of its own. What
// it has beyond the first fields is a matter of its type.
type Event struct {
	Serial uint64 // of all events, kept or not; not that which event listeners see
	When   int64  // Unix time in milliseconds
	Type   string // such as PROCESS_STATE_RUNNING
	Group  string // of the process, or that was added or removed
	Name   string // of the process

	From     string // PROCESS_STATE: the state before
	Tries    int    // PROCESS_STATE_STARTING, _BACKOFF: failed starts so far
	PID      int    // PROCESS_STATE_RUNNING, _STOPPING, _STOPPED, _EXITED, PROCESS_LOG, PROCESS_COMMUNICATION
	Expected bool   // PROCESS_STATE_EXITED: the status was one of exitcodes
	Reason   string // PROCESS_STATE: how the child ended, or why there is none; may be empty
	Ended    bool   // PROCESS_STATE: this is the end of a child, and it left
	Exit     int    // this exit status; -1: a signal ended it

	Channel Channel // PROCESS_LOG, PROCESS_COMMUNICATION
	Remote  string  // REMOTE_COMMUNICATION: the type that the sender gave
	Data    Bytes   // of these three
	Whole   int     // the size of the data when it was too long to be kept; else 0
	Tick    int64   // TICK: Unix seconds, a multiple of the period
	Dropped uint64  // LISTENER_OVERFLOW: so many events has the pool lost since it was added
}

// Gap says that events from one serial to another are no longer there, or were
// never kept. They may or may not have been such as the reader asked for.
type Gap struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// EventsOpen is the first record of a stream of events.
type EventsOpen struct {
	Serial     uint64 `json:"serial"` // of the newest event
	Oldest     uint64 `json:"oldest"` // of the oldest event that is kept; none is: one more than Serial
	PID        int    `json:"pid"`    // of the supervisor
	Identifier string `json:"identifier"`
}

// EventRecord is a line of a stream of events. One of its fields is set.
type EventRecord struct {
	Open  *EventsOpen
	Gap   *Gap
	Event *Event
}

// EventBatch is a piece of a stream of events: the gap comes before the events.
type EventBatch struct {
	Open   *EventsOpen // in the first one
	Gap    *Gap
	Events []Event
}

// Records returns the records of the batch, in order.
func (b EventBatch) Records() []EventRecord {
	out := make([]EventRecord, 0, len(b.Events)+2)
	if b.Open != nil {
		out = append(out, EventRecord{Open: b.Open})
	}
	if b.Gap != nil {
		out = append(out, EventRecord{Gap: b.Gap})
	}
	for i := range b.Events {
		out = append(out, EventRecord{Event: &b.Events[i]})
	}
	return out
}

// EventList is what a supervisor still knows of the past.
type EventList struct {
	Serial uint64  `json:"serial"` // of the newest event
	Oldest uint64  `json:"oldest"` // of the oldest event that is kept; none is: one more than Serial
	Gap    *Gap    `json:"gap,omitempty"`
	Events []Event `json:"events"`
}

// EventPool is an [eventlistener:x] as it is now.
type EventPool struct {
	Name         string         `json:"name"`
	Events       []string       `json:"events"`
	BufferSize   int            `json:"buffer_size"`
	BufferPolicy string         `json:"buffer_policy"`
	Limit        int            `json:"limit"`     // so many events may wait before the oldest is dropped
	Buffered     int            `json:"buffered"`  // so many do
	Delivered    uint64         `json:"delivered"` // acknowledged since the pool was added, as are the next two
	Rejected     uint64         `json:"rejected"`  // sent back; they are sent again
	Dropped      uint64         `json:"dropped"`   // lost
	Holding      bool           `json:"holding"`   // programs that write what the pool wants are made to wait
	Listeners    []PoolListener `json:"listeners"`
}

// PoolListener is one process of an EventPool.
type PoolListener struct {
	Name      string `json:"name"`
	StateName string `json:"statename"` // of the process
	Listener  string `json:"listener"`  // ACKNOWLEDGED, READY, BUSY or UNKNOWN
	Deaf      bool   `json:"deaf"`      // it has closed its standard input
	Restarts  int    `json:"restarts"`  // for having broken the protocol, lately
}

// The types of events that only those hear of who follow events; no listener can
// subscribe to them.
const (
	ListenerUnknown  = "LISTENER_UNKNOWN"  // a listener gets no events any more
	ListenerOverflow = "LISTENER_OVERFLOW" // a pool has lost events
)

// FollowedTypes returns these types, and their kind.
func FollowedTypes() []string { return []string{"LISTENER", ListenerOverflow, ListenerUnknown} }

// eventJSON is the form of an Event on the wire. What its type does not have is
// absent.
type eventJSON struct {
	Serial   uint64      `json:"serial"`
	When     json.Number `json:"when"`
	Type     string      `json:"type"`
	Group    string      `json:"group,omitempty"`
	Name     string      `json:"name,omitempty"`
	From     string      `json:"from_state,omitempty"`
	Tries    *int        `json:"tries,omitempty"`
	PID      *int        `json:"pid,omitempty"`
	Expected *bool       `json:"expected,omitempty"`
	Exit     *int        `json:"exitstatus,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Channel  Channel     `json:"channel,omitempty"`
	Remote   *string     `json:"remote_type,omitempty"`
	Data     *Bytes      `json:"data,omitempty"`
	Whole    int         `json:"data_bytes,omitempty"`
	Tick     int64       `json:"tick,omitempty"`
	Dropped  uint64      `json:"dropped,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (e Event) MarshalJSON() ([]byte, error) {
	j := eventJSON{
		Serial: e.Serial, When: json.Number(fmt.Sprintf("%d.%03d", e.When/1000, e.When%1000)), Type: e.Type,
		Group: e.Group, Name: e.Name, From: e.From, Reason: e.Reason, Channel: e.Channel,
		Whole: e.Whole, Tick: e.Tick, Dropped: e.Dropped,
	}
	switch strings.TrimPrefix(e.Type, "PROCESS_STATE_") {
	case "STARTING", "BACKOFF":
		j.Tries = &e.Tries
	case "RUNNING", "STOPPING", "STOPPED":
		j.PID = &e.PID
	case "EXITED":
		j.PID, j.Expected = &e.PID, &e.Expected
	case "REMOTE_COMMUNICATION":
		j.Remote, j.Data = &e.Remote, &e.Data
	}
	if e.Ended {
		j.Exit = &e.Exit
	}
	if e.Channel != "" {
		j.PID, j.Data = &e.PID, &e.Data
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(j); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Event) UnmarshalJSON(p []byte) error {
	var j eventJSON
	if err := json.Unmarshal(p, &j); err != nil {
		return err
	}
	when, err := j.When.Float64()
	if err != nil {
		return fmt.Errorf("when of an event: %w", err)
	}
	*e = Event{
		Serial: j.Serial, When: int64(math.Round(when * 1000)), Type: j.Type,
		Group: j.Group, Name: j.Name, From: j.From, Tries: value(j.Tries), PID: value(j.PID), Expected: value(j.Expected),
		Reason: j.Reason, Ended: j.Exit != nil, Exit: value(j.Exit), Channel: j.Channel, Remote: value(j.Remote), Data: value(j.Data), Whole: j.Whole,
		Tick: j.Tick, Dropped: j.Dropped,
	}
	return nil
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// MarshalJSON implements json.Marshaler: an event stands as it is, the others
// under their name.
func (r EventRecord) MarshalJSON() ([]byte, error) {
	if r.Event != nil {
		return r.Event.MarshalJSON()
	}
	return json.Marshal(struct {
		Open *EventsOpen `json:"open,omitempty"`
		Gap  *Gap        `json:"gap,omitempty"`
	}{r.Open, r.Gap})
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *EventRecord) UnmarshalJSON(p []byte) error {
	var j struct {
		Open *EventsOpen `json:"open"`
		Gap  *Gap        `json:"gap"`
	}
	if err := json.Unmarshal(p, &j); err != nil {
		return err
	}
	if *r = (EventRecord{Open: j.Open, Gap: j.Gap}); j.Open != nil || j.Gap != nil {
		return nil
	}
	r.Event = new(Event)
	return r.Event.UnmarshalJSON(p)
}
