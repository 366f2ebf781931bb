package serve

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// bindUnix binds a new socket to an unused name in dir. The name is short, so
// that a path which is just not too long will do, and random: several daemons
// with the same pid may share the directory. The socket is born with the mode,
// but for what the umask takes away.
func bindUnix(dir string, mode uint32) (fd int, temp string, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, "", err
	}
	_ = unix.Fchmod(fd, mode) // where that is not so, dressUnix sets it
	err = unix.EADDRINUSE
	for range 100 {
		if err != unix.EADDRINUSE {
			break
		}
		temp = filepath.Join(dir, "."+strconv.FormatUint(rand.Uint64N(1<<36), 36))
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: temp})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, "", err
	}
	return fd, temp, nil
}

// dressUnix gives a socket its mode and its owner. Where somebody else can
// write to the directory, the name may by now be that of another file: mode
// and owner are those of what was opened once, and only if that is what we
// made.
func (o ListenOptions) dressUnix(temp string, c conf.HTTPServer) (os.FileInfo, *ListenError) {
	o.bound(temp)
	fd, err := unix.Open(temp, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, openError(err, "cannot open the new socket "+temp)
	}
	f := os.NewFile(uintptr(fd), temp)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, openError(err, "")
	}
	ours := int(st.Uid) == os.Geteuid() && st.Nlink == 1
	asBorn := st.Mode&0o7777 == c.Mode && c.OwnerUID == -1 && c.OwnerGID == -1 // a file system may name another owner
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || !ours && !asBorn {
		return nil, openError(unix.EPERM, "somebody replaced the new socket "+temp)
	}
	if st.Mode&0o7777 != c.Mode {
		if err := chmodOpened(fd, c.Mode); err != nil {
			return nil, openError(err, "cannot set the mode of "+c.File)
		}
	}
	if c.OwnerUID != -1 || c.OwnerGID != -1 {
		if err := unix.Fchownat(fd, "", c.OwnerUID, c.OwnerGID, unix.AT_EMPTY_PATH); err != nil {
			return nil, chownError(c.File, c.OwnerUID, c.OwnerGID, err)
		}
	}
	made, err := f.Stat()
	if err != nil {
		return nil, openError(err, "")
	}
	return made, nil
}

// chmodOpened changes the mode of a file that was opened as a path only: by
// the call of Linux 6.6 and later, else by way of /proc.
func chmodOpened(fd int, mode uint32) error {
	if unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH) == nil {
		return nil
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}
