package conf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ChangeKind says what became of a group or of a process in it.
type ChangeKind string

// The kinds of change.
const (
	ChangeAdded   ChangeKind = "added"
	ChangeRemoved ChangeKind = "removed"
	ChangeChanged ChangeKind = "changed"
)

// GroupChange is a group in which two configurations differ. Of a group that is
// only in one of them, every process is a member that was added or removed.
type GroupChange struct {
	Name    string
	Kind    ChangeKind
	Keys    []KeyChange // of the group itself
	Members []MemberChange
}

// MemberChange is a process in which two configurations of a group differ.
type MemberChange struct {
	Name string
	Kind ChangeKind
	Keys []KeyChange // of a changed one
}

// KeyChange is one key with its two values. Of environment there is one for each
// variable, with values such as A="1". What is not set is "".
type KeyChange struct {
	Key      string
	Old, New string
}

// Changes finds in which keys two configurations differ: first the groups of the
// new one, in its order, then those that only the old one has. It has a group if
// and only if Compare names it.
func Changes(old, new []*Group) []GroupChange {
	var changes []GroupChange
	before, now := byName{groups: old}, byName{groups: new}
	for i, g := range new {
		switch was := before.find(g.Name, i); {
		case was == nil:
			changes = append(changes, wholeGroup(g, ChangeAdded))
		case !sameGroup(was, g):
			changes = append(changes, changedGroup(was, g))
		}
	}
	for i, g := range old {
		if now.find(g.Name, i) == nil {
			changes = append(changes, wholeGroup(g, ChangeRemoved))
		}
	}
	return changes
}

func wholeGroup(g *Group, kind ChangeKind) GroupChange {
	change := GroupChange{Name: g.Name, Kind: kind}
	for _, p := range g.Programs {
		change.Members = append(change.Members, MemberChange{Name: p.Name, Kind: kind})
	}
	return change
}

// changedGroup lists the members in the order of the new group, then those that
// are gone.
func changedGroup(old, new *Group) GroupChange {
	change := GroupChange{Name: new.Name, Kind: ChangeChanged}
	before := make(map[string]*Program, len(old.Programs))
	for _, p := range old.Programs {
		before[p.Name] = p
	}
	var stay []string // members of both, in the new order
	for _, p := range new.Programs {
		was := before[p.Name]
		switch {
		case was == nil:
			change.Members = append(change.Members, MemberChange{Name: p.Name, Kind: ChangeAdded})
			continue
		case !sameProgram(was, p):
			change.Members = append(change.Members, MemberChange{p.Name, ChangeChanged, programChanges(was, p)})
		}
		stay = append(stay, p.Name)
		delete(before, p.Name)
	}
	var stayed []string // the same, in the old order
	for _, p := range old.Programs {
		if _, gone := before[p.Name]; gone {
			change.Members = append(change.Members, MemberChange{Name: p.Name, Kind: ChangeRemoved})
		} else {
			stayed = append(stayed, p.Name)
		}
	}
	change.Keys = groupChanges(old, new)
	if !slices.Equal(stayed, stay) {
		change.Keys = append(change.Keys, KeyChange{"order", strings.Join(stayed, ","), strings.Join(stay, ",")})
	}
	return change
}

// groupChanges compares what a group has beyond its members.
func groupChanges(old, new *Group) []KeyChange {
	var keys keyChanges
	keys.compare("kind", string(old.Kind), string(new.Kind))
	keys.compare("priority", strconv.Itoa(old.Priority), strconv.Itoa(new.Priority))
	was, is := cmp.Or(old.Pool, &Pool{}), cmp.Or(new.Pool, &Pool{})
	keys.compare("events", strings.Join(was.Events, ","), strings.Join(is.Events, ","))
	keys.compare("buffer_size", positive(was.BufferSize), positive(is.BufferSize))
	keys.compare("len_unit", string(was.LenUnit), string(is.LenUnit))
	keys.compare("buffer_policy", string(was.Policy), string(is.Policy))
	keys.compare("result_handler", was.ResultHandler, is.ResultHandler)
	return keys
}

