package early

import (
	"runtime"
	_ "unsafe" // for the linkname below
)

// boot are the signals that the supervisor obeys: HUP, INT, QUIT, USR2, TERM.
var boot = [...]uint32{1, 2, 3, 12, 15}

// As PID 1 the program must not lose a signal, or die of one, while it is still
// starting: the runtime ends it for a signal that nobody has asked for yet, and
// a container that is stopped at that moment would not leave with 0. From here
// on signals are queued until signal.Notify asks for them; entry.go is about
// what comes before. Anywhere else the default action is right.
func init() {
	if pid() == 1 {
		AskForSignals(func() {
			for _, s := range boot {
				enable(s)
			}
		})
	}
}

// getpid returns the number of that system call.
func getpid() uintptr {
	switch runtime.GOARCH {
	case "amd64":
		return 39
	case "arm64", "riscv64", "loong64":
		return 172
	}
	return 20
}

func pid() uintptr {
	n, _, _ := rawSyscall6(getpid(), 0, 0, 0, 0, 0, 0)
	return n
}

// enable begins to queue a signal, as signal.Notify does.
//
//go:linkname enable os/signal.signal_enable
func enable(sig uint32)
