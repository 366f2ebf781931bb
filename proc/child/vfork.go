//go:build amd64 || arm64

package child

import (
	"math"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gosupervisor/early"
)

// This is what ForkExec does, but for two things. ForkExec gives the child a copy of
// our table of descriptors, which the exec then closes one by one: a thousand
// programs have five thousand of them, so each start would cost as much as there is
// running already. Here the child shares the table until it has put its own
// descriptors at the bottom, and then takes a copy of the bottom alone. And a failure
// is told in our memory, which the child shares, too, so that it takes no pipe.

// vfork forks by the system call of that number, and has the child take the steps from
// first on, of which the last is to execute a program. It returns when that is done or
// has failed: the pid, or an errno below zero. A step that fails has its errno set, and
// is the end of the child.
//
//go:noescape
func vfork(number, a1, a2 uintptr, first *step) (r uintptr)

// As around any system call that takes some time, the runtime takes back the right to run
// Go code meanwhile if somebody wants it: neither the rest of the daemon nor its collector
// waits for an exec. What is called between enter and exit must not need more stack than
// there is.
//
//go:linkname enterCall runtime.entersyscall
func enterCall()

// The same for one that is known to take long: that right is given away at once, to a
// thread which may have to be made first.
//
//go:linkname enterLongCall runtime.entersyscallblock
func enterLongCall()

//go:linkname exitCall runtime.exitsyscall
func exitCall()

// forkAside forks while others run Go code. It returns as soon as there is a child, with
// CLONE_VFORK as soon as that has executed its program. Nobody handles a signal on this
// thread meanwhile, as the child would, with our memory: between enter and exit a goroutine
// stays on its thread, so that this needs no runtime.LockOSThread, whose first call starts
// a thread more.
//
//go:nosplit
//go:norace
func (s *steps) forkAside(number, a1, a2 uintptr) (r uintptr) {
	first := &s.list[0]
	enterCall()
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&s.all)), uintptr(unsafe.Pointer(&s.before)), sigsetBytes, 0, 0)
	r = vfork(number, a1, a2, first)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&s.before)), 0, sigsetBytes, 0, 0)
	exitCall()
	return r
}

// waitAside waits until a number is no longer 1, for so long, or for less.
//
//go:nosplit
//go:norace
func waitAside(number *uint32, atMost *unix.Timespec) {
	enterLongCall()
	_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(number)), futexWait, 1, uintptr(unsafe.Pointer(atMost)), 0, 0)
	exitCall()
}

const futexWait = 0 // FUTEX_WAIT, of a number that is not the threads' alone

// step is a system call of the child, as the assembly reads it.
type step struct {
	number uintptr
	args   [4]uintptr
	errno  uintptr
}

// cloneArgs is the kernel's struct clone_args.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls uint64

	setTID, setTIDSize, cgroup uint64 // in later versions
}

const (
	cloneFlags        = unix.CLONE_VM | unix.CLONE_FILES
	cloneClearSighand = 0x1_0000_0000 // handlers become default actions
	cloneIntoCgroup   = 0x2_0000_0000
	firstCloneArgs    = 64 // bytes of the first version

	// Up to here a table is so short that there is nothing to save by moving
	// descriptors to its beginning.
	shortTable = 128

	maxFiles = 4 // that a child gets
)

// launcher is what a table keeps from one fork to the next.
type launcher struct {
	steps
	pad   launchPad
	moved int // descriptors that are on the pad
}

// launchPad is descriptors at the beginning of the table, where those of a child are
// while it is born. Otherwise they are the null device.
type launchPad struct {
	null int
	fds  [maxFiles]int
	made bool
}

// reserve makes the launch pad, once.
func (l *launchPad) reserve() error {
	if l.made {
		return nil
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for i := range l.fds {
		if l.fds[i], err = unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, firstInherited); err != nil {
			for _, fd := range append(l.fds[:i:i], null) {
				_ = unix.Close(fd)
			}
			return err
		}
	}
	l.null, l.made = null, true
	return nil
}

// clear takes from the launch pad what is a child's by now.
func (l *launchPad) clear(n int) {
	for _, fd := range l.fds[:n] {
		_ = unix.Dup3(l.null, fd, unix.O_CLOEXEC)
	}
}

func (l *launchPad) close() {
	if l.made {
		for _, fd := range append(l.fds[:], l.null) {
			_ = unix.Close(fd)
		}
	}
	l.made = false
}

