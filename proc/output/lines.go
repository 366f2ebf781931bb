package output

import (
	"bytes"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"gosupervisor/conf"
)

const (
	// linesBatch is how much is put together before it is handed on.
	linesBatch = 32 << 10
	// lineGoesOn ends a part of a line in the format prefix.
	lineGoesOn = ` \`
)

// Both are borrowed: most outputs wait, with no line begun.
var (
	batches   = sync.Pool{New: func() any { return new([]byte) }}
	heldParts = sync.Pool{New: func() any { return new([]byte) }}
)

// Lines is the sink that gives each line of one output a form of its own and
// hands on whole lines only. A line that is too long, or that waits too long for
// its end, is handed on in parts, each but the last of which says that it goes
// on. It belongs to one pump at a time.
type Lines struct {
	to   Sink
	conf conf.LineLog
	head []byte           // what each line begins with, after the time
	now  func() time.Time // the wall clock

	held  *[]byte   // the part of a line that has come; nil: nothing
	since time.Time // when its first byte came
	open  bool      // the last part that was handed on goes on
}

// NewLines returns the sink that writes the lines of an output to a sink. An
// Outlet tells of what it drops in the same form.
func NewLines(to Sink, c conf.LineLog, group, name, channel string) *Lines {
	l := &Lines{to: to, conf: c, now: time.Now}
	switch c.Format {
	case conf.LogJSON:
		for _, f := range []struct{ key, value string }{{"group", group}, {"name", name}, {"channel", channel}} {
			l.head = append(l.head, `"`+f.key+`":`...)
			l.head, _ = appendJSON(l.head, []byte(f.value))
			l.head = append(l.head, ',')
		}
	case conf.LogFmt:
		for _, f := range []struct{ key, value string }{{"group", group}, {"name", name}, {"channel", channel}} {
			l.head = append(l.head, f.key+"="...)
			l.head = appendWord(l.head, f.value)
			l.head = append(l.head, ' ')
		}
	default:
		if c.Prefix != "" {
			l.head = append(l.head, c.Prefix+" "...)
		}
	}
	if o, ok := to.(*Outlet); ok {
		o.tell = l.tell
	}
	return l
}

// Write hands on the lines that end in p, and holds the rest.
func (l *Lines) Write(p []byte, hurry <-chan struct{}) {
	if len(p) == 0 {
		return
	}
	b := l.begin(hurry)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.hold(&b, p)
			break
		}
		l.complete(&b, p[:end])
		p = p[end+1:]
	}
	b.end()
}

// Due returns when the part of a line that is held is to be handed on by Flush;
// zero: never.
func (l *Lines) Due() time.Time {
	if l.held == nil || l.conf.PartialMS == 0 {
		return time.Time{}
	}
	return l.since.Add(time.Duration(l.conf.PartialMS) * time.Millisecond)
}

// Flush hands on the part of a line that is held, but for a character that has
// not come as a whole.
func (l *Lines) Flush(hurry <-chan struct{}) {
	if l.held == nil {
		return
	}
	b := l.begin(hurry)
	l.part(&b, wholeRunes(*l.held))
	b.end()
}

// End hands on the last line if it has no newline. Of one whose parts have all
// been handed on, a program that puts them together is told the end; to a person
// an empty line would say nothing.
func (l *Lines) End() {
	if l.held == nil && (!l.open || l.conf.Format == conf.LogPrefix) {
		l.open = false
		return
	}
	b := l.begin(Urgent)
	l.complete(&b, nil)
	b.end()
}

// complete hands on a line that begins with what is held and ends with rest.
func (l *Lines) complete(b *batch, rest []byte) {
	rest = l.split(b, rest)
	if l.held == nil {
		l.put(b, rest, false)
		return
	}
	*l.held = append(*l.held, rest...)
	l.put(b, *l.held, false)
	l.release()
}

// hold keeps what has come of a line that has not ended.
func (l *Lines) hold(b *batch, p []byte) {
	p = l.split(b, p)
	if len(p) == 0 {
		return
	}
	l.borrow()
	*l.held = append(*l.held, p...)
}

// split hands on parts until what is left, with what is held before it, is no
// longer than a line may be. What it returns is never empty when p is not.
func (l *Lines) split(b *batch, p []byte) []byte {
	for l.holds()+len(p) > l.conf.MaxLine {
		if l.held == nil {
			cut := wholeRunes(p[:l.conf.MaxLine])
			l.put(b, p[:cut], true)
			p = p[cut:]
			continue
		}
		room := l.conf.MaxLine - len(*l.held)
		*l.held = append(*l.held, p[:room]...)
		p = p[room:]
		l.part(b, wholeRunes(*l.held))
	}
	return p
}

func (l *Lines) holds() int {
	if l.held == nil {
		return 0
	}
	return len(*l.held)
}

// part hands on the first n bytes that are held, as a part.
func (l *Lines) part(b *batch, n int) {
	h := *l.held
	l.put(b, h[:n], true)
	if n == len(h) {
		l.release()
		return
	}
	*l.held = h[:copy(h, h[n:])]
	l.since = l.now()
}

func (l *Lines) borrow() {
	if l.held == nil {
		l.held = heldParts.Get().(*[]byte)
		l.since = l.now()
	}
}

func (l *Lines) release() {
	*l.held = (*l.held)[:0]
	heldParts.Put(l.held)
	l.held = nil
}

// wholeRunes returns how much of p there is without a character at its end of
// which bytes are missing; all of it when there is nothing else.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i > 0 && i >= len(p)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				return i
			}
			break
		}
	}
	return len(p)
}

// batch is the lines that are put together before they are handed on.
type batch struct {
	l      *Lines
	hurry  <-chan struct{}
	buffer *[]byte
	text   []byte
	stamp  [40]byte // the time of what was read at once
	n      int      // bytes of stamp; 0: not looked at the clock yet
}

func (l *Lines) begin(hurry <-chan struct{}) batch {
	buffer := batches.Get().(*[]byte)
	return batch{l: l, hurry: hurry, buffer: buffer, text: (*buffer)[:0]}
}

// end hands on what there is, and gives the buffer back.
func (b *batch) end() {
	if len(b.text) > 0 {
		b.l.to.Write(b.text, b.hurry)
	}
	*b.buffer = b.text[:0]
	batches.Put(b.buffer)
}

// put adds a line, or a part of one that goes on.
func (l *Lines) put(b *batch, line []byte, goesOn bool) {
	l.open = goesOn
	switch l.conf.Format {
	case conf.LogJSON:
		b.text = l.jsonHead(b.text, b)
		if goesOn {
			b.text = append(b.text, `"partial":true,`...)
		}
		b.text = appendLine(b.text, line)
		b.text = append(b.text, '}')
	case conf.LogFmt:
		b.text = l.fmtHead(b.text, b)
		if goesOn {
			b.text = append(b.text, "partial=true "...)
		}
		b.text = append(b.text, "line="...)
		b.text = appendQuoted(b.text, line)
	default:
		b.text = l.plainHead(b.text, b)
		b.text = append(b.text, line...)
		if goesOn {
			b.text = append(b.text, lineGoesOn...)
		}
	}
	b.text = append(b.text, '\n')
	if len(b.text) >= linesBatch {
		l.to.Write(b.text, b.hurry)
		b.text = b.text[:0]
	}
}

func (l *Lines) jsonHead(to []byte, b *batch) []byte {
	to = append(to, '{')
	switch l.conf.Timestamps {
	case conf.StampRFC3339:
		to = append(to, `"time":"`...)
		to = append(to, b.time()...)
		to = append(to, `",`...)
	case conf.StampEpoch:
		to = append(to, `"time":`...)
		to = append(to, b.time()...)
		to = append(to, ',')
	}
	return append(to, l.head...)
}

func (l *Lines) fmtHead(to []byte, b *batch) []byte {
	if l.conf.Timestamps != conf.StampNone {
		to = append(to, "time="...)
		to = append(to, b.time()...)
		to = append(to, ' ')
	}
	return append(to, l.head...)
}

func (l *Lines) plainHead(to []byte, b *batch) []byte {
	if l.conf.Timestamps != conf.StampNone {
		to = append(to, b.time()...)
		to = append(to, ' ')
	}
	return append(to, l.head...)
}

// time returns the time of the batch, in the form that is wanted.
func (b *batch) time() []byte {
	if b.n == 0 {
		t := b.l.now()
		if b.l.conf.Timestamps == conf.StampEpoch {
			b.n = len(appendEpoch(b.stamp[:0], t))
		} else {
			b.n = len(t.UTC().AppendFormat(b.stamp[:0], "2006-01-02T15:04:05.000000Z"))
		}
	}
	return b.stamp[:b.n]
}

// appendEpoch adds the seconds since 1970, with three digits of their parts.
func appendEpoch(to []byte, t time.Time) []byte {
	ms := max(t.UnixMilli(), 0)
	to = strconv.AppendInt(to, ms/1000, 10)
	ms %= 1000
	return append(to, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}
