package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Access is how much a role allows; each level includes the ones before it.
type Access string

// The values of access=.
const (
	AccessRead    Access = "read"
	AccessOperate Access = "operate"
	AccessAdmin   Access = "admin"
)

// Role is a [role:x] section: what users of the machine may do by way of a UNIX
// socket, besides root and the user of the daemon.
type Role struct {
	Name     string
	UIDs     []int
	GIDs     []int
	Access   Access
	Programs []string // patterns of names; a bare * for every process
}

// maxRoles bounds their number: each is looked at for each request.
const maxRoles = 1000

// roles reads every [role:x]. The original does not know them.
func (l *loader) roles() {
	l.eachOf("role", maxRoles, msgManyRoles, l.role)
}

func (l *loader) role(section string) {
	s := l.scope(section, l.base)
	name, ok := l.sectionName(s)
	if !ok {
		return
	}
	r := Role{Name: name}
	r.UIDs = read(s, "uids", nil, ids(l.uid))
	r.GIDs = read(s, "gids", nil, ids(l.gid))
	if s.option("uids") == nil && s.option("gids") == nil {
		s.missing("uids", textf(msgRoleOfNobody, section))
	}
	r.Access = read(s, "access", AccessRead, parseAccess)
	r.Programs = read(s, "programs", []string{"*"}, parsePatterns)
	l.cfg.Roles = append(l.cfg.Roles, r)
}

// ids reads a list of users or groups.
func ids(find func(string) (int, error)) func(string) ([]int, error) {
	return func(value string) ([]int, error) {
		var list []int
		for _, word := range parseList(value) {
			id, err := find(word)
			if err != nil {
				return nil, err
			}
			list = append(list, id)
		}
		return list, nil
	}
}

// uid finds a user for whom nothing is started: a number needs no entry in the
// database, which may be that of a container.
func (l *loader) uid(word string) (int, error) {
	if n, err := pythonInt(word); err == nil {
		if id, ok := accountID(n); ok {
			return id, nil
		}
	}
	a, err := l.account(word)
	if err != nil {
		return 0, err
	}
	return a.UID, nil
}

// gid finds a group.
func (l *loader) gid(word string) (int, error) {
	if n, err := pythonInt(word); err == nil {
		if id, ok := accountID(n); ok {
			return id, nil
		}
		return 0, textf(msgGroupID, n)
	}
	if gid, ok := l.host.GroupByName(word); ok {
		return gid, nil
	}
	return 0, withHint(textf(msgGroupName, word), "no such group in /etc/group")
}

func parseAccess(value string) (Access, error) {
	a := Access(strings.ToLower(value))
	if a != AccessRead && a != AccessOperate && a != AccessAdmin {
		return "", textf(msgAccess, Repr(value))
	}
	return a, nil
}

// Covers tells whether the role is about a process, or, where there is no name,
// about all of a group.
func (r *Role) Covers(group, process string) bool {
	return slices.ContainsFunc(r.Programs, func(pattern string) bool {
		ofGroup, ofProcess, both := strings.Cut(pattern, ":")
		switch {
		case both && process == "":
			return matches(ofGroup, group) && (ofProcess == "*" || ofProcess == "")
		case both:
			return matches(ofGroup, group) && (ofProcess == "" || matches(ofProcess, process))
		}
		return matches(pattern, group) || process != "" && matches(pattern, process)
	})
}

// CoversAll tells whether the role is about every process that there may be.
func (r *Role) CoversAll() bool {
	return slices.ContainsFunc(r.Programs, func(pattern string) bool { return pattern == "*" || pattern == "*:*" || pattern == "*:" })
}

// roleTexts shows the keys of a role.
var roleTexts = []struct {
	key  string
	text func(*Role) string
}{
	{"uids", func(r *Role) string { return numbers(r.UIDs, ",") }},
	{"gids", func(r *Role) string { return numbers(r.GIDs, ",") }},
	{"access", func(r *Role) string { return string(r.Access) }},
	{"programs", func(r *Role) string { return strings.Join(r.Programs, ",") }},
}

func (e *explainer) role(r *Role) []Setting {
	var list []Setting
	for _, t := range roleTexts {
		list = append(list, e.setting("role:"+r.Name, t.key, t.text(r)))
	}
	return list
}

// checkRoles looks for roles that nobody can play, and for patterns that stand for
// nothing.
func (l *loader) checkRoles() {
	socket := slices.IndexFunc(l.cfg.HTTP, func(srv HTTPServer) bool { return srv.Family == Unix })
	open := slices.ContainsFunc(l.cfg.HTTP, func(srv HTTPServer) bool { return srv.Family == Unix && srv.Mode&0o022 != 0 })
	for i := range l.cfg.Roles {
		r := &l.cfg.Roles[i]
		s := l.scope("role:"+r.Name, l.base)
		switch {
		case socket < 0:
			s.warn("", nil, "the role has no effect: there is no [unix_http_server], and only a UNIX socket tells who connects", "")
		case !open:
			srv := l.cfg.HTTP[socket]
			s.warn("", nil, fmt.Sprintf("the socket %s has the mode %s, so that only its owner can connect", srv.File, octal(int(srv.Mode))),
				"set chmod=0770 and chown=, or chmod=0777, in ["+srv.Section+"]")
		}
		if s.option("programs") == nil {
			continue
		}
		for _, pattern := range r.Programs {
			if one := (&Role{Programs: []string{pattern}}); !l.someProcess(one.Covers) {
				s.warn("programs", s.option("programs"), "no process is named "+Repr(pattern), l.patternHint(pattern))
			} else if beyond := l.beyondGroup(pattern); beyond != "" {
				s.warn("programs", s.option("programs"), fmt.Sprintf("%s is a group here, and gives the process %s of another group too", Repr(pattern), beyond),
					fmt.Sprintf("write %s:* for the group alone, or *:%[1]s for the processes", pattern))
			}
		}
	}
}

// beyondGroup finds what a pattern without a colon gives in groups that it does
// not match, where it matches some group: most likely only one was meant.
func (l *loader) beyondGroup(pattern string) string {
	if pattern == "*" || strings.Contains(pattern, ":") || !slices.ContainsFunc(l.cfg.Groups, func(g *Group) bool { return matches(pattern, g.Name) }) {
		return ""
	}
	for _, g := range l.cfg.Groups {
		if matches(pattern, g.Name) {
			continue
		}
		for _, p := range g.Programs {
			if matches(pattern, p.Name) {
				return g.Name + ":" + p.Name
			}
		}
	}
	return ""
}

// Metrics is the [metrics] section.
type Metrics struct {
	Textfile string // absolute; "": none
	Interval int    // seconds between two writings of it
}

// metrics reads [metrics]. The original does not know it.
func (l *loader) metrics() {
	const name = "metrics"
	l.cfg.Metrics = Metrics{Interval: 15}
	if l.original || !l.doc.has(name) {
		return
	}
	s := l.scope(name, l.base)
	v := &l.cfg.Metrics
	if file := read(s, "textfile", "", l.existingDirpath); file != "" {
		v.Textfile = l.host.abs(file)
	}
	v.Interval = read(s, "interval", v.Interval, func(value string) (int, error) {
		n, err := parseCountInt(value)
		if err == nil && n < 1 {
			err = textf(msgInterval, n)
		}
		return n, err
	})
}

func (e *explainer) metrics() []Setting {
	v := e.cfg.Metrics
	return []Setting{e.setting("metrics", "textfile", v.Textfile), e.setting("metrics", "interval", strconv.Itoa(v.Interval))}
}
