package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// UserMismatch says what happens when the daemon cannot become the user of
// [supervisord].
type UserMismatch string

// The values of user_mismatch=.
const (
	MismatchFails UserMismatch = "fail" // it does not start, as the original
	MismatchWarns UserMismatch = "warn" // it says so and stays who it is
)

// The words of groups= that are no names.
const (
	groupsAuto = "auto"
	groupsNone = "none"
)

// maxGroups is how many groups a process can have.
const maxGroups = 65536

// identity reads who the children of a section are: user=, group=, groups= and
// login_env=.
func (s *scope) identity(p *Program) {
	p.User = read(s, "user", nil, s.account)
	if s.original {
		return
	}
	if group, _, found, err := s.text("group"); found && err == nil {
		p.PrimaryGroup = trim(group)
	}
	if p.PrimaryGroup != "" {
		read(s, "group", 0, func(v string) (int, error) { return s.regroup(p, trim(v)) })
	}
	p.Groups = read(s, "groups", "", func(v string) (string, error) { return s.supplement(p, v) })
	if read(s, "login_env", false, ParseBool) {
		p.Login = s.login(p)
	}
}

// own is the account of the program for somebody who is going to change it: others
// have the same. Without user= it is one that keeps the user and all groups.
func (p *Program) own() *Account {
	if p.User == nil {
		p.User = &Account{UID: -1, GID: -1}
	} else {
		a := *p.User
		a.Groups = slices.Clone(a.Groups)
		p.User = &a
	}
	return p.User
}

// regroup gives the account of a program another primary group. It takes the place
// of that group among the others.
func (s *scope) regroup(p *Program, group string) (int, error) {
	gid, err := lookupGroup(group, s.host)
	if err != nil {
		return 0, err
	}
	a := p.own()
	if a.GID = gid; a.Groups != nil {
		a.Groups = slices.DeleteFunc(a.Groups[1:], func(g int) bool { return g == gid })
		a.Groups = slices.Insert(a.Groups, 0, gid)
	}
	return gid, nil
}

// supplement says which groups the account of a program has beside its primary one,
// and returns the value in its plain form.
func (s *scope) supplement(p *Program, value string) (string, error) {
	switch word := strings.ToLower(trim(value)); word {
	case groupsAuto, "":
		return "", nil
	case groupsNone:
		s.setGroups(p, nil)
		return word, nil
	}
	var gids []int
	names := parseList(value)
	for _, name := range names {
		gid, err := lookupGroup(name, s.host)
		if err != nil {
			return "", err
		}
		if !slices.Contains(gids, gid) {
			gids = append(gids, gid)
		}
	}
	if len(gids) > maxGroups {
		return "", textf(msgManyGroups, maxGroups)
	}
	s.setGroups(p, gids)
	return strings.Join(names, ","), nil
}

func (s *scope) setGroups(p *Program, gids []int) {
	a := p.own()
	a.Groups = []int{}
	if a.GID >= 0 {
		a.Groups = append(a.Groups, a.GID)
	}
	for _, gid := range gids {
		if gid != a.GID {
			a.Groups = append(a.Groups, gid)
		}
	}
}

// login gives what a user's variables say of him. A user without an entry in the
// database has his number for a name.
func (s *scope) login(p *Program) *Login {
	u, known := s.entry(p.User)
	if !known {
		u = User{Name: strconv.Itoa(u.UID)}
	}
	return &Login{Name: u.Name, Home: cmp.Or(u.Home, "/"), Shell: cmp.Or(u.Shell, "/bin/sh")}
}

// Environment gives the variables.
func (l *Login) Environment() map[string]string {
	if l == nil {
		return nil
	}
	return map[string]string{"HOME": l.Home, "USER": l.Name, "LOGNAME": l.Name, "SHELL": l.Shell}
}

// entry finds the entry of an account in the user database: by the name that it was
// written with, since several may have one number.
func (s *scope) entry(a *Account) (u User, known bool) {
	if a == nil || a.UID < 0 {
		a = s.daemonUser()
	}
	if u, known = s.host.UserByName(a.Name); known && u.UID == a.UID {
		return u, true
	}
	if u, known = s.host.UserByID(a.UID); known {
		return u, true
	}
	return User{UID: a.UID}, false
}

// daemonUser is who the daemon is going to be when it starts programs.
func (s *scope) daemonUser() *Account {
	if s.user.opt != nil && s.host.Getuid() == 0 {
		if a, err := s.account(s.user.name); err == nil {
			return a
		}
	}
	return &Account{UID: s.host.Getuid()}
}

// Regroups says that the groups of the program were asked for by themselves: it gets
// them also when its user is the daemon's.
func (p *Program) Regroups() bool { return p.PrimaryGroup != "" || p.Groups != "" }

// GroupAlone says that of the groups only the primary one was asked for. Files that were
// written for the original may do that, which ignores it.
func (p *Program) GroupAlone() bool { return p.PrimaryGroup != "" && p.Groups == "" }

// identityTexts shows the keys of identity, but for user.
var identityTexts = []struct {
	key  string
	text func(*Program) string
}{
	{"group", func(p *Program) string { return p.PrimaryGroup }},
	{"groups", func(p *Program) string { return cmp.Or(p.Groups, groupsAuto) }},
	{"login_env", loginText},
}

func loginText(p *Program) string {
	if p.Login == nil {
		return "false"
	}
	return fmt.Sprintf("true (%s, home %s, shell %s)", p.Login.Name, p.Login.Home, p.Login.Shell)
}

// checkIdentity looks for users whose group nobody has named.
func (s *scope) checkIdentity(p *Program) {
	a := p.User
	if a == nil || a.UID < 0 || p.PrimaryGroup != "" || !s.nobody(a) {
		return
	}
	s.warn("user", s.option("user"), nobodyText(a), nobodyHint)
}

// nobody says whether an account is a number that no entry of the database has, and
// of which no group is named.
func (l *loader) nobody(a *Account) bool {
	_, known := l.host.UserByID(a.UID)
	return !known && l.host.HasUsers() && !strings.Contains(a.Name, ":")
}

func nobodyText(a *Account) string {
	return fmt.Sprintf("no user has the number %d; its group is taken to be %d, too", a.UID, a.GID)
}

const nobodyHint = "write user=UID:GID, or set group="
