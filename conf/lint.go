package conf

import (
	"fmt"
	"slices"
	"strings"
)

// CheckUpstream lists what Supervisor 4.3 would not take from the configuration:
// as errors that for which it refuses to start, as warnings, by place, the lines
// that it ignores.
func CheckUpstream(path string, h *Host) []Finding {
	l := newLoader(path, originalHost(h.whole()))
	l.original = true
	_ = l.run() // its errors are in the report
	if l.doc.parsed == nil {
		return l.findings(nil)
	}
	l.blameDefaults()
	l.warned = report{limit: maxWarnings}
	for _, p := range l.doc.doubtful {
		l.warned.add("", p)
	}
	for _, src := range l.doc.marks {
		l.refuse(Problem{File: src.name, Line: 1, Text: "the file begins with a byte-order mark, which is no section header", Hint: "save it as UTF-8 without one"})
	}
	for _, name := range l.sectionsOf("rpcinterface") {
		s := l.scope(name, l.env)
		for _, key := range l.doc.keysOf(name) {
			if key != rpcFactoryKey {
				l.refuse(s.problem(key, s.option(key), "the interface takes no such setting", ""))
			}
		}
	}
	for _, sec := range l.sections() {
		l.lintSection(sec)
	}
	return l.findings(l.byPlace(l.warned.problems))
}

// blameDefaults says of variables that only env_default= sets, that the original
// does not have them.
func (l *loader) blameDefaults() {
	// Its values may not be readable before they are expanded, but its names
	// nearly always are.
	set, _, _ := ParseEnvironment(l.rawValue("supervisord", "env_default"))
	for i, p := range l.report.problems {
		for name := range set {
			if p.Hint == fmt.Sprintf(hintNotSet, name) {
				l.report.problems[i].Hint = name + " is set by env_default= only"
			}
		}
	}
}

// originalHost knows only the plugins that come with the original.
func originalHost(h *Host) *Host {
	w := *h
	w.entriesOnly = true
	w.Plugin = func(spec string) bool {
		return spec == MainRPCInterface || spec == DefaultHandler
	}
	return &w
}

// refuse adds to the errors.
func (l *loader) refuse(p Problem) { l.report.add(p.Text, p) }

// lintSection reports what the original ignores of a section.
func (l *loader) lintSection(sec *section) {
	word, _, _ := strings.Cut(sec.name, ":")
	if sec.kind != nil {
		word = sec.kind.word
	}
	ours, extension := extensions()[word]
	extension = extension && sec.kind != nil
	whole := sec.kind == nil || extension && ours == nil
	if whole {
		text := "the section is unknown and ignored"
		if extension {
			text = "the section is an extension and ignored"
		}
		l.warnAt(sec.at, sec.name, "", text, "")
	}
	inGroup := word == "fcgi-program" && l.isMember(sec.name)
	for _, key := range sec.keys() {
		opt := sec.option(key)
		text := ""
		switch {
		case strings.HasPrefix(opt.key, "["): // reported as a line in doubt
		case whole:
			text = "the key is in a section that is ignored"
		case l.rawValue(sec.name, opt.key) == ownOutput && sec.kind.runs() && (opt.key == "stdout_logfile" || opt.key == "stderr_logfile"):
			text = "the output goes into a file called -"
		case slices.Contains(ours, properKey(opt.key)):
			text = "the key is an extension and ignored"
		case word == "ctlplugin" && opt.key != ctlFactoryKey:
			text = "the key is given to the plugin, which refuses what it does not know"
		case sec.kind.any:
		case !slices.Contains(sec.kind.keys(), properKey(opt.key)), sec.name == defaultSection && isExtension(properKey(opt.key)):
			text = "the key is unknown and ignored"
		case inGroup && strings.HasPrefix(opt.key, "socket"):
			text = "the program is in a group and gets no socket there"
		}
		if text != "" {
			for _, at := range opt.places {
				l.warnAt(at, sec.name, opt.key, text, "")
			}
		}
	}
}

// isExtension says whether a key is one of our extensions wherever it stands.
func isExtension(key string) bool {
	for _, keys := range extensions() {
		if slices.Contains(keys, key) {
			return true
		}
	}
	return false
}

// isMember says whether a program section is in a [group:x].
func (l *loader) isMember(section string) bool {
	return slices.ContainsFunc(l.cfg.Groups, func(g *Group) bool {
		return g.Kind == KindGroup && slices.ContainsFunc(g.Programs, func(p *Program) bool { return p.Section == section })
	})
}
