package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LookupAccount finds the user that a name or a number means, with the groups a
// child of that user gets.
//
// A name must exist. A number is taken as it is, also where no user has it: an
// image may be run under any, as some platforms do. The group of such a user is the
// same number: group 0 would hand the child root's files, and no other number
// belongs to it. UID:GID names the group, too. On a machine without any user
// database (an image made from nothing) "root" is 0.
func LookupAccount(user string, h *Host) (*Account, error) {
	return lookupAccount(user, h.whole())
}

func lookupAccount(s string, h *Host) (*Account, error) {
	if user, group, both := strings.Cut(s, ":"); both && !h.entriesOnly {
		return numbered(s, user, group, h)
	}
	uid, err := pythonInt(s)
	if err != nil {
		u, ok := h.UserByName(s)
		if ok {
			return newAccount(s, u, h), nil
		}
		if s == "root" && !h.HasUsers() {
			return newAccount(s, User{Name: s}, h), nil
		}
		if trim(s) == "" {
			return nil, &hinted{
				text: fmt.Sprintf(msgUserName, s), brief: fmt.Sprintf(msgUserName, strconv.Quote(s)),
				hint: "write a name or a number, or leave the key out",
			}
		}
		return nil, noUser(textf(msgUserName, s), h)
	}
	id, ok := accountID(uid)
	if !ok {
		return nil, noUser(textf(msgUserID, trim(s)), h)
	}
	if u, ok := h.UserByID(id); ok {
		return newAccount(s, u, h), nil
	}
	if h.entriesOnly && h.HasUsers() {
		return nil, noUser(textf(msgUserID, trim(s)), h)
	}
	return newAccount(s, User{UID: id, GID: id}, h), nil
}

// numbered makes an account of two numbers.
func numbered(s, user, group string, h *Host) (*Account, error) {
	uid, err1 := pythonInt(user)
	gid, err2 := pythonInt(group)
	id, ok1 := accountID(uid)
	g, ok2 := accountID(gid)
	if err1 != nil || err2 != nil || !ok1 || !ok2 {
		return nil, withHint(textf(msgUserName, s), "write a name, a number or UID:GID; group= takes the name of a group")
	}
	u, ok := h.UserByID(id)
	if !ok {
		u = User{UID: id}
	}
	u.GID = g
	return newAccount(s, u, h), nil
}

// noUser says what may be done about a user who is not there.
func noUser(err error, h *Host) error {
	if h.HasUsers() {
		return withHint(err, "no such user "+h.whereNot("/etc/passwd"))
	}
	return withHint(err, "there is no /etc/passwd here: write a number such as 65534")
}

// KnownUser tells whether the machine has a user of that number.
func KnownUser(uid int, h *Host) bool {
	_, known := h.whole().UserByID(uid)
	return known
}

// accountID says whether n can be a user or group number at all; the highest
// 32-bit number means "unchanged" to the kernel.
func accountID(n int64) (int, bool) {
	return int(n), n >= 0 && n < 1<<32-1
}

func newAccount(as string, u User, h *Host) *Account {
	a := &Account{Name: as, UID: u.UID, GID: u.GID}
	if u.Name != "" {
		a.Groups = append(a.Groups, h.GroupsOf(u.Name)...)
		slices.Sort(a.Groups)
		a.Groups = slices.Compact(a.Groups)
		a.Groups = slices.DeleteFunc(a.Groups, func(g int) bool { return g == u.GID })
	}
	a.Groups = slices.Insert(a.Groups, 0, u.GID)
	return a
}

// parseOwner reads "user" or "user:group"; the group is -1 (unchanged) when it
// is not named.
func parseOwner(s string, h *Host) (owner [2]int, err error) {
	user, group, named := strings.Cut(s, ":")
	a, err := lookupAccount(user, h)
	if err != nil {
		return owner, err
	}
	owner = [2]int{a.UID, -1}
	if !named {
		return owner, nil
	}
	owner[1], err = lookupGroup(group, h)
	return owner, err
}

// lookupGroup finds the group that a name or a number means. Like that of a user, a
// number needs no entry.
func lookupGroup(s string, h *Host) (int, error) {
	n, err := pythonInt(s)
	if err != nil {
		gid, ok := h.GroupByName(s)
		if !ok && !(s == "root" && !h.HasUsers()) {
			return 0, withHint(textf(msgGroupName, s), "no such group "+h.whereNot("/etc/group"))
		}
		return gid, nil
	}
	gid, ok := accountID(n)
	if !ok || h.entriesOnly && h.HasUsers() && !h.GroupByID(gid) {
		return 0, textf(msgGroupID, n)
	}
	return gid, nil
}