// steps are the steps of a child from its fork to its program. Their arguments are
// addresses which nothing but these fields keeps from moving or being freed, so a value
// is part of one on the heap.
type steps struct {
	list     []step
	unshare  int    // which of them is the one that gives the child a table of its own
	inside   uint32 // 1 as long as the child is in our memory, which the kernel tells
	path     *byte
	dir      *byte // nil: where we are
	argv     []*byte
	env      []*byte
	args     cloneArgs
	all      uint64 // signals
	none     uint64
	before   uint64
	defaults [sigactionSize]uintptr
	limit    early.Limit
}

func (s *steps) add(number uintptr, args ...uintptr) {
	st := step{number: number}
	copy(st.args[:], args)
	s.list = append(s.list, st)
}

// take sets the texts of the child.
func (s *steps) take(path string, argv []string, attr *syscall.ProcAttr) (err error) {
	s.list, s.dir, s.all = s.list[:0], nil, math.MaxUint64
	if s.path, err = syscall.BytePtrFromString(path); err != nil {
		return err
	}
	if s.argv, err = syscall.SlicePtrFromStrings(argv); err != nil {
		return err
	}
	if s.env, err = syscall.SlicePtrFromStrings(attr.Env); err != nil {
		return err
	}
	if attr.Dir != "" {
		s.dir, err = syscall.BytePtrFromString(attr.Dir)
	}
	return err
}

// vfork is ForkExec for the attributes that we use. tried is false if it could not be
// done this way.
func (l *launcher) vfork(path string, argv []string, attr *syscall.ProcAttr) (pid int, tried bool, err error) {
	if noVfork.Load() || attr.Sys.UseCgroupFD && noClone3.Load() || len(attr.Files) > maxFiles {
		return 0, false, nil
	}
	if err := l.plan(path, argv, attr); err != nil {
		return 0, true, err
	}
	defer l.clear()
	failed := -1
	if pid, err = l.run(attr.Sys, unix.CLONE_VFORK); err == nil {
		failed, err = l.outcome(pid)
		if err == nil && !tellsOfExec.Load() && !noClone3.Load() && l.over() {
			_, killed := isDead(pid) // of a death it may have told where it does not of an exec
			tellsOfExec.Store(!killed)
		}
	}
	switch refused := err == syscall.ENOSYS || err == syscall.EPERM || err == syscall.EINVAL; {
	case refused && failed == l.unshare:
		noVfork.Store(true)
		return 0, false, nil
	case refused && failed < 0 && !noClone3.Load() && !attr.Sys.UseCgroupFD:
		noClone3.Store(true)
		return l.vfork(path, argv, attr)
	}
	return pid, true, err
}

// tellsOfExec says that this kernel has told when a child had executed its program.
// It is found out by having waited for one.
var tellsOfExec atomic.Bool

// mayBegin tells whether begin is worth trying.
func mayBegin() bool { return !noVfork.Load() && !noClone3.Load() && tellsOfExec.Load() }

// begin is the first half of vfork: it returns when there is a child. end has to follow,
// and before that the files have to stay open. It returns false if that cannot be done, or
// not now: then nothing has happened, and vfork will tell why.
func (l *launcher) begin(path string, argv []string, attr *syscall.ProcAttr) (pid int, ok bool) {
	if !mayBegin() || attr.Sys.UseCgroupFD || len(attr.Files) > maxFiles {
		return 0, false
	}
	err := l.plan(path, argv, attr)
	if err == nil {
		pid, err = l.run(attr.Sys, 0)
	}
	if err != nil {
		l.clear()
	}
	return pid, err == nil
}

// over tells whether end would not wait.
func (l *launcher) over() bool { return atomic.LoadUint32(&l.inside) == 0 }

// end waits until the child has executed its program. If it has failed, there is no child
// any more.
func (l *launcher) end(pid int) error {
	for !l.over() {
		second := unix.Timespec{Sec: 1}
		waitAside(&l.inside, &second)
		if l.over() {
			break
		}
		if dead, _ := isDead(pid); dead {
			break // which may not be told of everywhere
		}
	}
	defer l.clear()
	_, err := l.outcome(pid)
	return err
}

// isDead tells whether a child is, and whether by a signal, and leaves it to be waited for.
func isDead(pid int) (dead, killed bool) {
	const exited = 1 // CLD_EXITED
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err == unix.ECHILD {
		return true, true // somebody else has waited for it
	}
	dead = err == nil && info.Signo != 0
	return dead, dead && info.Code != exited
}

