package child

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/early"
)

// limitsWire is how limits travel to the applet.
type limitsWire struct {
	conf.Limits
	Parent       int               // whose death is that of pdeathsig
	Cgroup       string            // the directory of its control group
	Enter        bool              // it is not in there yet
	Uncontrolled map[string]string // by controller: why it does without
}

// wireLimits writes limits for the applet, "" where there is nothing to do.
func wireLimits(s *Spec, enter bool) string {
	if !s.limited() && !enter {
		return ""
	}
	w := limitsWire{Parent: os.Getpid(), Enter: enter, Uncontrolled: s.Uncontrolled}
	if s.Limits != nil {
		w.Limits = *s.Limits
	}
	if s.Cgroup != nil {
		w.Cgroup = s.Cgroup.Name()
	}
	text, err := json.Marshal(w)
	if err != nil {
		panic("bug: limits cannot be written as JSON: " + err.Error())
	}
	return string(text)
}

// limiter takes the steps of limits in the child. Their order matters: what takes
// rights comes before the user changes, what that would undo after it, what would
// hinder ourselves right before the program.
type limiter struct {
	limitsWire
	failed func(format string, args ...any) bool // tells whether to go on
	final  []kernelLimit

	controls []control
}

// kernelLimit is a limit that is set last.
type kernelLimit struct {
	resource uintptr
	limit    unix.Rlimit
}

// beforeUser takes the steps for which the rights of the daemon are needed.
func (l *limiter) beforeUser() bool {
	if l.OOMScoreAdj != nil {
		err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*l.OOMScoreAdj)), 0)
		if err != nil && !l.failed("oom_score_adj=%d: %v", *l.OOMScoreAdj, reason(err)) {
			return false
		}
	}
	for _, r := range l.Resources {
		if !l.resource(r) {
			return false
		}
	}
	if l.Nice != nil {
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, *l.Nice); err != nil && !l.failed("nice=%d: %v", *l.Nice, err) {
			return false
		}
	}
	if l.CPUs != nil {
		var set unix.CPUSet
		for _, cpu := range l.CPUs {
			set.Set(cpu)
		}
		if err := unix.SchedSetaffinity(0, &set); err != nil && !l.failed("cpu_affinity: %v", affinityReason(err)) {
			return false
		}
	}
	return (l.Capabilities == nil || l.bound()) && l.openControls()
}

// afterUser takes the steps that a change of the user would undo.
func (l *limiter) afterUser() bool {
	if l.Capabilities != nil && !l.grant() {
		return false
	}
	if l.DeathSignal != 0 {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(l.DeathSignal), 0, 0, 0); err != nil && !l.failed("pdeathsig: %v", err) {
			return false
		}
		if os.Getppid() != l.Parent {
			os.Exit(127) // it died before we could ask to be told
		}
	}
	return true
}

// last takes the step after which no program that is executed gets more rights, and
// those after which we ourselves would be slow.
func (l *limiter) last() bool {
	if !l.setControls() {
		return false
	}
	if l.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil && !l.failed("no_new_privs: %v", err) {
			return false
		}
	}
	return true
}

// resource raises the hard limit of a resource, if need be, and leaves the rest for
// the end: as much as can be had. A soft limit on memory would be one on ourselves.
func (l *limiter) resource(r conf.ResourceLimit) bool {
	number := resourceNumber(r.Name)
	var now unix.Rlimit
	if err := unix.Getrlimit(number, &now); err != nil {
		return l.failed("rlimit_%s=%s: %v", r.Name, r, err)
	}
	want := unix.Rlimit{Cur: kernelNumber(r.Soft, now.Cur), Max: kernelNumber(r.Hard, now.Max)}
	if number == unix.RLIMIT_NOFILE && early.NOFILE.Hard != 0 {
		// The library has raised it since we were executed.
		want.Cur = kernelNumber(r.Soft, early.NOFILE.Soft)
	}
	if want.Max > now.Max {
		if err := unix.Setrlimit(number, &unix.Rlimit{Cur: now.Cur, Max: want.Max}); err != nil {
			want.Max = now.Max
			if !l.failed("rlimit_%s=%s: the hard limit stays %s: %v", r.Name, r, shown(now.Max), err) {
				return false
			}
		}
	}
	if want.Cur > want.Max {
		// A soft limit that was asked for without a hard one, or none that was
		// asked for at all.
		if r.Soft != conf.KeepLimit && r.Hard == conf.KeepLimit && !l.failed("rlimit_%s=%s: the hard limit is %s", r.Name, r, shown(want.Max)) {
			return false
		}
		want.Cur = want.Max
	}
	l.final = append(l.final, kernelLimit{uintptr(number), want})
	return true
}

// resourceNumber is the kernel's number of a resource, or one that it does not have.
func resourceNumber(name string) int {
	for _, r := range conf.Resources {
		if r.Name == name {
			return r.Number
		}
	}
	return -1
}

// kernelNumber is a limit as the kernel has it.
func kernelNumber(n int64, now uint64) uint64 {
	switch n {
	case conf.KeepLimit:
		return now
	case conf.Unlimited:
		return unix.RLIM_INFINITY
	}
	return uint64(n)
}

func shown(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// exec executes the program with the limits that remain to be set. Where there are
// any it allocates nothing from the first of them on: a limit on memory would be met
// by ourselves, who take more addresses than most programs, and one on processes too,
// since threads count.
func (l *limiter) exec(s *Spec) error {
	if len(l.final) == 0 && len(l.controls) == 0 {
		return syscall.Exec(s.Path, s.Argv, s.Env)
	}
	path, err := syscall.BytePtrFromString(s.Path)
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(s.Argv)
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(s.Env)
	if err != nil {
		return err
	}
	complaint := l.complaint(s)
	debug.SetGCPercent(-1)
	if !slices.ContainsFunc(l.final, func(k kernelLimit) bool { return k.resource == unix.RLIMIT_NOFILE }) && early.NOFILE.Hard != 0 {
		// What syscall.Exec does, too: the library has raised it for itself.
		l.final = append(l.final, kernelLimit{unix.RLIMIT_NOFILE, unix.Rlimit{Cur: early.NOFILE.Soft, Max: early.NOFILE.Hard}})
	}
	for _, c := range l.controls {
		syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.StringData(c.Text))), uintptr(len(c.Text)))
	}
	for i := range l.final {
		// No right is needed to lower a limit, nor for a soft one below the hard.
		syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, l.final[i].resource, uintptr(unsafe.Pointer(&l.final[i].limit)), 0, 0, 0)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_EXECVE,
		uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	complaint = append(append(complaint, unix.ErrnoName(errno)...), notSpawned...) // there is room
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(syscall.Stderr), uintptr(unsafe.Pointer(&complaint[0])), uintptr(len(complaint)))
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, failed, 0, 0)
	return errno // is not reached
}

// complaint begins what is said if the program cannot be executed. It has room for the
// rest, and so has the stack: by then there may be no memory.
func (l *limiter) complaint(s *Spec) []byte {
	text := said + cannotExec(s)
	room := len(text) + len(unix.ErrnoName(unix.EPROTONOSUPPORT)) + len(notSpawned) // no name is much longer
	return append(make([]byte, 0, 2*room), text...)
}

// affinityReason says what the kernel means by its answer.
func affinityReason(err error) string {
	if err == syscall.EINVAL {
		return "none of these processors is there, or allowed here"
	}
	return err.Error()
}

// reason is the innermost cause of an error about a file.
func reason(err error) error {
	if errno, ok := err.(*os.PathError); ok {
		return fmt.Errorf("%s: %w", errno.Path, errno.Err)
	}
	return err
}
