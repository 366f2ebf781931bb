package child

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// Spec is everything about one spawn.
type Spec struct {
	Path  string      // the program file, resolved
	Argv  []string    // argv[0] as it was written
	Env   []string    // KEY=VALUE
	Dir   string      // "": inherit
	Umask int         // -1: inherit
	Cred  *Credential // nil: inherit

	Limits *conf.Limits // nil: none

	// Cgroup is the open directory of the control group in which the child is born;
	// nil: in ours. Its limits are set there. Uncontrolled says which controllers it
	// does without, and why.
	Cgroup       *os.File
	Uncontrolled map[string]string

	// Enter says that the child goes to Cgroup by itself instead. It has to be set
	// unless the group was made just now: in one that is frozen nobody who is born
	// gets as far as executing anything, and a fork that waits for that never returns.
	Enter bool

	// The child's descriptors 0, 1 and 2; nil is the null device.
	Stdin, Stdout, Stderr File

	// Foreground gives the terminal at descriptor 0, if there is one and it is
	// ours to give, to the process group of the child.
	Foreground bool

	// Inherit says that the child gets every descriptor from 3 on that is not
	// closed on exec, and that it is nobody's that could hold up the daemon.
	Inherit bool

	// Close lists the files that only the child needs. The table closes them
	// after the fork, whether it worked or not.
	Close []File
}

// File is an open file: an *os.File, or a bare FD.
type File interface {
	Fd() uintptr
	Close() error
}

// FD is a descriptor that nobody but us will read or write, so that it needs nothing of
// what an *os.File has.
type FD int

// Fd implements File.
func (f FD) Fd() uintptr { return uintptr(f) }

// Close implements File.
func (f FD) Close() error { return unix.Close(int(f)) }

