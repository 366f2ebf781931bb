package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// ownCgroup makes a control group (version 2) for one daemon and what it starts, and
// has it begin in there.
func (s *sup) ownCgroup() string {
	s.t.Helper()
	needRoot(s.t)
	dir := filepath.Join(cgroupPoint(s.t), "gosupervisor-"+s.mark)
	if err := os.Mkdir(dir, 0o755); err != nil {
		skip(s.t, err.Error())
	}
	s.t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		until(s.t, "the control group can be removed", func() (string, bool) {
			dirs := groupsBelow(s.t, dir)
			for _, name := range slices.Backward(dirs) {
				_ = os.Remove(filepath.Join(dir, name)) // it may still be busy
			}
			err := os.Remove(dir)
			return fmt.Sprint(err), err == nil
		})
	})
	before := s.wrap
	s.wrap = func(cmd *exec.Cmd) {
		if before != nil {
			before(cmd)
		}
		f, err := os.Open(dir)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { f.Close() })
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(f.Fd())
	}
	return dir
}

// cgroupPoint returns where version 2 is mounted.
func cgroupPoint(t testing.TB) string {
	t.Helper()
	for line := range strings.Lines(readFile(t, "/proc/self/mountinfo")) {
		if strings.Contains(line, " - cgroup2 ") {
			return strings.Fields(line)[4]
		}
	}
	skip(t, "cgroup v2 is not mounted here")
	return ""
}

// groupsBelow lists the groups below another, those above first.
func groupsBelow(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != dir {
			list = append(list, strings.TrimPrefix(path, dir+"/"))
		}
		return nil // what is gone meanwhile is not there
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// markOfDaemon is what tells the groups of a daemon from those of others.
var markOfDaemon = regexp.MustCompile(`supervisor\.[0-9a-f]{8}\.`)

// plainly shows groups without the marks of their daemons.
func plainly(groups []string) string {
	return markOfDaemon.ReplaceAllString(fmt.Sprint(groups), "supervisor.")
}

// membersOf lists the processes of a group, given by a pattern, by their commands.
func membersOf(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pattern, "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		return nil
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return nil
	}
	var list []string
	for pid := range strings.FieldsSeq(string(text)) {
		if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil {
			list = append(list, strings.ReplaceAll(strings.TrimSuffix(string(line), "\x00"), "\x00", " "))
		}
	}
	slices.Sort(list)
	return list
}

// hidden is a program that leaves processes behind of which nothing tells that they
// are its own: they have left its session, cleared their environment, and their
// parents are dead before it is.
const hidden = `
env -i setsid -f /bin/sleep 4101
(env -i setsid /bin/sh -c "/bin/sleep 4102 & exec /bin/sleep 4103" &)
echo ready
exec TESTPROG signals
`

func sleeps(t testing.TB, dir string) (text string, n int) {
	for _, command := range membersOf(t, dir) {
		if strings.HasPrefix(command, "/bin/sleep 41") {
			text += command + "; "
			n++
		}
	}
	return text, n
}

// TestTheWholeControlGroupStops has a program that kill_scope=tree cannot find all of.
func TestTheWholeControlGroupStops(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no control groups")
	const program = `
[program:p]
command=/bin/sh DIR/p.sh
kill_scope=cgroup
stopwaitsecs=1
stdout_logfile=DIR/p.log
stderr_logfile=NONE
[program:other]
command=/bin/cat
kill_scope=cgroup
`
	for end, do := range map[string]func(s *sup){
		"stop":     func(s *sup) { s.must(0, "p: stopped", "stop", "p") },
		"kill":     func(s *sup) { s.must(0, "p: signalled", "signal", "KILL", "p") },
		"shutdown": func(s *sup) { s.terminate() },
		"restart":  func(s *sup) { s.signal(syscall.SIGHUP) },
	} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, program)
			dir := s.ownCgroup()
			writeFile(t, s.path("p.sh"), s.fill(hidden), 0o644)
			s.start()
			waitFile(t, s.path("p.log"), "ready ")
			group := filepath.Join(dir, "supervisor.*.1/p@p")
			until(t, "everything is there", func() (string, bool) {
				text, n := sleeps(t, group)
				return text, n == 3
			})
			first := s.waitPID("p")
			do(s)
			switch end {
			case "stop":
				until(t, "all is gone, and the group is too", func() (string, bool) {
					text := plainly(groupsBelow(t, dir))
					return text, text == "[supervisor.1 supervisor.1/other@other]"
				})
			case "shutdown":
				if got := groupsBelow(t, dir); got != nil {
					t.Errorf("groups are left: %q", got)
				}
			default:
				until(t, "all is there once, and anew", func() (string, bool) {
					text, n := sleeps(t, group)
					return text, n == 3 && s.waitPID("p") != first
				})
			}
			if text := s.log(); !strings.Contains(text, "INFO killed 3 processes that p (pid ") || strings.Contains(text, "kill_scope=cgroup of") {
				t.Errorf("the log does not say it:\n%s", text)
			}
			if end != "shutdown" {
				s.terminate()
				if got := groupsBelow(t, dir); got != nil {
					t.Errorf("groups are left: %q", got)
				}
			}
		})
	}
}

