package conf

import (
	"maps"
	"slices"
	"strings"
)

// explainer finds where values come from.
type explainer struct {
	*loader
	*secrets
	options map[string]string
	process *Program // whose keys are looked at, if it is one's
}

// setting makes a Setting of a key in effect.
func (e *explainer) setting(section, key, value string) Setting {
	raw := e.rawValue(section, key)
	names := variablesIn(raw)
	s := Setting{Key: key, Value: value, From: append(e.keyOrigin(section, key), e.origins(section, names)...)}
	switch {
	case value == "":
	case isSecretKey(key):
		s.Value = hidden
	case slices.Contains(plainKeys, key):
	default:
		s.Value = e.hide(value, e.valuesOf(section, names))
	}
	return s
}

// plainKeys hold a word or a number that can give nothing away.
var plainKeys = slices.Concat(booleanKeys, []string{
	"autorestart", "buffer_size", "events", "exitcodes", "loglevel", "logfile_backups", "logfile_maxbytes", "minfds", "minprocs",
	"priority", "startretries", "startsecs", "stopsignal", "stopwaitsecs", "umask", "update_mode",
})

// keyOrigin is the line that sets a key.
func (l *loader) keyOrigin(section, key string) []Origin {
	_, opt, in, found := l.doc.lookup(section, key)
	if !found {
		return []Origin{{Kind: FromDefault}}
	}
	o := Origin{Kind: FromFile, File: opt.at().file, Line: opt.at().line}
	if in.name != section {
		o.Section = in.name
	}
	return []Origin{o}
}

// variables makes a Setting of each entry of an environment. outer is the
// environment that was there before; what it has, and the section does not set,
// is [supervisord]'s.
func (e *explainer) variables(section, key string, env, outer map[string]string) []Setting {
	own := e.rawValue(section, key)
	var list []Setting
	for _, name := range slices.Sorted(maps.Keys(env)) {
		home, raw := section, own
		if v, inherited := outer[name]; inherited && v == env[name] && !strings.Contains(own, name) {
			home = "supervisord"
			raw = e.rawValue(home, key)
		}
		if values, _, err := ParseEnvironment(raw); err == nil {
			if part, found := values[name]; found {
				raw = part
			}
		}
		names := variablesIn(raw)
		from := e.keyOrigin(home, key)
		if home != section && from[0].Section == "" {
			from[0].Section = home
		}
		s := Setting{Key: key, From: append(from, e.origins(home, names)...)}
		s.Value = variable(name, e.hide(env[name], e.valuesOf(home, names)), true)
		list = append(list, s)
	}
	return list
}

// variablesIn lists the environment variables that a value asks for, each once.
func variablesIn(raw string) []string {
	var list []string
	// A value that is no template has been refused before; what was found up
	// to its fault is enough.
	_, _ = formatTemplate(raw, func(d directive) (operand, error) {
		if name, ok := strings.CutPrefix(d.name, "ENV_"); ok && !slices.Contains(list, name) {
			list = append(list, name)
		}
		return operand{isNum: d.conv != 's'}, nil
	})
	return list
}

// origins says for each variable who set the value that was put in. The section
// [supervisord] is read before its own environment= is known.
func (e *explainer) origins(section string, names []string) []Origin {
	var list []Origin
	for _, name := range names {
		home, key := "", "environment"
		_, given := e.host.getenv(name)
		_, ofServer := e.cfg.Server.Environment[name]
		_, ofProcess := e.environmentOfProcess()[name]
		switch {
		case ofProcess && strings.Contains(e.rawValue(section, key), name):
			home = section
		case ofServer && section != "supervisord":
			home = "supervisord"
		case given:
			list = append(list, Origin{Kind: FromEnvironment, Name: name})
			continue
		default:
			home, key = "supervisord", "env_default"
		}
		o := e.keyOrigin(home, key)[0]
		o.Name = name
		list = append(list, o)
	}
	return list
}

// environmentOfProcess is that of the process whose keys are looked at.
func (e *explainer) environmentOfProcess() map[string]string {
	if e.process == nil {
		return nil
	}
	return e.process.Environment
}

// valuesOf gives what was put in for those variables whose names look like
// secrets.
func (e *explainer) valuesOf(section string, names []string) []string {
	var values []string
	for _, name := range names {
		if looksSecret(name) {
			values = append(values, e.valueOf(section, name))
		}
	}
	return values
}

// valueOf is the value of a variable as a section sees it.
func (e *explainer) valueOf(section, name string) string {
	if v, set := e.environmentOfProcess()[name]; set {
		return v
	}
	if v, set := e.cfg.Server.Environment[name]; set && section != "supervisord" {
		return v
	}
	if v, set := e.host.getenv(name); set {
		return v
	}
	return e.cfg.Server.EnvDefault[name]
}
