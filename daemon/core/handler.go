package core

import (
	"strings"

	"gosupervisor/conf"
)

// processed settles the event that a listener has.
func (c *Core) processed(p *process) {
	c.logf(conf.Debug, "%s: event was processed", p.conf.Name)
	p.group.pool.delivered++
	c.handle(p)
	p.hears.event = nil
}

// handle does what the result handler of a listener's pool does with the event
// that the listener has acknowledged. The default does nothing.
func (c *Core) handle(p *process) {
	q := p.hears.event
	if q == nil || p.group.pool.handler != conf.StdoutHandler {
		return
	}
	if text := prefixed(q.event); text != "" {
		c.emit(Print{Data: []byte(text)})
	}
}

// prefixed returns the output that an event carries, each line with the process
// and the channel that it came from. Only events of output have any.
func prefixed(e *event) string {
	if !strings.HasPrefix(e.name, "PROCESS_LOG_") {
		return ""
	}
	header, text, _ := strings.Cut(e.payload, "\n")
	process, channel := "", ""
	for word := range strings.FieldsSeq(header) {
		switch key, value, _ := strings.Cut(word, ":"); key {
		case "processname":
			process = value
		case "channel":
			channel = value
		}
	}
	prefix := process + " " + channel + " | "
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix)
		b.WriteString(line)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}
