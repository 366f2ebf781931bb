package early

import (
	"runtime"
	"unsafe"
)

// Limit is a soft and a hard resource limit, laid out as the kernel does.
type Limit struct {
	Soft, Hard uint64
}

// Unlimited is the Soft or Hard of a resource without limit.
const Unlimited = ^uint64(0)

// NOFILE is the limit on open files with which the process was started. Both
// fields are zero if it is not known.
var NOFILE Limit

const rlimitNOFILE = 7

// prlimit64 returns the number of that system call, or one that no kernel has.
func prlimit64() uintptr {
	switch runtime.GOARCH {
	case "amd64":
		return 302
	case "arm64", "riscv64", "loong64":
		return 261
	case "386":
		return 340
	case "arm":
		return 369
	case "ppc64", "ppc64le":
		return 325
	case "s390x":
		return 334
	}
	return 1 << 16
}

// rawSyscall6 is syscall.RawSyscall6, reached without importing that package,
// because importing it would have it initialised first. The function uses none
// of the package's variables.
//
//go:linkname rawSyscall6 syscall.RawSyscall6
//go:noescape
func rawSyscall6(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2, errno uintptr)

func init() {
	// The kernel writes to a variable of the package, which does not move.
	rawSyscall6(prlimit64(), 0, rlimitNOFILE, 0, uintptr(unsafe.Pointer(&NOFILE)), 0, 0)
}