// Credential is a user to become.
type Credential struct {
	Name   string
	UID    int   // -1: stay that user
	GID    int   // -1: stay in that group
	Groups []int // GID first; nil: stay in all

	// Regroup says that the groups were asked for by themselves. Otherwise who is
	// that user already keeps his own.
	Regroup bool

	// GroupAlone says that of the groups only the primary one was asked for: who is
	// that user already keeps the others.
	GroupAlone bool

	// Optional says that who is that user already goes on as he is where he may not
	// change his groups. The report has a warning then.
	Optional bool
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

// spawn performs one Job while no other is under way.
func (t *Table) spawn(j *Job) {
	if !t.free(j.Key) {
		t.observer.Failed(j.Key, &SpawnError{StageKey, fmt.Errorf("key %d is not free", j.Key)})
		return
	}
	if j.Begin != nil {
		j.Begin()
	}
	spec, err := j.Prepare()
	if err != nil {
		t.observer.Failed(j.Key, err)
		return
	}
	t.launch(j, spec)
}

// free tells whether a key is one and has no child.
func (t *Table) free(k Key) bool {
	_, taken := t.pids[k]
	return k != 0 && !taken
}

// launch starts the child of a job, waits until it has executed its program, or at least
// our applet, and tells of it.
func (t *Table) launch(j *Job, spec *Spec) {
	files, done, err := stdio(spec)
	if err != nil {
		t.tell(j, spec, 0, nil, &SpawnError{StageStdio, err})
		return
	}
	defer done()
	pid, executed, err := t.start(spec, files)
	t.tell(j, spec, pid, executed, err)
}

// tell closes what only the child needs, and says that there is one or why there is none.
// executed is as in start.
func (t *Table) tell(j *Job, spec *Spec, pid int, executed *os.File, err error) {
	for _, f := range spec.Close {
		_ = f.Close() // nothing was written by us: there is nothing to lose
	}
	if err != nil {
		t.fail(j.Key, err)
		return
	}
	t.pids[j.Key] = pid
	t.keys[pid] = j.Key
	if executed != nil {
		t.await(j.Key, pid, executed)
	}
	t.observer.Started(j.Key, pid, time.Now())
	if t.untold++; t.untold == startedBatch {
		t.flush()
	}
}

// flush has those starts noticed that were told of.
func (t *Table) flush() {
	if t.untold > 0 {
		t.untold = 0
		t.observer.Flush()
	}
}

// start forks and executes, the fast way if it can. executed is nil if the
// child has executed its program, else the pipe that ends when it has.
func (t *Table) start(s *Spec, files []uintptr) (pid int, executed *os.File, err error) {
	var fast error
	if s.quick() {
		if pid, fast = t.forkExec(s, s.Path, s.Argv, s.attr(files)); fast == nil {
			return pid, nil, nil
		}
	}
	return t.startSlowly(s, files, fast)
}

// quick tells whether the fast way can be taken.
//
// It holds up every other child until this one has executed, and where the fork is the
// library's, at the next garbage collection the whole daemon. So it is only for what
// nobody else can hold up: no user to become (who could stop the child in that moment) and
// no file of somebody else's or on somebody else's server. A control group is known to be
// nobody else's to freeze for as long as nobody but us can have seen it, which is what
// Enter is about. Everything else our own binary does, in a child that is waited for aside.
//
// Before Linux 5.16 a signal that makes a child dump core in that moment is the end of all
// who share its memory, us included. Root and its own user can send one, the terminal can
// before it has a group of its own, and a filter of system calls can.
func (s *Spec) quick() bool {
	return !changesUser(s.Cred) && !s.limited() && !s.Enter && s.Umask < 0 && !s.Foreground && (s.Inherit || prompt(s.Path, s.Dir))
}

// attr is what the fast way needs.
func (s *Spec) attr(files []uintptr) *syscall.ProcAttr {
	return &syscall.ProcAttr{Dir: s.Dir, Env: s.Env, Files: files, Sys: s.attributes()}
}

// startSlowly has our own binary do it, and find out why the fast way has failed, if it
// was taken.
func (t *Table) startSlowly(s *Spec, files []uintptr, fast error) (pid int, executed *os.File, err error) {
	// It does not say what failed. The applet finds out, or, if it was
	// the fork, fails the same way.
	slow := fast
	if fast != syscall.E2BIG {
		if pid, executed, slow = t.startApplet(request{spec: s, files: files}); slow == nil {
			return pid, executed, nil
		}
	}
	if slow == syscall.E2BIG {
		// Only execve says so, and the applet was refused the same arguments:
		// have it do nothing but report.
		if pid, executed, err := t.startApplet(request{spec: s, files: files, failure: syscall.E2BIG}); err == nil {
			return pid, executed, nil
		}
	}
	if isShortage(slow) {
		return 0, nil, &SpawnError{StageFork, slow}
	}
	if fast != nil {
		return 0, nil, &SpawnError{StageExec, fast}
	}
	return 0, nil, &SpawnError{StageExec, slow}
}

// What this kernel, or a filter of system calls, does not let us do in vfork. It is found
// out by trying.
var noVfork, noClone3 atomic.Bool

// forkExec executes a program in a child, and returns when that is done or has failed.
func (t *Table) forkExec(s *Spec, path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	if !s.Inherit {
		if pid, tried, err := t.launcher.vfork(path, argv, attr); tried {
			return pid, err
		}
	}
	// A child is born with the signal mask of the thread that forks it. Ours may have
	// been inherited with signals blocked; children get none.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &before); err == nil {
		defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }()
	}
	return syscall.ForkExec(path, argv, attr)
}

// attributes are what a fork can do for a child.
func (s *Spec) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if s.Cgroup != nil && !s.Enter {
		attr.UseCgroupFD, attr.CgroupFD = true, int(s.Cgroup.Fd())
	}
	return attr
}

// isShortage tells whether a failed fork did not get as far as a child.
func isShortage(err error) bool {
	switch err {
	case syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE:
		return true
	}
	return false
}

// stdio returns the descriptors 0, 1 and 2 of the child.
func stdio(s *Spec) (fds []uintptr, cleanup func(), err error) {
	null := FD(-1)
	cleanup = func() {
		if null >= 0 {
			_ = null.Close()
		}
	}
	for _, f := range []File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil && null < 0 {
			fd, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err != nil {
				return nil, nil, err
			}
			null = FD(fd)
		}
		if f == nil {
			f = null
		}
		fds = append(fds, f.Fd())
	}
	return fds, cleanup, nil
}

