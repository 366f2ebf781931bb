package core

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// event is something that happened, on its way to the pools that want it.
type event struct {
	serial  uint64
	name    string // such as PROCESS_STATE_RUNNING
	payload string
}

// publish tells everybody who wants to know of an event: those who follow events,
// hooks, and pools. Only for the latter two it is put into the words of the
// original, and only with a pool it has a serial of the original's.
func (c *Core) publish(e api.Event) { c.publishEntry(&entry{Event: e}) }

func (c *Core) publishEntry(e *entry) {
	e.When = c.wall.UnixMilli()
	name, text := e.Type, ""
	wanted := c.wanted(name)
	if wanted {
		text = payload(&e.Event) // of all of its data: less may be kept
	}
	c.record(e, wanted)
	if !wanted {
		return
	}
	c.offer(name, text)
	var one *event
	for _, pl := range c.pools {
		if !pl.wants(name) {
			continue
		}
		if one == nil {
			one = &event{serial: c.serial, name: name, payload: text}
			c.serial++
		}
		c.accept(pl, one)
	}
}

// tellFollowers tells of an event that only those hear of who follow events: the
// original has none of its type.
func (c *Core) tellFollowers(e *entry) {
	e.When = c.wall.UnixMilli()
	c.record(e, false)
}

// wanted tells whether a hook or a pool subscribes to an event.
func (c *Core) wanted(name string) bool {
	for _, k := range c.hooks {
		if covers(k.types, name) {
			return true
		}
	}
	for _, pl := range c.pools {
		if pl.wants(name) {
			return true
		}
	}
	return false
}

// payload returns what a listener reads of an event, behind its header.
func payload(e *api.Event) string {
	switch {
	case e.Channel != "":
		return outputPayload(e)
	case e.Name != "":
		return statePayload(e)
	case e.Group != "":
		return "groupname:" + e.Group + "\n"
	case e.Tick != 0:
		return fmt.Sprintf("when:%d", e.Tick)
	case e.Type == "REMOTE_COMMUNICATION":
		return "type:" + e.Remote + "\n" + string(e.Data)
	}
	return ""
}

func statePayload(e *api.Event) string {
	text := fmt.Sprintf("processname:%s groupname:%s from_state:%s", e.Name, e.Group, e.From)
	switch e.Type {
	case stateEvent(proc.Starting), stateEvent(proc.Backoff):
		text += fmt.Sprintf(" tries:%d", e.Tries)
	case stateEvent(proc.Running), stateEvent(proc.Stopping), stateEvent(proc.Stopped):
		text += fmt.Sprintf(" pid:%d", e.PID)
	case stateEvent(proc.Exited):
		expected := 0
		if e.Expected {
			expected = 1
		}
		text += fmt.Sprintf(" expected:%d pid:%d", expected, e.PID)
	}
	return text
}

func outputPayload(e *api.Event) string {
	text, more := string(e.Data), ""
	if !utf8.Valid(e.Data) {
		text = "Undecodable: " + conf.BytesRepr(e.Data)
	}
	if kindOf(e.Type) == logs {
		more = fmt.Sprintf(" channel:%s", e.Channel)
	}
	return fmt.Sprintf("processname:%s groupname:%s pid:%d%s\n%s", e.Name, e.Group, e.PID, more, text)
}

// stateEvent is the event of a state.
func stateEvent(s proc.State) string {
	switch s {
	case proc.Stopped:
		return "PROCESS_STATE_STOPPED"
	case proc.Starting:
		return "PROCESS_STATE_STARTING"
	case proc.Running:
		return "PROCESS_STATE_RUNNING"
	case proc.Backoff:
		return "PROCESS_STATE_BACKOFF"
	case proc.Stopping:
		return "PROCESS_STATE_STOPPING"
	case proc.Exited:
		return "PROCESS_STATE_EXITED"
	case proc.Fatal:
		return "PROCESS_STATE_FATAL"
	case proc.Unknown:
		return "PROCESS_STATE_UNKNOWN"
	}
	return ""
}

// publishMove makes a transition an event. It is the last one that the process
// remembers.
func (c *Core) publishMove(p *process, mv proc.Move) {
	c.publishEntry(&entry{of: p, record: *p.history.last(), Event: api.Event{
		Type: stateEvent(mv.To), Group: p.group.conf.Name, Name: p.conf.Name, From: mv.From.String(),
		Tries: mv.Tries, PID: mv.PID, Expected: mv.Expected,
	}})
}

// publishGroup tells of a group as a whole.
func (c *Core) publishGroup(name string, g *group) {
	c.publishEntry(&entry{members: g.members(), Event: api.Event{Type: name, Group: g.conf.Name}})
}

// wrote makes output an event.
func (c *Core) wrote(in Wrote) {
	p := c.procs[in.Proc]
	if p == nil {
		return
	}
	kind := "PROCESS_LOG_"
	if in.Message {
		kind = "PROCESS_COMMUNICATION_"
		c.logf(conf.Debug, "'%s' %s emitted a comm event", p.conf.Name, in.Channel)
	}
	c.publish(api.Event{
		Type: kind + strings.ToUpper(string(in.Channel)), Group: p.group.conf.Name, Name: p.conf.Name,
		PID: p.m.PID, Channel: in.Channel, Data: in.Data,
	})
}

// tickPeriods are the periods of the TICK events, in seconds.
var tickPeriods = [3]int64{5, 60, 3600}

func tickName(period int64) string { return fmt.Sprintf("TICK_%d", period) }

// ticking tells whether anybody listens to ticks or follows them; otherwise no
// timer runs.
func (c *Core) ticking() bool {
	for _, period := range tickPeriods {
		name := tickName(period)
		if c.wanted(name) {
			return true
		}
		for _, f := range c.followers {
			if f.types[name] {
				return true
			}
		}
	}
	return false
}

// startTicking sets the reference from which ticks count, when somebody begins to
// want them.
func (c *Core) startTicking() {
	now := c.wall.Unix()
	for i, period := range tickPeriods {
		c.ticks[i] = now - now%period
	}
	c.armTick()
}

// armTick waits for the next wall-clock second that is a multiple of the
// shortest period.
func (c *Core) armTick() {
	period := time.Duration(tickPeriods[0]) * time.Second
	into := time.Duration(c.wall.UnixNano()) % period
	c.tickAt = c.now + period - into
	c.arm(timer{at: c.tickAt, tick: true})
}

// tick emits an event for each period whose slice has changed.
func (c *Core) tick() {
	now := c.wall.Unix()
	for i, period := range tickPeriods {
		if slice := now - now%period; slice != c.ticks[i] {
			c.ticks[i] = slice
			c.publish(api.Event{Type: tickName(period), Tick: slice})
		}
	}
	c.armTick()
}
