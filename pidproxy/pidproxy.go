package pidproxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `pidproxy -- run command and proxy signals to it via its pidfile.

This executable runs a command and then monitors a pidfile.  When this
executable receives a signal, it sends the same signal to the pid
in the pidfile.

Usage: pidproxy <pidfile name> <command> [<cmdarg1> ...]

`

// linger is how long an asked-for end waits for the command, so that "stopped"
// means stopped; less than the ten seconds after which supervisord kills.
const linger = 5 * time.Second

// maxPidfile bounds what is read of a pid file.
const maxPidfile = 4096

// Main runs the applet: args are the pid file, the command and its arguments.
// It returns the exit status, which is 0 whatever became of the command; only
// a wrong call gives 1.
func Main(args []string, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		fmt.Fprint(stdout, usage)
		return 1
	}
	// Before the command starts, so that no signal finds us without an ear.
	signals := make(chan os.Signal, 16) // a burst while one is being forwarded
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT,
		syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)

	ended, err := start(args[1:])
	if err != nil {
		fmt.Fprintf(stderr, "pidproxy: %v\n", err)
		return 0
	}
	p := proxy{pidfile: args[0], stdout: stdout, stderr: stderr}
	p.serve(signals, ended)
	return 0
}

// start runs the command with our environment, descriptors and process group.
// There is no search along PATH. The channel is closed when it has ended.
func start(argv []string) (<-chan struct{}, error) {
	path, err := filepath.Abs(argv[0])
	if err != nil {
		return nil, fmt.Errorf("find %s: %v", argv[0], err)
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return nil, fmt.Errorf("exec %s: %v", path, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			_, err := syscall.Wait4(pid, nil, 0, nil)
			if !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	}()
	return ended, nil
}

// proxy forwards to whatever process the pid file names at that moment.
type proxy struct {
	pidfile        string
	stdout, stderr io.Writer
}

// serve forwards signals until the command has ended or we were asked to end.
// The original leaves at once after forwarding an end; we give the command a
// moment, and leave at once when we are asked again.
func (p *proxy) serve(signals <-chan os.Signal, ended <-chan struct{}) {
	var tired <-chan time.Time
	for {
		select {
		case <-ended:
			return
		case <-tired:
			return
		case sig := <-signals:
			forwarded := p.forward(sig.(syscall.Signal))
			if !forwarded || !ends(sig) {
				continue
			}
			if tired != nil {
				return
			}
			timer := time.NewTimer(linger)
			defer timer.Stop()
			tired = timer.C
		}
	}
}

// ends tells whether a signal asks us to go as well.
func ends(sig os.Signal) bool {
	return sig == syscall.SIGTERM || sig == syscall.SIGINT || sig == syscall.SIGQUIT
}

// forward sends the signal to the process of the pid file. A process that is
// gone already counts as served: there is nobody left to tell.
func (p *proxy) forward(sig syscall.Signal) bool {
	pid, err := readPID(p.pidfile)
	if err != nil {
		fmt.Fprintf(p.stdout, "Can't read child pidfile %s!\n", p.pidfile)
		return false
	}
	err = syscall.Kill(pid, sig)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		fmt.Fprintf(p.stderr, "pidproxy: signal pid %d of %s: %v\n", pid, p.pidfile, err)
		return false
	}
	return true
}

// readPID reads one decimal number. Zero, a negative number and ourselves are
// refused: kill(2) would take the first two for groups, and the last would
// hand the signal round for ever.
func readPID(path string) (int, error) {
	// Not to hang on a fifo that somebody left at the path.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return 0, fmt.Errorf("pid file %s: not a file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPidfile))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("pid file %s: %v", path, err)
	}
	if pid <= 0 || pid == os.Getpid() {
		return 0, fmt.Errorf("pid file %s: pid %d is nobody's", path, pid)
	}
	return pid, nil
}
