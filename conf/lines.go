package conf

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// The INI dialect, line by line. The rules are those of the parser that the
// original uses; every odd one among them is relied upon by some configuration
// in the world.

// place is where something was written.
type place struct {
	file string
	line int // from 1
}

// lineKind says what a physical line turned out to be.
type lineKind int

const (
	lineHeader   lineKind = iota // [section]
	lineOption                   // key and the beginning of its value
	lineMore                     // one more line of the open value
	lineBad                      // neither delimiter nor key
	lineHomeless                 // something before the first section
)

// lineEvent is what scanSections reports of one line. Comments are not reported,
// and blank lines only inside a value.
type lineEvent struct {
	kind    lineKind
	line    int
	raw     string // the line as it stands, with its line end as "\n"
	name    string // section name, or key in lower case
	value   string // stripped; of a lineMore the line to add
	comment string // what ended the line from inside it, with its sign
}

// scanSections reads data, which must be UTF-8, and gives each line that means something
// to take. It stops when take returns false. The text of each section is a string of
// its own, so that a program that stays as it is, whatever becomes of the file, keeps
// no more than that in memory. While passing says that nobody wants the section, lines
// that set keys are not given; nil: every section is wanted.
func scanSections(data []byte, passing *bool, take func(lineEvent) bool) {
	s := lineScanner{take: take, passing: passing}
	for goOn := true; goOn && len(data) > 0; {
		end := sectionEnd(data)
		goOn = s.scan(string(data[:end]))
		data = data[end:]
	}
}

// sectionEnd finds where likely another section begins. Nothing but the size of what is
// kept depends on it, so that a few short ones together are fine.
func sectionEnd(data []byte) int {
	const least = 64
	if len(data) > least {
		if i := bytes.Index(data[least:], []byte("\n[")); i >= 0 {
			return least + i + 1
		}
	}
	return len(data)
}

// lineScanner is the state between two lines.
type lineScanner struct {
	take      func(lineEvent) bool
	lines     int // so far
	inSection bool
	open      bool  // an option whose value may go on
	reference int   // its indentation
	passing   *bool // nobody wants the section; nil: every section is wanted
}

// scan reads the next lines. It says whether to go on.
func (s *lineScanner) scan(text string) bool {
	for text != "" {
		var raw string
		raw, text = nextLine(text)
		s.lines++
		if s.passing != nil && *s.passing && setsKey(raw) {
			s.open, s.reference = true, 0
			continue
		}
		if !s.line(raw) {
			return false
		}
	}
	return true
}

// setsKey tells whether a line sets a key, however it is to be read in detail. It does
// not know every line that does.
func setsKey(line string) bool {
	if line[0] < 'a' || line[0] > 'z' {
		return false
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '=', ':':
			return true
		case '#', ';':
			return false
		}
	}
	return false
}

func (s *lineScanner) line(raw string) bool {
	value, comment := stripComment(raw)
	ev := lineEvent{line: s.lines, raw: raw, value: value}
	if value == "" {
		if comment != "" || !s.open {
			return true
		}
		ev.kind = lineMore
		return s.take(ev)
	}
	ev.comment = comment
	indent := indentation(raw)
	if s.open && indent > s.reference {
		ev.kind = lineMore
		return s.take(ev)
	}
	s.reference = indent
	if name, ok := headerName(value); ok {
		ev.kind, ev.name, ev.value = lineHeader, name, ""
		s.inSection, s.open = true, false
	} else if !s.inSection {
		ev.kind = lineHomeless
	} else if key, val, delimited := splitOption(value); key != "" {
		ev.kind, ev.name, ev.value = lineOption, key, val
		s.open = true
	} else {
		ev.kind = lineBad
		// A missing key ends the value before it; a missing delimiter
		// does not.
		s.open = s.open && !delimited
	}
	return s.take(ev)
}

// nextLine cuts the first line off text. "\n", "\r\n" and a lone "\r" end a
// line; the line keeps its end as "\n".
func nextLine(text string) (line, rest string) {
	i := strings.IndexByte(text, '\n')
	if i < 0 {
		i = len(text)
	}
	if cr := strings.IndexByte(text[:i], '\r'); cr >= 0 {
		i = cr
	}
	if i == len(text) {
		return text, ""
	}
	if text[i] == '\n' {
		return text[:i+1], text[i+1:]
	}
	return text[:i] + "\n", strings.TrimPrefix(text[i+1:], "\n")
}

// stripComment returns the line without its comment and surrounding white space,
// and the comment with its sign.
//
// A comment sign counts at the beginning of the line and after white space; no
// quote protects it. The search goes in rounds over the first occurrence of
// each sign, then the second of each, and so on, and takes the leftmost of the
// first round that has any: so in `x;y ;z #w` the comment is `#w`.
func stripComment(line string) (value, comment string) {
	stripped := trim(line)
	if stripped == "" {
		return "", ""
	}
	if stripped[0] == '#' || stripped[0] == ';' {
		return "", stripped
	}
	if strings.IndexByte(stripped, '#') < 0 && strings.IndexByte(stripped, ';') < 0 {
		return stripped, ""
	}
	semi, hash := -1, -1
	for more := true; more; {
		at := -1
		more = false
		for _, sign := range [...]struct {
			char  byte
			index *int
		}{{'#', &hash}, {';', &semi}} {
			if *sign.index == len(line) {
				continue
			}
			i := strings.IndexByte(line[*sign.index+1:], sign.char)
			if i < 0 {
				*sign.index = len(line)
				continue
			}
			more = true
			*sign.index += 1 + i
			if startsComment(line, *sign.index) && (at < 0 || *sign.index < at) {
				at = *sign.index
			}
		}
		if at >= 0 {
			return trim(line[:at]), trimRight(line[at:])
		}
	}
	return stripped, ""
}

func startsComment(line string, at int) bool {
	if at == 0 {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(line[:at])
	return isSpace(before)
}

// indentation counts the characters before the first that is not white space; a
// tab is one.
func indentation(line string) int {
	if isMark(line[0]) {
		return 0
	}
	n := 0
	for _, r := range line {
		if !isSpace(r) {
			return n
		}
		n++
	}
	return 0
}

// headerName reads a section header: all between the first bracket and the last
// closing one. What follows is ignored.
func headerName(value string) (string, bool) {
	end := strings.LastIndexByte(value, ']')
	if value[0] != '[' || end < 2 {
		return "", false
	}
	return value[1:end], true
}

// splitOption cuts "key = value" or "key: value" at whichever sign comes first.
func splitOption(value string) (key, val string, delimited bool) {
	i := 0
	for i < len(value) && value[i] != '=' && value[i] != ':' {
		i++
	}
	if i == len(value) {
		return "", "", false
	}
	key = strings.ToLower(trimRight(value[:i]))
	return key, trim(value[i+1:]), true
}
