package integration

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestContainerFromBootToStop(t *testing.T) {
	t.Parallel()
	c := runContainer(t, nil)
	c.waitRunning()
	if r := c.ctl("pid"); strings.TrimSpace(r.out) != "1" {
		t.Errorf("the daemon's pid inside is %s", r.all())
	}
	if r := c.ctl("status"); r.code != 3 || !strings.Contains(r.out, "orphans                          STOPPED   Not started") {
		t.Errorf("status of all: exit status %d, output:\n%s", r.code, r.all())
	}
	c.waitLogs("supervisord started with pid 1", "spawned: 'talker'", "spawned: 'shell'", "success: talker entered RUNNING")
	c.waitLogs("ready ")
	c.waitLogs("shell on stdout\n")
	c.waitLogs("shell on stderr\n")
	if out := c.docker(0, "logs", c.id); !strings.Contains(out.err, "shell on stderr\n") || !strings.Contains(out.out, "shell on stdout\n") {
		t.Errorf("the container's stdout and stderr are mixed up:\n%s\n-- stderr:\n%s", out.out, out.err)
	}

	c.docker(0, "kill", "-s", "USR2", c.id)
	c.waitLogs("received SIGUSR2 indicating log reopen request")
	if r := c.ctl("signal", "USR1", "talker"); r.code != 0 {
		t.Errorf("signal: %s", r.all())
	}
	c.waitLogs("got USR1\n")

	// What programs log to is the container's, and nobody's to remove.
	if r := c.ctl("clear", "all"); r.code != 0 && r.code != 1 {
		t.Errorf("clear: exit status %d, output %s", r.code, r.all())
	}
	if r := c.docker(0, "exec", c.id, "/bin/ls", "-l", "/dev/stdout", "/dev/stderr"); !inOrder(r.out, "/dev/stderr -> /proc/self/fd/2", "/dev/stdout -> /proc/self/fd/1") &&
		!inOrder(r.out, "/dev/stdout -> /proc/self/fd/1", "/dev/stderr -> /proc/self/fd/2") {
		t.Errorf("after clear:\n%s", r.all())
	}
	if r := c.ctl("signal", "WINCH", "talker"); r.code != 0 {
		t.Errorf("signal: %s", r.all())
	}
	c.waitLogs("got WINCH\n")

	c.docker(0, "kill", "-s", "HUP", c.id)
	c.waitLogs("received SIGHUP indicating restart request", "bye after TERM\n", "stopped: talker (exit status 0)",
		"supervisord started with pid 1", "ready ", "success: talker entered RUNNING")
	c.waitRunning()

	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
	text := c.waitLogs("supervisord started with pid 1", "supervisord started with pid 1",
		"received SIGTERM indicating exit request")
	if n := strings.Count(text, "bye after TERM\n"); n != 2 {
		t.Errorf("the program said good-bye %d times, want 2", n)
	}
	if !inOrder(text, "received SIGTERM", "stopped: shell", "stopped: talker (exit status 0)") {
		t.Errorf("not stopped in order:\n%s", tail(text))
	}
	// The same container starts again, with the files of its first life.
	c.docker(0, "start", c.id)
	c.waitRunning()
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
}

// It has the machine for itself: beside other tests five thousand of them may take minutes.
func TestContainerReapsThousandsOfOrphans(t *testing.T) {
	for name, options := range map[string][]string{"as the first process": nil, "below an init": {"--init"}} {
		t.Run(name, func(t *testing.T) {
			c := runContainer(t, options)
			c.waitRunning()
			if r := c.ctl("start", "orphans"); r.code != 0 {
				t.Fatalf("start orphans: %s", r.all())
			}
			c.waitLogs("orphans made 5000\n", "")
			until(t, "no zombie is left", func() (string, bool) {
				r := c.docker(0, "exec", c.id, "/bin/testprog", "zombies")
				return r.all(), strings.TrimSpace(r.out) == "0"
			})
			until(t, "no orphan is left", func() (string, bool) {
				r := c.docker(0, "exec", c.id, "/bin/ps")
				return r.all(), strings.Count(r.out, "/bin/testprog orphans") == 1
			})
			if text := c.logs(); !strings.Contains(text, "(exit status 7)") {
				t.Errorf("no orphan was reaped by the daemon:\n%s", tail(text))
			}
			if r := c.ctl("status", "talker", "orphans"); r.code != 0 || strings.Count(r.out, "RUNNING") != 2 {
				t.Errorf("status: %s", r.all())
			}
			c.docker(0, "stop", "-t", "60", c.id)
			c.stopped()
		})
	}
}

