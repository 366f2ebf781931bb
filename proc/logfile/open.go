package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links in a row the system follows.
const maxLinks = 40

// openAppend opens path for append. The error is the bare reason. A log of
// AutoMode may lie where others can put things in its place, so it has to be
// our own file and no link; fresh says that nothing may be there yet.
func openAppend(path string, mode os.FileMode, fresh bool) (file *os.File, regular bool, err error) {
	auto := mode == AutoMode
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NONBLOCK | unix.O_NOCTTY
	open := openTrusted
	if auto {
		flags |= unix.O_NOFOLLOW
		open = os.OpenFile
	}
	if auto && fresh {
		flags |= os.O_EXCL
	}
	file, err = open(path, flags, mode)
	if errors.Is(err, unix.ENXIO) && !auto {
		// A fifo that nobody reads yet. Open for both it can be opened, and
		// holds the first bytes until its reader comes.
		file, err = open(path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, false, bare(err)
	}
	st, err := file.Stat()
	if err == nil && auto && !ours(st) {
		err = errors.New("somebody else has put something in its place")
	}
	if err != nil {
		file.Close()
		return nil, false, bare(err)
	}
	return file, st.Mode().IsRegular(), nil
}

// ours tells whether a file is regular and belongs to us.
func ours(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return st.Mode().IsRegular() && ok && int(sys.Uid) == os.Geteuid()
}

// openTrusted opens path as os.OpenFile does. But as root it follows only links
// that root made: by one of their own, users could have a daemon write to, cut
// or show any file of the system. Each link is looked at and followed by hand,
// so that nobody can exchange it in between.
func openTrusted(path string, flags int, mode os.FileMode) (*os.File, error) {
	if os.Geteuid() != 0 {
		return os.OpenFile(path, flags, mode)
	}
	for range maxLinks {
		file, err := os.OpenFile(path, flags|unix.O_NOFOLLOW, mode)
		if !errors.Is(err, unix.ELOOP) {
			return file, err
		}
		to, kernels, err := readTrusted(path)
		switch {
		case errors.Is(err, unix.EINVAL):
			continue // no link any more
		case err != nil:
			return nil, err
		case kernels:
			return os.OpenFile(path, flags, mode)
		case !filepath.IsAbs(to):
			to = filepath.Dir(path) + "/" + to // not cleaned: the directory may be a link
		}
		path = to
	}
	return nil, unix.ELOOP
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
