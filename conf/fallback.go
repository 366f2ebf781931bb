package conf

import (
	"fmt"
	"hash/fnv"
	"os"
	"path"
	"strings"
	"syscall"
)

// SocketFallbacks lists where the UNIX socket of a server is instead when the
// place that is configured cannot be written: on a read-only root, or as a user
// to whom it does not belong. The server takes the first that it can have, and a
// client looks in the same order. uid is the server's.
//
// The places are directories of the user's own in those that a container has to
// write to, so that nobody else can put a socket there; see OwnDir.
func SocketFallbacks(file string, uid int, h *Host) []string {
	name := fmt.Sprintf("supervisor-%d/%s.sock", uid, fingerprint(file))
	dirs := []string{"/run", "/dev/shm", "/tmp"}
	if own, set := h.whole().getenv("XDG_RUNTIME_DIR"); set && path.IsAbs(own) {
		dirs = append([]string{own}, dirs...)
	}
	places := make([]string, len(dirs))
	for i, dir := range dirs {
		places[i] = path.Join(dir, name)
	}
	return places
}

// AbstractSocket is where the socket is when no file can be made anywhere: a name that
// lies in no directory and has the network namespace for its home. Containers may share
// that, so the mount namespace is a part of the name, and what is asked for inside one
// container is in it. Such a name has no owner and no mode: whoever uses it has to ask the
// kernel who is at the other end.
func AbstractSocket(file string, uid int) string {
	mounts := uint64(0)
	if st, err := os.Stat("/proc/self/ns/mnt"); err == nil {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			mounts = sys.Ino
		}
	}
	return fmt.Sprintf("%ssupervisor-%d-%d-%s", abstract, uid, mounts, fingerprint(file))
}

// abstract begins a name that is no path, as everybody writes it.
const abstract = "@"

// IsAbstract tells whether the name of a socket is no path.
func IsAbstract(socket string) bool { return strings.HasPrefix(socket, abstract) }

// fingerprint stands for a path in a name of its own.
func fingerprint(file string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(path.Clean(file)))
	return fmt.Sprintf("%016x", sum.Sum64())
}

// OwnDir tells whether a path is a directory, and no link to one, that belongs to
// uid and to which nobody else has access.
func OwnDir(dir string, uid int) bool {
	st, err := os.Lstat(dir)
	if err != nil || !st.IsDir() || st.Mode().Perm()&0o077 != 0 {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == uid
}
