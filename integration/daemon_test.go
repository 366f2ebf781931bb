package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const catProgram = `
[program:cat]
command=/bin/cat
`

func TestForegroundDaemonLogsToStdoutAndFileAndEndsInOrder(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(fmt.Sprintf("on signal %d", sig), func(t *testing.T) {
			t.Parallel()
			s := newSup(t, catProgram).start()
			child := s.waitPID("cat")
			if got := strings.TrimSpace(readFile(t, s.path("s.pid"))); got != strconv.Itoa(s.pid) {
				t.Errorf("pid file holds %q, want %d", got, s.pid)
			}
			s.signal(sig)
			if code := s.waitExit(); code != 0 {
				t.Errorf("exit status %d, want 0", code)
			}
			name := map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGQUIT: "SIGQUIT"}[sig]
			for where, text := range map[string]string{"stdout": s.out.String(), "log": s.log()} {
				if !inOrder(text,
					"INFO RPC interface 'supervisor' initialized",
					"CRIT Server 'unix_http_server' running without any HTTP authentication checking",
					fmt.Sprintf("INFO supervisord started with pid %d", s.pid),
					fmt.Sprintf("INFO spawned: 'cat' with pid %d", child),
					"INFO success: cat entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
					"WARN received "+name+" indicating exit request",
					"INFO waiting for cat to die",
					"WARN stopped: cat (terminated by SIGTERM)") {
					t.Errorf("the lines on %s are not those of a whole life:\n%s", where, text)
				}
			}
			if strings.Contains(s.log(), "daemonizing") {
				t.Error("a foreground daemon says that it daemonizes")
			}
			for _, name := range []string{"s.sock", "s.pid"} {
				if _, err := os.Lstat(s.path(name)); !os.IsNotExist(err) {
					t.Errorf("%s is still there: %v", name, err)
				}
			}
			if alive(child) {
				t.Errorf("the program %d outlived the daemon", child)
			}
		})
	}
}

func TestSilentForegroundDaemonPrintsNothing(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram+"[supervisord]\nuser=root\n").start("-s")
	s.waitPID("cat")
	s.terminate()
	if got := s.out.String(); got != "" {
		t.Errorf("output of a silent daemon: %q", got)
	}
	if !strings.Contains(s.log(), "success: cat entered RUNNING") {
		t.Errorf("the log is not written:\n%s", s.log())
	}
}

func TestDaemonizedDaemonIsInTheBackgroundWhenTheParentLeaves(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram)
	r := s.runDaemon("-c", s.conf)
	if r.code != 0 || r.out != "" {
		t.Fatalf("exit status %d, output %q", r.code, r.all())
	}
	// The socket listens before the parent has gone: no waiting here.
	if r := s.ctl("pid"); r.code != 0 {
		t.Fatalf("right after the parent's end, supervisorctl pid: status %d, output %s", r.code, r.all())
	}
	pid, err := strconv.Atoi(strings.TrimSpace(s.must(0, "", "pid").out))
	if err != nil {
		t.Fatal(err)
	}
	s.pid, s.gone = pid, make(chan struct{})
	if got := waitFile(t, s.path("s.pid"), "\n"); got != fmt.Sprintln(pid) {
		t.Errorf("pid file holds %q, want %d", got, pid)
	}
	p, ok := lookUp(pid)
	if !ok || p.sid != pid {
		t.Errorf("session of the daemon %d is %d, want its own", pid, p.sid)
	}
	// pidof, pgrep -x and the like look for it under the name it was called by.
	if got := readFile(t, fmt.Sprintf("/proc/%d/comm", pid)); got != "supervisord\n" {
		t.Errorf("the kernel calls the daemon %q, want supervisord", got)
	}
	for fd := range 3 {
		if got := fdTargets(pid)[fd]; got != "/dev/null" {
			t.Errorf("descriptor %d is %q, want /dev/null", fd, got)
		}
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || cwd != s.dir {
		t.Errorf("working directory %q (%v), want %s: unchanged", cwd, err, s.dir)
	}
	s.waitLog("RPC interface 'supervisor' initialized", "INFO daemonizing the supervisord process",
		fmt.Sprintf("supervisord started with pid %d", pid))
	child := s.waitState("cat", "RUNNING").pid()
	s.must(0, "Shut down", "shutdown")
	waitDead(t, pid)
	close(s.gone)
	if alive(child) {
		t.Error("the program outlived the daemon")
	}
	for _, name := range []string{"s.sock", "s.pid"} {
		if _, err := os.Lstat(s.path(name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestDirectoryAndUmaskApplyWhenDaemonizedAndNotInTheForeground(t *testing.T) {
	t.Parallel()
	conf := `
[supervisord]
umask=027
directory=DIR/elsewhere
[program:rep]
command=TESTPROG report DIR/report.json
`
	for _, c := range []struct {
		name  string
		start func(*sup)
		dir   string
		umask int
	}{
		{"daemonized", func(s *sup) { s.daemonize() }, "elsewhere", 0o027},
		{"in the foreground", func(s *sup) { s.start() }, ".", 0o022},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, conf)
			if err := os.Mkdir(s.path("elsewhere"), 0o755); err != nil {
				t.Fatal(err)
			}
			c.start(s)
			r := s.report("report.json")
			if want := filepath.Join(s.dir, c.dir); r.Dir != want {
				t.Errorf("directory %s, want %s", r.Dir, want)
			}
			if r.Umask != c.umask {
				t.Errorf("umask %#o, want %#o", r.Umask, c.umask)
			}
		})
	}
}

func TestDaemonizingParentReportsFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, conf, want string
	}{
		{"a bad value", "[program:x]\ncommand=/bin/cat\nautorestart=maybe\n", "Error: invalid 'autorestart' value 'maybe' in section 'program:x'"},
		{"a socket in a missing directory", "[unix_http_server]\nfile=DIR/nowhere/s.sock\n", "Error: Cannot open an HTTP server: socket.error reported errno.ENOENT (2)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, c.conf)
			r := s.runDaemon("-c", s.conf)
			if r.code != 2 || !inOrder(r.err, c.want, "For help, use ") || r.out != "" {
				t.Errorf("exit status %d, want 2; stdout %q; stderr, which must hold %q:\n%s", r.code, r.out, c.want, r.err)
			}
			if left := marked(s.mark); len(left) > 0 {
				t.Errorf("processes left: %v", left)
			}
		})
	}
}

