package daemon

import (
	"os"
	"os/signal"
	"syscall"

	"gosupervisor/daemon/core"
	"gosupervisor/early"
)

// obeyed are the signals that the supervisor acts upon.
var obeyed = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR2}

// swallowed would stop or end us for no reason of ours: a background process
// that writes to its terminal, and a reader of our output that has gone. They
// are caught rather than ignored, because children would inherit the latter.
var swallowed = []os.Signal{syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE}

// catchSignals begins to collect signals. What comes before the loop runs
// waits: as PID 1 we would otherwise lose it, and as anything else die of it.
func catchSignals(c chan os.Signal) {
	early.AskForSignals(func() {
		signal.Notify(c, obeyed...)
		signal.Notify(make(chan os.Signal, 1), swallowed...)
	})
}

// passSignals hands signals to the loop until the host is done.
func (h *host) passSignals(c <-chan os.Signal) {
	for {
		select {
		case s := <-c:
			h.takeSignal(s)
		case <-h.done:
			return
		}
	}
}

// forwarded are the signals that go to the main program of a command line. The
// others are obeyed; without a main program these do what they do to anybody.
var forwarded = []os.Signal{
	syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGALRM, syscall.SIGIO, syscall.SIGPWR,
}

// takeSignals hands on what is there, and returns.
func (h *host) takeSignals(c <-chan os.Signal) {
	for {
		select {
		case s := <-c:
			h.takeSignal(s)
		default:
			return
		}
	}
}

func (h *host) takeSignal(s os.Signal) {
	if sig, ok := s.(syscall.Signal); ok {
		h.inbox.post(message{in: core.OSSignal{Signal: sig}})
	}
}
