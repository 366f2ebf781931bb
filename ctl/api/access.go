package api

import (
	"reflect"
	"strings"
	"sync"
)

// Access is how much a client may do. Each level includes the ones before it.
type Access int

// The levels of access.
const (
	Read    Access = 1 + iota // look, and change nothing
	Operate                   // start, stop, signal and write to processes
	Admin                     // the supervisor itself and its configuration
)

// String returns the name, as it stands in a configuration.
func (a Access) String() string {
	switch a {
	case Read:
		return "read"
	case Operate:
		return "operate"
	}
	return "admin"
}

// Scope says which processes a method concerns, for clients that may see or
// touch some of them only.
type Scope int

// The scopes.
const (
	NoProcess  Scope = 1 + iota // none: it is about the supervisor, and tells nothing of them
	TheNamed                    // those that the parameter Name or Names means, as namespecs
	TheGroup                    // all of the group that the parameter Name is
	TheVisible                  // whichever the client may see: the reply is a list of them
	EveryOne                    // all of them
)

// AccessOf returns what a request takes: the level, the scope and, for TheNamed
// and TheGroup, the names. A request that stands in no row takes everything.
func AccessOf(r Request) (a Access, s Scope, names []string) {
	m := byRequest()[reflect.TypeOf(r)]
	if m == nil || m.Access == 0 || m.Scope == 0 {
		return Admin, EveryOne, nil
	}
	if m.Scope == TheNamed || m.Scope == TheGroup {
		if names = namesOf(r); len(names) == 0 {
			return m.Access, EveryOne, nil // where names may be left out, none are all
		}
	}
	return m.Access, m.Scope, names
}

// MethodOf returns the method that makes such requests; of several with one
// meaning, the first.
func MethodOf(r Request) (*Method, bool) {
	m := byRequest()[reflect.TypeOf(r)]
	return m, m != nil
}

// namesOf returns the field Name or Names.
func namesOf(r Request) []string {
	v := reflect.ValueOf(r)
	if f := v.FieldByName("Name"); f.IsValid() && f.Kind() == reflect.String {
		return []string{f.String()}
	}
	if f := v.FieldByName("Names"); f.IsValid() {
		names, _ := f.Interface().([]string)
		return names
	}
	return nil
}

// byRequest finds the row of a request by its type. Rows that share a type
// share their access, which the tests see to.
var byRequest = sync.OnceValue(func() map[reflect.Type]*Method {
	index := make(map[reflect.Type]*Method, len(Methods))
	for i := range Methods {
		m := &Methods[i]
		if m.Build == nil {
			continue
		}
		t := reflect.TypeOf(m.Build(make([]any, len(m.Params))))
		if index[t] == nil {
			index[t] = m
		}
	}
	return index
})

// SplitNamespec splits group:process. A bare name is both; a process that is
// missing or "*" means the whole group and comes back as "".
func SplitNamespec(spec string) (group, process string) {
	group, process, ok := strings.Cut(spec, ":")
	switch {
	case !ok:
		return spec, spec
	case process == "*":
		return group, ""
	}
	return group, process
}
