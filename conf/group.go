package conf

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// groups makes every group, in the order of the original: [group:x] sections,
// then programs, listeners and fcgi programs that are in none; then sorts them.
func (l *loader) groups() {
	taken := make(map[string]bool) // program sections that a group has
	for _, name := range l.sectionsOf("group") {
		l.group(name, taken)
	}
	for _, name := range l.sectionsOf("program") {
		if !taken[name] {
			l.single(name, KindProgram)
		}
	}
	for _, name := range l.sectionsOf("eventlistener") {
		l.listener(name)
	}
	for _, name := range l.sectionsOf("fcgi-program") {
		if !taken[name] {
			l.fcgi(name)
		}
	}
	sort.SliceStable(l.cfg.Groups, func(i, j int) bool {
		a, b := l.cfg.Groups[i], l.cfg.Groups[j]
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name)) < 0
	})
}

// sectionsOf lists the sections of a kind in file order.
func (l *loader) sectionsOf(kind string) []string {
	var names []string
	for _, name := range l.doc.order {
		if strings.HasPrefix(name, kind+":") {
			names = append(names, name)
		}
	}
	return names
}

func (l *loader) addGroup(g *Group) { l.cfg.Groups = append(l.cfg.Groups, g) }

// group reads a [group:x] and its members.
func (l *loader) group(section string, taken map[string]bool) {
	s := l.scope(section, l.base)
	name, ok := l.sectionName(s)
	if !ok {
		return
	}
	members, opt, _, err := s.text("programs")
	g := &Group{Section: section, Name: name, Kind: KindGroup}
	g.Priority = read(s, "priority", 999, parseCountInt)
	l.addGroup(g)
	if err != nil {
		return
	}
	in := make(map[string]bool)
	for _, member := range parseList(members) {
		if l.report.full() {
			return
		}
		program, fcgi := "program:"+member, "fcgi-program:"+member
		switch {
		case l.doc.has(program) && l.doc.has(fcgi):
			s.fail("programs", opt, textf(msgAmbiguous, section, member), "give one of them another name")
			continue
		case !l.doc.has(program) && !l.doc.has(fcgi):
			s.fail("programs", opt, textf(msgNoProgram, section, member), l.memberHint(member))
			continue
		case l.doc.has(fcgi):
			program = fcgi
		}
		taken[program] = true
		if in[program] {
			continue
		}
		in[program] = true
		programs := l.programs(program, name)
		if program == fcgi {
			l.memberSocket(program, member, programs)
		}
		g.Programs = append(g.Programs, programs...)
	}
}

