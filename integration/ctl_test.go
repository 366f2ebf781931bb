package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// ctl runs supervisorctl.
func (s *sup) ctl(args ...string) result {
	s.t.Helper()
	return runCommand(s.t, s.ctlCommand(args...))
}

func (s *sup) ctlCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program("supervisorctl"), append([]string{"-c", s.conf}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PYTHONIOENCODING=utf-8")
	return cmd
}

// must runs supervisorctl and requires an exit status and a text in the output.
func (s *sup) must(code int, want string, args ...string) result {
	s.t.Helper()
	r := s.ctl(args...)
	if r.code != code || !strings.Contains(r.out, want) {
		s.t.Fatalf("supervisorctl %q: exit status %d, want %d; output, which must hold %q:\n%s",
			args, r.code, code, want, r.all())
	}
	return r
}

// row is one line of supervisorctl status.
type row struct {
	name, state, description string
}

func (r row) pid() int {
	_, rest, ok := strings.Cut(r.description, "pid ")
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(rest, ",")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return pid
}

// status returns the rows of supervisorctl status by name.
func (s *sup) status(names ...string) map[string]row {
	s.t.Helper()
	r := s.ctl(append([]string{"status"}, names...)...)
	return parseStatus(r.out)
}

func parseStatus(out string) map[string]row {
	rows := map[string]row{}
	for line := range strings.SplitSeq(out, "\n") {
		f := strings.Fields(line)
		if len(f) >= 2 {
			rows[f[0]] = row{name: f[0], state: f[1], description: strings.Join(f[2:], " ")}
		}
	}
	return rows
}

// waitState waits until a process is in a state and returns its row.
func (s *sup) waitState(name, state string) row {
	s.t.Helper()
	var got row
	until(s.t, name+" is "+state, func() (string, bool) {
		s.running()
		got = s.status(name)[name]
		return fmt.Sprint(got), got.state == state
	})
	return got
}

// waitPID waits until a process runs and returns its pid.
func (s *sup) waitPID(name string) int {
	s.t.Helper()
	pid := s.waitState(name, "RUNNING").pid()
	if pid == 0 {
		s.t.Fatalf("%s is RUNNING without a pid", name)
	}
	return pid
}

// waitNewPID waits until a process runs with another pid than before.
func (s *sup) waitNewPID(name string, old int) int {
	s.t.Helper()
	pid := old
	until(s.t, fmt.Sprintf("%s runs with another pid than %d", name, old), func() (string, bool) {
		got := s.status(name)[name]
		pid = got.pid()
		return fmt.Sprint(got), got.state == "RUNNING" && pid != old && pid != 0
	})
	return pid
}

// pids returns the pid of each process of the status.
func pids(rows map[string]row) map[string]int {
	m := map[string]int{}
	for name, r := range rows {
		m[name] = r.pid()
	}
	return m
}

// waitDead waits until a process is gone.
func waitDead(t testing.TB, pid int) {
	t.Helper()
	until(t, fmt.Sprintf("process %d is gone", pid), func() (string, bool) {
		p, _ := lookUp(pid)
		return p.String(), !alive(pid)
	})
}
