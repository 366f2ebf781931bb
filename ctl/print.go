package ctl

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gosupervisor/ctl/api"
)

// printf writes a line to the standard output.
func (s *session) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if s.terminal {
		line = visible(line, "\n\t")
	}
	fmt.Fprintln(s.out, line)
}

// visible replaces control characters, but for those in keep, and bytes that
// are not UTF-8 by escapes, so that a name cannot move the cursor.
func visible(text, keep string) string {
	clean := func(r rune) bool { return r >= 0x20 && !isHighControl(r) && r != utf8.RuneError }
	if strings.IndexFunc(text, func(r rune) bool { return !clean(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case clean(r) || strings.ContainsRune(keep, r) || r == utf8.RuneError && size > 1:
			b.WriteString(text[i : i+size])
		case size == 1:
			fmt.Fprintf(&b, "\\x%02x", text[i])
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
		i += size
	}
	return b.String()
}

// name makes what the server calls a process or group fit to print.
func (s *session) name(text string) string {
	if s.terminal {
		return visible(text, "")
	}
	return text
}

// report tells the result of a request about one process.
func (s *session) report(known outcomes, r api.Status) {
	s.entry(r)
	o, ok := known.of(r.Status)
	switch {
	case !ok:
		o = outcome{"ERROR (" + s.name(r.Description) + ")", exitGeneric}
	case o.text == "":
		s.printf("%s", s.name(r.Description))
		s.fail(o.exit)
		return
	}
	s.printf("%s: %s", s.name(api.Namespec(r.Group, r.Name)), o.text)
	if o.exit != 0 {
		s.fail(o.exit)
	}
}

// table prints the status of processes, the names in a column of their own.
func (s *session) table(processes []api.ProcessInfo) {
	if s.sheet != nil {
		*s.sheet = processes
		return
	}
	const state, described = 10, 40 // bytes of a row that follow the name, most times
	width := s.nameWidth(processes)
	all := make([]byte, 0, len(processes)*(width+state+described))
	for i := range processes {
		all = append(s.appendRow(all, &processes[i], width), '\n')
	}
	if len(all) > 0 {
		s.out.Write(all) // at once: there may be thousands
	}
}

// write writes lines at once: there may be thousands.
func (s *session) write(lines []string) {
	if len(lines) > 0 {
		io.WriteString(s.out, strings.Join(lines, "\n")+"\n")
	}
}

// nameWidth returns how wide the column of the names is.
func (s *session) nameWidth(processes []api.ProcessInfo) int {
	width := 30
	for i := range processes {
		width = max(width, utf8.RuneCountInString(s.name(processes[i].Namespec())))
	}
	return width
}

func (s *session) tableLines(processes []api.ProcessInfo, width int) (lines []string) {
	for i := range processes {
		lines = append(lines, string(s.appendRow(nil, &processes[i], width)))
	}
	return lines
}

// appendRow appends a line of the table, without its end.
func (s *session) appendRow(b []byte, p *api.ProcessInfo, width int) []byte {
	name, state := s.name(p.Namespec()), s.name(p.StateName)
	b = appendBlanks(append(b, name...), width+3-utf8.RuneCountInString(name))
	b = append(b, s.paint(stateColour(p.StateName), state)...)
	b = appendBlanks(b, 10-utf8.RuneCountInString(state))
	return append(b, s.name(p.Description)...)
}

func appendBlanks(b []byte, n int) []byte {
	const blanks = "                                                "
	for ; n > len(blanks); n -= len(blanks) {
		b = append(b, blanks...)
	}
	return append(b, blanks[:max(0, n)]...)
}

// columns lays words out as ls does, column after column, in 79 columns. Every
// cell is padded, the last one of a line too.
func columns(words []string) string {
	const most, gap = 79, 2
	for rows := 1; ; rows++ {
		var widths []int
		total := -gap
		for from := 0; from < len(words); from += rows {
			w := 0
			for _, word := range words[from:min(from+rows, len(words))] {
				w = max(w, len(word))
			}
			widths = append(widths, w)
			total += w + gap
		}
		if total > most && rows < len(words) {
			continue
		}
		var b strings.Builder
		for row := range min(rows, len(words)) {
			for col, w := range widths {
				if i := col*rows + row; i < len(words) {
					if col > 0 {
						b.WriteString("  ")
					}
					fmt.Fprintf(&b, "%-*s", w, words[i])
				}
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
}
