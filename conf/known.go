package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The tables of what a configuration may hold. What stands in none of them is
// ignored, by the original and here; only the check speaks of it.

// Keys by kind of section. Lists that are made of others are made when somebody asks for
// them: an ordinary start of the program does not.
var (
	serverKeys = []string{
		"childlogdir", "directory", "env_default", "environment", "exit_status", "fatal_tail_lines", "identifier", "logfile",
		"logfile_backups", "logfile_maxbytes", "loglevel", "minfds", "minprocs", "nocleanup",
		"nodaemon", "pidfile", "require_pidfile", "shutdown_timeout", "signal_map", "silent", "strict", "strip_ansi", "supplementary_from", "umask", "update_mode", "user", "user_mismatch",
	}
	fcgiKeys     = []string{"socket", "socket_backlog", "socket_mode", "socket_owner"}
	listenerKeys = []string{"buffer_policy", "buffer_size", "events", "len_unit", "result_handler"}
	inetKeys     = []string{"allow_unauthenticated", "health_without_auth", "password", "port", "username"}
	unixKeys     = []string{"chmod", "chown", "file", "health_without_auth", "password", "username"}
	roleKeys     = []string{"access", "gids", "programs", "uids"}
	metricsKeys  = []string{"interval", "textfile"}
	groupKeys    = []string{"priority", "programs"}
	ctlKeys      = []string{"history_file", "password", "prompt", "serverurl", "username"}
	includeKeys  = []string{"files"}
)

func programKeys() []string {
	return slices.Concat(limitKeys(), controlKeys, []string{
		"autorestart", "autostart", "command", "directory",
		"env_clear", "env_dir", "env_file", "env_from_file", "env_pass", "env_unset", "environment",
		"exitcodes", "group", "groups", "login_env", "kill_scope", "killasgroup",
		"log_backpressure", "log_format", "log_max_line", "log_partial_ms", "log_prefix", "log_ring", "log_timestamps",
		"numprocs", "numprocs_start", "on_exit", "on_fatal", "priority",
		"process_name", "redirect_stderr", "reload_command", "reload_signal", "reload_timeout", "serverurl", "startretries", "startsecs",
		"stderr_capture_maxbytes", "stderr_events_enabled", "stderr_logfile",
		"stderr_logfile_backups", "stderr_logfile_maxbytes", "stderr_syslog",
		"stdout_capture_maxbytes", "stdout_events_enabled", "stdout_logfile",
		"stdout_logfile_backups", "stdout_logfile_maxbytes", "stdout_syslog",
		"stop_command", "stop_sequence", "stopasgroup", "stopsignal", "stopwaitsecs", "umask", "user",
	})
}

func hookKeys() []string {
	return slices.Concat(limitKeys(), []string{
		"buffer_size", "command", "directory",
		"env_clear", "env_dir", "env_file", "env_from_file", "env_pass", "env_unset", "environment",
		"events", "group", "groups", "login_env", "parallel", "programs", "timeout", "umask", "user",
	})
}

// aliases are other spellings of keys of ours, which other programs use; of two for one
// key the first wins.
var aliases = []struct{ other, proper string }{
	{"environment_file", "env_file"},
	{"envfiles", "env_file"},
}

// properKey is the spelling of a key under which everything else knows it.
func properKey(key string) string {
	for _, a := range aliases {
		if a.other == key {
			return a.proper
		}
	}
	return key
}

// spelt finds the option that sets a key in a section, under whatever spelling; the
// proper one wins.
func (s *section) spelt(key string) *option {
	if opt := s.option(key); opt != nil {
		return opt
	}
	for _, a := range aliases {
		if a.proper != key {
			continue
		}
		if opt := s.option(a.other); opt != nil {
			return opt
		}
	}
	return nil
}

// defaultsSections supply keys to every program, fcgi program and event listener;
// the first has the say where both set a key.
var defaultsSections = []string{"program-defaults", "program-default"}

