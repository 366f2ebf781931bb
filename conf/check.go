package conf

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Severity says how bad a Finding is.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // the configuration is refused
	SeverityWarning Severity = "warning" // it is read, but likely not as it was meant
	SeverityNote    Severity = "note"    // nothing is wrong; good to know where it runs in a container
)

// Finding is one thing that a check has to say.
type Finding struct {
	Severity Severity `json:"severity"`
	Problem
}

// String words a finding on one line, place first.
func (f Finding) String() string {
	return f.place() + string(f.Severity) + ": " + f.words()
}

// FindingsJSON writes findings as an array of objects.
func FindingsJSON(findings []Finding) []byte {
	if findings == nil {
		findings = []Finding{}
	}
	return indented(findings, "")
}

// indented writes v as JSON for people and programs alike. prefix stands before
// every line but the first.
func indented(v any, prefix string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	if err := e.Encode(v); err != nil {
		panic("bug: not writable as JSON: " + err.Error())
	}
	return b.Bytes()
}

// Check reads the configuration of the daemon as Load does and lists what is
// wrong with it: first everything for which Load refuses it, in the order of the
// original, then by place what is likely not meant as it is written, then notes. It looks at
// the machine (commands, directories), but changes nothing there.
func Check(path string, h *Host) []Finding {
	l := newLoader(path, h.whole())
	l.checking = true
	if err := l.run(); err == nil {
		l.settle()
	}
	for _, p := range l.cfg.exposed {
		l.report.add(p.Text, p)
	}
	findings := l.findings(l.check())
	if len(l.report.problems) == 0 && l.doc.parsed != nil {
		findings = append(findings, l.stopTime()...)
	}
	return findings
}

// findings lists the errors of the reading, then the warnings.
func (l *loader) findings(warnings []Problem) []Finding {
	var list []Finding
	for _, p := range l.report.problems {
		p.File = cmp.Or(p.File, l.cfg.Path)
		p.Text, _, _ = strings.Cut(p.Text, availableNames) // the hint names the one that was meant
		list = append(list, Finding{SeverityError, p})
	}
	for _, p := range warnings {
		list = append(list, Finding{SeverityWarning, p})
	}
	return list
}

// check adds to the warnings of the reading what only a second look finds, and
// gives them all, by place.
func (l *loader) check() []Problem {
	if l.doc.parsed == nil {
		return nil // nothing of the file can be trusted
	}
	l.checkSections()
	l.checkPlugins()
	l.checkServers()
	l.checkRoles()
	l.checkGroups()
	l.checkSignalMap()
	l.checkPrograms()
	l.checkEnvSources()
	l.checkHooks()
	l.checkLogs()
	if l.warned.full() {
		l.warned.problems = append(l.warned.problems[:maxWarnings], Problem{File: l.cfg.Path, Text: "there are more warnings than are shown"})
	}
	return l.byPlace(l.warned.problems)
}

// byPlace sorts problems by file, in the order of reading, and line, and keeps one
// of each: a file may have been read twice.
func (l *loader) byPlace(problems []Problem) []Problem {
	order := make(map[string]int, len(l.doc.files))
	for i, file := range l.doc.files {
		if _, known := order[file]; !known {
			order[file] = i
		}
	}
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := &problems[i], &problems[j]
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Section, b.Section), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Text, b.Text)) < 0
	})
	return slices.Compact(problems)
}

// warnAt reports what is no error at a place that is not in effect.
func (l *loader) warnAt(at place, section, key, text, hint string) {
	l.warned.add("", Problem{File: at.file, Line: at.line, Section: section, Key: key, Text: text, Hint: hint})
}

// sections lists every section that was read, DEFAULT too.
func (l *loader) sections() []*section {
	var list []*section
	for _, name := range l.doc.order {
		if name != containerSection || !l.doc.container {
			list = append(list, l.doc.sections[name])
		}
	}
	if d := l.doc.sections[defaultSection]; d != nil {
		list = append(list, d)
	}
	return list
}

