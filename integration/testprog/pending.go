package main

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// pending executes args[1:], with args[2] as its name, after the signal with the
// number args[0] was sent to it: blocked, so that it waits through the exec and
// arrives whenever the program, or the runtime of its language, unblocks it.
func pending(args []string) {
	signal := number(args[0])
	runtime.LockOSThread()
	set := uint64(1) << (signal - 1)
	const block, size = 0, 8
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, block, uintptr(unsafe.Pointer(&set)), 0, size, 0, 0)
	if errno != 0 {
		check(errno)
	}
	check(syscall.Tgkill(syscall.Getpid(), syscall.Gettid(), syscall.Signal(signal)))
	check(syscall.Exec(args[1], args[2:], os.Environ()))
}
