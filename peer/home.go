package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SameHome returns nil if the process at the other end of a connection lives where we
// do: in our mount and our user namespace. An abstract name is for the whole network
// namespace, which containers may share, and root of another one is not our root. Who
// has ended, or cannot be looked at, does not live here.
func SameHome(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = sameHome(int(fd)) })
	return errors.Join(failed, err)
}

func sameHome(conn int) error {
	sees, done, err := watch(conn)
	if err != nil {
		return fmt.Errorf("nobody can tell where it lives: %w", err)
	}
	defer done()
	pid, mark, err := sees()
	if err != nil {
		return fmt.Errorf("nobody can tell where it lives: %w", err)
	}
	for kind, name := range map[string]string{"mnt": "mount", "user": "user"} {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if err != nil {
			return fmt.Errorf("nobody can tell where it lives: %w", err)
		}
		if ours, err := os.Readlink("/proc/self/ns/" + kind); err != nil || ours != theirs {
			return fmt.Errorf("pid %d lives in another %s namespace, such as that of another container", pid, name)
		}
	}
	if again, markAgain, err := sees(); err != nil || again != pid || markAgain != mark {
		return fmt.Errorf("nobody can tell where it lives: pid %d has ended", pid)
	}
	return nil
}

// watch returns how to see the process at the other end of a connection: its pid, and
// what another process of that pid would not have. Since Linux 6.5 there is a
// descriptor of it; before, it is told by when it began.
func watch(conn int) (sees func() (pid int, mark string, err error), done func(), err error) {
	if pidfd, err := unix.GetsockoptInt(conn, unix.SOL_SOCKET, unix.SO_PEERPIDFD); err == nil {
		return func() (int, string, error) { pid, err := pidOf(pidfd); return pid, "", err }, func() { _ = unix.Close(pidfd) }, nil
	} else if err != unix.ENOPROTOOPT {
		return nil, nil, err
	}
	cred, err := unix.GetsockoptUcred(conn, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, nil, err
	}
	pid := int(cred.Pid)
	return func() (int, string, error) { mark, err := begun(pid); return pid, mark, err }, func() {}, nil
}

// errElsewhere is said of a process that has no pid here.
var errElsewhere = errors.New("it has no pid in this pid namespace, or has ended")

// pidOf returns the pid of the process of a descriptor, while it is there.
func pidOf(pidfd int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Pid:"); ok {
			if pid, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && pid > 0 {
				return pid, nil
			}
		}
	}
	return 0, errElsewhere
}

// begun returns when a process began, as the kernel writes it.
func begun(pid int) (string, error) {
	if pid <= 0 {
		return "", errElsewhere
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	const start = 19 // of the fields behind the name
	fields := strings.Fields(rest)
	if len(fields) <= start {
		return "", fmt.Errorf("/proc/%d/stat has %d fields only", pid, len(fields))
	}
	return fields[start], nil
}
