package client

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// explainPermission says which file on the way to a socket keeps us out, whose
// it is, and who we are.
func explainPermission(path string) string {
	who := "you are " + account(os.Geteuid()) + ", in group " + ownGroups()
	for _, dir := range parents(path) {
		if unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS) != nil {
			return describe(dir) + "; " + who
		}
	}
	return describe(path) + "; " + who
}

// parents returns the directories above path, outermost first.
func parents(path string) []string {
	var dirs []string
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		dirs = append([]string{dir}, dirs...)
		if dir == filepath.Dir(dir) {
			return dirs
		}
	}
}

// describe says what ls -ld would: mode, owner and group of a file.
func describe(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return err.Error()
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprintf("%s is %v", path, st.Mode())
	}
	return fmt.Sprintf("%s is %v, owner %s, group %s", path, st.Mode(), account(int(sys.Uid)), group(int(sys.Gid)))
}

func account(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

func group(gid int) string {
	id := strconv.Itoa(gid)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return "gid " + id
}

func ownGroups() string {
	names := []string{group(os.Getegid())}
	gids, err := os.Getgroups()
	if err != nil {
		return names[0]
	}
	for _, gid := range gids {
		if gid != os.Getegid() {
			names = append(names, group(gid))
		}
	}
	return strings.Join(names, ", ")
}
