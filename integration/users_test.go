package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobodysUID is a number that no entry of /etc/passwd has.
const nobodysUID = 54321

// withoutAnything has the daemon run as a user without an entry, without a single
// capability, and without a way to get one.
func withoutAnything(t testing.TB) func(*exec.Cmd) {
	setpriv := needProgram(t, "setpriv")
	return func(cmd *exec.Cmd) {
		id := fmt.Sprint(nobodysUID)
		args := []string{setpriv, "--reuid", id, "--regid", id, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"}
		cmd.Args = append(append(args, cmd.Path), cmd.Args[1:]...)
		cmd.Path = setpriv
	}
}

// openTo lets everybody write into the directory of the daemon.
func (s *sup) openTo() {
	s.t.Helper()
	if err := os.Chmod(s.dir, 0o777); err != nil {
		s.t.Fatal(err)
	}
}

// TestAnyUser runs the daemon as platforms do that choose a user themselves.
func TestAnyUser(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no user_mismatch, and needs an entry for user=")
	needRoot(t)
	s := newSup(t, fmt.Sprintf(`
[supervisord]
user=root
user_mismatch=warn
[program:plain]
command=TESTPROG report DIR/plain.json
login_env=true
[program:itself]
command=/bin/cat
user=%[1]d
umask=027
[program:masked]
command=/bin/sh -c "umask >DIR/mask; exec cat"
user=%[1]d:%[1]d
groups=none
umask=027
[program:root]
command=/bin/cat
user=root
startretries=50
startsecs=0
stderr_logfile=DIR/root.err
[program:group]
command=/bin/sh -c "id -g >DIR/gid; exec cat"
group=root
[program:same]
command=/bin/cat
user=%[1]d
group=%[1]d
[program:strict]
command=/bin/cat
group=root
limits_strict=true
startretries=50
[program:groups]
command=/bin/cat
groups=root
startretries=50
`, nobodysUID))
	s.openTo()
	s.wrap = withoutAnything(t)
	s.start()
	for _, name := range []string{"plain", "itself", "masked", "group", "same"} {
		s.waitPID(name)
	}
	r := s.report("plain.json")
	for name, want := range map[string]string{"HOME": "/", "USER": fmt.Sprint(nobodysUID), "LOGNAME": fmt.Sprint(nobodysUID), "SHELL": "/bin/sh"} {
		if got, _ := r.env(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.UID != nobodysUID || r.GID != nobodysUID {
		t.Errorf("plain runs as %d, %d", r.UID, r.GID)
	}
	if got := waitFile(t, s.path("mask"), "\n"); got != "0027\n" {
		t.Errorf("the umask is %s", got)
	}
	const why = "setgroups: operation not permitted (supervisord runs as user 54321, and only root may change users and groups)"
	noGroup := "cannot run as group 0: setgid" + strings.TrimPrefix(why, "setgroups")
	s.waitLog("WARN group: " + noGroup + "; it stays in the groups of supervisord\n")
	if got := waitFile(t, s.path("gid"), "\n"); got != fmt.Sprintln(nobodysUID) {
		t.Errorf("the group is %s", got)
	}
	if strings.Contains(s.log(), "WARN same:") {
		t.Error("the group that it has is said not to be had")
	}
	for name, want := range map[string]string{"root": "cannot run as user 0: " + why, "strict": noGroup, "groups": "cannot run as other groups: " + why} {
		if r := s.waitState(name, "FATAL"); r.description != want {
			t.Errorf("%s: the description is %q, want %q", name, r.description, want)
		}
	}
	want := "supervisor: couldn't setuid to 0: Can't drop privilege as nonroot user\nsupervisor: child process was not spawned\n"
	if got := waitFile(t, s.path("root.err"), "not spawned\n"); got != want {
		t.Errorf("the program's stderr says %q, want %q", got, want)
	}
	if n := strings.Count(s.log(), "spawned: 'root'"); n != 1 {
		t.Errorf("what cannot be was tried %d times", n)
	}
	s.waitLog("user=root cannot be: Can't drop privilege as nonroot user; going on as user 54321")
	if r := s.ctl("start", "root"); r.code == 0 || !strings.Contains(r.out, "root: ERROR (spawn error)") {
		t.Errorf("start: %s", r.all())
	}

	s.signal(syscall.SIGHUP)
	s.waitLog("received SIGHUP", "user=root cannot be", "success: plain entered RUNNING")
	s.terminate()
}

// TestTheDaemonsUserMustBeWhoItIs is the default, and the original's.
func TestTheDaemonsUserMustBeWhoItIs(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSup(t, "[supervisord]\nuser=root\n[program:p]\ncommand=/bin/cat\n")
	s.openTo()
	s.wrap = withoutAnything(t)
	s.launch()
	if code := s.waitExit(); code != 2 || !strings.Contains(s.out.String(), "Error: Can't drop privilege as nonroot user") {
		t.Errorf("left with %d, and said %s", code, s.out)
	}
}

// TestNumbersGroupsAndLogins gives programs of root all kinds of identities.
func TestNumbersGroupsAndLogins(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it knows entries of /etc/passwd alone, and no groups of its own")
	needRoot(t)
	name, uid, gid, extra := userWithGroups(t)
	all := append([]int{gid}, extra...)
	rows := []struct {
		keys   string
		uid    int
		gid    int
		groups []int
		env    string // HOME of login_env, if it is there
	}{
		{"user=54321", 54321, 54321, []int{54321}, ""},
		{"user=54321:7", 54321, 7, []int{7}, ""},
		{"user=54321:7\ngroup=8\nlogin_env=true", 54321, 8, []int{8}, "/"},
		{"user=54321\ngroups=5,6", 54321, 54321, []int{5, 6, 54321}, ""},
		{"user=" + name, uid, gid, all, ""},
		{"user=" + name + "\ngroups=none\nlogin_env=true", uid, gid, []int{gid}, homeOf(t, name)},
		{"user=" + name + "\ngroup=54321", uid, 54321, append([]int{54321}, extra...), ""},
		{"group=54321\ngroups=9", 0, 54321, []int{9, 54321}, ""},
		{"user=root\ngroups=none\nlogin_env=true", 0, 0, []int{0}, homeOf(t, "root")},
	}
	var conf strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&conf, "[program:p%d]\ncommand=TESTPROG report -\nstdout_logfile=DIR/p%d.json\n%s\n", i, i, row.keys)
	}
	s := newSup(t, conf.String()).start()
	for i, row := range rows {
		s.waitPID(fmt.Sprintf("p%d", i))
		r := s.report(fmt.Sprintf("p%d.json", i))
		r.Groups = append(r.Groups, r.GID) // whether it stands there or not
		slices.Sort(r.Groups)
		want := slices.Compact(slices.Sorted(slices.Values(row.groups)))
		if r.UID != row.uid || r.GID != row.gid || !slices.Equal(slices.Compact(r.Groups), want) {
			t.Errorf("%q: runs as %d, %d, %v, want %d, %d, %v", row.keys, r.UID, r.GID, r.Groups, row.uid, row.gid, want)
		}
		wanted := row.env
		if wanted == "" {
			wanted = os.Getenv("HOME")
		}
		if got, _ := r.env("HOME"); got != wanted {
			t.Errorf("%q: HOME is %q, want %q", row.keys, got, wanted)
		}
	}
	s.terminate()
}

func homeOf(t testing.TB, user string) string {
	t.Helper()
	for line := range strings.SplitSeq(readFile(t, "/etc/passwd"), "\n") {
		if f := strings.Split(line, ":"); f[0] == user && len(f) > 5 {
			return f[5]
		}
	}
	t.Fatalf("no entry for %s", user)
	return ""
}

// TestRootThatMayNotChangeUsers is root of a container that has dropped what it takes.
func TestRootThatMayNotChangeUsers(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it says Exited too quickly")
	needRoot(t)
	setpriv := needProgram(t, "setpriv")
	s := newSup(t, "[program:web]\ncommand=/bin/cat\nuser=54321\n[hook:h]\nevents=PROCESS_STATE_FATAL\ncommand=/bin/cat\nuser=54321\n[program:good]\ncommand=/bin/cat\n")
	s.wrap = func(cmd *exec.Cmd) {
		cmd.Args = append([]string{setpriv, "--inh-caps=-all", "--bounding-set=-setgid,-setuid", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = setpriv
	}
	s.start()
	want := "cannot run as user 54321: setgroups: operation not permitted (supervisord is root without CAP_SETGID)"
	if r := s.waitState("web", "FATAL"); r.description != want {
		t.Errorf("the description is %q, want %q", r.description, want)
	}
	s.waitLog("hook h: cannot be run for PROCESS_STATE_FATAL of web: " + want)
	s.waitPID("good")
	s.terminate()
}

// TestContainerOfAnyUser is the strictest container there is, with a configuration
// that was written for root.
func TestContainerOfAnyUser(t *testing.T) {
	t.Parallel()
	const conf = `[unix_http_server]
file=/run/s.sock
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/s.pid
user=root
user_mismatch=warn
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/s.sock
[program:talker]
command=/bin/testprog signals
user=12345
stdout_logfile=/dev/stdout
redirect_stderr=true
[program:shell]
command=/bin/sh -c "echo I am $USER at $HOME; exec cat"
login_env=true
stdout_logfile=/dev/stdout
redirect_stderr=true
[program:nginx]
command=/bin/cat
user=33
`
	c := runContainer(t, []string{"--user", "12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/run",
		"--env", "CONF=" + conf, "--entrypoint", "/bin/sh"},
		"-c", `echo "$CONF" >/run/c.conf; exec /usr/bin/supervisord -c /run/c.conf`)
	c.waitLogs("user=root cannot be: Can't drop privilege as nonroot user; going on as user 12345, as user_mismatch=warn")
	c.waitLogs("I am 12345 at /\n")
	ctl := func(args ...string) result {
		return runCommand(t, exec.Command("docker", append([]string{"exec", c.id, "/usr/bin/supervisorctl", "-c", "/run/c.conf"}, args...)...))
	}
	until(t, "talker and shell run, and nginx cannot", func() (string, bool) {
		r := ctl("status")
		return r.all(), strings.Count(r.out, "RUNNING") == 2 &&
			strings.Contains(r.out, "FATAL     cannot run as user 33: setgroups: operation not permitted (supervisord runs as user 12345, and only root may change users and groups)")
	})
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
}

// TestLogOfSomebodyElse: the configuration names a log that only root may write. Who has
// been chosen by a platform goes on with standard output alone, also over a restart;
// whoever the machine knows is told, as by the original, unless --container says that
// this is a container.
func TestLogOfSomebodyElse(t *testing.T) {
	t.Parallel()
	needRoot(t)
	const nobody = 65534
	for _, tt := range []struct {
		name   string
		uid    uint32
		args   []string
		silent bool
		starts bool
		known  bool // the original does the same
	}{
		{"a number that nobody has", nobodysUID, nil, false, true, false},
		{"a number that nobody has, in silence", nobodysUID, nil, true, false, true},
		{"a user of the machine", nobody, nil, false, false, true},
		{"a user of the machine in a container", nobody, []string{"--container"}, false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !tt.known {
				oursOnly(t, "it does not start")
			}
			s := newSup(t, "[supervisord]\nlogfile=DIR/closed/s.log\n"+catProgram)
			if tt.silent {
				s.write("[supervisord]\nlogfile=DIR/closed/s.log\nsilent=true\n" + catProgram)
			}
			if err := os.Mkdir(s.path("closed"), 0o755); err != nil {
				t.Fatal(err)
			}
			s.openTo()
			s.wrap = asUser(tt.uid)
			if !tt.starts {
				if code := s.launch(tt.args...).waitExit(); code != 2 || !strings.Contains(s.out.String(), "closed/s.log") {
					t.Errorf("left with %d, and said %s", code, s.out)
				}
				return
			}
			s.start(tt.args...)
			want := fmt.Sprintf("WARN no activity log file: open log %q: permission denied (we are uid %d); set logfile= to choose another place, or /dev/null for none\n",
				s.path("closed/s.log"), tt.uid)
			pid := s.waitPID("cat")
			until(t, "the log on standard output", func() (string, bool) {
				return s.out.String(), inOrder(s.out.String(), want, "success: cat entered RUNNING")
			})
			s.signal(syscall.SIGHUP)
			s.waitNewPID("cat", pid)
			until(t, "the log of the restart", func() (string, bool) {
				return s.out.String(), inOrder(s.out.String(), want, "received SIGHUP", want, "success: cat entered RUNNING")
			})
			s.terminate()
		})
	}
}

// TestContainerWithALogOfRoot is docker run -u 12345 of an image that was made for root.
func TestContainerWithALogOfRoot(t *testing.T) {
	t.Parallel()
	const conf = "[supervisord]\nnodaemon=true\nlogfile=/usr/supervisord.log\npidfile=/usr/supervisord.pid\n" +
		"[program:talker]\ncommand=/bin/testprog signals\nstdout_logfile=/dev/stdout\n"
	c := runContainer(t, []string{"--user", "12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/run:mode=1777",
		"--env", "CONF=" + conf, "--entrypoint", "/bin/sh"},
		"-c", `echo "$CONF" >/run/c.conf; exec /usr/bin/supervisord -c /run/c.conf`)
	c.waitLogs(`WARN no activity log file: open log "/usr/supervisord.log": permission denied (we are uid 12345); set logfile=`,
		"CRIT could not write pidfile /usr/supervisord.pid", "success: talker entered RUNNING")
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
}

// TestUsersOfGetent has a directory service that the files know nothing of, when the
// daemon starts, when it reads its configuration again, and when it is not there.
func TestUsersOfGetent(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it asks the C library")
	needRoot(t)
	const head = "[supervisord]\nsupplementary_from=getent\n"
	const who = "command=/bin/sh -c 'echo $(id -u) $(id -G) $HOME >%s; exec cat'\nlogin_env=true\n"
	program := func(name, user string) string {
		return "[program:" + name + "]\nuser=" + user + "\n" + fmt.Sprintf(who, "DIR/out/"+name)
	}
	s := newSup(t, head+program("a", "ldapa")+program("b", "nobody"))
	if err := os.Mkdir(s.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.path("bin/getent"), s.fill(`#!/bin/sh
case "$*" in
"passwd ldapa") echo "ldapa:*:54321:54322::/home/a:/bin/sh";;
"passwd ldapc") echo "ldapc:*:54325:54322::/home/c:/bin/sh";;
"initgroups ldap"*) echo "$2   54323 54324";;
"initgroups nobody") echo "nobody 54324";;
*) exit 2;;
esac
`), 0o755)
	if err := os.Mkdir(s.path("out"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.path("out"), 0o777); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + s.path("bin") + ":" + os.Getenv("PATH")
	s.env = []string{path}
	s.start()
	if got := waitFile(t, s.path("out/a"), "\n"); got != "54321 54322 54323 54324 /home/a\n" {
		t.Errorf("ldapa is %s", got)
	}
	if got := waitFile(t, s.path("out/b"), "\n"); !strings.Contains(got, " 54324 ") {
		t.Errorf("nobody is %s", got)
	}
	pid := s.waitPID("a")
	s.write(head + program("a", "ldapa") + program("b", "nobody") + program("c", "ldapc"))
	s.must(0, "c: added process group", "update")
	if got := waitFile(t, s.path("out/c"), "\n"); got != "54325 54322 54323 54324 /home/c\n" {
		t.Errorf("ldapc is %s", got)
	}
	s.write(head + program("a", "ldapa") + program("d", "ldapd"))
	s.must(1, "ERROR: CANT_REREAD: Invalid user name ldapd", "update")
	if now := s.waitPID("a"); now != pid {
		t.Errorf("a was restarted: %d, %d", pid, now)
	}
	if strings.Contains(s.log(), "reaped unknown pid") {
		t.Error("a getent was taken for an orphan")
	}
	s.write(head + program("a", "ldapa") + program("c", "ldapc"))
	s.signal(syscall.SIGHUP)
	s.waitNewPID("a", pid)
	s.terminate()

	if err := os.Remove(s.path("bin/getent")); err != nil {
		t.Fatal(err)
	}
	s.env = []string{"PATH=" + s.path("bin")}
	r := s.runDaemon("-n", "-c", s.conf)
	want := ": [supervisord] supplementary_from: getent passwd ldapa: can't find command 'getent' (install it"
	if r.code != 2 || !strings.Contains(r.err, want) {
		t.Errorf("exit status %d, output\n%s", r.code, r.all())
	}
}

// TestTheMachinesGetent asks the real one.
func TestTheMachinesGetent(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it asks the C library")
	needRoot(t)
	needProgram(t, "getent")
	s := newSup(t, "[supervisord]\nsupplementary_from=getent\n[program:p]\ncommand=/bin/sh -c 'id -un; exec cat'\nuser=nobody\nstdout_logfile=DIR/p.log\n").start()
	if got := waitFile(t, s.path("p.log"), "\n"); got != "nobody\n" {
		t.Errorf("it is %s", got)
	}
	r := runCommand(t, s.command("-c", s.conf, "--check"))
	if r.code != 0 {
		t.Errorf("--check: %s", r.all())
	}
	s.terminate()
}