// TestContainerOfEveryKind boots, looks and stops, under each restriction that
// people put on containers.
func TestContainerOfEveryKind(t *testing.T) {
	t.Parallel()
	sh := []string{"--entrypoint", "/bin/sh"}
	const daemon = "exec /usr/bin/supervisord -n -c /etc/supervisord.conf"
	for _, c := range []struct {
		name    string
		options []string
		args    []string
	}{
		{"read-only root", []string{"--read-only", "--tmpfs", "/run"}, nil},
		{"read-only root and not a place to write", []string{"--read-only"}, nil},
		{"read-only root and not a place to write, user 12345", []string{"--read-only", "--user", "12345", "--cap-drop", "ALL"}, nil},
		{"user 12345 and places of root", []string{"--user", "12345"}, nil},
		{"user 12345", []string{"--user", "12345", "--tmpfs", "/run"}, nil},
		{"user and group 12345 and read-only root", []string{"--user", "12345:12345", "--read-only", "--tmpfs", "/run"}, nil},
		{"no capabilities", []string{"--cap-drop", "ALL"}, nil},
		{"no capabilities, user 12345, no new privileges, read-only root", []string{"--cap-drop", "ALL", "--user", "12345",
			"--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/run"}, nil},
		{"a terminal", []string{"-t"}, nil},
		{"a terminal and input", []string{"-t", "-i"}, nil},
		{"input and no terminal", []string{"-i"}, nil},
		{"an init above", []string{"--init"}, nil},
		{"an init above, user 12345, read-only root", []string{"--init", "--user", "12345", "--read-only", "--tmpfs", "/run"}, nil},
		{"closed stdin", sh, []string{"-c", daemon + " <&-"}},
		{"a shell above", sh, []string{"-c", "trap 'kill -TERM $pid; wait $pid; exit $?' TERM; " +
			strings.TrimPrefix(daemon, "exec ") + " & pid=$!; wait $pid"}},
		{"few descriptors", []string{"--ulimit", "nofile=256:1024"}, nil},
		{"little memory", []string{"--memory", "64m"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box := runContainer(t, c.options, c.args...)
			box.waitRunning()
			box.waitLogs("ready ")
			box.waitLogs("shell on stdout\n")
			box.waitLogs("shell on stderr\n")
			if r := box.ctl("restart", "talker"); r.code != 0 || !strings.Contains(r.out, "talker: started") {
				t.Errorf("restart: %s", r.all())
			}
			box.docker(0, "stop", "-t", "60", box.id)
			box.stopped()
			text := box.waitLogs("bye after TERM\n", "bye after TERM\n")
			if strings.Contains(text, "SIGKILL") {
				t.Errorf("something had to be killed:\n%s", tail(text))
			}
		})
	}
}

// TestContainerThatRequiresItsPidfile has no place for it: that is fatal again.
func TestContainerThatRequiresItsPidfile(t *testing.T) {
	t.Parallel()
	const conf = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/run/s.pid\nrequire_pidfile=true\n"
	c := runContainer(t, []string{"--read-only", "--tmpfs", "/tmp", "--env", "CONF=" + conf, "--entrypoint", "/bin/sh"},
		"-c", `echo "$CONF" >/tmp/c.conf; exec /usr/bin/supervisord -c /tmp/c.conf`)
	c.waitLogs("Error: could not write pidfile /run/s.pid: read-only file system\n",
		"/tmp/c.conf:5: [supervisord] pidfile: /run is on a read-only file system: mount a tmpfs there (docker run --tmpfs /run), or do without: require_pidfile=false")
	until(t, "the container ends", func() (string, bool) {
		status := c.inspect("{{.State.Running}} {{.State.ExitCode}}")
		return status, strings.TrimSpace(status) == "false 2"
	})
}

// TestContainerWithoutAnyPlaceForASocket has no directory to write to at all, not even for
// shared memory: the socket has an abstract name, for who may use it.
func TestContainerWithoutAnyPlaceForASocket(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{"root": "0", "user 12345": "12345"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := runContainer(t, []string{"--read-only", "--tmpfs", "/dev/shm:ro,mode=0555", "--user", user})
			c.waitRunning()
			c.waitLogs("WARN the socket /run/s.sock cannot be made there (read-only file system), nor elsewhere: it has the abstract name @supervisor-" + user + "-")
			if r := c.ctl("restart", "talker"); r.code != 0 || !strings.Contains(r.out, "talker: started") {
				t.Errorf("restart: %s", r.all())
			}
			other := map[string]string{"0": "12345", "12345": "54321"}[user]
			r := runCommand(t, exec.Command("docker", "exec", "--user", other, c.id, "/usr/bin/supervisorctl", "-c", "/etc/supervisord.conf", "stop", "all"))
			if r.code == 0 || strings.Contains(r.all(), "stopped") {
				t.Errorf("uid %s: %s", other, r.all())
			}
			c.docker(0, "kill", "-s", "HUP", c.id)
			c.waitLogs("received SIGHUP", "it has the abstract name @supervisor-"+user+"-", "success: talker entered RUNNING")
			c.waitRunning()
			c.docker(0, "stop", "-t", "60", c.id)
			c.stopped()
		})
	}
}

func TestContainerWithClosedOutput(t *testing.T) {
	t.Parallel()
	c := runContainer(t, []string{"--entrypoint", "/bin/sh"},
		"-c", "exec /usr/bin/supervisord -n -c /etc/supervisord.conf <&- >&- 2>&-")
	c.waitRunning()
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
}

// TestContainerStopAtAnyMomentOfBoot stops containers after delays, which are
// the input of this test.
func TestContainerStopAtAnyMomentOfBoot(t *testing.T) {
	t.Parallel()
	for _, ms := range []int{0, 10, 30, 100, 300, 700, 1000, 1300} {
		t.Run(fmt.Sprintf("after %d ms", ms), func(t *testing.T) {
			t.Parallel()
			c := createContainer(t, nil)
			c.docker(0, "start", c.id)
			// Before the process catches signals the kernel keeps them from the
			// first process of a namespace.
			pid, err := strconv.Atoi(c.inspect("{{.State.Pid}}"))
			if err != nil || pid == 0 {
				t.Fatalf("pid %d (%v)", pid, err)
			}
			until(t, "the daemon catches TERM", func() (string, bool) {
				return "", catches(pid, syscall.SIGTERM)
			})
			pause(time.Duration(ms) * time.Millisecond)
			c.docker(0, "stop", "-t", "60", c.id)
			c.stopped()
		})
	}
}