// The factories of plugins.
const (
	rpcFactoryKey = "supervisor.rpcinterface_factory"
	ctlFactoryKey = "supervisor.ctl_factory"
)

// programExtensions are our own keys of whatever runs.
func programExtensions() []string {
	return slices.Concat(limitKeys(), controlKeys, []string{
		"group", "groups", "login_env",
		"env_clear", "env_dir", "env_file", "env_from_file", "env_pass", "env_unset", "kill_scope",
		"log_backpressure", "log_format", "log_max_line", "log_partial_ms", "log_prefix", "log_ring", "log_timestamps",
		"on_exit", "on_fatal", "reload_command", "reload_signal", "reload_timeout", "stop_command", "stop_sequence",
	})
}

// listenerExtensions are those of event listeners alone.
var listenerExtensions = []string{"buffer_policy", "len_unit"}

// extensions lists what the original does not know, by kind of section: there it
// has no effect. A kind without keys is an extension as a whole.
var extensions = sync.OnceValue(func() map[string][]string {
	return map[string][]string{
		"supervisord":      {"env_default", "exit_status", "fatal_tail_lines", "require_pidfile", "shutdown_timeout", "signal_map", "strict", "supplementary_from", "update_mode", "user_mismatch"},
		"program":          programExtensions(),
		"fcgi-program":     programExtensions(),
		"eventlistener":    slices.Concat(programExtensions(), listenerExtensions),
		"hook":             nil,
		"inet_http_server": {"allow_unauthenticated", "health_without_auth"},
		"unix_http_server": {"health_without_auth"},
		"role":             nil,
		"metrics":          nil,
		"program-defaults": nil,
		"program-default":  nil,
	}
})

// kind is what a section is.
type kind struct {
	word  string // the name, or what stands before the colon of names
	named bool   // a colon and a name follow
	loose bool   // whatever begins so is of this kind
	any   bool   // keys are nobody's business
}

var kinds = []kind{
	{word: "supervisord"},
	{word: "supervisorctl"},
	{word: "include"},
	{word: "inet_http_server", loose: true},
	{word: "unix_http_server", loose: true},
	{word: "program", named: true},
	{word: "fcgi-program", named: true},
	{word: "eventlistener", named: true},
	{word: "group", named: true},
	{word: "hook", named: true},
	{word: "role", named: true},
	{word: "metrics"},
	{word: "rpcinterface", named: true, any: true},
	{word: "ctlplugin", named: true, any: true},
	{word: "program-defaults"},
	{word: "program-default"},
	{word: defaultSection},
}

// kindKeys are the keys of the kinds, by their words.
var kindKeys = sync.OnceValue(func() map[string][]string {
	program := programKeys()
	defaults := slices.Concat(program, fcgiKeys, listenerKeys)
	return map[string][]string{
		"supervisord":      serverKeys,
		"supervisorctl":    ctlKeys,
		"include":          includeKeys,
		"inet_http_server": inetKeys,
		"unix_http_server": unixKeys,
		"program":          program,
		"fcgi-program":     slices.Concat(program, fcgiKeys),
		"eventlistener":    slices.Concat(program, listenerKeys),
		"group":            groupKeys,
		"hook":             hookKeys(),
		"role":             roleKeys,
		"metrics":          metricsKeys,
		"program-defaults": defaults,
		"program-default":  defaults,
		defaultSection:     allKeys(),
	}
})

// keys lists the keys of a kind.
func (k *kind) keys() []string { return kindKeys()[k.word] }

// kindOf finds what a section is, or nil for one that nobody reads.
func kindOf(section string) *kind {
	word, _, named := strings.Cut(section, ":")
	for i := range kinds {
		k := &kinds[i]
		switch {
		case k.loose && strings.HasPrefix(section, k.word):
			return k
		case k.named == named && k.word == word:
			return k
		}
	}
	return nil
}

// runs says whether a section describes processes.
func (k *kind) runs() bool {
	return k != nil && (k.word == "program" || k.word == "fcgi-program" || k.word == "eventlistener")
}

