package peer

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// KnownUID tells whether a user that the kernel names is one user, not whoever
// has no number in our user namespace.
func KnownUID(uid int) bool { return known(uid, "uid", os.ReadFile) }

// KnownGID is KnownUID for a group.
func KnownGID(gid int) bool { return known(gid, "gid", os.ReadFile) }

// usualOverflow is the number of those who have none, where the kernel does not say.
const usualOverflow = 65534

// known reads what the kernel says of numbers of a kind. What cannot be read
// vouches for nobody.
func known(id int, kind string, read func(string) ([]byte, error)) bool {
	overflow := usualOverflow
	if text, err := read("/proc/sys/kernel/overflow" + kind); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			overflow = n
		}
	}
	if id != overflow {
		return true
	}
	table, err := read("/proc/self/" + kind + "_map")
	return err == nil && slices.Equal(strings.Fields(string(table)), []string{"0", "0", "4294967295"})
}
