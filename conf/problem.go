package conf

import (
	"cmp"
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration, and where.
type Problem struct {
	File    string `json:"file"` // "" when it is no single file's
	Line    int    `json:"line"` // 0 when it is no single line's
	Section string `json:"section"`
	Key     string `json:"key"`
	Text    string `json:"text"` // what is wrong
	Hint    string `json:"hint"` // what to do about it, when that is likely enough; else ""

	brief string // in place of Text where that has been said; may be empty
}

// String words a problem on one line, place first.
func (p Problem) String() string {
	return p.place() + p.words()
}

// place is where a problem is, with a colon and a blank, or "".
func (p Problem) place() string {
	switch {
	case p.File == "":
		return ""
	case p.Line > 0:
		return fmt.Sprintf("%s:%d: ", p.File, p.Line)
	}
	return p.File + ": "
}

// words says what is wrong with which key.
func (p Problem) words() string {
	var b strings.Builder
	if p.Section != "" {
		fmt.Fprintf(&b, "[%s] ", p.Section)
		if p.Key != "" {
			b.WriteString(p.Key)
			b.WriteString(": ")
		}
	}
	b.WriteString(strings.ReplaceAll(p.Text, "\n", " "))
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// Bounds of the report of one reading.
const (
	maxProblems = 200
	maxWarnings = 5_000
)

// LoadError is why a configuration was refused: everything that is wrong with
// it.
type LoadError struct {
	first    string
	problems []Problem
}

// First is the text of the first error in the order in which the original finds
// them, worded as the original words it.
func (e *LoadError) First() string { return e.first }

// Problems lists everything that is wrong, in the same order.
func (e *LoadError) Problems() []Problem { return e.problems }

// Details words every problem on a line of its own, with its place and, where
// there is one, a hint. They follow First, whose longer texts they need not say
// again; one that would be First to the letter is left out.
func (e *LoadError) Details() []string {
	lines := make([]string, 0, len(e.problems))
	for _, p := range e.problems {
		if p.Text = cmp.Or(p.brief, p.Text); p.Text == p.Hint {
			p.Hint = ""
		}
		if line := p.String(); line != e.first {
			lines = append(lines, line)
		}
	}
	return lines
}

// Error is First followed by the Details.
func (e *LoadError) Error() string {
	return strings.Join(append([]string{e.first}, e.Details()...), "\n")
}

// report collects the problems of one reading.
type report struct {
	limit    int
	first    string
	problems []Problem
	seen     map[Problem]bool // of keys
}

// add notes a problem. full is the original's whole line; only the first is kept.
// The same problem of a key is reported once, however many processes have it.
func (r *report) add(full string, p Problem) {
	if r.full() {
		return
	}
	if p.Key != "" {
		if r.seen[p] {
			return
		}
		if r.seen == nil {
			r.seen = make(map[Problem]bool)
		}
		r.seen[p] = true
	}
	if r.problems == nil {
		r.first = full
	}
	r.problems = append(r.problems, p)
}

// full says that nothing more will be reported, so that nobody need look for it.
func (r *report) full() bool { return len(r.problems) >= r.limit }

func (r *report) addFile(e *fileError) {
	ps := e.problems
	if ps == nil {
		ps = []Problem{{Text: e.text}}
	}
	for _, p := range ps {
		r.add(e.text, p)
	}
}

func (r *report) err() error {
	if r.problems == nil {
		return nil
	}
	return &LoadError{r.first, r.problems}
}
