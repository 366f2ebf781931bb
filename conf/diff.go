package conf

import (
	"maps"
	"reflect"
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
	before := make(map[string]*Group, len(old))
	for _, g := range old {
		before[g.Name] = g
	}
	now := make(map[string]bool, len(new))
	for _, g := range new {
		now[g.Name] = true
		was, ok := before[g.Name]
		switch {
		case !ok:
			d.Added = append(d.Added, g.Name)
		case !sameGroup(was, g):
			d.Changed = append(d.Changed, g.Name)
		}
	}
	for _, g := range old {
		if !now[g.Name] {
			d.Removed = append(d.Removed, g.Name)
		}
	}
	return d
}

func sameGroup(a, b *Group) bool {
	return a.Name == b.Name && a.Priority == b.Priority && a.Kind == b.Kind &&
		reflect.DeepEqual(a.Pool, b.Pool) && slices.EqualFunc(a.Programs, b.Programs, sameProgram)
}

// sameProgram compares all keys of two programs. What comes from [supervisord]
// is left out, as it takes a restart to change.
func sameProgram(a, b *Program) bool {
	x, y := *a, *b
	if !maps.Equal(x.Environment, y.Environment) || !slices.Equal(x.ExitCodes, y.ExitCodes) || !sameAccount(x.User, y.User) {
		return false
	}
	x.User, y.User = nil, nil
	x.Environment, y.Environment = nil, nil
	x.ExitCodes, y.ExitCodes = nil, nil
	x.Stdout.StripANSI, x.Stderr.StripANSI = false, false
	y.Stdout.StripANSI, y.Stderr.StripANSI = false, false
	return reflect.DeepEqual(x, y)
}

// sameAccount says whether two users are the same to the kernel, however they
// are written.
func sameAccount(a, b *Account) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UID == b.UID && a.GID == b.GID && slices.Equal(a.Groups, b.Groups)
}
