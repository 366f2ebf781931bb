package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// baseConf is what every configuration begins with. A later section of the
// same name adds to it or overrides it.
const baseConf = `[unix_http_server]
file=%(here)s/s.sock
[supervisord]
logfile=%(here)s/s.log
pidfile=%(here)s/s.pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
`

var markCount atomic.Int64

// sup is one daemon under test, with its directory and its client.
type sup struct {
	t    testing.TB
	dir  string
	conf string
	mark string
	bin  string   // the programs, when it is not those under test
	env  []string // added to the daemon's environment
	wrap func(*exec.Cmd)
	cmd  *exec.Cmd
	out  *buffer // stdout and stderr of the daemon's process
	gone chan struct{}
	pid  int // of the daemon, also when it has left its first process
}

// newSup makes a directory with a configuration: the base and what is given.
// At the end of the test no process of it is left.
func newSup(t testing.TB, conf string) *sup {
	t.Helper()
	dir := shortDir(t)
	s := &sup{
		t: t, dir: dir, conf: filepath.Join(dir, "c.conf"), out: &buffer{},
		mark: fmt.Sprintf("%s.%d", runMarker, markCount.Add(1)),
	}
	s.write(conf)
	t.Cleanup(s.cleanUp)
	return s
}

// write replaces the configuration. TESTPROG stands for the test program, PIDPROXY for
// pidproxy, DIR for the directory.
func (s *sup) write(conf string) {
	s.t.Helper()
	writeFile(s.t, s.conf, baseConf+s.fill(conf), 0o644)
}

func (s *sup) fill(text string) string {
	return strings.NewReplacer("TESTPROG", testprog, "PIDPROXY", s.program("pidproxy"), "DIR", s.dir).Replace(text)
}

// program returns the path of a program of this daemon.
func (s *sup) program(name string) string {
	if s.bin != "" {
		return filepath.Join(s.bin, name)
	}
	return program(name)
}

// path returns the path of a file of this daemon.
func (s *sup) path(name string) string { return filepath.Join(s.dir, name) }

// log returns the daemon's log.
func (s *sup) log() string { return readFile(s.t, s.path("s.log")) }

// waitLog waits for texts in the daemon's log, one after another.
func (s *sup) waitLog(texts ...string) string {
	s.t.Helper()
	var text string
	until(s.t, fmt.Sprintf("log holds %q", texts), func() (string, bool) {
		text = s.log()
		return tail(text), inOrder(text, texts...)
	})
	return text
}

// command prepares the daemon's command with the marker in its environment and
// a session of its own.
func (s *sup) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program("supervisord"), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), marker+"="+s.mark)
	cmd.Env = append(cmd.Env, s.env...)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = 10 * time.Second // when a left-over process holds the output open
	if s.wrap != nil {
		s.wrap(cmd)
	}
	return cmd
}

// launch starts the daemon in the foreground and does not wait for anything.
func (s *sup) launch(args ...string) *sup {
	s.t.Helper()
	s.cmd = s.command(append([]string{"-n", "-c", s.conf}, args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.pid = s.cmd.Process.Pid
	gone := make(chan struct{})
	s.gone = gone
	cmd := s.cmd
	go func() {
		_ = cmd.Wait() // the exit status is in cmd.ProcessState
		close(gone)
	}()
	return s
}

// start starts the daemon in the foreground and waits until it listens.
func (s *sup) start(args ...string) *sup {
	s.t.Helper()
	s.launch(args...)
	s.waitListening()
	return s
}

func (s *sup) waitListening() {
	s.t.Helper()
	until(s.t, "the daemon listens", func() (string, bool) {
		select {
		case <-s.gone:
			s.t.Fatalf("the daemon ended with %v", s.cmd.ProcessState)
		default:
		}
		conn, err := net.Dial("unix", s.path("s.sock"))
		if err != nil {
			return err.Error(), false
		}
		conn.Close()
		return "", true
	})
}

// daemonize starts the daemon in the background, with the first process gone
// when it returns.
func (s *sup) daemonize(args ...string) {
	s.t.Helper()
	s.daemonizeAs(append([]string{"-c", s.conf}, args...)...)
}

func (s *sup) daemonizeAs(args ...string) {
	s.t.Helper()
	if r := s.runDaemon(args...); r.code != 0 {
		s.t.Fatalf("supervisord: exit status %d, output:\n%s", r.code, r.all())
	}
	text := waitFile(s.t, s.path("s.pid"), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		s.t.Fatal(err)
	}
	s.pid = pid
	gone := make(chan struct{})
	s.gone = gone
	p, _ := lookUp(pid)
	go func() {
		for p.same() {
			pause(poll)
		}
		close(gone)
	}()
}

// runDaemon runs supervisord with arguments until its first process ends.
func (s *sup) runDaemon(args ...string) result {
	s.t.Helper()
	return runCommand(s.t, s.command(args...))
}

// signal sends a signal to the daemon.
func (s *sup) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.pid, sig); err != nil {
		s.t.Fatalf("signal %v to the daemon: %v", sig, err)
	}
}

// waitExit waits for the end of a foreground daemon and returns its status.
func (s *sup) waitExit() int {
	s.t.Helper()
	s.waitGone()
	return s.cmd.ProcessState.ExitCode()
}

func (s *sup) waitGone() {
	s.t.Helper()
	select {
	case <-s.gone:
	case <-time.After(patience):
		s.t.Fatalf("the daemon %d does not end", s.pid)
	}
}

// terminate ends a foreground daemon in order.
func (s *sup) terminate() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if code := s.waitExit(); code != 0 {
		s.t.Fatalf("after TERM the daemon ended with %v, want 0", s.cmd.ProcessState)
	}
}

// running fails the test when the daemon has ended.
func (s *sup) running() {
	s.t.Helper()
	select {
	case <-s.gone:
		s.t.Fatal("the daemon has ended")
	default:
	}
}

// cleanUp shows what happened if the test failed, and leaves no process.
func (s *sup) cleanUp() {
	if s.t.Failed() {
		s.t.Logf("config:\n%s", readFile(s.t, s.conf))
		s.t.Logf("output of the daemon:\n%s", tail(s.out.String()))
		s.t.Logf("log of the daemon:\n%s", tail(s.log()))
	}
	if s.pid != 0 && s.gone != nil {
		select {
		case <-s.gone:
		default:
			_ = syscall.Kill(s.pid, syscall.SIGTERM) // may be gone by now
			select {
			case <-s.gone:
			case <-time.After(5 * time.Second):
			}
		}
	}
	killMarked(s.t, s.mark)
}

// result is what a command that has ended left.
type result struct {
	out, err string
	code     int
}

func (r result) all() string { return r.out + r.err }

// runCommand runs a command to its end.
func runCommand(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	r, err := runToEnd(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// runToEnd does so where no test can be failed, in a goroutine of its own.
func runToEnd(cmd *exec.Cmd) (result, error) {
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	timer := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	r := result{out: out.String(), err: errOut.String(), code: cmd.ProcessState.ExitCode()}
	if !timer.Stop() {
		return r, fmt.Errorf("%v does not end; output:\n%s", cmd.Args, r.all())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("%v: %v", cmd.Args, err)
	}
	return r, nil
}

// background runs a command and delivers its result.
func background(cmd *exec.Cmd) <-chan result {
	done := make(chan result, 1)
	go func() {
		r, err := runToEnd(cmd)
		if err != nil {
			r.code, r.err = -1, r.err+err.Error()
		}
		done <- r
	}()
	return done
}
