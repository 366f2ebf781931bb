package child

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hasBatch says that a thread of ours has SCHED_BATCH, and with it those that it makes.
var hasBatch atomic.Bool

// UsualPolicy has no child begin with SCHED_BATCH from now on, unless the main thread has
// it, too. It is for who has given a thread that policy: others may have it from there.
func UsualPolicy() { hasBatch.Store(true) }

// usualPolicy puts right the thread that is about to fork, which must not change meanwhile.
func usualPolicy() {
	if hasBatch.Load() && Policy(0) == unix.SCHED_BATCH && Policy(unix.Getpid()) == unix.SCHED_NORMAL {
		_ = SetPolicy(0, unix.SCHED_NORMAL) // nobody is refused that
	}
}

// Policy returns the scheduling policy of a thread, with SCHED_RESET_ON_FORK if it has
// that, or -1. 0 is the thread that asks.
func Policy(tid int) int {
	p, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0)
	if errno != 0 {
		return -1
	}
	return int(p)
}

// SetPolicy sets the scheduling policy of a thread, one without priorities; 0 is the one
// that asks. Its nice value stays. The error is the kernel's: EPERM, ESRCH.
func SetPolicy(tid, policy int) error {
	var none int32 // the struct sched_param of a policy without priorities
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(tid), uintptr(policy), uintptr(unsafe.Pointer(&none)))
	if errno != 0 {
		return errno
	}
	return nil
}
