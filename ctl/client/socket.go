package client

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// explainPermission says which files on the way to a socket keep us out, whose
// they are, and who we are.
func explainPermission(path string) []string {
	who := "you are " + account(os.Geteuid()) + ", in group " + ownGroups()
	for _, dir := range parents(path) {
		if unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS) != nil {
			return []string{describe(dir), who, "be one who may enter the directory: its owner, or root"}
		}
	}
	return []string{describe(path), who, "be one who may write to the socket, or give it to more with chmod= and chown= in [unix_http_server]"}
}

// explainMissing says how far the way to a socket leads.
func explainMissing(path string) string {
	for _, dir := range parents(path) {
		switch st, err := os.Stat(dir); {
		case err != nil:
			return "there is no directory " + dir
		case !st.IsDir():
			return dir + " is no directory"
		}
	}
	if _, err := os.Lstat(path); err == nil {
		return path + " is a symbolic link to nothing"
	}
	return "there is nothing of that name in " + filepath.Dir(path) + ": supervisord does not run, or file= in its [unix_http_server] is another path"
}

// LeftBehind ends the hint about a socket at which nobody listens. Whoever finds that the
// supervisord runs takes it off.
const LeftBehind = ": supervisord has ended without removing it, and replaces it when it starts"

// explainRefused says what is at the path of a socket at which nobody listens.
func explainRefused(path string) []string {
	if conf.IsAbstract(path) {
		return []string{"nobody listens under that name: supervisord does not run, or is in another network namespace"}
	}
	st, err := os.Stat(path)
	if err == nil && st.Mode()&os.ModeSocket == 0 {
		return []string{describe(path) + ", and no socket"}
	}
	return []string{"the socket is there, but nobody listens" + LeftBehind}
}

// patienceWith is patience that, when it ends, knows who listens at a socket.
func (c *Client) patienceWith(conn net.Conn) *patience {
	p := c.patience()
	p.late = func() error {
		late := c.lateError(hintSilent)
		if hint := explainSilence(conn); hint != "" {
			late.Hints = []string{hint}
		}
		return late
	}
	return p
}

// listenerOf returns who listened at the other end of a connection, at the time.
func listenerOf(conn net.Conn) (*unix.Ucred, error) {
	sock, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.New("it is no UNIX socket")
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	if failed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); failed != nil {
		return nil, failed
	}
	return peer, err
}

// explainSilence says in which state the process is that listens at a socket,
// if that is why it says nothing.
func explainSilence(conn net.Conn) string {
	peer, err := listenerOf(conn)
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", peer.Pid))
	_, rest, ok := strings.Cut(string(stat), ") ")
	if err != nil || !ok || rest == "" {
		return ""
	}
	switch rest[0] {
	case 'T', 't':
		return fmt.Sprintf("pid %d, which listens there, is stopped: kill -CONT %d lets it go on", peer.Pid, peer.Pid)
	case 'D':
		return fmt.Sprintf("pid %d, which listens there, waits for a disk or a file system that does not answer", peer.Pid)
	}
	return fmt.Sprintf("pid %d, which listens there, runs, but says nothing, or only half of it: it may be stuck or overloaded, or be something else", peer.Pid)
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
