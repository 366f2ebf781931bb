package child

import (
	"fmt"
	"syscall"
)

// signalNames are the names that exit texts use. Where a signal has two, it is
// the one that the original prints.
var signalNames = [...]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
	9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
	16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU",
	23: "SIGURG", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGPOLL",
	30: "SIGPWR", 31: "SIGSYS", 34: "SIGRTMIN", 64: "SIGRTMAX",
}

// SignalName returns the name of a signal as log lines use it: SIGTERM, or
// "signal 35" for one without a name.
func SignalName(sig syscall.Signal) string {
	if 0 < sig && int(sig) < len(signalNames) && signalNames[sig] != "" {
		return signalNames[sig]
	}
	return fmt.Sprintf("signal %d", int(sig))
}

// ExitText describes how a child ended: "exit status 3", "terminated by
// SIGKILL", "terminated by SIGSEGV (core dumped)".
func ExitText(ws syscall.WaitStatus) string {
	switch {
	case ws.Exited():
		return fmt.Sprintf("exit status %d", ws.ExitStatus())
	case ws.Signaled() && ws.CoreDump():
		return "terminated by " + SignalName(ws.Signal()) + " (core dumped)"
	case ws.Signaled():
		return "terminated by " + SignalName(ws.Signal())
	}
	return fmt.Sprintf("unknown termination cause 0x%04x", uint32(ws))
}

// ExitCode returns the exit status of a child, -1 if a signal ended it.
func ExitCode(ws syscall.WaitStatus) int {
	if ws.Exited() {
		return ws.ExitStatus()
	}
	return -1
}
