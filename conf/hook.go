package conf

import (
	"slices"
	"strconv"
	"strings"
)

// Bounds of what hooks may ask for. Each may run so many commands at once, and keep
// so many events for later.
const (
	maxHooks      = 1000
	maxParallel   = 100
	maxHookEvents = 10_000
)

// hooks reads every [hook:x]. The original does not know them.
func (l *loader) hooks() {
	l.eachOf("hook", maxHooks, msgManyHooks, l.hook)
}

// eachOf reads the sections of a kind that the original does not know, unless
// there are too many.
func (l *loader) eachOf(kind string, most int, tooMany string, read func(section string)) {
	if l.original {
		return
	}
	sections := l.sectionsOf(kind)
	if len(sections) > most {
		l.scope(sections[0], l.base).fail("", nil, textf(tooMany, most), "")
		return
	}
	for _, section := range sections {
		read(section)
	}
}

func (l *loader) hook(section string) {
	s := l.scope(section, l.base)
	name, ok := l.sectionName(s)
	if !ok {
		return
	}
	if slices.ContainsFunc(l.cfg.Hooks, func(h *Hook) bool { return h.Name == name }) {
		s.fail("", nil, textf(msgHookTwice, Repr(name)), "") // one of them with a blank before its name
		return
	}
	s.names = l.base.with(texts("hook_name", name, "host_node_name", l.hostname))
	p := &Program{Section: section, Name: name}
	h := &Hook{Name: name, Child: p}
	h.Events = s.events()
	h.Programs = read(s, "programs", nil, parsePatterns)
	h.Timeout = read(s, "timeout", 30, func(v string) (int, error) { return within(v, 0, 1<<31-1) })
	h.Parallel = read(s, "parallel", 1, func(v string) (int, error) { return within(v, 1, maxParallel) })
	h.BufferSize = read(s, "buffer_size", 100, func(v string) (int, error) { return within(v, 1, maxHookEvents) })
	s.identity(p)
	p.Umask = read(s, "umask", -1, parseMask)
	s.hookChild(p)
	l.cfg.Hooks = append(l.cfg.Hooks, h)
}

// hookChild reads what may hold variables of the hook's own environment.
func (s *scope) hookChild(p *Program) {
	env := s.ownEnvironment()
	if !s.addEnvironment(p, env) {
		return
	}
	t := s.in(s.names.withEnv(env))
	p.Directory = read(t, "directory", "", asText)
	p.Env = t.environmentSources()
	p.Limits = t.limits()
	command, _, found, err := t.text("command")
	if !found || err == nil && trim(command) == "" {
		t.missing("command", textf(msgHookCommand, s.sec.name))
	}
	p.Command = command
}

// within reads a number between two bounds.
func within(value string, low, high int) (int, error) {
	n, err := parseCountInt(value)
	if err == nil && (n < low || n > high) {
		err = textf(msgHookNumber, n, low, high)
	}
	return n, err
}

// WantsProcess tells whether the hook wants the events of a process, or, where there
// is no name, of a group.
func (h *Hook) WantsProcess(group, name string) bool {
	if h.Programs == nil {
		return true
	}
	return slices.ContainsFunc(h.Programs, func(pattern string) bool {
		if strings.Contains(pattern, ":") {
			return matches(pattern, group+":"+name)
		}
		return matches(pattern, group) || matches(pattern, name)
	})
}

// HookSection is the name that a hook has where groups are named too. No group can
// have such a name.
func HookSection(name string) string { return "hook:" + name }

// HookChanges finds in which keys the hooks of two configurations differ, as
// Changes does for groups.
func HookChanges(old, new []*Hook) []GroupChange {
	before := make(map[string]*Hook, len(old))
	for _, h := range old {
		before[h.Name] = h
	}
	var changes []GroupChange
	for _, h := range new {
		was := before[h.Name]
		delete(before, h.Name)
		if was == nil {
			changes = append(changes, GroupChange{Name: HookSection(h.Name), Kind: ChangeAdded})
		} else if keys := hookChanges(was, h); len(keys) > 0 {
			changes = append(changes, GroupChange{Name: HookSection(h.Name), Kind: ChangeChanged, Keys: keys})
		}
	}
	for _, h := range old {
		if before[h.Name] != nil {
			changes = append(changes, GroupChange{Name: HookSection(h.Name), Kind: ChangeRemoved})
		}
	}
	return changes
}

func hookChanges(old, new *Hook) []KeyChange {
	var keys keyChanges
	for _, t := range hookTexts {
		keys.compare(t.key, t.text(old), t.text(new))
	}
	return append(keys, programChanges(old.Child, new.Child)...)
}

// hookTexts shows what a hook has beyond its command.
var hookTexts = []struct {
	key  string
	text func(*Hook) string
}{
	{"events", func(h *Hook) string { return strings.Join(h.Events, ",") }},
	{"programs", func(h *Hook) string { return strings.Join(h.Programs, ",") }},
	{"timeout", func(h *Hook) string { return strconv.Itoa(h.Timeout) }},
	{"parallel", func(h *Hook) string { return strconv.Itoa(h.Parallel) }},
	{"buffer_size", func(h *Hook) string { return strconv.Itoa(h.BufferSize) }},
}

// hook shows all keys of a hook.
func (e *explainer) hook(h *Hook) []Setting {
	p := h.Child
	e.process = p
	defer func() { e.process = nil }()
	var list []Setting
	add := func(key, value string) { list = append(list, e.setting(p.Section, key, value)) }
	for _, t := range hookTexts {
		add(t.key, t.text(h))
	}
	add("command", p.Command)
	add("directory", p.Directory)
	add("umask", octal(p.Umask))
	add("user", accountText(p.User))
	for _, t := range identityTexts {
		add(t.key, t.text(p))
	}
	list = append(list, e.limits(p)...)
	list = append(list, e.sources(p)...)
	return append(list, e.variables(p.Section, "environment", p.Environment, e.cfg.Server.Environment)...)
}

// checkHooks looks for patterns that stand for nothing.
func (l *loader) checkHooks() {
	for _, h := range l.cfg.Hooks {
		s := l.scope(h.Child.Section, l.base)
		for _, pattern := range h.Programs {
			one := &Hook{Programs: []string{pattern}}
			if !l.someProcess(one.WantsProcess) {
				s.warn("programs", s.option("programs"), "no process is named "+Repr(pattern), l.patternHint(pattern))
			}
		}
	}
}
