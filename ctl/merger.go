package ctl

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"gosupervisor/ctl/api"
)

// longestLine is how much of a line is waited for; a longer one is shown in
// parts.
const longestLine = 64 << 10

// nameColours are what the names of processes are told apart by: not red, which
// means that something is wrong.
var nameColours = []colour{cyan, yellow, green, 35, 34, 96, 93, 92, 95, 94}

// merger puts the logs of many processes together, line by line: no line is
// mixed with another, and each says whose it is.
type merger struct {
	s       *session
	asked   []string // whose log has to be there
	sources map[string]*source
	width   int
	open    []*openLine // of every output
	byKey   map[openKey]*openLine
	text    bytes.Buffer // to be written
}

// source is a process whose log is shown.
type source struct {
	name   string
	colour colour
	fault  string // why an output of it has no log
	logs   int    // outputs that have one
}

// openLine is an output of a process, and the line of it that has begun.
type openLine struct {
	openKey
	of    *source
	text  []byte
	since time.Time
}

// openKey names an output of a process.
type openKey struct {
	group, name string
	channel     api.Channel
}

func newMerger(s *session) *merger {
	return &merger{s: s, sources: map[string]*source{}, byKey: map[openKey]*openLine{}}
}

// introduce gives a process a colour, and room for its name.
func (m *merger) introduce(name string) *source {
	if of := m.sources[name]; of != nil {
		return of
	}
	of := &source{name: m.s.name(name), colour: nameColours[len(m.sources)%len(nameColours)]}
	m.sources[name] = of
	m.width = max(m.width, utf8.RuneCountInString(of.name))
	return of
}

// lineOf returns the output that a piece is from.
func (m *merger) lineOf(p api.LogPiece) *openLine {
	key := openKey{p.Group, p.Name, p.Channel}
	l := m.byKey[key]
	if l == nil {
		l = &openLine{openKey: key, of: m.introduce(p.Namespec())}
		m.open, m.byKey[key] = append(m.open, l), l
	}
	return l
}

// add shows the lines that a piece ends.
func (m *merger) add(p api.LogPiece, now time.Time) {
	defer m.send()
	if p.Fault != "" {
		m.introduce(p.Namespec()).fault = p.Fault
		return
	}
	l := m.lineOf(p)
	l.of.logs++
	if p.Missed > 0 {
		m.end(l)
		m.s.data(p)
		m.write(l.of, fmt.Sprintf(textMissed, p.Missed))
		return
	}
	for data := []byte(p.Data); len(data) > 0; {
		if len(l.text) == 0 {
			l.since = now
		}
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		if over := len(l.text) + len(line) - longestLine; over > 0 {
			l.text = append(l.text, line[:len(line)-over]...)
			cut := cmp.Or(api.WholeText(l.text), len(l.text))
			data = append(slices.Clone(l.text[cut:]), data[len(line)-over:]...)
			l.text = l.text[:cut]
			m.end(l)
			continue
		}
		l.text, data = append(l.text, line...), rest
		if ended {
			m.show(l, true)
		}
	}
}

// show writes a line. ended says that its end has come.
func (m *merger) show(l *openLine, ended bool) {
	piece := api.LogPiece{Group: l.group, Name: l.name, Channel: l.channel, Data: l.text}
	if ended {
		piece.Data = append(slices.Clone(l.text), '\n')
	}
	m.s.data(piece)
	m.write(l.of, string(l.text))
	if l.text = l.text[:0]; cap(l.text) > 4<<10 {
		l.text = nil
	}
}

// end writes what there is of a line.
func (m *merger) end(l *openLine) {
	if len(l.text) > 0 {
		m.show(l, false)
	}
}

// flush writes every line that has begun.
func (m *merger) flush() {
	defer m.send()
	for _, l := range m.open {
		m.end(l)
	}
}

// flushLate writes lines that have begun before a time, such as a question, and
// leaves the beginning of a character that has not ended.
func (m *merger) flushLate(before time.Time) {
	defer m.send()
	for _, l := range m.open {
		if cut := api.WholeText(l.text); cut > 0 && l.since.Before(before) {
			rest := slices.Clone(l.text[cut:])
			l.text = l.text[:cut]
			m.show(l, false)
			l.text = append(l.text, rest...)
		}
	}
}

// write writes a line behind the name of its process.
func (m *merger) write(of *source, text string) {
	gap := strings.Repeat(" ", max(0, m.width-utf8.RuneCountInString(of.name)))
	if m.s.terminal {
		text = harmless(text, m.s.colours)
	}
	fmt.Fprintf(&m.text, "%s %s\n", m.s.paint(of.colour, of.name+gap+" |"), text)
}

// send writes what there is to write, whole lines at once.
func (m *merger) send() {
	m.s.out.Write(m.text.Bytes())
	m.text.Reset()
}

// settle complains of those that were asked for and have no log. It tells
// whether nothing is left to be shown.
func (m *merger) settle() (hopeless bool) {
	asked := m.asked
	m.asked = nil
	for _, name := range asked {
		if of := m.introduce(name); of.logs == 0 && of.fault != "" {
			f := parseFault(of.fault)
			m.s.complain(0, problemOf(f), tailOutcomes.line(of.name, f))
			m.s.fail(exitGeneric)
		}
	}
	for _, of := range m.sources {
		if of.logs > 0 || of.fault == "" {
			return false
		}
	}
	return len(asked) > 0
}

// parseFault returns the fault that a text says.
func parseFault(text string) *api.Fault {
	code := api.Failed
	if strings.HasPrefix(text, api.NoFile.String()) {
		code = api.NoFile
	}
	return api.ParseFault(code, text)
}

// sgr is the sequence that changes colours, and nothing else.
var sgr = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\x1b\[[0-9;:]*m`) })

// harmless makes a line of a log fit for a terminal: what would move the cursor,
// or anything else that a terminal obeys, is shown as an escape. Colours are
// left, if they are wanted, and end with the line.
func harmless(line string, colours bool) string {
	line = strings.TrimSuffix(line, "\r")
	var b strings.Builder
	at := 0
	for _, m := range sgr().FindAllStringIndex(line, -1) {
		b.WriteString(visible(line[at:m[0]], "\t"))
		if colours {
			b.WriteString(line[m[0]:m[1]])
		}
		at = m[1]
	}
	b.WriteString(visible(line[at:], "\t"))
	if at > 0 && colours {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}
