package core

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gosupervisor/conf"
	"gosupervisor/proc"
)

// event is something that happened, on its way to the pools that want it.
type event struct {
	serial  uint64
	name    string // such as PROCESS_STATE_RUNNING
	payload string
}

// publish gives an event to every hook and every pool that subscribes to it. It has
// a serial only if there is such a pool.
func (c *Core) publish(name, payload string) {
	c.offer(name, payload)
	var e *event
	for _, pl := range c.pools {
		if !pl.wants(name) {
			continue
		}
		if e == nil {
			e = &event{serial: c.serial, name: name, payload: payload}
			c.serial++
		}
		c.accept(pl, e)
	}
}

// wanted tells whether anybody subscribes to an event, to spare the making of
// payloads that nobody reads.
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

// publishMove makes a transition an event.
func (c *Core) publishMove(p *process, mv proc.Move) {
	name := "PROCESS_STATE_" + mv.To.String()
	if !c.wanted(name) {
		return
	}
	payload := fmt.Sprintf("processname:%s groupname:%s from_state:%v", p.conf.Name, p.group.conf.Name, mv.From)
	switch mv.To {
	case proc.Starting, proc.Backoff:
		payload += fmt.Sprintf(" tries:%d", mv.Tries)
	case proc.Running, proc.Stopping, proc.Stopped:
		payload += fmt.Sprintf(" pid:%d", mv.PID)
	case proc.Exited:
		expected := 0
		if mv.Expected {
			expected = 1
		}
		payload += fmt.Sprintf(" expected:%d pid:%d", expected, mv.PID)
	}
	c.publish(name, payload)
}

// wrote makes output an event.
func (c *Core) wrote(in Wrote) {
	p := c.procs[in.Proc]
	if p == nil {
		return
	}
	kind, more := "PROCESS_LOG_", fmt.Sprintf(" channel:%s", in.Channel)
	if in.Message {
		kind, more = "PROCESS_COMMUNICATION_", ""
		c.logf(conf.Debug, "'%s' %s emitted a comm event", p.conf.Name, in.Channel)
	}
	name := kind + strings.ToUpper(string(in.Channel))
	if !c.wanted(name) {
		return
	}
	text := string(in.Data)
	if !utf8.ValidString(text) {
		text = "Undecodable: " + conf.BytesRepr(in.Data)
	}
	c.publish(name, fmt.Sprintf("processname:%s groupname:%s pid:%d%s\n%s",
		p.conf.Name, p.group.conf.Name, p.m.PID, more, text))
}

// tickPeriods are the periods of the TICK events, in seconds.
var tickPeriods = [3]int64{5, 60, 3600}

func tickName(period int64) string { return fmt.Sprintf("TICK_%d", period) }

// ticking tells whether anybody listens to ticks; otherwise no timer runs.
func (c *Core) ticking() bool {
	for _, period := range tickPeriods {
		if c.wanted(tickName(period)) {
			return true
		}
	}
	return false
}

// startTicking sets the reference from which ticks count, when the first pool
// wants them.
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
			c.publish(tickName(period), fmt.Sprintf("when:%d", slice))
		}
	}
	c.armTick()
}
