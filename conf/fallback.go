package conf

import (
	"fmt"
	"hash/fnv"
	"os"
	"path"
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
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(path.Clean(file)))
	name := fmt.Sprintf("supervisor-%d/%016x.sock", uid, sum.Sum64())
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
