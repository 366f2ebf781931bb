package child

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spec is everything about one spawn.
type Spec struct {
	Path  string      // the program file, resolved
	Argv  []string    // argv[0] as it was written
	Env   []string    // KEY=VALUE
	Dir   string      // "": inherit
	Umask int         // -1: inherit
	Cred  *Credential // nil: inherit

	// The child's descriptors 0, 1 and 2; nil is the null device.
	Stdin, Stdout, Stderr *os.File

	// Close lists the files that only the child needs. The table closes them
	// after the fork, whether it worked or not.
	Close []*os.File
}

// Credential is a user to become.
type Credential struct {
	Name   string
	UID    int
	GID    int
	Groups []int // GID first
}

// SpawnError says at which stage a spawn failed so that there is no child.
type SpawnError struct {
	Stage string // one of the Stage constants
	Err   error
}

// The stages of a SpawnError. Later ones (user, directory, program) do not
// occur: the child itself reports those, and exits with 127.
const (
	StageKey   = "key"   // the key is 0, or has a child already
	StageStdio = "stdio" // the null device could not be opened
	StageFork  = "fork"  // no process, descriptor or memory for a fork
	StageExec  = "exec"  // neither the program nor our own applet could be executed
)

func (e *SpawnError) Error() string { return fmt.Sprintf("%s: %v", e.Stage, e.Err) }

// Unwrap returns the cause.
func (e *SpawnError) Unwrap() error { return e.Err }

// spawn performs one Job.
func (t *Table) spawn(j Job) {
	if _, taken := t.pids[j.Key]; taken || j.Key == 0 {
		t.observer.Failed(j.Key, &SpawnError{StageKey, fmt.Errorf("key %d is not free", j.Key)})
		return
	}
	spec, err := j.Prepare()
	if err != nil {
		t.observer.Failed(j.Key, err)
		return
	}
	pid, err := start(spec)
	for _, f := range spec.Close {
		_ = f.Close() // nothing was written by us: there is nothing to lose
	}
	if err != nil {
		t.observer.Failed(j.Key, err)
		return
	}
	t.pids[j.Key] = pid
	t.keys[pid] = j.Key
	t.observer.Started(j.Key, pid, time.Now())
}

// start forks and executes, the fast way if it can.
func start(s *Spec) (pid int, err error) {
	files, cleanup, err := stdio(s)
	if err != nil {
		return 0, &SpawnError{StageStdio, err}
	}
	defer cleanup()

	var fast error
	if cred, direct := credential(s.Cred); direct && s.Umask < 0 {
		pid, fast = syscall.ForkExec(s.Path, s.Argv, &syscall.ProcAttr{
			Dir:   s.Dir,
			Env:   s.Env,
			Files: files,
			Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: cred},
		})
		if fast == nil {
			return pid, nil
		}
	}
	// ForkExec does not say what failed. The applet finds out, or, if it was
	// the fork, fails the same way.
	slow := fast
	if fast != syscall.E2BIG {
		if pid, slow = startApplet(request{spec: s, files: files}); slow == nil {
			return pid, nil
		}
	}
	if slow == syscall.E2BIG {
		// Only execve says so, and the applet was refused the same arguments:
		// have it do nothing but report.
		if pid, err := startApplet(request{spec: s, files: files, failure: syscall.E2BIG}); err == nil {
			return pid, nil
		}
	}
	if isShortage(slow) {
		return 0, &SpawnError{StageFork, slow}
	}
	if fast != nil {
		return 0, &SpawnError{StageExec, fast}
	}
	return 0, &SpawnError{StageExec, slow}
}

// isShortage tells whether a failed ForkExec did not get as far as a child.
func isShortage(err error) bool {
	switch err {
	case syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE:
		return true
	}
	return false
}

// stdio returns the descriptors 0, 1 and 2 of the child.
func stdio(s *Spec) (fds []uintptr, cleanup func(), err error) {
	var null *os.File
	cleanup = func() {
		if null != nil {
			_ = null.Close()
		}
	}
	for _, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil && null == nil {
			if null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
				return nil, nil, err
			}
		}
		if f == nil {
			f = null
		}
		fds = append(fds, f.Fd())
	}
	return fds, cleanup, nil
}

// credential translates c for ForkExec. Who is that user already changes
// nothing, not even groups. Who may not become it is told so by the applet: then
// direct is false.
func credential(c *Credential) (cred *syscall.Credential, direct bool) {
	self := os.Getuid()
	if c == nil || c.UID == self {
		return nil, true
	}
	if self != 0 {
		return nil, false
	}
	groups := make([]uint32, len(c.Groups))
	for i, g := range c.Groups {
		groups[i] = uint32(g)
	}
	return &syscall.Credential{Uid: uint32(c.UID), Gid: uint32(c.GID), Groups: groups}, true
}

// startApplet runs ExecMain in a child and returns when that has either
// executed the final program or failed and exited.
func startApplet(r request) (pid int, err error) {
	var status [2]int
	if err := unix.Pipe2(status[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer syscall.Close(status[0])
	attr := &syscall.ProcAttr{
		Env:   r.environ(),
		Files: append(r.files[:3:3], uintptr(status[1])), // statusFD
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	}
	argv := r.argv()
	pid, err = syscall.ForkExec(procSelf, argv, attr)
	if err != nil && !isShortage(err) && err != syscall.E2BIG && selfPath != "" {
		pid, err = syscall.ForkExec(selfPath, argv, attr) // no /proc here
	}
	_ = syscall.Close(status[1])
	if err != nil {
		return 0, err
	}
	// Nothing is ever written: the end comes when the last copy of the write
	// end is closed, by the final exec or by the applet's exit.
	var buf [1]byte
	for {
		_, err := syscall.Read(status[0], buf[:])
		if err != syscall.EINTR {
			return pid, nil
		}
	}
}

// ErrnoName returns the symbolic name, such as ENOENT, of the system error in
// err, or err's text if there is none.
func ErrnoName(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name
	}
	return fmt.Sprintf("%d", int(errno))
}
