package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LookupSource says who is asked for users and groups.
type LookupSource string

// The values of supplementary_from=.
const (
	FromFiles  LookupSource = "files"  // /etc/passwd and /etc/group
	FromGetent LookupSource = "getent" // and the tool of the C library, which knows of LDAP, SSSD and others
)

// The exit statuses of getent that are answers.
const (
	getentFound   = 0
	getentUsage   = 1 // an older or smaller one does not know the database
	getentUnknown = 2 // nothing has that key
)

// longestName is how long a name may be that is asked for; useradd allows 32.
const longestName = 256

// lookups reads supplementary_from=. It is first of all keys, since others look users up.
func (l *loader) lookups() {
	v := &l.cfg.Server
	v.SupplementaryFrom = FromFiles
	if l.original {
		return
	}
	s := l.scope("supervisord", l.base)
	v.SupplementaryFrom = readWord(s, "supplementary_from", FromFiles, []LookupSource{FromFiles, FromGetent})
	if v.SupplementaryFrom == FromGetent {
		l.directory = l.host.useGetent()
	}
}

// lookupFailure reports that getent could not be asked. Who is not found for that, or has
// fewer groups, is not who he is.
func (l *loader) lookupFailure() {
	if l.directory == nil || l.directory.err == nil {
		return
	}
	const key = "supplementary_from"
	s := l.scope("supervisord", l.base)
	s.fail(key, s.option(key), l.directory.err, hintOf(l.directory.err))
}

// directory is all users and groups that the machine knows of, wherever they are kept:
// those of the files first, and for the rest it asks getent, once for each.
type directory struct {
	ask   func(args ...string) (output string, status int, err error)
	files Host // what the files say
	known map[[2]string]looked
	err   error // why getent cannot be asked any more
}

// looked is what one question gave.
type looked struct {
	text  string
	found bool
}

// useGetent has h ask getent for what the files do not have.
func (h *Host) useGetent() *directory {
	d := &directory{ask: h.Getent, files: *h, known: make(map[[2]string]looked)}
	if d.ask == nil {
		d.err = textf("getent cannot be asked here")
	}
	h.UserByName, h.UserByID = d.userByName, d.userByID
	h.GroupByName, h.GroupByID, h.GroupsOf = d.groupByName, d.groupByID, d.groupsOf
	h.asksGetent = true
	return d
}

// query asks for one key of a database, or for all of them. ok is false where there was no
// answer, or none that says anything.
func (d *directory) query(database, key string) (text string, ok bool) {
	id := [2]string{database, key}
	if a, known := d.known[id]; known {
		return a.text, a.found
	}
	if d.err != nil {
		return "", false
	}
	args := []string{database}
	if key != "" {
		args = append(args, key)
	}
	output, status, err := d.ask(args...)
	switch {
	case err != nil:
		d.err = withHint(textf("getent %s: %v", strings.Join(args, " "), err), hintOf(err))
	case status == getentFound:
		ok = true
	case status != getentUnknown && (status != getentUsage || database != initgroups):
		d.err = textf("getent %s: exit status %d", strings.Join(args, " "), status)
	}
	d.known[id] = looked{output, ok}
	return output, ok
}

// initgroups is the database that has the groups of a user.
const initgroups = "initgroups"

// askable tells whether a word can be a name in a database, and nothing else to getent.
func askable(name string) bool {
	return name != "" && len(name) <= longestName && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return isSpace(r) || r < ' ' || r == ':' || r == ',' || r == '/' || r == 0x7f
	})
}

// entry returns the first well-formed line for a key, taken apart.
func (d *directory) entry(database, key string, fields int) ([]string, bool) {
	if !askable(key) {
		return nil, false
	}
	text, _ := d.query(database, key)
	for line := range strings.SplitSeq(text, "\n") {
		if f := strings.Split(line, ":"); len(f) >= fields && f[0] != "" {
			return f, true
		}
	}
	return nil, false
}

func (d *directory) user(key string) (User, bool) {
	f, ok := d.entry("passwd", key, 7)
	if !ok {
		return User{}, false
	}
	uid, ok1 := number(f[2])
	gid, ok2 := number(f[3])
	return User{Name: f[0], UID: uid, GID: gid, Home: f[5], Shell: f[6]}, ok1 && ok2
}

// number reads the number of a user or group.
func number(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, false
	}
	return accountID(n)
}

func (d *directory) userByName(name string) (User, bool) {
	if u, ok := d.files.UserByName(name); ok {
		return u, true
	}
	if _, isNumber := number(name); isNumber {
		return User{}, false // getent would take it for one
	}
	return d.user(name)
}

func (d *directory) userByID(uid int) (User, bool) {
	if u, ok := d.files.UserByID(uid); ok {
		return u, true
	}
	return d.user(strconv.Itoa(uid))
}

func (d *directory) groupByName(name string) (int, bool) {
	if gid, ok := d.files.GroupByName(name); ok {
		return gid, true
	}
	if _, isNumber := number(name); isNumber {
		return 0, false
	}
	f, ok := d.entry("group", name, 4)
	if !ok {
		return 0, false
	}
	return number(f[2])
}

func (d *directory) groupByID(gid int) bool {
	if d.files.GroupByID(gid) {
		return true
	}
	_, ok := d.entry("group", strconv.Itoa(gid), 4)
	return ok
}

// groupsOf asks for the groups of a user, and where that is not known, for all groups.
func (d *directory) groupsOf(name string) []int {
	gids := d.files.GroupsOf(name)
	if !askable(name) {
		return gids
	}
	if text, ok := d.query(initgroups, name); ok {
		if f := strings.Fields(text); len(f) > 1 {
			for _, word := range f[1:] {
				if gid, ok := number(word); ok {
					gids = append(gids, gid)
				}
			}
		}
		return gids
	}
	text, _ := d.query("group", "")
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 || !slices.Contains(strings.Split(f[3], ","), name) {
			continue
		}
		if gid, ok := number(f[2]); ok {
			gids = append(gids, gid)
		}
	}
	return gids
}

// whereNot says where an entry was looked for in vain.
func (h *Host) whereNot(file string) string {
	if h.asksGetent {
		return fmt.Sprintf("in %s, and getent knows none", file)
	}
	return "in " + file
}
