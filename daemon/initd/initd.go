package initd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/early"
	"gosupervisor/proc/child"
)

// The exit codes of our own; the command has all others.
const (
	exitUsage    = 2
	exitCannot   = 126
	exitNotFound = 127
)

// mainKey is the key of the command in the table.
const mainKey child.Key = 1

// Main runs the applet and returns its exit code.
func Main(argv0 string, args []string) int {
	// A burst waits here while one signal is handed on. Package early keeps for
	// PID 1 what comes before.
	signals := make(chan os.Signal, 1024)
	early.AskForSignals(func() { signal.Notify(signals) })
	child.ResetSignals()
	o, err := parseOptions(args)
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "Error: %v\nFor help, use %s -h\n", err, argv0)
		return exitUsage
	case o.help:
		o.printUsage(os.Stdout, argv0)
		return 0
	}
	if o.death != 0 {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(o.death), 0, 0, 0); err != nil {
			fmt.Fprintf(os.Stderr, "%s: cannot ask for a signal at the death of the parent: %v\n", argv0, err)
			return exitCannot
		}
	}
	return start(argv0, o, signals)
}

// Run runs a command without options. signals gets all signals from here on, and
// holds those that came before and are to be handed on too.
func Run(argv0 string, command []string, signals chan os.Signal) int {
	early.AskForSignals(func() { signal.Notify(signals) })
	return start(argv0, &options{command: command}, signals)
}

func start(argv0 string, o *options, signals <-chan os.Signal) int {
	if os.Getpid() != 1 {
		// Elsewhere orphans come to us for this alone.
		_ = child.Subreaper()
	}
	r := &run{argv0: argv0, options: o, stderr: os.Stderr, ended: make(chan int, 1)}
	return r.run(signals)
}

// run is the life of the command. It is the observer of its table.
type run struct {
	argv0 string
	*options
	stderr io.Writer
	ended  chan int // gets our exit code
}

func (r *run) run(signals <-chan os.Signal) int {
	path, err := child.LookPath(r.command[0], os.Getenv("PATH"))
	if err != nil {
		return r.refuse(err)
	}
	table := child.NewTable(r)
	table.Spawn(child.Job{Key: mainKey, Prepare: func() (*child.Spec, error) {
		return &child.Spec{
			Path: path, Argv: r.command, Env: os.Environ(), Umask: -1,
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			Foreground: isTerminal(0), Inherit: true,
		}, nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go table.Run(ctx)
	for {
		select {
		case s := <-signals:
			if sig, ok := s.(syscall.Signal); ok && !keeps(sig) {
				table.Signal(mainKey, sig, r.group)
			}
		case code := <-r.ended:
			return code
		}
	}
}

// keeps tells the signals that mean us, or nobody: faults of our own, the death of
// children, what the runtime sends to itself, and what a terminal sends to who is
// in its background.
func keeps(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGFPE, syscall.SIGILL, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGABRT, syscall.SIGTRAP, syscall.SIGSYS,
		syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU:
		return true
	}
	return false
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// refuse says why there is no child, and returns the exit code for it.
func (r *run) refuse(err error) int {
	fmt.Fprintf(r.stderr, "%s: %v\n", r.argv0, err)
	var le *child.LookupError
	if errors.As(err, &le) && le.Kind == child.NoFile || errors.Is(err, syscall.ENOENT) {
		return exitNotFound
	}
	return exitCannot
}

// The methods below are child.Observer.

// Started implements child.Observer.
func (r *run) Started(child.Key, int, time.Time) {}

// Born implements child.Observer.
func (r *run) Born(child.Key, child.Report) {}

// Failed implements child.Observer.
func (r *run) Failed(_ child.Key, err error) {
	r.ended <- r.refuse(fmt.Errorf("cannot run %s: %w", r.command[0], err))
}

// Exited implements child.Observer.
func (r *run) Exited(_ child.Key, _ int, ws syscall.WaitStatus, _ time.Time) {
	code := ws.ExitStatus()
	if ws.Signaled() {
		code = 128 + int(ws.Signal())
	}
	if r.success[code] {
		code = 0
	}
	r.ended <- code
}

// Orphan implements child.Observer.
func (r *run) Orphan(pid int, ws syscall.WaitStatus) {
	if r.warn {
		fmt.Fprintf(r.stderr, "%s: reaped the orphan %d (%s)\n", r.argv0, pid, child.ExitText(ws))
	}
}

// SignalGone implements child.Observer: the command is dead, and its exit will
// be told.
func (r *run) SignalGone(child.Key, error) {}

// SignalFailed implements child.Observer.
func (r *run) SignalFailed(_ child.Key, sig syscall.Signal, err error) {
	fmt.Fprintf(r.stderr, "%s: cannot hand on %s: %v\n", r.argv0, child.SignalName(sig), err)
}

// Flush implements child.Observer.
func (r *run) Flush() {}

// WaitFailed implements child.Observer.
func (r *run) WaitFailed(err error) {
	fmt.Fprintf(r.stderr, "%s: cannot wait for processes: %v\n", r.argv0, err)
}
