package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestWorldOfAProgram(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[supervisord]
environment=GLOBAL="g",BOTH="global"
[program:rep]
command=TESTPROG report DIR/%(program_name)s.json "a b" 'c d' e\ f $HOME ~ * "%(ENV_BOTH)s"
process_name=%(program_name)s_%(process_num)02d
directory=DIR/home
umask=027
environment=BOTH="program",PERCENT="a%%20b",QUOTED="x,y",SUPERVISOR_ENABLED=overridden
`)
	s.env = []string{"WILD=%s_%%_%(x)s"}
	if err := os.Mkdir(s.path("home"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.start()
	pid := s.waitPID("rep:rep_00")
	r := s.report("rep.json")
	if r.PID != pid || r.PPID != s.pid {
		t.Errorf("pid %d of parent %d, want %d of %d", r.PID, r.PPID, pid, s.pid)
	}
	if r.PGID != r.PID || r.SID != s.pid {
		t.Errorf("process group %d, session %d; want its own group, the daemon's session %d", r.PGID, r.SID, s.pid)
	}
	if r.Dir != s.path("home") || r.Umask != 0o027 {
		t.Errorf("directory %s, umask %#o", r.Dir, r.Umask)
	}
	if want := []string{"a b", "c d", "e f", "$HOME", "~", "*", "program"}; !slices.Equal(r.Args[3:], want) {
		t.Errorf("arguments %q, want %q", r.Args[3:], want)
	}
	for name, want := range map[string]string{
		"GLOBAL": "g", "BOTH": "program", "PERCENT": "a%20b", "QUOTED": "x,y", "WILD": "%s_%%_%(x)s",
		"SUPERVISOR_ENABLED": "overridden", "SUPERVISOR_PROCESS_NAME": "rep_00",
		"SUPERVISOR_GROUP_NAME": "rep", "SUPERVISOR_SERVER_URL": "unix://" + s.path("s.sock"),
	} {
		if got, ok := r.env(name); got != want {
			t.Errorf("%s is %q (set: %v), want %q", name, got, ok, want)
		}
	}
	s.terminate()
}

func TestDescriptorsOfAProgram(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:split]
command=/bin/cat
[program:merged]
command=/bin/cat
redirect_stderr=true
`)
	// Descriptors that the daemon inherits are not for its programs.
	s.wrap = underShell("exec 5</etc/passwd 9>/dev/null")
	s.start()
	for _, name := range []string{"split", "merged"} {
		fds := fdTargets(s.waitPID(name))
		if len(fds) != 3 {
			t.Errorf("%s has the descriptors %v, want three", name, fds)
		}
		for fd := range 3 {
			if !strings.HasPrefix(fds[fd], "pipe:") {
				t.Errorf("%s: descriptor %d is %q, want a pipe", name, fd, fds[fd])
			}
		}
		if merged := fds[1] == fds[2]; merged != (name == "merged") {
			t.Errorf("%s: one pipe for stdout and stderr: %v", name, merged)
		}
	}
	s.terminate()
}

// TestSignalsOfAProgram reads the state of signals from a program that changes
// none of it.
func TestSignalsOfAProgram(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:status]
command=/bin/sh -c "cat /proc/self/status; exec /bin/cat"
stdout_logfile=DIR/status.log
`).start()
	s.waitPID("status")
	text := waitFile(t, s.path("status.log"), "nonvoluntary_ctxt_switches")
	const none = "0000000000000000"
	fields := map[string]string{"SigBlk": none, "SigPnd": none, "ShdPnd": none, "SigIgn": none, "SigCgt": none}
	if original {
		delete(fields, "SigIgn") // it leaves SIGPIPE and SIGXFSZ ignored
	}
	for field, want := range fields {
		if got := field1(t, text, field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	s.terminate()
}

// TestIgnoredSignalsAreNotPassedToPrograms starts the daemon with signals
// ignored, as nohup and some init scripts do.
func TestIgnoredSignalsAreNotPassedToPrograms(t *testing.T) {
	t.Parallel()
	oursOnly(t, "its programs inherit what it ignores")
	s := newSup(t, `
[program:status]
command=/bin/sh -c "cat /proc/self/status; exec /bin/cat"
stdout_logfile=DIR/status.log
`)
	s.wrap = underShell("trap '' HUP PIPE USR1 ALRM")
	s.start()
	s.waitPID("status")
	text := waitFile(t, s.path("status.log"), "nonvoluntary_ctxt_switches")
	if got := field1(t, text, "SigIgn"); got != "0000000000000000" {
		t.Errorf("SigIgn is %s, want nothing ignored", got)
	}
	s.terminate()
}

func TestUserOfAProgramBringsItsGroups(t *testing.T) {
	t.Parallel()
	needRoot(t)
	user, uid, gid, extra := userWithGroups(t)
	s := newSup(t, fmt.Sprintf(`
