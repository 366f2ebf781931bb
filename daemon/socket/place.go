package socket

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// bind binds a new socket to an unused name in the directory of path. The name
// is short, so that a path which is just not too long will do, and random:
// several daemons with the same pid may share the directory. The socket is born
// with the mode, but for what the umask takes away.
func bind(path string, mode uint32) (fd int, temp string, err error) {
	dir := filepath.Dir(path)
	if max(len(path), len(dir)+len("/.abcdefg")) > LongestPath {
		return -1, "", fail(TooLong, path, unix.ENAMETOOLONG)
	}
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, "", fail(Binding, path, err)
	}
	_ = unix.Fchmod(fd, mode) // where that is not so, dress sets it
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
		return -1, "", fail(Binding, path, err)
	}
	return fd, temp, nil
}

// publish gives the socket at temp its final path. A link never replaces what
// is there, so of two daemons that start at once only one can win.
func (s *Spec) publish(temp string) error {
	const rounds = 5 // more than that, and somebody else keeps making the path
	for range rounds {
		linkErr := s.link(temp, s.Path)
		if linkErr == nil {
			return nil
		}
		if err := s.takeOver(); err != nil {
			return err
		}
		if errors.Is(linkErr, os.ErrExist) {
			continue
		}
		// A file system without hard links, or a socket that is not ours to
		// link any more.
		if err := unix.Rename(temp, s.Path); err != nil {
			return fail(Placing, s.Path, err)
		}
		return nil
	}
	return fail(Contended, s.Path, unix.EADDRINUSE)
}

// takeOver removes a stale socket at the path, and nothing else. It is no error
// if nothing is there. A link to a stale socket is one too.
func (s *Spec) takeOver() error {
	before, err := os.Stat(s.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if _, err := os.Lstat(s.Path); err != nil {
			return nil
		}
		return fail(Occupied, s.Path, unix.ENOTSOCK) // a link to nowhere
	case err != nil:
		return fail(Placing, s.Path, err)
	case before.Mode().Type() != os.ModeSocket:
		return fail(Occupied, s.Path, unix.ENOTSOCK)
	}
	if err := s.Probe(s.Path); err != nil {
		return fail(Taken, s.Path, err)
	}
	if now, err := os.Stat(s.Path); err != nil || !os.SameFile(before, now) {
		return nil // replaced meanwhile: look again
	}
	s.Stale(s.Path)
	if err := os.Remove(s.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(Clearing, s.Path, err)
	}
	return nil
}

// ErrAlive is what a probe answers when somebody listens for certain.
var ErrAlive = errors.New("another program listens there")

// Probe connects to a socket and hangs up. It does not wait. The answer is nil,
// ErrAlive, or why it cannot tell.
func Probe(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err {
	case unix.ECONNREFUSED, unix.ENOENT:
		return nil
	case nil, unix.EAGAIN, unix.EPROTOTYPE:
		// Somebody took the connection, or their queue is full, or they listen
		// in another way.
		return ErrAlive
	default:
		return err
	}
}