// checkSections looks at the sections and keys as they are written.
func (l *loader) checkSections() {
	for _, sec := range l.sections() {
		if sec.kind == nil {
			l.warnAt(sec.at, sec.name, "", "the section is unknown and ignored", sectionNameHint(sec.name))
			continue
		}
		for _, key := range sec.keys() {
			opt := sec.option(key)
			if !sec.kind.any && !slices.Contains(sec.kind.keys(), properKey(opt.key)) && !strings.HasPrefix(opt.key, "[") {
				l.warnAt(opt.at(), sec.name, opt.key, "the key is unknown and ignored", keyHint(sec.name, opt.key))
			}
			if main := properKey(opt.key); main != opt.key && sec.spelt(main) != opt {
				l.warnAt(opt.at(), sec.name, opt.key, fmt.Sprintf("the value is not used: %s is set too", sec.spelt(main).key), "")
			}
			l.checkDuplicates(sec, opt)
			l.checkCuts(sec, opt)
		}
	}
	if both := l.doc.sections; both[defaultsSections[0]] != nil && both[defaultsSections[1]] != nil {
		weak := both[defaultsSections[1]]
		l.warnAt(weak.at, weak.name, "", fmt.Sprintf("there is [%s] too, which wins where both set a key", defaultsSections[0]), "keep one of them")
	}
}

// checkDuplicates reports each line of a key that a later one takes back.
func (l *loader) checkDuplicates(sec *section, opt *option) {
	last := opt.at()
	for _, at := range opt.places[:len(opt.places)-1] {
		if at != last { // a file may have been included twice
			l.warnAt(at, sec.name, opt.key, fmt.Sprintf("the value is not used: %s:%d sets the key again", last.file, last.line), "")
		}
	}
}

// checkCuts reports where a comment has likely taken a part of the value.
func (l *loader) checkCuts(sec *section, opt *option) {
	if opt.cuts == nil {
		return
	}
	lines := strings.Split(l.doc.value(sec.name, opt.key), "\n")
	for _, c := range opt.cuts {
		kept := strings.Join(lines[:min(c.lines, len(lines))], "\n")
		if !meantAsText(opt.key, kept, c.comment) {
			continue
		}
		shown := c.comment
		if isSecretKey(opt.key) {
			shown = c.comment[:1] + "..."
		}
		hint := "a " + c.comment[:1] + " behind a blank begins a comment, even in quotes; leave the blank out, or move the command into a script"
		if opt.key != "command" {
			hint = "a " + c.comment[:1] + " behind a blank begins a comment, even in quotes"
		}
		l.warnAt(c.at, sec.name, opt.key, fmt.Sprintf("the value ends before %s, which is taken for a comment", repr(shown)), hint)
	}
}

// freeText are keys whose values may hold any character.
var freeText = []string{"command", "stop_command", "reload_command", "environment", "env_default", "password", "username"}

// meantAsText says whether what was taken for a comment was likely meant as a part
// of the value: it stands within quotes, it is a single word right behind the
// sign, or it goes on with a command.
func meantAsText(key, kept, comment string) bool {
	if !slices.Contains(freeText, key) {
		return len(kept) > 0 && strings.IndexByte(`"'`, kept[0]) >= 0 && strings.Count(kept, kept[:1]) == 1 && strings.Contains(comment, kept[:1])
	}
	if q := openQuote(kept); q != 0 {
		return strings.IndexByte(comment, q) >= 0
	}
	sign, rest := comment[0], comment[1:]
	if rest == "" || rest[0] == sign {
		return false
	}
	if !strings.ContainsFunc(rest, func(r rune) bool { return isSpace(r) || r >= 0x80 }) {
		return kept != ""
	}
	rest = trim(rest)
	return key == "command" && sign == ';' && slices.ContainsFunc([]string{"/", "./", "cd ", "exec ", "export "}, func(word string) bool {
		return strings.HasPrefix(rest, word)
	})
}

// openQuote gives the quote in which s ends, or 0.
func openQuote(s string) byte {
	var open byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && open != '\'':
			i++
		case c == open:
			open = 0
		case open == 0 && (c == '"' || c == '\''):
			open = c
		}
	}
	return open
}

// isSecretKey says whether a key's own value is a secret.
func isSecretKey(key string) bool { return key == "password" }