// memberHint says what a name in programs= may have been meant to be.
func (l *loader) memberHint(member string) string {
	var known []string
	for _, section := range l.doc.order {
		kind, name, _ := strings.Cut(section, ":")
		switch kind {
		case "program", "fcgi-program":
			known = append(known, name)
		case "eventlistener":
			if name == member {
				return "an event listener cannot be in a group"
			}
		}
	}
	if near := nearest(member, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if member == "" {
		return "there is a comma too many"
	}
	return fmt.Sprintf("there is no [program:%s]", member)
}

// single makes the group of a program that is in no other.
func (l *loader) single(section string, kind GroupKind) *Group {
	s := l.scope(section, l.base)
	name, ok := l.sectionName(s)
	if !ok {
		return nil
	}
	g := &Group{Section: section, Name: name, Kind: kind}
	g.Priority = read(s, "priority", 999, parseCountInt)
	if kind == KindProgram {
		g.Programs = l.programs(section, name)
	}
	l.addGroup(g)
	return g
}

// listener makes the pool of an [eventlistener:x]. Its name is not checked or
// trimmed here, only that of the program in it.
func (l *loader) listener(section string) {
	s := l.scope(section, l.base)
	g := &Group{Section: section, Name: strings.TrimPrefix(section, "eventlistener:"), Kind: KindListener, Pool: &Pool{}}
	g.Priority = read(s, "priority", -1, parseCountInt)
	g.Pool.BufferSize = read(s, "buffer_size", 10, func(v string) (int, error) {
		n, err := parseCountInt(v)
		if err == nil && n < 1 {
			err = textf(msgBuffer, section, n)
		}
		return n, err
	})
	g.Pool.Policy = l.policy(s, g.Pool.BufferSize)
	g.Pool.ResultHandler = read(s, "result_handler", DefaultHandler, func(v string) (string, error) {
		if !l.host.Plugin(v) {
			hint := ""
			if v == StdoutHandler {
				hint = "it comes with the Python package supervisor-stdout"
			}
			return "", &hinted{text: fmt.Sprintf(msgPlugin, v, section), hint: hint}
		}
		return v, nil
	})
	g.Pool.LenUnit = read(s, "len_unit", LenCharacters, parseLenUnit)
	if g.Pool.LenUnit == LenBytes && g.Pool.ResultHandler == StdoutHandler {
		s.fail("len_unit", s.option("len_unit"), text(msgLenUnit), "leave len_unit out")
	}
	g.Pool.Events = s.events()
	read(s, "redirect_stderr", false, func(v string) (bool, error) {
		b, err := ParseBool(v)
		if b {
			err = textf(msgRedirect, section)
		}
		return b, err
	})
	g.Programs = l.programs(section, g.Name)
	l.addGroup(g)
}

func parseLenUnit(s string) (LenUnit, error) {
	unit := LenUnit(strings.ToLower(s))
	if unit != LenCharacters && unit != LenBytes {
		return "", textf("not a unit of length: %s", Repr(s))
	}
	return unit, nil
}

// events reads events=.
func (s *scope) events() []string {
	value, opt, found, err := s.text("events")
	if err != nil {
		return nil
	}
	if !found || value == "" {
		err := textf(msgNoEvents, s.sec.name)
		if found {
			s.fail("events", opt, err, "for example events=PROCESS_STATE,TICK_60")
		} else {
			s.missing("events", err)
		}
		return nil
	}
	events := parseList(strings.ToUpper(value))
	slices.Sort(events)
	events = slices.Compact(events)
	for _, event := range events {
		if !isEventType(event) && !s.report.full() {
			hint := "there is a comma too many"
			if near := nearest(event, eventTypes); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			} else if event != "" {
				hint = ""
			}
			s.fail("events", opt, textf(msgEvent, event, s.sec.name), hint)
		}
	}
	return events
}

// settle drops what nobody could ever address: of two groups with one name the
// first in start order stays, of two processes the later one, as in the
// original. Unlike there the loss is reported.
func (l *loader) settle() {
	cfg := l.cfg
	groups := make(map[string]*Group, len(cfg.Groups))
	cfg.Groups = slices.DeleteFunc(cfg.Groups, func(g *Group) bool {
		if first := groups[g.Name]; first != nil {
			l.note(Warn, "Two groups are named %s: the one of kind %s is used, the one of kind %s is ignored", g.Name, first.Kind, g.Kind)
			l.scope(g.Section, l.base).warn("", nil, fmt.Sprintf("another group is named %s, that of [%s]; this one is ignored", g.Name, first.Section), "")
			return true
		}
		groups[g.Name] = g
		return false
	})
	for _, g := range cfg.Groups {
		g.Programs = l.settlePrograms(g)
	}
}

func (l *loader) settlePrograms(g *Group) []*Program {
	if len(g.Programs) < 2 {
		return g.Programs
	}
	last := make(map[string]int, len(g.Programs))
	for i, p := range g.Programs {
		last[p.Name] = i
	}
	if len(last) == len(g.Programs) {
		return g.Programs
	}
	kept := make([]*Program, 0, len(last))
	done := make(map[string]bool)
	for _, p := range g.Programs {
		if done[p.Name] {
			continue
		}
		done[p.Name] = true
		winner := g.Programs[last[p.Name]]
		kept = append(kept, winner)
		if winner != p {
			l.note(Warn, "Several processes of group %s are named %s: only the last one, of [%s], is used", g.Name, p.Name, winner.Section)
			s := l.scope(p.Section, l.base)
			s.warn("process_name", s.option("process_name"), fmt.Sprintf(
				"several processes of group %s are named %s; only the last one, of [%s], is used", g.Name, p.Name, winner.Section), "")
		}
	}
	return kept
}