// keepsLimit says that the limit on open files is one that children are to inherit.
var keepsLimit atomic.Bool

// KeepOpenFilesLimit has children inherit the limit on open files that we have set for
// ourselves. Otherwise they get the one that we were started with.
func KeepOpenFilesLimit() { keepsLimit.Store(true) }

// changesUser tells whether c is somebody else than we are. Who is that user
// already changes nothing, not even groups, unless they were asked for.
func changesUser(c *Credential) bool {
	if c == nil || c.Regroup && c.GroupAlone && c.same() && c.GID == os.Getgid() {
		return false
	}
	return c.Regroup || !c.same()
}

// same tells whether c is the user that we are.
func (c *Credential) same() bool { return c.UID < 0 || c.UID == os.Getuid() }

// Refusable tells whether the child may turn out unable to become what the Spec asks
// for. Observer.Born says whether it is.
func (s *Spec) Refusable() bool { return changesUser(s.Cred) || s.limited() && s.Limits.Strict }

// limited tells whether there are limits to set.
func (s *Spec) limited() bool { return s.Limits != nil && s.Limits.Set() }

// prompt tells whether executing path from the directory dir cannot be held
// up: the file is ours or root's and nobody else may write to it, so that
// nobody else can hold a lease on it, and neither is on a filesystem that a
// server or another process answers for.
func prompt(path, dir string) bool {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&0o022 != 0 || st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return false
	}
	return isLocal(path) && (dir == "" || isLocal(dir))
}

// isLocal tells whether path is on a filesystem that the kernel itself answers for, by its
// magic number. What is not here may be as good, but is not known to be.
func isLocal(path string) bool {
	var fs unix.Statfs_t
	if retry(func() error { return unix.Statfs(path, &fs) }) != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, unix.SQUASHFS_MAGIC, unix.F2FS_SUPER_MAGIC, unix.MSDOS_SUPER_MAGIC,
		unix.ISOFS_SUPER_MAGIC, 0xe0f5e1e2 /* erofs */, 0x2fc12fc1, /* zfs */
		unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEVPTS_SUPER_MAGIC:
		return true
	}
	return false
}

// startApplet runs ExecMain in a child. executed ends when that has either
// executed the final program or failed and exited.
func (t *Table) startApplet(r request) (pid int, executed *os.File, err error) {
	var status [2]int
	if err := unix.Pipe2(status[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, err
	}
	attr := &syscall.ProcAttr{Env: r.environ(), Files: r.files[:3:3], Sys: r.spec.attributes()}
	r.enter = r.spec.Cgroup != nil && r.spec.Enter
	if r.spec.Inherit {
		// All numbers above may be taken by what the child inherits. It keeps
		// its own; nobody else forks meanwhile.
		r.status = status[1]
		_, _ = unix.FcntlInt(uintptr(r.status), unix.F_SETFD, 0)
	} else {
		r.status = statusFD
		attr.Files = append(attr.Files, uintptr(status[1]))
	}
	pid, err = t.forkSelf(r, attr)
	if err != nil && attr.Sys.UseCgroupFD && !isShortage(err) && err != syscall.E2BIG {
		// An old kernel, or a filter that lets no new calls through: the child has
		// to go there itself.
		r.enter = true
		attr.Sys.UseCgroupFD = false
		pid, err = t.forkSelf(r, attr)
	}
	_ = syscall.Close(status[1])
	if err != nil {
		_ = syscall.Close(status[0])
		return 0, nil, err
	}
	_ = unix.SetNonblock(status[0], true) // so that waiting costs no thread
	return pid, os.NewFile(uintptr(status[0]), "status of a spawn"), nil
}

// forkSelf executes our own binary.
func (t *Table) forkSelf(r request, attr *syscall.ProcAttr) (pid int, err error) {
	argv := r.argv()
	pid, err = t.forkExec(r.spec, procSelf, argv, attr)
	if err != nil && !isShortage(err) && err != syscall.E2BIG && selfPath != "" {
		pid, err = t.forkExec(r.spec, selfPath, argv, attr) // no /proc here
	}
	return pid, err
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