func TestSecondDaemonIsRefusedAndTheFirstIsUnharmed(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram).start()
	child := s.waitPID("cat")
	for _, args := range [][]string{{"-c", s.conf}, {"-n", "-c", s.conf}} {
		r := s.runDaemon(args...)
		if r.code != 2 || !strings.Contains(r.err, "Error: Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord.") {
			t.Errorf("%v: exit status %d, want 2; stderr:\n%s", args, r.code, r.err)
		}
	}
	if got := s.waitPID("cat"); got != child {
		t.Errorf("the program of the first daemon has pid %d, had %d", got, child)
	}
	if got := strings.TrimSpace(readFile(t, s.path("s.pid"))); got != strconv.Itoa(s.pid) {
		t.Errorf("pid file holds %q, want %d", got, s.pid)
	}
	s.must(0, "cat: stopped", "stop", "cat")
	if original {
		return // the original deletes the AUTO logs of the first
	}
	logs, err := filepath.Glob(s.path("cat-stdout---supervisor-*.log"))
	if err != nil || len(logs) != 1 {
		t.Errorf("AUTO logs of the first daemon: %v (%v), want one", logs, err)
	}
}

func TestStaleSocketIsTakenOver(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram).start()
	s.waitPID("cat")
	s.signal(syscall.SIGKILL)
	s.waitGone()
	if _, err := os.Lstat(s.path("s.sock")); err != nil {
		t.Fatalf("the killed daemon's socket: %v", err)
	}
	killMarked(t, s.mark)
	s.start()
	until(t, "the output tells of the stale socket", func() (string, bool) {
		got := s.out.String()
		return got, strings.Contains(got, "Unlinking stale socket "+s.path("s.sock"))
	})
	s.waitPID("cat")
	s.terminate()
}

func TestPidFileThatCannotBeWrittenDoesNotStopTheDaemon(t *testing.T) {
	t.Parallel()
	s := newSup(t, catProgram+"[supervisord]\npidfile=DIR/dir\n")
	if err := os.Mkdir(s.path("dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.waitPID("cat")
	text := s.waitLog("CRIT could not write pidfile " + s.path("dir"))
	if strings.Contains(text, "supervisord started with pid") {
		t.Error("the daemon says that it started with a pid although its pid file failed")
	}
	s.terminate()
}

// TestRequiredPidFile: with require_pidfile=true a daemon that cannot have its file does
// not start, in the foreground and in the background, and no restart gets that far.
func TestRequiredPidFile(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it starts without")
	const program = catProgram + "[supervisord]\nrequire_pidfile=true\n"
	for name, option := range map[string]string{"in the foreground": "-n", "in the background": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, program+"pidfile=DIR/dir\n")
			if err := os.Mkdir(s.path("dir"), 0o755); err != nil {
				t.Fatal(err)
			}
			args := []string{"-c", s.conf}
			if option != "" {
				args = append(args, option)
			}
			r := s.runDaemon(args...)
			line := strings.Count(readFile(t, s.conf), "\n")
			want := fmt.Sprintf("%s:%d: [supervisord] pidfile: choose a place where uid %d can write, or do without: require_pidfile=false", s.conf, line, os.Getuid())
			if r.code != 2 || !inOrder(r.err, "Error: could not write pidfile "+s.path("dir")+": is a directory\nFor help, use ", want) {
				t.Errorf("exit status %d, output\n%s", r.code, r.all())
			}
			if _, err := os.Lstat(s.path("s.sock")); !os.IsNotExist(err) {
				t.Errorf("the socket: %v", err)
			}
		})
	}
	t.Run("on a restart", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, program).start()
		pid := s.waitPID("cat")
		s.write(program + "pidfile=DIR/dir\n")
		if err := os.Mkdir(s.path("dir"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.signal(syscall.SIGHUP)
		s.waitLog("CRIT the restart is refused and everything keeps running", "write the pidfile", "is a directory")
		if now := s.waitPID("cat"); now != pid {
			t.Errorf("cat was restarted: %d, %d", pid, now)
		}
		s.terminate()
	})
}

func TestRootDropsToTheConfiguredUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSup(t, `
[supervisord]
user=nobody
[program:rep]
command=TESTPROG report -
`)
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.waitPID("rep")
	s.waitLog("INFO Set uid to user 65534 succeeded")
	logs, err := filepath.Glob(s.path("rep-stdout---*"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("AUTO logs: %v (%v), want one", logs, err)
	}
	for _, path := range []string{s.path("s.log"), s.path("s.pid"), s.path("s.sock"), logs[0]} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != 65534 {
			t.Errorf("%s belongs to uid %d, want 65534", path, got)
		}
	}
	r := parseReport(t, waitFile(t, logs[0], "\n"))
	if r.UID != 65534 || r.GID != 65534 || len(r.Groups) != 1 || r.Groups[0] != 65534 {
		t.Errorf("the program runs as uid %d gid %d groups %v, want all 65534", r.UID, r.GID, r.Groups)
	}
	for _, field := range []string{"Uid", "Gid"} {
		if got := statusField(t, s.pid, field); strings.Fields(got)[0] != "65534" || strings.Fields(got)[3] != "65534" {
			t.Errorf("%s of the daemon: %s, want 65534", field, got)
		}
	}
	s.terminate()
}

func TestMinfdsWithADroppedUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	want := limit.Max
	if maySetLimits(t) && !original {
		want += 1000 // the original drops root first, and may not do this any more
	}
	s := newSup(t, fmt.Sprintf("[supervisord]\nuser=nobody\nminfds=%d\n[program:cat]\ncommand=/bin/cat\n", want))
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s.wrap = underShell("ulimit -S -n 512")
	s.start()
	s.waitPID("cat")
	s.waitLog(fmt.Sprintf("INFO Increased RLIMIT_NOFILE limit to %d", want))
	s.terminate()
}

// maySetLimits reports whether this process may raise hard limits.
func maySetLimits(t *testing.T) bool {
	t.Helper()
	mask, err := strconv.ParseUint(statusField(t, os.Getpid(), "CapEff"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	const capSysResource = 24
	return mask&(1<<capSysResource) != 0
}

func TestLimitThatCannotBeRaisedIsAnError(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSup(t, "[supervisord]\nminfds=700\n")
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s.wrap = func(cmd *exec.Cmd) {
		underShell("ulimit -n 512")(cmd)
		asNobody(cmd)
	}
	r := s.runDaemon("-n", "-c", s.conf)
	allowed := 512
	if original {
		allowed = 700 // it names what was wanted
	}
	want := fmt.Sprintf(`Error: The minimum number of file descriptors required to run this process is 700 as per the "minfds" command-line argument or config file setting. The current environment will only allow you to open %d file descriptors.`, allowed)
	if r.code != 2 || !strings.HasPrefix(r.err, want) {
		t.Errorf("exit status %d, stderr, which must begin with %q:\n%s", r.code, want, r.err)
	}
}

func TestMinfdsIsWhatProgramsInherit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		minfds  int
		want    string
		message bool
	}{
		{"raised when the soft limit is lower", 700, "700", true},
		{"left alone when the soft limit is enough", 300, "512", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, fmt.Sprintf(`
[supervisord]
minfds=%d
[program:limits]
command=/bin/sh -c "ulimit -n; exec /bin/cat"
stdout_logfile=DIR/limits.log
`, c.minfds))
			s.wrap = underShell("ulimit -S -n 512")
			s.start()
			s.waitPID("limits")
			if got := strings.TrimSpace(waitFile(t, s.path("limits.log"), "\n")); got != c.want {
				t.Errorf("the program's limit is %s, want %s", got, c.want)
			}
			if got := strings.Contains(s.log(), "Increased RLIMIT_NOFILE limit to"); got != c.message {
				t.Errorf("a line about the limit: %v, want %v", got, c.message)
			}
			s.terminate()
		})
	}
}
