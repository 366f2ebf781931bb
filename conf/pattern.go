package conf

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// parsePatterns reads names of processes, in which * and ? stand for others.
func parsePatterns(value string) ([]string, error) {
	patterns := parseList(value)
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" || strings.Count(pattern, ":") > 1 {
			return nil, textf(msgPattern, Repr(pattern))
		}
	}
	return patterns, nil
}

func matches(pattern, name string) bool {
	is, err := path.Match(pattern, name)
	return is && err == nil
}

// someProcess tells whether any process, or group, is such.
func (l *loader) someProcess(is func(group, process string) bool) bool {
	return slices.ContainsFunc(l.cfg.Groups, func(g *Group) bool {
		return is(g.Name, "") || slices.ContainsFunc(g.Programs, func(p *Program) bool { return is(g.Name, p.Name) })
	})
}

// patternHint says which process a pattern was likely meant to be.
func (l *loader) patternHint(pattern string) string {
	var names []string
	for _, g := range l.cfg.Groups {
		names = append(names, g.Name)
		for _, p := range g.Programs {
			names = append(names, p.Name, g.Name+":"+p.Name)
		}
	}
	if near := nearest(pattern, names); near != "" {
		return "did you mean " + near + "?"
	}
	return cmp.Or(commaHint(pattern), "the names are those that supervisorctl status prints")
}

// commaHint is for a list with blanks between its items.
func commaHint(pattern string) string {
	if strings.Contains(pattern, " ") {
		return "names have commas between them"
	}
	return ""
}