// TestWhatIgnoresTheStopDiesWithAll has a program that does not end, and with it what
// has left its group.
func TestWhatIgnoresTheStopDiesWithAll(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no control groups")
	s := newSup(t, `
[program:p]
command=/bin/sh -c "trap '' TERM; env -i setsid -f /bin/sleep 4104; while :; do /bin/sleep 4105; done"
kill_scope=cgroup
stopwaitsecs=0
`)
	dir := s.ownCgroup()
	s.start()
	until(t, "both are there", func() (string, bool) {
		text, n := sleeps(t, filepath.Join(dir, "supervisor.*.1/p@p"))
		return text, n == 2
	})
	s.must(0, "p: stopped", "stop", "p")
	until(t, "both are gone", func() (string, bool) {
		text := plainly(groupsBelow(t, dir))
		return text, text == "[supervisor.1]"
	})
	s.terminate()
}

// TestWhatAKilledDaemonLeftIsCleaned kills the daemon, whose programs live on, and
// starts another one in its place.
func TestWhatAKilledDaemonLeftIsCleaned(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no control groups")
	const program = `
[program:p]
command=/bin/sh DIR/p.sh
kill_scope=cgroup
stdout_logfile=DIR/p.log
stderr_logfile=NONE
[program:kept]
command=/bin/sleep 4106
pids_max=9
`
	s := newSup(t, program)
	dir := s.ownCgroup()
	writeFile(t, s.path("p.sh"), s.fill(hidden), 0o644)
	s.start()
	waitFile(t, s.path("p.log"), "ready ")
	group := filepath.Join(dir, "supervisor.*.1/p@p")
	everything := func() (string, bool) {
		text, n := sleeps(t, group)
		return text, n == 3
	}
	until(t, "everything is there", everything)
	old, kept := s.waitPID("p"), s.waitPID("kept")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.waitGone()
	if _, n := sleeps(t, group); n != 3 || !alive(old) {
		t.Fatalf("it took its programs with it: %d are left", n)
	}
	if err := os.Remove(s.path("s.sock")); err != nil {
		t.Fatal(err)
	}
	s.start()
	until(t, "everything is there once, and anew", func() (string, bool) {
		text, ok := everything()
		return text, ok && s.waitPID("p") != old && !alive(old)
	})
	if !alive(kept) {
		t.Error("what was not to be killed was")
	}
	if got := membersOf(t, filepath.Join(dir, "supervisor.*.1/kept@kept@kept")); !slices.Equal(got, []string{"/bin/sleep 4106", "/bin/sleep 4106"}) {
		t.Errorf("beside what is kept there is %q", got)
	}
	s.terminate()
	if got := groupsBelow(t, dir); plainly(got) != "[supervisor.1 supervisor.1/kept@kept@kept]" || !alive(kept) {
		t.Errorf("at the end there is %q", got)
	}
}

// TestSupervisordsInOneControlGroup has two that do not clean up after each other.
func TestSupervisordsInOneControlGroup(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no control groups")
	const program = "[program:p]\ncommand=/bin/sleep 4107\nkill_scope=cgroup\n"
	s := newSup(t, program)
	dir := s.ownCgroup()
	s.start()
	pid := s.waitPID("p")
	second := newSup(t, program)
	second.wrap = s.wrap
	second.start()
	second.waitPID("p")
	if got := plainly(groupsBelow(t, dir)); got != "[supervisor.1 supervisor.1/p@p supervisor.1 supervisor.1/p@p]" {
		t.Errorf("there is %s", got)
	}
	second.terminate()
	if got := plainly(groupsBelow(t, dir)); got != "[supervisor.1 supervisor.1/p@p]" || !alive(pid) {
		t.Errorf("there is %s", got)
	}
	// Nor is it over when the first one is dead, and cannot hold a lock any more.
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.waitGone()
	second.start()
	second.waitPID("p")
	second.terminate()
	if got := plainly(groupsBelow(t, dir)); got != "[supervisor.1 supervisor.1/p@p]" || !alive(pid) {
		t.Errorf("there is %s", got)
	}
}

