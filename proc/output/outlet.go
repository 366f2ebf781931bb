package output

import (
	"bytes"
	"strconv"

	"gosupervisor/conf"
)

// Outlet is the sink of one output that goes to a Stream without ever waiting for
// its reader. While the queue of the stream is full, its lines are dropped and
// counted, or the newest of them are kept. When half of the queue is free again,
// the stream is told how many were dropped, and then what was kept.
type Outlet struct {
	stream *Stream
	max    int                                 // bytes to keep; 0: none
	tell   func(to []byte, lines int64) []byte // adds a line about those that were dropped

	// All under the lock of the stream.
	owed    bool   // the stream was full, and has not been given yet what follows
	kept    []byte // from head on
	head    int
	lost    int64 // lines
	mid     bool  // what was queued last ended no line
	cut     bool  // what was dropped last ended no line: the rest of it goes, too
	skipped int   // bytes of that rest
	dropped int64 // lines, ever
}

// NewOutlet returns an outlet that keeps the newest lines of max bytes while
// nobody reads.
func NewOutlet(s *Stream, max int) *Outlet { return &Outlet{stream: s, max: max, tell: tellPlain} }

// Dropped returns how many lines were dropped so far.
func (o *Outlet) Dropped() int64 {
	o.stream.mu.Lock()
	defer o.stream.mu.Unlock()
	return o.dropped
}

// Write queues p, or keeps or drops it. It never waits.
func (o *Outlet) Write(p []byte, _ <-chan struct{}) {
	s := o.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.cut && (!o.owed || o.max > 0) {
		p = o.resume(p)
	}
	switch {
	case len(p) == 0:
	case !o.owed && (s.queued() == 0 || s.queued()+len(p) <= streamBound):
		o.mid = p[len(p)-1] != '\n'
		s.queue(p)
	default:
		if !o.owed {
			p = o.endLine(p)
		}
		if len(p) > 0 {
			o.keep(p)
		}
	}
}

// endLine begins what is not queued for want of room. A line that is there but for
// its end is still ended: it is not lost. It returns what of p comes after that.
func (o *Outlet) endLine(p []byte) []byte {
	s := o.stream
	if o.mid && p[0] == '\n' {
		s.queue(newline)
		o.mid = false
		p = p[1:]
	}
	if len(p) > 0 {
		o.owed = true
		s.owed = append(s.owed, o)
	}
	return p
}

// resume returns p from its next line on. A line that never ends is not waited
// for.
func (o *Outlet) resume(p []byte) []byte {
	end := bytes.IndexByte(p, '\n') + 1
	if end == 0 && o.skipped < feedPiece {
		o.skipped += len(p)
		return nil
	}
	o.cut = false
	return p[end:]
}

// keep keeps p, and drops the oldest lines of what does not fit.
func (o *Outlet) keep(p []byte) {
	if o.max == 0 {
		o.drop(p)
		return
	}
	if o.head > 0 && len(o.kept)+len(p) > cap(o.kept) {
		o.kept, o.head = o.kept[:copy(o.kept, o.kept[o.head:])], 0
	}
	o.kept = append(o.kept, p...)
	over := len(o.kept) - o.head - o.max
	if over <= 0 {
		return
	}
	from := o.head + over - 1
	end := bytes.IndexByte(o.kept[from:], '\n') + 1
	if end == 0 {
		from = len(o.kept)
	}
	o.drop(o.kept[o.head : from+end])
	o.head = from + end
}

// drop counts the lines of p. A line of which a part was dropped is counted once.
func (o *Outlet) drop(p []byte) {
	lines := int64(bytes.Count(p, newline))
	whole := p[len(p)-1] == '\n'
	if !whole {
		lines++
	}
	if o.cut {
		lines--
	}
	o.cut, o.skipped = !whole, 0
	o.lost += lines
	o.dropped += lines
}

var newline = []byte{'\n'}

// settle queues what the outlet owes to the stream. The caller holds the lock of
// that.
func (o *Outlet) settle() {
	s := o.stream
	before := len(s.pending)
	if o.lost > 0 {
		if o.mid {
			s.pending = append(s.pending, '\n')
		}
		s.pending = o.tell(s.pending, o.lost)
		o.mid = false
	}
	if kept := o.kept[o.head:]; len(kept) > 0 {
		s.pending = append(s.pending, kept...)
		o.mid = kept[len(kept)-1] != '\n'
	}
	s.accepted += int64(len(s.pending) - before)
	o.owed, o.lost, o.kept, o.head = false, 0, nil, 0
}

// tellPlain tells of dropped lines where lines have no form.
func tellPlain(to []byte, lines int64) []byte {
	return append(appendLost(to, lines), '\n')
}

// appendLost adds the words that tell of dropped lines.
func appendLost(to []byte, lines int64) []byte {
	to = append(to, "... "...)
	to = strconv.AppendInt(to, lines, 10)
	if lines == 1 {
		return append(to, " line dropped"...)
	}
	return append(to, " lines dropped"...)
}

// tell tells of dropped lines in the form of a line.
func (l *Lines) tell(to []byte, lines int64) []byte {
	b := batch{l: l}
	switch l.conf.Format {
	case conf.LogJSON:
		to = append(l.jsonHead(to, &b), `"dropped":`...)
		to = append(strconv.AppendInt(to, lines, 10), `,"line":"`...)
		to = append(appendLost(to, lines), `"}`...)
	case conf.LogFmt:
		to = append(l.fmtHead(to, &b), "dropped="...)
		to = append(strconv.AppendInt(to, lines, 10), ` line="`...)
		to = append(appendLost(to, lines), '"')
	default:
		to = appendLost(l.plainHead(to, &b), lines)
	}
	return append(to, '\n')
}
