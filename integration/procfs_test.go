package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// process is one line of the process table, from /proc/PID/stat.
type process struct {
	pid, ppid, pgid, sid int
	name                 string
	state                byte
	start                string // clock ticks since boot; with pid, unique
}

// lookUp returns the process with a pid; false when there is none.
func lookUp(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return process{}, false
	}
	f := strings.Fields(string(text[end+1:]))
	if len(f) < 20 {
		return process{}, false
	}
	p := process{pid: pid, name: string(text[open+1 : end]), state: f[0][0], start: f[19]}
	p.ppid, _ = strconv.Atoi(f[1])
	p.pgid, _ = strconv.Atoi(f[2])
	p.sid, _ = strconv.Atoi(f[3])
	return p, true
}

// table returns all processes.
func table() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []process
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, ok := lookUp(pid); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

// descendants returns the processes below pid, at any depth.
func descendants(pid int) []process {
	below := map[int][]process{}
	for _, p := range table() {
		below[p.ppid] = append(below[p.ppid], p)
	}
	var all []process
	next := []int{pid}
	for len(next) > 0 {
		children := below[next[0]]
		next = next[1:]
		for _, c := range children {
			all = append(all, c)
			next = append(next, c.pid)
		}
	}
	return all
}

// alive reports whether a process is there and not a zombie.
func alive(pid int) bool {
	p, ok := lookUp(pid)
	return ok && p.state != 'Z' && p.state != 'X'
}

// same reports whether the process of an earlier look is still alive.
func (p process) same() bool {
	now, ok := lookUp(p.pid)
	return ok && now.start == p.start && now.state != 'Z' && now.state != 'X'
}

func (p process) String() string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	return fmt.Sprintf("%d (%s, parent %d, state %c) %s", p.pid, p.name, p.ppid, p.state,
		strings.ReplaceAll(string(line), "\x00", " "))
}

// marked returns the living processes whose environment carries the mark.
func marked(mark string) []process {
	var found []process
	for _, p := range table() {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if err == nil && strings.Contains("\x00"+string(env), "\x00"+marker+"="+mark+"\x00") {
			found = append(found, p)
		}
	}
	return found
}

// killMarked ends what a test left behind, by pid, and waits until it is gone.
func killMarked(t testing.TB, mark string) {
	t.Helper()
	until(t, "left-over processes end", func() (string, bool) {
		left := marked(mark)
		for _, p := range left {
			if p.pid != os.Getpid() {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
		return fmt.Sprint(left), len(left) == 0
	})
}

// statusField returns a field of /proc/PID/status.
func statusField(t testing.TB, pid int, field string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	return field1(t, string(text), field)
}

// field1 returns a field of text in the form of /proc/PID/status.
func field1(t testing.TB, status, field string) string {
	t.Helper()
	for line := range strings.SplitSeq(status, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && name == field {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no field %s in:\n%s", field, status)
	return ""
}

// fdTargets returns what the descriptors of a process refer to.
func fdTargets(pid int) map[int]string {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir)
	targets := map[int]string{}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			targets[fd] = target
		}
	}
	return targets
}

// cpuTicks returns the processor time that a process has used.
func cpuTicks(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("odd line in /proc/%d/stat: %s", pid, text)
	}
	return user + system
}