// plan sets the steps of the next child, and reserves the launch pad if it needs that.
func (l *launcher) plan(path string, argv []string, attr *syscall.ProcAttr) error {
	s := &l.steps
	if err := s.take(path, argv, attr); err != nil {
		return err
	}
	if slices.Max(attr.Files) >= shortTable {
		if err := l.pad.reserve(); err != nil {
			return err
		}
		l.moved = len(attr.Files)
	}
	if attr.Sys.Setpgid {
		s.add(unix.SYS_SETPGID, 0, 0)
	}
	if noClone3.Load() {
		s.resetSignals()
	}
	s.unshare = s.files(attr.Files, l.moved > 0, &l.pad)
	if s.dir != nil {
		s.add(unix.SYS_CHDIR, uintptr(unsafe.Pointer(s.dir)))
	}
	s.ownLimit()
	s.add(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&s.none)), 0, sigsetBytes)
	s.add(unix.SYS_EXECVE, uintptr(unsafe.Pointer(s.path)), uintptr(unsafe.Pointer(&s.argv[0])), uintptr(unsafe.Pointer(&s.env[0])))
	return nil
}

// clear lets go of all that was for one child.
func (l *launcher) clear() {
	l.pad.clear(l.moved)
	l.moved = 0
	l.path, l.dir, l.argv, l.env = nil, nil, nil, nil
}

// files gives the child its descriptors, from 0 on, and a table of its own with nothing
// above them. It returns which step the latter is.
func (s *steps) files(files []uintptr, moved bool, pad *launchPad) (unshare int) {
	at := slices.Clone(files)
	if moved {
		for i := range at {
			s.add(unix.SYS_DUP3, at[i], uintptr(pad.fds[i]), unix.O_CLOEXEC)
			at[i] = uintptr(pad.fds[i])
		}
	}
	unshare = len(s.list)
	free := max(slices.Max(at)+1, uintptr(len(at)))
	s.add(unix.SYS_CLOSE_RANGE, free, math.MaxInt32, unix.CLOSE_RANGE_UNSHARE)
	// Those that stand where another is to be get out of the way first.
	for i := range at {
		if at[i] < uintptr(len(at)) && at[i] != uintptr(i) {
			s.add(unix.SYS_DUP3, at[i], free, unix.O_CLOEXEC)
			at[i] = free
			free++
		}
	}
	for i, fd := range at {
		if fd == uintptr(i) {
			s.add(unix.SYS_FCNTL, fd, unix.F_SETFD, 0)
		} else {
			s.add(unix.SYS_DUP3, fd, uintptr(i), 0)
		}
	}
	return unshare
}

// resetSignals gives every signal its default action, before any is let through.
func (s *steps) resetSignals() {
	for sig := uintptr(1); sig <= lastSignal; sig++ {
		if sig != uintptr(unix.SIGKILL) && sig != uintptr(unix.SIGSTOP) {
			s.add(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&s.defaults)), 0, sigsetBytes)
		}
	}
}

// ownLimit gives the child the limit on open files that we were started with, if the
// library has raised it for itself and nobody has changed it since.
func (s *steps) ownLimit() {
	var now syscall.Rlimit
	s.limit = early.NOFILE
	if keepsLimit.Load() || s.limit.Hard == 0 || s.limit.Soft >= s.limit.Hard-1 {
		return // the library has left it alone
	}
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now) == nil && now.Cur == s.limit.Hard-1 && now.Max == s.limit.Hard {
		s.add(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&s.limit)), 0)
	}
}

// run forks and has the child take the steps: with CLONE_VFORK as how until they are done,
// with 0 while we go on. The error is that of the fork.
func (s *steps) run(sys *syscall.SysProcAttr, how uint64) (pid int, err error) {
	var r uintptr
	if noClone3.Load() {
		r = s.forkAside(unix.SYS_CLONE, uintptr(cloneFlags|how)|uintptr(unix.SIGCHLD), 0)
	} else {
		s.inside = 1
		s.args = cloneArgs{
			flags:    cloneFlags | unix.CLONE_CHILD_CLEARTID | cloneClearSighand | how,
			childTID: uint64(uintptr(unsafe.Pointer(&s.inside))), exitSignal: uint64(unix.SIGCHLD),
		}
		size := uintptr(firstCloneArgs)
		if sys.UseCgroupFD {
			s.args.flags |= cloneIntoCgroup
			s.args.cgroup = uint64(sys.CgroupFD)
			size = unsafe.Sizeof(s.args)
		}
		r = s.forkAside(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&s.args)), size)
	}
	if int(r) < 0 {
		return 0, syscall.Errno(-r)
	}
	return int(r), nil
}

// outcome tells which step a child has failed at, that is no longer in our memory. If there
// is none, it has executed its program, or was killed.
func (s *steps) outcome(pid int) (failed int, err error) {
	for i := range s.list {
		if errno := s.list[i].errno; errno != 0 {
			reapNow(pid)
			return i, syscall.Errno(errno)
		}
	}
	return len(s.list), nil
}

// reapNow waits for a child that is about to end.
func reapNow(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}
