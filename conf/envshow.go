package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// envTexts shows the keys that say what else makes the environment.
var envTexts = []struct {
	key  string
	text func(*Program) string
}{
	{"env_clear", func(p *Program) string { return strconv.FormatBool(p.Env.Clear) }},
	{"env_pass", func(p *Program) string { return strings.Join(p.Env.Pass, ",") }},
	{"env_file", func(p *Program) string { return joined(p.Env.Files) }},
	{"env_dir", func(p *Program) string { return joined(p.Env.Dirs) }},
	{"env_from_file", func(p *Program) string { return joined(p.Env.From) }},
	{"env_unset", func(p *Program) string { return strings.Join(p.Env.Unset, ",") }},
}

// envResult is what one reading of a source gave.
type envResult struct {
	vars []EnvVar
	err  error
}

// envOf reads a source, once for all who ask.
func (l *loader) envOf(src envSource) ([]EnvVar, error) {
	r, known := l.envRead[src]
	if !known {
		r.vars, r.err = src.read(l.host)
		if l.envRead == nil {
			l.envRead = make(map[envSource]envResult)
		}
		l.envRead[src] = r
	}
	return r.vars, r.err
}

// fromFiles gives the variables that files set for a program, where nothing that
// wins over files sets them.
func (l *loader) fromFiles(p *Program) map[string]EnvVar {
	vars := make(map[string]EnvVar)
	for _, src := range p.Env.list() {
		list, _ := l.envOf(src) // why not is the check's business
		for _, v := range list {
			if _, set := p.Environment[v.Name]; !set && !p.Env.Unsets(v.Name) {
				vars[v.Name] = v
			}
		}
	}
	return vars
}

// sources shows where the environment of a process comes from, and of each variable
// that a file sets that it does, but not its value.
func (e *explainer) sources(p *Program) []Setting {
	var list []Setting
	for _, t := range envTexts {
		list = append(list, e.setting(p.Section, t.key, t.text(p)))
	}
	vars := e.fromFiles(p)
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		v := vars[name]
		from := append(e.keyOrigin(p.Section, v.Key), Origin{Kind: FromFile, File: v.Path, Line: v.Line})
		list = append(list, Setting{Key: "environment", Value: name + "=" + hidden, From: from})
	}
	return list
}

// checkEnvSources looks at the files that make environments.
func (l *loader) checkEnvSources() {
	c := &envCheck{loader: l, seen: make(map[string]bool)}
	for _, g := range l.cfg.Groups {
		for _, p := range g.Programs {
			c.program(p)
		}
	}
	for _, h := range l.cfg.Hooks {
		c.program(h.Child)
	}
}

// envCheck is one look at all of them. The processes of a section mostly have the
// same.
type envCheck struct {
	*loader
	seen map[string]bool
}

func (c *envCheck) program(p *Program) {
	s := c.scope(p.Section, c.base)
	for _, src := range p.Env.list() {
		id := p.Section + "\x00" + src.key + "\x00" + src.name + "\x00" + src.Path
		if c.seen[id] {
			continue
		}
		c.seen[id] = true
		c.source(s, src)
		if _, set := p.Environment[src.name]; src.name != "" && set {
			s.warn(src.key, s.option(src.key), fmt.Sprintf("the file for %s is not used: environment= sets it", src.name), "")
		}
	}
	if len(p.Env.Pass) > 0 && !p.Env.Clear {
		s.warn("env_pass", s.option("env_pass"), "env_pass has no effect without env_clear=true: everything is passed on", "")
	}
}

func (c *envCheck) source(s *scope, src envSource) {
	opt := s.option(src.key)
	vars, err := c.envOf(src)
	if err != nil {
		hint := "the program is not started without it"
		if !src.Optional && errors.Is(err, fs.ErrNotExist) {
			hint += "; a - before the path says that it need not be there"
		}
		s.warn(src.key, opt, err.Error(), hint)
	}
	for _, v := range vars {
		if v.Line > 0 && inQuotes(v.Value) {
			s.warn(src.key, opt, fmt.Sprintf("%s:%d: the quotes around the value of %s are a part of it", v.Path, v.Line, v.Name),
				"values are taken as they stand, as docker run --env-file does")
		}
	}
}

// inQuotes says whether a value begins and ends with the same quote.
func inQuotes(s string) bool {
	return len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0]
}
