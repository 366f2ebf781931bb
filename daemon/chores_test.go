package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

func TestChoresAreDoneInOrder(t *testing.T) {
	var c chores
	c.finish(0) // nothing to wait for
	hold := make(chan struct{})
	var done []int
	for i := range 10 {
		c.add(func() { <-hold; done = append(done, i) })
	}
	c.finish(0) // does not wait for ever
	close(hold)
	c.finish(patience)
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(done, want) {
		t.Errorf("got %v, want %v", done, want)
	}
}

func TestALogThatHangsHoldsUpNoProcess(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n[program:b]\ncommand=/bin/cat\nstartsecs=0\n")
	s.waitFor("a", "RUNNING")
	s.waitFor("b", "RUNNING")
	hold := make(chan struct{})
	s.chores.add(func() { <-hold }) // as the lock of a log on a dead file system does
	old := s.log + ".old"
	if err := os.Rename(s.log, old); err != nil {
		t.Fatal(err)
	}
	s.signals <- syscall.SIGUSR2
	eventually(t, "the reopening", func() bool { return len(s.read(old)) > 0 && s.queued() > 0 })
	s.call(api.StopProcess{Name: "b", Wait: true})
	s.call(api.RemoveProcessGroup{Name: "b"})
	s.call(api.StopProcess{Name: "a", Wait: true})
	s.call(api.StartProcess{Name: "a", Wait: true})
	if _, err := os.Lstat(s.log); !os.IsNotExist(err) {
		t.Errorf("the log was reopened in front of what hangs: %v", err)
	}
	close(hold)
	eventually(t, "the new log", func() bool { _, err := os.Lstat(s.log); return err == nil })
}

func (c *chores) queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

func (s *supervisor) queued() int { return s.chores.queued() }

func TestTheEndOfARunLetsGoOfDevices(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := supervise(t, fmt.Sprintf("[program:a]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=%s\n", fifo))
	s.waitFor("a", "RUNNING")
	if n := opened(t, fifo); n == 0 {
		t.Fatal("the log is not open")
	}
	s.signals <- syscall.SIGHUP
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("the run does not end")
	}
	if n := opened(t, fifo); n != 0 {
		t.Errorf("%d descriptors of the log are left", n)
	}
}

// opened counts our descriptors of a file.
func opened(t *testing.T, path string) (n int) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == path {
			n++
		}
	}
	return n
}
