package logfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links in a row the system follows.
const maxLinks = 40

// openAppend opens path for append. The error is the bare reason. A log of
// AutoMode may lie where others can put things in its place, so it has to be
// our own file and no link; fresh says that nothing may be there yet.
func openAppend(path string, mode os.FileMode, fresh bool) (file handle, regular bool, err error) {
	auto := mode == AutoMode
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NONBLOCK | unix.O_NOCTTY
	open := openTrusted
	if auto {
		flags |= unix.O_NOFOLLOW
		open = openAny
	}
	if auto && fresh {
		flags |= os.O_EXCL
	}
	fd, err := open(path, flags, mode)
	if err == unix.ENXIO && !auto {
		// A fifo that nobody reads yet. Open for both it can be opened, and
		// holds the first bytes until its reader comes.
		fd, err = open(path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, false, err
	}
	var st unix.Stat_t
	err = retry(func() error { return unix.Fstat(fd, &st) })
	regular = st.Mode&unix.S_IFMT == unix.S_IFREG
	if err == nil && auto && !(regular && int(st.Uid) == os.Geteuid()) {
		err = errors.New("somebody else has put something in its place")
	}
	if err != nil {
		unix.Close(fd)
		return nil, false, err
	}
	if regular {
		return plain(fd), true, nil
	}
	device := os.NewFile(uintptr(fd), path)
	if errors.Is(device.SetDeadline(time.Time{}), os.ErrNoDeadline) {
		_ = unix.SetNonblock(fd, false) // nobody would tell us when to go on
	}
	return device, false, nil
}

// openAny opens path. The error is the bare reason.
func openAny(path string, flags int, mode os.FileMode) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, uint32(mode.Perm()))
		return err
	})
	return fd, err
}

// openTrusted opens path as openAny does. But as root it follows only links
// that root made: by one of their own, users could have a daemon write to, cut
// or show any file of the system. Each link is looked at and followed by hand,
// so that nobody can exchange it in between.
func openTrusted(path string, flags int, mode os.FileMode) (fd int, err error) {
	for range maxLinks {
		fd, err := openAny(path, flags|unix.O_NOFOLLOW, mode)
		if err != unix.ELOOP {
			return fd, err
		}
		if os.Geteuid() != 0 { // asked only here, as most logs are no links
			return openAny(path, flags, mode)
		}
		to, kernels, err := readTrusted(path)
		switch {
		case errors.Is(err, unix.EINVAL):
			continue // no link any more
		case err != nil:
			return -1, err
		case kernels:
			return openAny(path, flags, mode)
		case !filepath.IsAbs(to):
			to = filepath.Dir(path) + "/" + to // not cleaned: the directory may be a link
		}
		path = to
	}
	return -1, unix.ELOOP
}

// readTrusted returns where a link leads. kernels tells that it is one of
// /proc, which only the system itself can follow.
func readTrusted(path string) (to string, kernels bool, err error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", false, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", false, unix.EINVAL
	}
	if st.Uid != 0 {
		return "", false, fmt.Errorf("%q is a symbolic link of user %d, and root follows only root's", path, st.Uid)
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(fd, &system); err == nil && system.Type == unix.PROC_SUPER_MAGIC {
		return "", true, nil
	}
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buffer)
	if err != nil {
		return "", false, err
	}
	return string(buffer[:n]), false, nil
}
