package cgroup

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// files is how the kernel is asked: all of it but opening a group for a fork. In
// tests it is a kernel that there is not.
type files interface {
	read(path string) (string, error)
	write(path, text string) error
	mkdir(dir string) error
	rmdir(dir string) error
	// dirs lists the directories in dir.
	dirs(dir string) ([]string, error)
	// lock takes the lock on a group, which ends with us at the latest; EWOULDBLOCK
	// says that somebody has it, ENOENT that the group is gone.
	lock(dir string) (io.Closer, error)
	// empty waits until no process is left in a group, but not beyond the deadline.
	empty(dir string, deadline time.Time) bool
	// kill kills a process if member says that it still is one of the group.
	kill(pid int, member func() bool) error
}

// mostText bounds what is read of a file. A list of processes may be long.
const mostText = 16 << 20

// system is the kernel that there is.
type system struct{}

func (system) read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostText))
	return string(text), err
}

// write makes one call of it: the kernel takes each as one order.
func (system) write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func (system) mkdir(dir string) error { return os.Mkdir(dir, 0o755) }

func (system) rmdir(dir string) error {
	if err := syscall.Rmdir(dir); err != nil {
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

func (system) dirs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// lock takes a lock on a file that only the owner can open, so that nobody else can
// hold it, or, before Linux 5.14, on one that there always is.
func (system) lock(dir string) (io.Closer, error) {
	path := dir + "/" + killFile
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		path = dir + "/" + procsFile
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	ours, err := f.Stat()
	if err == nil {
		// Who had it may have removed the group since we opened the file.
		var named os.FileInfo
		if named, err = os.Stat(path); err == nil && !os.SameFile(ours, named) {
			err = syscall.ENOENT
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// empty is told of each change by the kernel.
func (s system) empty(dir string, deadline time.Time) bool {
	f, err := os.Open(dir + "/cgroup.events")
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	for {
		text := make([]byte, 4096)
		n, err := f.ReadAt(text, 0)
		if err != nil && err != io.EOF {
			return errors.Is(err, syscall.ENODEV) // the group is gone
		}
		if !strings.Contains(string(text[:n]), "populated 1") {
			return true
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}
		if _, err := unix.Poll(fds, int(left.Milliseconds())+1); err != nil && err != syscall.EINTR {
			return false
		}
	}
}

func (system) kill(pid int, member func() bool) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// From here on the number may be somebody else's, and the descriptor is not.
	if !member() {
		return syscall.ESRCH
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}
