package conf

import (
	"maps"
	"slices"
)

// Diff names the groups in which two configurations differ.
type Diff struct {
	Added   []string // in the order of the new configuration
	Changed []string // likewise
	Removed []string // in the order of the old one
}

// Compare finds what a reread changes. A group counts as changed when anything
// differs that a process of it would notice, among that what the original
// overlooks: a log file that becomes AUTO, and owner, mode and backlog of an fcgi
// socket.
func Compare(old, new []*Group) Diff {
	var d Diff
	before, now := byName{groups: old}, byName{groups: new}
	for i, g := range new {
		switch was := before.find(g.Name, i); {
		case was == nil:
			d.Added = append(d.Added, g.Name)
		case !sameGroup(was, g):
			d.Changed = append(d.Changed, g.Name)
		}
	}
	for i, g := range old {
		if now.find(g.Name, i) == nil {
			d.Removed = append(d.Removed, g.Name)
		}
	}
	return d
}

// Share puts groups and programs of an old configuration in the place of those of a new
// one that are no different in anything, so that both need memory only once, and to
// compare them again costs nothing.
func Share(old, new []*Group) {
	before := byName{groups: old}
	for i, g := range new {
		was := before.find(g.Name, i)
		if was == nil {
			continue
		}
		for j, p := range g.Programs {
			if j < len(was.Programs) && equal(was.Programs[j], p) {
				g.Programs[j] = was.Programs[j]
			}
		}
		if was.Section == g.Section && slices.Equal(was.Programs, g.Programs) && sameGroup(was, g) {
			new[i] = was
		}
	}
}

// equal says whether two programs have the same in all fields.
func equal(a, b *Program) bool {
	return sameProgram(a, b) && a.Stdout == b.Stdout && a.Stderr == b.Stderr &&
		(a.Environment == nil) == (b.Environment == nil) && sameList(a.ExitCodes, b.ExitCodes) &&
		same(a.User, b.User, func(a, b *Account) bool { return a.Name == b.Name && sameList(a.Groups, b.Groups) })
}

// byName finds groups, of which no two have one name.
type byName struct {
	groups []*Group
	index  map[string]*Group
}

// find returns the group of a name, or nil. Of two configurations most groups stand in
// the same place.
func (b *byName) find(name string, place int) *Group {
	if place < len(b.groups) && b.groups[place].Name == name {
		return b.groups[place]
	}
	if b.index == nil {
		b.index = make(map[string]*Group, len(b.groups))
		for _, g := range b.groups {
			b.index[g.Name] = g
		}
	}
	return b.index[name]
}

func sameGroup(a, b *Group) bool {
	return a == b || a.Name == b.Name && a.Priority == b.Priority && a.Kind == b.Kind &&
		same(a.Pool, b.Pool, samePool) && slices.EqualFunc(a.Programs, b.Programs, sameProgram)
}

func samePool(a, b *Pool) bool {
	return a.BufferSize == b.BufferSize && a.Policy == b.Policy && sameList(a.Events, b.Events) &&
		a.ResultHandler == b.ResultHandler && a.LenUnit == b.LenUnit
}

// sameProgram compares all keys of two programs. What comes from [supervisord]
// is left out, as it takes a restart to change.
func sameProgram(a, b *Program) bool {
	return a == b || sameIdentity(a, b) && sameStart(a, b) && sameStop(a, b) && sameOutput(a, b) &&
		same(a.Socket, b.Socket, sameSocket)
}

// sameIdentity compares what a process is.
func sameIdentity(a, b *Program) bool {
	return a.Section == b.Section && a.Group == b.Group && a.Name == b.Name &&
		a.Command == b.Command && a.Main == b.Main && a.Directory == b.Directory && a.Umask == b.Umask &&
		sameAccount(a.User, b.User) && a.PrimaryGroup == b.PrimaryGroup && a.Groups == b.Groups && sameValue(a.Login, b.Login) &&
		maps.Equal(a.Environment, b.Environment) && sameLimits(&a.Limits, &b.Limits) && sameSources(&a.Env, &b.Env) &&
		a.ServerURL == b.ServerURL && a.NoServerURL == b.NoServerURL
}

// sameStart compares when it is started, and what follows from its end.
func sameStart(a, b *Program) bool {
	return a.Priority == b.Priority && a.Autostart == b.Autostart && a.Autorestart == b.Autorestart &&
		a.StartSecs == b.StartSecs && a.StartRetries == b.StartRetries && slices.Equal(a.ExitCodes, b.ExitCodes) &&
		a.OnFatal == b.OnFatal && a.OnExit == b.OnExit
}

// sameStop compares how it is stopped, and told of a new configuration.
func sameStop(a, b *Program) bool {
	return a.StopSignal == b.StopSignal && a.StopWaitSecs == b.StopWaitSecs && a.StopAsGroup == b.StopAsGroup &&
		a.KillAsGroup == b.KillAsGroup && a.KillTree == b.KillTree && a.KillCgroup == b.KillCgroup &&
		sameList(a.StopThen, b.StopThen) && a.StopCommand == b.StopCommand &&
		a.ReloadSignal == b.ReloadSignal && a.ReloadCommand == b.ReloadCommand && a.ReloadTimeout == b.ReloadTimeout
}

// sameOutput compares where its output goes.
func sameOutput(a, b *Program) bool {
	out, err := a.Stdout, a.Stderr
	out.StripANSI, err.StripANSI = b.Stdout.StripANSI, b.Stderr.StripANSI
	return a.RedirectStderr == b.RedirectStderr && a.LogRing == b.LogRing && a.Log == b.Log && out == b.Stdout && err == b.Stderr
}

func sameLimits(a, b *Limits) bool {
	return sameList(a.Resources, b.Resources) && sameValue(a.Nice, b.Nice) && sameValue(a.OOMScoreAdj, b.OOMScoreAdj) &&
		sameList(a.CPUs, b.CPUs) && sameList(a.Capabilities, b.Capabilities) && a.DeathSignal == b.DeathSignal &&
		a.NoNewPrivs == b.NoNewPrivs && a.Strict == b.Strict &&
		sameValue(a.CPUMax, b.CPUMax) && sameValue(a.MemoryMax, b.MemoryMax) && sameValue(a.PIDsMax, b.PIDsMax)
}

func sameSources(a, b *EnvSources) bool {
	return sameList(a.Files, b.Files) && sameList(a.Dirs, b.Dirs) && sameList(a.From, b.From) &&
		sameList(a.Unset, b.Unset) && a.Clear == b.Clear && sameList(a.Pass, b.Pass)
}

func sameSocket(a, b *Socket) bool {
	return a.URL == b.URL && a.Family == b.Family && a.Path == b.Path && a.Host == b.Host && a.Port == b.Port &&
		a.Backlog == b.Backlog && a.Mode == b.Mode && sameValue(a.Owner, b.Owner)
}

// sameAccount says whether two users are the same to the kernel, however they
// are written.
func sameAccount(a, b *Account) bool {
	return same(a, b, func(a, b *Account) bool {
		return a.UID == b.UID && a.GID == b.GID && slices.Equal(a.Groups, b.Groups)
	})
}

// same compares two values that need not be there.
func same[T any](a, b *T, equal func(a, b *T) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || equal(a, b)
}

func sameValue[T comparable](a, b *T) bool {
	return same(a, b, func(a, b *T) bool { return *a == *b })
}

// sameList compares two lists. One that is not set differs from one without entries.
func sameList[T comparable](a, b []T) bool { return (a == nil) == (b == nil) && slices.Equal(a, b) }