// programChanges compares all keys that sameProgram compares.
func programChanges(old, new *Program) []KeyChange {
	var keys keyChanges
	for _, k := range programTexts {
		keys.compare(k.key, k.text(old), k.text(new))
	}
	if !sameAccount(old.User, new.User) {
		keys.compare("user", accountText(old.User), accountText(new.User))
	}
	for _, k := range identityTexts {
		keys.compare(k.key, k.text(old), k.text(new))
	}
	for _, k := range limitTexts() {
		keys.compare(k.key, k.text(&old.Limits), k.text(&new.Limits))
	}
	for _, k := range envTexts {
		keys.compare(k.key, k.text(old), k.text(new))
	}
	keys.environment(old.Environment, new.Environment)
	keys.output("stdout", old.Stdout, new.Stdout)
	keys.output("stderr", old.Stderr, new.Stderr)
	keys.socket(old.Socket, new.Socket)
	keys.hide(old.Environment, new.Environment)
	return keys
}

// hide takes the secrets of two environments, and passwords in URLs, out of the
// values of all keys.
func (k keyChanges) hide(environments ...map[string]string) {
	var values []string
	for _, env := range environments {
		for name, value := range env {
			if looksSecret(name) && len(value) >= longSecret {
				values = append(values, value)
			}
		}
	}
	known := replacer(values)
	clean := func(value string) string { return userinfo().ReplaceAllString(known.Replace(value), "${1}"+hidden+"@") }
	for i := range k {
		k[i].Old, k[i].New = clean(k[i].Old), clean(k[i].New)
	}
}

// programTexts shows the plain keys of a program, in the order in which changes
// of them are told.
var programTexts = []struct {
	key  string
	text func(*Program) string
}{
	{"section", func(p *Program) string { return p.Section }},
	{"group", func(p *Program) string { return p.Group }},
	{"process_name", func(p *Program) string { return p.Name }},
	{"command", func(p *Program) string { return p.Command }},
	{"directory", func(p *Program) string { return p.Directory }},
	{"umask", func(p *Program) string { return octal(p.Umask) }},
	{"priority", func(p *Program) string { return strconv.Itoa(p.Priority) }},
	{"autostart", func(p *Program) string { return strconv.FormatBool(p.Autostart) }},
	{"autorestart", func(p *Program) string { return string(p.Autorestart) }},
	{"startsecs", func(p *Program) string { return strconv.Itoa(p.StartSecs) }},
	{"startretries", func(p *Program) string { return strconv.Itoa(p.StartRetries) }},
	{"exitcodes", func(p *Program) string { return numbers(p.ExitCodes, ",") }},
	{"stopsignal", func(p *Program) string { return strings.TrimPrefix(SignalName(p.StopSignal), "SIG") }},
	{"stopwaitsecs", func(p *Program) string { return strconv.Itoa(p.StopWaitSecs) }},
	{"stopasgroup", func(p *Program) string { return strconv.FormatBool(p.StopAsGroup) }},
	{"killasgroup", func(p *Program) string { return strconv.FormatBool(p.KillAsGroup) }},
	{"kill_scope", killScopeText},
	{"stop_sequence", stopSequenceText},
	{"stop_command", errandKeys[0].command},
	{"reload_signal", func(p *Program) string { return plainSignal(p.ReloadSignal) }},
	{"reload_command", errandKeys[1].command},
	{"reload_timeout", reloadTimeoutText},
	{"on_fatal", func(p *Program) string { return string(p.OnFatal) }},
	{"on_exit", func(p *Program) string { return string(p.OnExit) }},
	{"redirect_stderr", func(p *Program) string { return strconv.FormatBool(p.RedirectStderr) }},
	{"log_ring", func(p *Program) string { return byteSize(int64(p.LogRing)) }},
	{"log_format", func(p *Program) string { return string(p.Log.Format) }},
	{"log_prefix", func(p *Program) string { return p.Log.Prefix }},
	{"log_timestamps", func(p *Program) string { return string(p.Log.Timestamps) }},
	{"log_max_line", func(p *Program) string { return byteSize(int64(p.Log.MaxLine)) }},
	{"log_partial_ms", func(p *Program) string { return strconv.Itoa(p.Log.PartialMS) }},
	{"log_backpressure", func(p *Program) string { return string(p.Log.Backpressure) }},
	{"serverurl", serverURLText},
}