// TestWithoutControlGroups has a daemon that may not make any.
func TestWithoutControlGroups(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no control groups")
	needRoot(t)
	const program = `
[program:p]
command=/bin/sh -c "setsid /bin/sleep 4108 & echo ready; exec cat"
kill_scope=cgroup
stdout_logfile=DIR/p.log
[program:q]
command=/bin/cat
kill_scope=cgroup
[program:lax]
command=/bin/cat
memory_max=64MB
stop_command=/bin/sh -c "kill $SUPERVISOR_PROCESS_PID"
[program:strict]
command=/bin/cat
cpu_max=0.5
limits_strict=true
`
	s := newSup(t, program)
	s.ownCgroup() // of root's
	s.openTo()
	inGroup, less := s.wrap, withoutAnything(t)
	s.wrap = func(cmd *exec.Cmd) { inGroup(cmd); less(cmd) }
	s.start()
	for _, name := range []string{"p", "q", "lax"} {
		s.waitPID(name)
	}
	waitFile(t, s.path("p.log"), "ready")
	s.waitLog("WARN kill_scope=cgroup of ", " works as kill_scope=tree: mkdir ", "/supervisor.", ".1: permission denied (the cgroup is not delegated to user ")
	s.waitLog("WARN lax: cannot set memory_max=64MB: mkdir ")
	if r := s.waitState("strict", "FATAL"); !strings.HasPrefix(r.description, "cannot set cpu_max=0.5: mkdir ") || !strings.HasSuffix(r.description, "(limits_strict=true)") {
		t.Errorf("the description is %q", r.description)
	}
	s.must(0, "p: stopped\nlax: stopped", "stop", "p", "lax")
	s.waitLog("killed a process that p (pid ")
	if n := strings.Count(s.log(), "cannot set memory_max"); n != 1 {
		t.Errorf("what is beside the program misses its limits, too: told %d times", n)
	}
	if n := strings.Count(s.log(), "kill_scope=cgroup of "); n != 1 {
		t.Errorf("it says so %d times", n)
	}
	s.terminate()
}

// containerGroups is the configuration of a container that would have control groups.
const containerGroups = `[unix_http_server]
file=/run/s.sock
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/s.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/s.sock
[program-defaults]
kill_scope=cgroup
redirect_stderr=true
stdout_logfile=NONE
[program:main]
command=/bin/sh -c "ESCAPE & exec cat"
[program:other]
command=/bin/cat
`

// runGroups runs it with something that leaves the session, and more keys.
func runGroups(t *testing.T, escape, more string, options ...string) *container {
	t.Helper()
	c := runContainer(t, append(options, "--env", "CONF="+strings.Replace(containerGroups, "ESCAPE", escape, 1)+more, "--entrypoint", "/bin/sh"),
		"-c", `echo "$CONF" >/run/c.conf; exec /usr/bin/supervisord -c /run/c.conf`)
	c.conf = "/run/c.conf"
	return c
}

// TestControlGroupsInAContainer is a container as it is by default: its control groups
// are for looking at, if there are any of version 2.
func TestControlGroupsInAContainer(t *testing.T) {
	t.Parallel()
	c := runGroups(t, "busybox setsid busybox sleep 4109", "[program:main]\nmemory_max=64MB\n")
	c.waitLogs(" works as kill_scope=tree: ", "WARN main: cannot set memory_max=64MB: ", "success: main entered RUNNING", "success: other entered RUNNING")
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
	logs := c.logs()
	if n := strings.Count(logs, "works as kill_scope=tree"); n != 1 || !strings.Contains(logs, "killed a process that main (pid ") {
		t.Errorf("it says %d times that there are none:\n%s", n, logs)
	}
}

// TestWritableControlGroupsInAContainer gives a container the hierarchy, in a place of
// its own.
func TestWritableControlGroupsInAContainer(t *testing.T) {
	t.Parallel()
	point := cgroupPoint(t)
	c := runGroups(t, "busybox setsid busybox env -i /bin/busybox sleep 4110", "", "--cgroupns", "host", "--volume", point+":/groups")
	c.waitLogs("success: main entered RUNNING", "success: other entered RUNNING")
	_, path, _ := strings.Cut("\n"+readFile(t, "/proc/"+c.inspect("{{.State.Pid}}")+"/cgroup"), "\n0::")
	path, _, _ = strings.Cut(path, "\n")
	dir := filepath.Join(point, path)
	group := filepath.Join(dir, "supervisor.*.1/main@main")
	until(t, "what belongs to main is in its group", func() (string, bool) {
		got := membersOf(t, group)
		return fmt.Sprint(got), slices.Equal(got, []string{"/bin/busybox sleep 4110", "cat"})
	})
	if r := c.ctl("stop", "main"); r.code != 0 {
		t.Fatal(r.all())
	}
	until(t, "the group is gone", func() (string, bool) {
		got := plainly(groupsBelow(t, dir))
		return got, got == "[supervisor.1 supervisor.1/other@other]"
	})
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
	if logs := c.logs(); strings.Contains(logs, "works as") || !strings.Contains(logs, "killed a process that main (pid ") {
		t.Errorf("the log:\n%s", logs)
	}
}