// knownKeys lists the keys of a kind of section, or nil for a section whose keys
// are nobody's.
func knownKeys(section string) []string {
	if k := kindOf(section); k != nil {
		return k.keys()
	}
	return nil
}

// allKeys lists every key that any section has.
func allKeys() []string {
	return slices.Concat(serverKeys, programKeys(), fcgiKeys, listenerKeys, inetKeys, unixKeys, roleKeys, metricsKeys, groupKeys, hookKeys(), ctlKeys, includeKeys)
}

// otherNames are what people and other programs call keys, by kind of section.
func otherNames(kind string) map[string]string {
	switch kind {
	case "role":
		return map[string]string{"user": "uids", "users": "uids", "group": "gids", "groups": "gids", "names": "programs", "processes": "programs"}
	case "unix_http_server":
		return map[string]string{"user": "username", "path": "file", "socket": "file", "mode": "chmod", "owner": "chown"}
	case "inet_http_server":
		return map[string]string{"user": "username", "host": "port", "listen": "port", "address": "port"}
	case "supervisorctl":
		return map[string]string{"user": "username", "url": "serverurl"}
	case "program":
		return map[string]string{"cmd": "command", "cwd": "directory", "env": "environment", "restart": "autorestart", "instances": "numprocs"}
	case "hook":
		return map[string]string{"cmd": "command", "cwd": "directory", "env": "environment"}
	case "metrics":
		return map[string]string{"file": "textfile", "path": "textfile"}
	}
	return nil
}

// otherName returns the key of a section that has another name elsewhere, or "".
func otherName(section, key string) string {
	k := kindOf(section)
	switch {
	case k == nil:
		return ""
	case k.runs() || slices.Contains(defaultsSections, k.word):
		return otherNames("program")[key]
	}
	return otherNames(k.word)[key]
}

// ofOneProgram are the keys that no two programs have in common.
var ofOneProgram = []string{"command", "process_name", "numprocs", "numprocs_start"}

// keyHint says what an unknown key of a section was likely meant to be.
func keyHint(section, key string) string {
	if other := otherName(section, key); other != "" {
		return fmt.Sprintf("did you mean %s?", other)
	}
	if near := nearest(key, knownKeys(section)); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if longer := "stdout_" + key; slices.Contains(knownKeys(section), longer) {
		return fmt.Sprintf("did you mean %s?", longer)
	}
	var homes []string
	runs := false // the kinds that run something have nearly the same keys
	for _, k := range kinds {
		if !k.any && k.word != defaultSection && !slices.Contains(defaultsSections, k.word) && slices.Contains(k.keys(), key) && !(runs && (k.runs() || k.word == "hook")) {
			runs = runs || k.runs()
			home := k.word
			if k.named {
				home += ":NAME"
			}
			homes = append(homes, "["+home+"]")
		}
	}
	if homes != nil && section == "supervisord" && slices.Contains(kindKeys()["program"], key) && !slices.Contains(ofOneProgram, key) {
		homes = append(homes, "for all programs of ["+defaultsSections[0]+"]")
	}
	if homes != nil {
		return "it is a key of " + strings.Join(homes, ", ")
	}
	return ""
}

// sectionNameHint says what an unknown section was likely meant to be.
func sectionNameHint(section string) string {
	word, name, named := strings.Cut(trim(section), ":")
	word = trim(word)
	if before, after, found := strings.Cut(word, " "); found && !named {
		word, name = before, trim(after) // [program web]
	}
	k := nearestKind(word)
	if k == nil {
		return ""
	}
	meant := k.word
	if k.named {
		meant += ":" + cmp.Or(name, "NAME")
	}
	return fmt.Sprintf("did you mean [%s]?", meant)
}

func nearestKind(word string) *kind {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		if words[i] = k.word; strings.EqualFold(k.word, word) {
			return &kinds[i]
		}
	}
	if i := slices.Index(words, nearest(strings.ToLower(word), words)); i >= 0 {
		return &kinds[i]
	}
	return nil
}
