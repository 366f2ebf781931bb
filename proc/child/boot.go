package child

import (
	"math"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// firstInherited is the lowest descriptor that is nobody's standard stream.
const firstInherited = 3

// maxSweep bounds the descriptors that MarkCloexec tries one by one.
const maxSweep = 1 << 20

// Subreaper makes this process the parent of its descendants' orphans.
func Subreaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// MarkCloexec keeps every descriptor from 3 on from children, also those that
// we inherited ourselves. It is for boot: what is opened later is opened so.
func MarkCloexec() {
	if unix.CloseRange(firstInherited, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	if markListed("/proc/self/fd") {
		return
	}
	markUpTo(descriptorLimit())
}

// markListed marks the descriptors that a directory names, if it can be read.
func markListed(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= firstInherited {
			syscall.CloseOnExec(fd) // one of them was ReadDir's own, and is closed
		}
	}
	return true
}

// markUpTo marks every descriptor below limit.
func markUpTo(limit int) {
	for fd := firstInherited; fd < limit; fd++ {
		syscall.CloseOnExec(fd)
	}
}

// descriptorLimit returns a number that no open descriptor reaches, or, where
// the limit is huge, one that none reaches in practice.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Max > maxSweep {
		return maxSweep
	}
	return int(limit.Max)
}

// Numbers of the kernel's signal interface.
const (
	lastSignal    = 64
	ignored       = 1 // SIG_IGN
	sigsetBytes   = lastSignal / 8
	sigactionSize = 8 // words: more than struct kernel_sigaction has anywhere
)

// ResetSignals gives every signal that was ignored when the process started its
// default action, so that children start with defaults whatever started us
// (nohup, a shell's trap). The runtime resets only what it handles. Call it once
// at boot, after signal.Notify has been called for what is to be survived:
// signals with a handler are left alone. A signal.Ignore after it would reach
// children; use signal.Notify and drop the signal instead.
func ResetSignals() {
	for sig := uintptr(1); sig <= lastSignal; sig++ {
		// The handler comes first in the kernel's struct; all other fields
		// are zero for the default action.
		var action, reset [sigactionSize]uintptr
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&action)), sigsetBytes, 0, 0)
		if errno == 0 && action[0] == ignored {
			_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&reset)), 0, sigsetBytes, 0, 0)
		}
	}
}
