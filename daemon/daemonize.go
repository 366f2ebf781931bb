package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/proc/child"
)

// readyVariable tells a second copy of ourselves that it is to be the daemon,
// and on which descriptor its parent waits. It is taken out of the environment
// before anything else sees it.
const readyVariable = "SUPERVISORD_READY_FD"

// A Go program cannot fork and go on in the child, so the daemon is a second
// copy of the program in a session of its own. The first copy stays until the
// second has opened its sockets, and leaves with 0; or with the second's exit
// code if that comes first, so that a caller sees every error.

// takeReady returns the descriptor on which a parent waits for our word, nil if
// there is none. The variable may come from elsewhere, so the rest has to be as
// detach makes it: a pipe, and we the leader of a session.
func takeReady() *os.File {
	v, ok := os.LookupEnv(readyVariable)
	if !ok {
		return nil
	}
	os.Unsetenv(readyVariable)
	fd, err := strconv.Atoi(v)
	if err != nil || fd < 3 {
		return nil
	}
	if session, err := unix.Getsid(0); err != nil || session != os.Getpid() || session == 1 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil
	}
	takeName()
	return os.NewFile(uintptr(fd), "ready pipe")
}

// takeName has the kernel call us what we were called: we were executed as
// /proc/self/exe, so that ps, pidof and pgrep would know us as "exe". It has to
// come before the privileges go, and without /proc there is nothing to mend.
func takeName() {
	_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0)
}

// detach starts the daemon and waits for its word. It returns the exit code for
// the parent.
func detach(signals <-chan os.Signal) (int, error) {
	self := child.Self()
	if self == "" {
		return 0, errors.New("cannot find the own binary to start the daemon with; start it by its absolute path, or in the foreground with -n")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("make a pipe to the daemon: %w", err)
	}
	defer r.Close()
	daemon, err := os.StartProcess(self, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), readyVariable+"=3"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, w},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	w.Close()
	if err != nil {
		return 0, fmt.Errorf("start the daemon: %w", err)
	}
	word := make(chan bool)
	go func() {
		n, _ := r.Read(make([]byte, 1))
		word <- n == 1
	}()
	for {
		select {
		case s := <-signals:
			daemon.Signal(s) // it is its to obey; its end or its word comes next
		case ready := <-word:
			if ready {
				return 0, nil
			}
			return exitCode(daemon.Wait()), nil
		}
	}
}

// exitCode returns the code to leave with for a daemon that ended early.
func exitCode(st *os.ProcessState, err error) int {
	if err != nil {
		return 1
	}
	ws, ok := st.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return st.ExitCode()
}

// settle makes the daemon one: its own directory and umask, and no terminal. What may
// still fail until the parent has its word is told where the parent's errors go.
func (d *daemon) settle(s *conf.Server) {
	d.journal.log(conf.Info, "daemonizing the supervisord process")
	if s.Directory != "" {
		if err := os.Chdir(s.Directory); err != nil {
			d.journal.logf(conf.Critical, "can't chdir into %s: %v", conf.Repr(s.Directory), err)
		} else {
			d.journal.logf(conf.Info, "set current directory: %s", conf.Repr(s.Directory))
		}
	}
	if fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3); err == nil {
		d.stderr = os.NewFile(uintptr(fd), "stderr")
	}
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		for fd := range 3 {
			unix.Dup3(int(null.Fd()), fd, 0)
		}
		null.Close()
	}
	syscall.Umask(s.Umask)
}

// announce tells the parent that all is well. The pid file is there by now: who
// has waited for the parent looks for it at once.
func (d *daemon) announce() {
	if d.ready == nil {
		return
	}
	d.ready.Write([]byte{1}) // a parent that was killed needs no word
	d.ready.Close()
	d.ready = nil
	if f, ok := d.stderr.(*os.File); ok && f != os.Stderr {
		f.Close() // now it is the parent's alone
		d.stderr = os.Stderr
	}
}
