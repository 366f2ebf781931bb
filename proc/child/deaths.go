//go:build amd64 || arm64

package child

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onDeath returns the address of the handler of SIGCHLD, which adds to deaths and writes to
// that eventfd. It does nothing else: it runs on the runtime's stack for signals, on whatever thread.
func onDeath(fd int) (handler uintptr)

// handleDeaths has SIGCHLD handled so. The rest of the action is the runtime's, which
// handles all signals from its start and does not touch an action again.
func handleDeaths(fd int) bool {
	var action [sigactionSize]uintptr
	_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), 0,
		uintptr(unsafe.Pointer(&action)), sigsetBytes, 0, 0)
	if errno != 0 || action[0] <= ignored {
		return false
	}
	action[0] = onDeath(fd)
	_, _, errno = syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD),
		uintptr(unsafe.Pointer(&action)), 0, sigsetBytes, 0, 0)
	return errno == 0
}
