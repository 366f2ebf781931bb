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
	texts   map[*option]*environmentText
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
	case slices.Contains(booleanKeys, key), slices.Contains(plainKeys, key):
	default:
		s.Value = e.hide(value, e.valuesOf(section, names))
	}
	return s
}

// plainKeys hold a word or a number that can give nothing away, as booleanKeys do.
var plainKeys = []string{
	"access",
	"autorestart",
	"buffer_policy",
	"buffer_size",
	"events",
	"len_unit",
	"exit_status",
	"exitcodes",
	"fatal_tail_lines",
	"gids",
	"interval",
	"log_backpressure",
	"log_format",
	"log_max_line",
	"log_partial_ms",
	"log_ring",
	"log_timestamps",
	"logfile_backups",
	"logfile_maxbytes",
	"loglevel",
	"minfds",
	"minprocs",
	"on_exit",
	"on_fatal",
	"parallel",
	"priority",
	"shutdown_timeout",
	"startretries",
	"startsecs",
	"stopsignal",
	"stopwaitsecs",
	"timeout",
	"uids",
	"umask",
	"update_mode",
}

// Origin is what sets a key of a section.
func (r *Reading) Origin(section, key string) Origin { return r.l.keyOrigin(section, key)[0] }

// keyOrigin is the line that sets a key.
func (l *loader) keyOrigin(section, key string) []Origin {
	opt, in := l.doc.find(section, key)
	if opt == nil {
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
	own, server := e.text(section, key), e.text("supervisord", key)
	var list []Setting
	for _, name := range slices.Sorted(maps.Keys(env)) {
		home, text := section, own
		if v, inherited := outer[name]; inherited && v == env[name] && !own.sets(name) {
			home = "supervisord"
			text = server
		}
		from := e.keyOrigin(home, key)
		if home != section && from[0].Section == "" {
			from[0].Section = home
		}
		names := text.namesIn(name)
		s := Setting{Key: key, From: append(from, e.origins(home, names)...)}
		s.Value = variable(name, e.hide(env[name], e.valuesOf(home, names)), true)
		list = append(list, s)
	}
	return list
}

// environmentText is the text of an environment=, taken apart before anything is
// put into it.
type environmentText struct {
	raw    string
	names  []string          // all variables that it asks for
	values map[string]string // with (ENV_x) in place of %(ENV_x)s; nil when that cannot be told
}

// text takes the value of a key apart, each only once.
func (e *explainer) text(section, key string) *environmentText {
	opt, _ := e.doc.find(section, key)
	if t := e.texts[opt]; t != nil {
		return t
	}
	raw := e.rawValue(section, key)
	t := &environmentText{raw: raw, names: variablesIn(raw)}
	plain := true
	marked, err := formatTemplate(raw, func(d directive) (operand, error) {
		mark := "(" + d.name + ")"
		plain = plain && (d.text == "%"+mark+"s" || !strings.HasPrefix(d.name, "ENV_"))
		return operand{text: mark, isNum: d.conv != 's'}, nil
	})
	if err == nil && plain {
		// Parentheses need no quotes there, so the grammar sees a word.
		t.values, _, _ = ParseEnvironment(marked)
	}
	e.texts[opt] = t
	return t
}

// sets says whether the text sets a variable.
func (t *environmentText) sets(name string) bool {
	if t.values == nil {
		return strings.Contains(t.raw, name)
	}
	_, set := t.values[name]
	return set
}

// namesIn lists what the value of one variable asks for: at the worst, all.
func (t *environmentText) namesIn(name string) []string {
	value, set := t.values[name]
	if !set {
		return t.names
	}
	var list []string
	for _, asked := range t.names {
		if strings.Contains(value, "(ENV_"+asked+")") {
			list = append(list, asked)
		}
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
		case ofProcess && e.text(section, key).sets(name):
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