type keyChanges []KeyChange

func (k *keyChanges) compare(key, old, new string) {
	if old != new {
		*k = append(*k, KeyChange{key, old, new})
	}
}

// environment adds each variable that differs, by name. What looks like a secret
// is not shown.
func (k *keyChanges) environment(old, new map[string]string) {
	names := maps.Clone(old)
	if names == nil {
		names = make(map[string]string, len(new))
	}
	maps.Copy(names, new)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := old[name]
		is, has := new[name]
		if was != is || had != has {
			*k = append(*k, KeyChange{"environment", variable(name, was, had), variable(name, is, has)})
		}
	}
}

func variable(name, value string, set bool) string {
	switch {
	case !set:
		return ""
	case looksSecret(name):
		return name + "=" + hidden
	}
	return name + `="` + value + `"`
}

// secretWords are parts of the names of variables whose values are nobody's
// business.
var secretWords = []string{"PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL"}

func looksSecret(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

func (k *keyChanges) output(channel string, old, new Output) {
	k.compare(channel+"_logfile", logfileText(old), logfileText(new))
	k.compare(channel+"_logfile_maxbytes", byteSize(old.MaxBytes), byteSize(new.MaxBytes))
	k.compare(channel+"_logfile_backups", strconv.Itoa(old.Backups), strconv.Itoa(new.Backups))
	k.compare(channel+"_capture_maxbytes", byteSize(old.CaptureMaxBytes), byteSize(new.CaptureMaxBytes))
	k.compare(channel+"_events_enabled", strconv.FormatBool(old.Events), strconv.FormatBool(new.Events))
	k.compare(channel+"_syslog", strconv.FormatBool(old.Syslog), strconv.FormatBool(new.Syslog))
}

func (k *keyChanges) socket(old, new *Socket) {
	none := &Socket{}
	was, is := cmp.Or(old, none), cmp.Or(new, none)
	// Family, path, host and port are the URL taken apart.
	k.compare("socket", was.URL, is.URL)
	k.compare("socket_backlog", positive(was.Backlog), positive(is.Backlog))
	if old != nil && new != nil {
		k.compare("socket_mode", octal(int(was.Mode)), octal(int(is.Mode)))
	}
	k.compare("socket_owner", ownerText(was.Owner), ownerText(is.Owner))
}

func logfileText(o Output) string {
	switch {
	case o.Auto && o.Logfile == "":
		return "AUTO"
	case o.Auto:
		return "AUTO " + o.Logfile
	case o.Logfile == "":
		return "NONE"
	}
	return o.Logfile
}

func serverURLText(p *Program) string {
	switch {
	case p.NoServerURL:
		return strings.TrimSpace("NONE " + p.ServerURL)
	case p.ServerURL == "":
		return "AUTO"
	}
	return p.ServerURL
}

// accountText names a user as the kernel knows it, too: the same name may mean
// somebody else today.
func accountText(a *Account) string {
	if a == nil {
		return ""
	}
	var words []string
	if a.UID >= 0 {
		words = append(words, fmt.Sprintf("uid %d", a.UID))
	}
	if a.GID >= 0 {
		words = append(words, fmt.Sprintf("gid %d", a.GID))
	}
	if a.Groups != nil {
		words = append(words, "groups "+cmp.Or(numbers(a.Groups, " "), "none"))
	}
	return strings.TrimSpace(a.Name + " (" + strings.Join(words, ", ") + ")")
}

func ownerText(owner *[2]int) string {
	if owner == nil {
		return ""
	}
	if owner[1] < 0 {
		return strconv.Itoa(owner[0])
	}
	return fmt.Sprintf("%d:%d", owner[0], owner[1])
}

func numbers(list []int, between string) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, between)
}

// octal shows a mode; a negative one is not set.
func octal(n int) string {
	if n < 0 {
		return ""
	}
	return fmt.Sprintf("%03o", n)
}

// positive shows a number for which zero means that there is none.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// byteSize shows a number of bytes as people write it.
func byteSize(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "KB"}} {
		if n != 0 && n%unit.size == 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}
