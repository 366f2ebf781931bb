package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long anything may take before the run is given up.
const patience = 3 * time.Minute

// mono is the clock that the started programs note.
func mono() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// poll waits until something holds.
func poll(what string, every time.Duration, done func() (bool, error)) error {
	for end := time.Now().Add(patience); ; time.Sleep(every) {
		switch ok, err := done(); {
		case err != nil:
			return err
		case ok:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("waited %s in vain: %s", patience, what)
		}
	}
}

// note is what a program says when it lives.
type note struct{ pid, at int64 }

// notes returns them in the order in which they were written.
func notes(file string) ([]note, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var all []note
	for ; len(data) >= 16; data = data[16:] {
		all = append(all, note{int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:]))})
	}
	return all, err
}

// await waits for n notes.
func await(file string, n int) ([]note, error) {
	var all []note
	err := poll(fmt.Sprintf("%d notes in %s", n, file), time.Millisecond, func() (bool, error) {
		if st, err := os.Stat(file); err != nil || st.Size() < int64(16*n) {
			return false, nil
		}
		var err error
		all, err = notes(file)
		return len(all) >= n, err
	})
	return all, err
}

func last(all []note) int64 {
	return slices.MaxFunc(all, func(a, b note) int { return int(a.at - b.at) }).at
}

// running is a supervisor at work.
type running struct {
	pid   int
	began int64 // the clock just before it was executed
	stop  syscall.Signal
	conf  string
	sock  string
	peer  *peer
	dir   string
}

// launch executes argv in dir, with its output in the file "out" there.
func launch(dir string, argv []string, attr *syscall.SysProcAttr, files ...uintptr) (*running, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	fds := []uintptr{null.Fd(), out.Fd(), out.Fd()}
	copy(fds, files)
	r := &running{stop: syscall.SIGTERM, dir: dir, began: mono()}
	r.pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Dir: dir, Env: os.Environ(), Files: fds, Sys: attr})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", argv[0], err)
	}
	return r, nil
}

// quit tells the supervisor to end and waits until nothing that it started is
// left; it returns how long that took.
func (r *running) quit() (time.Duration, error) {
	began := mono()
	if err := syscall.Kill(r.pid, r.stop); err != nil {
		return 0, err
	}
	late := false
	watch := time.AfterFunc(patience, func() {
		late = true
		for _, pid := range descendants(os.Getpid()) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	_, err := reapAll()
	took := time.Duration(mono() - began)
	if !watch.Stop() && late {
		return took, fmt.Errorf("had not ended after %s", patience)
	}
	return took, err
}

// reapAll waits for every child and stray, and returns the statuses by pid.
func reapAll() (map[int]syscall.WaitStatus, error) {
	all := map[int]syscall.WaitStatus{}
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch err {
		case nil:
			all[pid] = ws
		case syscall.EINTR:
		case syscall.ECHILD:
			return all, nil
		default:
			return all, err
		}
	}
}

// sweep ends and waits for whatever a row left behind: children of ours and
// what came to us from them, nothing else.
func (b *bench) sweep() error {
	err := poll("the end of what was started", time.Millisecond, func() (bool, error) {
		left := descendants(os.Getpid())
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err == syscall.ECHILD {
				return true, nil
			}
			if pid <= 0 && err != syscall.EINTR {
				return false, nil
			}
		}
	})
	entries, _ := os.ReadDir(b.dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(b.dir, e.Name())))
	}
	return err
}

// descendants lists the children of a process and theirs.
func descendants(root int) []int {
	kids := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(dir[len("/proc/"):])
		if f := stat(pid); f != nil {
			ppid, _ := strconv.Atoi(f[1])
			kids[ppid] = append(kids[ppid], pid)
		}
	}
	var all []int
	for todo := []int{root}; len(todo) > 0; todo = todo[1:] {
		all = append(all, kids[todo[0]]...)
		todo = append(todo, kids[todo[0]]...)
	}
	return all
}

// stat returns the fields of /proc/PID/stat from the state on.
func stat(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, ok := strings.Cut(string(data), ") ")
	if !ok {
		return nil
	}
	if i := strings.LastIndex(rest, ") "); i >= 0 {
		rest = rest[i+2:]
	}
	return strings.Fields(rest)
}

// overhead lists the processes that a supervisor consists of: all but the
// programs that it runs.
func (b *bench) overhead(r *running) []int {
	return slices.DeleteFunc(append([]int{r.pid}, descendants(r.pid)...), func(pid int) bool {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err != nil || exe == b.limit
	})
}

// pss is the memory of processes in MB, what they share divided among the sharers.
func pss(pids []int) (float64, error) {
	sum := 0.0
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		kb, err := field(string(data), "Pss:")
		if err != nil {
			return 0, err
		}
		sum += kb * 1024 / 1e6
	}
	return sum, nil
}

// field finds the number behind a name in a file of /proc.
func field(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				return strconv.ParseFloat(words[0], 64)
			}
		}
	}
	return 0, fmt.Errorf("no %s", name)
}

// effort is what processes have done: how often a thread went to sleep, and
// for how long they ran.
func effort(pids []int) (switches float64, cpu time.Duration, err error) {
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		if err != nil {
			return 0, 0, err
		}
		for _, task := range tasks {
			status, err := os.ReadFile(task + "/status")
			if err != nil {
				return 0, 0, err
			}
			n, err := field(string(status), "voluntary_ctxt_switches:")
			if err != nil {
				return 0, 0, err
			}
			data, err := os.ReadFile(task + "/schedstat")
			if err != nil {
				return 0, 0, err
			}
			ns, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64)
			if err != nil {
				return 0, 0, err
			}
			switches += n
			cpu += time.Duration(ns)
		}
	}
	return switches, cpu, nil
}
