package conf

import (
	"slices"
	"strings"
)

// LookupAccount finds the user that a name or a number means, with the groups a
// child of that user gets.
//
// The user must exist, as for the original; but a machine without any user
// database (an image made from nothing) cannot answer that, so there every
// number is taken as it is and "root" is 0. Such a user's group is the number of
// the user: group 0 would hand the child root's files, and no other number
// belongs to it.
func LookupAccount(nameOrUID string, h *Host) (*Account, error) {
	return lookupAccount(nameOrUID, h.whole())
}

func lookupAccount(s string, h *Host) (*Account, error) {
	uid, err := pythonInt(s)
	if err != nil {
		u, ok := h.UserByName(s)
		if ok {
			return newAccount(s, u, h), nil
		}
		if s == "root" && !h.HasUsers() {
			return newAccount(s, User{Name: s}, h), nil
		}
		return nil, noUser(textf(msgUserName, s), h)
	}
	if id, ok := accountID(uid); ok {
		if u, ok := h.UserByID(id); ok {
			return newAccount(s, u, h), nil
		}
		if !h.HasUsers() {
			return newAccount(s, User{UID: id, GID: id}, h), nil
		}
	}
	return nil, noUser(textf(msgUserID, trim(s)), h)
}

// noUser says what may be done about a user who is not there.
func noUser(err error, h *Host) error {
	if h.HasUsers() {
		return withHint(err, "no such user in /etc/passwd")
	}
	return withHint(err, "there is no /etc/passwd here: write a number such as 65534")
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
	n, err := pythonInt(group)
	if err != nil {
		gid, ok := h.GroupByName(group)
		if !ok && !(group == "root" && !h.HasUsers()) {
			return owner, textf(msgGroupName, group)
		}
		owner[1] = gid
		return owner, nil
	}
	gid, ok := accountID(n)
	if !ok || (!h.GroupByID(gid) && h.HasUsers()) {
		return owner, textf(msgGroupID, n)
	}
	owner[1] = gid
	return owner, nil
}
