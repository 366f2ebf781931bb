package child

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// takeTerminal makes our process group the one in the foreground of the terminal
// at descriptor 0. That nothing is there, or a terminal that is not ours, is no
// failure: then there is no job control to lose.
func takeTerminal() {
	runtime.LockOSThread() // the mask is the thread's
	defer runtime.UnlockOSThread()
	var stop, before unix.Sigset_t
	stop.Val[0] = 1 << (unix.SIGTTOU - 1) // what the kernel sends to a group that takes it from behind
	if unix.PthreadSigmask(unix.SIG_BLOCK, &stop, &before) != nil {
		return
	}
	_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, os.Getpid())
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
}
