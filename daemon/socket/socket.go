package socket

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Spec says what a socket is to be.
type Spec struct {
	Path    string
	Mode    uint32
	UID     int // -1: as it is made
	GID     int
	Backlog int // connections that wait to be accepted

	// Probe finds out who listens on the socket that is there already: nil for
	// nobody, which makes it a stale one. It is Probe if it is nil.
	Probe func(path string) error
	Stale func(path string) // called before a stale socket is removed; nil: nobody

	link  func(from, to string) error // nil: os.Link
	bound func(temp string)           // called when the socket has its temporary name
}

// Socket is a socket that listens. Its descriptor blocks and is not inherited.
type Socket struct {
	File *os.File

	path string
	made os.FileInfo // what we put at path
}

// Remove removes the path, but only while that is still the socket that was
// put there.
func (s *Socket) Remove() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
		_ = os.Remove(s.path) // someone else may have been faster
	}
}

// LongestPath is the longest path of a socket that the kernel takes.
const LongestPath = len(unix.RawSockaddrUnix{}.Path) - 1

// Listen makes a socket. It is prepared under a temporary name and gets its own
// only when mode and owner are right and it listens, so that nobody ever finds
// it half made. The error is an *Error.
func Listen(s Spec) (*Socket, error) {
	if s.Probe == nil {
		s.Probe = Probe
	}
	if s.Stale == nil {
		s.Stale = func(string) {}
	}
	if s.link == nil {
		s.link = os.Link
	}
	if s.bound == nil {
		s.bound = func(string) {}
	}
	fd, temp, err := bind(s.Path, s.Mode)
	if err != nil {
		return nil, err
	}
	s.bound(temp)
	made, err := s.dress(temp)
	if err == nil {
		if cause := unix.Listen(fd, s.Backlog); cause != nil {
			err = fail(Listening, s.Path, cause)
		}
	}
	if err == nil {
		err = s.publish(temp)
	}
	_ = os.Remove(temp) // gone already if it was renamed
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Socket{File: os.NewFile(uintptr(fd), s.Path), path: s.Path, made: made}, nil
}

// dress gives the socket its owner and its mode. Where somebody else can write
// to the directory, the name may by now be that of another file: mode and owner
// are those of what was opened once, and only if that is what we made.
func (s *Spec) dress(temp string) (os.FileInfo, error) {
	fd, err := unix.Open(temp, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fail(Opening, temp, err)
	}
	f := os.NewFile(uintptr(fd), temp)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fail(Opening, temp, err)
	}
	owned := s.UID != -1 || s.GID != -1
	ours := int(st.Uid) == os.Geteuid() && st.Nlink == 1
	asBorn := st.Mode&0o7777 == s.Mode && !owned // a file system may name another owner
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || !ours && !asBorn {
		return nil, fail(Replaced, temp, unix.EPERM)
	}
	if st.Mode&0o7777 != s.Mode {
		if err := chmod(fd, s.Mode); err != nil {
			return nil, fail(Mode, s.Path, err)
		}
	}
	if owned {
		if err := unix.Fchownat(fd, "", s.UID, s.GID, unix.AT_EMPTY_PATH); err != nil {
			return nil, fail(Owner, s.Path, err)
		}
	}
	made, err := f.Stat()
	if err != nil {
		return nil, fail(Opening, temp, err)
	}
	return made, nil
}

// chmod changes the mode of a file that was opened as a path only: by the call
// of Linux 6.6 and later, else by way of /proc.
func chmod(fd int, mode uint32) error {
	if unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH) == nil {
		return nil
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}