[program:byname]
command=TESTPROG report -
user=%s
stdout_logfile=DIR/byname.log
[program:bynumber]
command=TESTPROG report -
user=%d
stdout_logfile=DIR/bynumber.log
[program:root]
command=TESTPROG report -
stdout_logfile=DIR/root.log
`, user, uid)).start()
	for _, name := range []string{"byname", "bynumber"} {
		s.waitPID(name)
		r := parseReport(t, waitFile(t, s.path(name+".log"), "\n"))
		if r.UID != uid || r.GID != gid {
			t.Errorf("%s: uid %d gid %d, want %d and %d", name, r.UID, r.GID, uid, gid)
		}
		for _, g := range append([]int{gid}, extra...) {
			if !slices.Contains(r.Groups, g) {
				t.Errorf("%s: groups %v lack %d", name, r.Groups, g)
			}
		}
		if slices.Contains(r.Groups, 0) {
			t.Errorf("%s: groups %v hold those of root", name, r.Groups)
		}
		// Switching the user changes no variable.
		if got, _ := r.env("HOME"); got != os.Getenv("HOME") {
			t.Errorf("%s: HOME is %q, want the daemon's %q", name, got, os.Getenv("HOME"))
		}
	}
	s.waitPID("root")
	if r := parseReport(t, waitFile(t, s.path("root.log"), "\n")); r.UID != 0 {
		t.Errorf("a program without user runs as %d", r.UID)
	}
	s.terminate()
}

// userWithGroups finds a user that is a member of more than its own group;
// Debian's postgres is one.
func userWithGroups(t *testing.T) (name string, uid, gid int, extra []int) {
	t.Helper()
	for line := range strings.SplitSeq(readFile(t, "/etc/group"), "\n") {
		f := strings.Split(line, ":")
		if len(f) != 4 || f[3] == "" {
			continue
		}
		member, _, _ := strings.Cut(f[3], ",")
		for user := range strings.SplitSeq(readFile(t, "/etc/passwd"), "\n") {
			u := strings.Split(user, ":")
			if len(u) < 4 || u[0] != member || u[2] == "0" || u[3] == f[2] {
				continue
			}
			var group int
			if _, err := fmt.Sscan(u[2]+" "+u[3]+" "+f[2], &uid, &gid, &group); err == nil {
				return u[0], uid, gid, []int{group}
			}
		}
	}
	skip(t, "no user has a second group; installing postgresql makes one")
	return "", 0, 0, nil
}

func TestFailedSpawnSaysItsStage(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:dir]
command=/tmp
startretries=0
[program:notexec]
command=/etc/passwd
startretries=0
[program:quote]
command=/bin/echo "open
startretries=0
[program:logdir]
command=/bin/cat
stdout_logfile=DIR/sub
startretries=0
[program:chdir]
command=/bin/cat
directory=/nonexistent
stderr_logfile=DIR/chdir.err
startretries=0
[program:interp]
command=DIR/interp.sh
stderr_logfile=DIR/interp.err
startretries=0
[program:noshebang]
command=DIR/noshebang
stderr_logfile=DIR/noshebang.err
startretries=0
[program:good]
command=/bin/cat
`)
	if err := os.Mkdir(s.path("sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.path("interp.sh"), "#!/nonexistent/sh\n", 0o755)
	writeFile(t, s.path("noshebang"), "echo hello\n", 0o755)
	s.start()
	for name, want := range map[string]string{
		"dir":     "command at '/tmp' is a directory",
		"notexec": "command at '/etc/passwd' is not executable",
		"quote":   `can't parse command '/bin/echo "open': No closing quotation`,
		"logdir":  "unknown error making dispatchers for 'logdir': EISDIR",
	} {
		if r := s.waitState(name, "FATAL"); r.description != want {
			t.Errorf("%s: description %q, want %q", name, r.description, want)
		}
		if !strings.Contains(s.log(), "INFO spawnerr: "+want) {
			t.Errorf("%s: the log lacks %q", name, want)
		}
	}
	for name, want := range map[string]string{
		"chdir":     "supervisor: couldn't chdir to /nonexistent: ENOENT\nsupervisor: child process was not spawned\n",
		"interp":    "supervisor: couldn't exec " + s.path("interp.sh") + ": ENOENT\nsupervisor: child process was not spawned\n",
		"noshebang": "supervisor: couldn't exec " + s.path("noshebang") + ": ENOEXEC\nsupervisor: child process was not spawned\n",
	} {
		s.waitState(name, "FATAL")
		if got := waitFile(t, s.path(name+".err"), "not spawned\n"); got != want {
			t.Errorf("%s: stderr log %q, want %q", name, got, want)
		}
		if !strings.Contains(s.log(), "exited: "+name+" (exit status 127; not expected)") {
			t.Errorf("%s: no exit with status 127 in the log", name)
		}
	}
	s.waitPID("good")
	s.must(1, "dir: ERROR (file is not executable)", "start", "dir")
	s.must(7, "logdir: ERROR (spawn error)", "start", "logdir")
	s.terminate()
}

func TestSearchForTheCommand(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:inpath]
command=tool one
environment=PATH="DIR/bin"
stdout_logfile=DIR/inpath.log
[program:nothere]
command=cat
environment=PATH="DIR/empty"
startretries=0
`)
	for _, dir := range []string{"bin", "empty"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, s.path("bin/tool"), "#!/bin/sh\necho \"tool $1\"; exec /bin/cat\n", 0o755)
	s.start()
	s.waitPID("inpath")
	waitFile(t, s.path("inpath.log"), "tool one")
	if r := s.waitState("nothere", "FATAL"); r.description != "can't find command 'cat'" {
		t.Errorf("description %q", r.description)
	}
	s.terminate()
}

func TestUnprivilegedDaemonCannotChangeUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	conf := "[supervisord]\nuser=nobody\n"
	s := newSup(t, conf+`
[program:asroot]
command=/bin/cat
user=root
stderr_logfile=DIR/asroot.err
startretries=0
[program:good]
command=/bin/cat
`)
	if err := os.Chown(s.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.waitState("asroot", "FATAL")
	want := "supervisor: couldn't setuid to 0: Can't drop privilege as nonroot user\nsupervisor: child process was not spawned\n"
	if got := waitFile(t, s.path("asroot.err"), "not spawned\n"); got != want {
		t.Errorf("stderr log %q, want %q", got, want)
	}
	s.waitPID("good")
	s.terminate()
}
