package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// limitsOf returns the soft and hard limit of a process, by the name that the kernel
// prints.
func limitsOf(t testing.TB, pid int, name string) string {
	t.Helper()
	for line := range strings.SplitSeq(readFile(t, fmt.Sprintf("/proc/%d/limits", pid)), "\n") {
		if rest, found := strings.CutPrefix(line, name); found {
			f := strings.Fields(rest)
			return f[0] + " " + f[1]
		}
	}
	t.Fatalf("no limit %s", name)
	return ""
}

// niceOf returns the nice value of a process.
func niceOf(t testing.TB, pid int) string {
	t.Helper()
	text := readFile(t, fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Fields(text[strings.LastIndex(text, ")")+1:])[16]
}

// TestLimitsOfAProgram sets all of them, of a program of root's and of another user's,
// and looks at /proc.
func TestLimitsOfAProgram(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no limits")
	needRoot(t)
	const keys = `
command=/bin/cat
rlimit_nofile=100:200
rlimit_core=0
rlimit_as=256MB
rlimit_nproc=:400
nice=5
oom_score_adj=700
capabilities=NET_BIND_SERVICE
no_new_privs=true
limits_strict=true
umask=027
pdeathsig=KILL
`
	s := newSup(t, "[program:root]"+keys+"[program:nobody]"+keys+"user=54321\n[program:free]\ncommand=/bin/cat\n"+
		"[program:pinned]\ncommand=/bin/cat\nnumprocs=2\nprocess_name=p%(process_num)d\ncpu_affinity=%(process_num)d\n").start()
	for _, name := range []string{"root", "nobody"} {
		pid := s.waitPID(name)
		for limit, want := range map[string]string{"Max open files": "100 200", "Max core file size": "0 0", "Max address space": "268435456 268435456", "Max processes": "400 400"} {
			if got := limitsOf(t, pid, limit); got != want {
				t.Errorf("%s: %s is %s, want %s", name, limit, got, want)
			}
		}
		for field, want := range map[string]string{"CapEff": "0000000000000400", "CapBnd": "0000000000000400", "NoNewPrivs": "1"} {
			if got := statusField(t, pid, field); got != want {
				t.Errorf("%s: %s is %s, want %s", name, field, got, want)
			}
		}
		if got := niceOf(t, pid); got != "5" {
			t.Errorf("%s: nice is %s", name, got)
		}
		if got := strings.TrimSpace(readFile(t, fmt.Sprintf("/proc/%d/oom_score_adj", pid))); got != "700" {
			t.Errorf("%s: the score is %s", name, got)
		}
	}
	// Nothing of it rubs off on others, the daemon included.
	pid := s.waitPID("free")
	for _, limit := range []string{"Max core file size", "Max address space", "Max processes"} {
		if got, want := limitsOf(t, pid, limit), limitsOf(t, os.Getpid(), limit); got != want {
			t.Errorf("free: %s is %s, want %s", limit, got, want)
		}
	}
	if got := niceOf(t, s.pid) + niceOf(t, pid); got != "00" {
		t.Errorf("the daemon's and the other program's nice values are %s", got)
	}
	for i := range 2 {
		if got := statusField(t, s.waitPID(fmt.Sprintf("pinned:p%d", i)), "Cpus_allowed_list"); got != strconv.Itoa(i) {
			t.Errorf("p%d may use the processors %s", i, got)
		}
	}
	if text := s.log(); strings.Contains(text, "cannot set") {
		t.Errorf("something could not be set:\n%s", text)
	}

	diff := func() string { return s.ctl("reread", "--diff").all() }
	s.write(strings.Replace(strings.TrimPrefix(readFile(t, s.conf), baseConf), "nice=5", "nice=6", 1))
	if text := diff(); !strings.Contains(text, "nice") {
		t.Errorf("reread --diff does not show a changed limit:\n%s", text)
	}
	s.terminate()
}

// TestLimitsWithoutRights has a daemon that may do nothing, and programs that want
// what it may not.
func TestLimitsWithoutRights(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no limits")
	needRoot(t)
	const wants = "command=/bin/cat\nnice=-5\nrlimit_core=0\n"
	s := newSup(t, "[program:lax]\n"+wants+"[program:strict]\n"+wants+"limits_strict=true\nstartsecs=0\nstartretries=50\n")
	s.openTo()
	s.wrap = withoutAnything(t)
	s.start()
	pid := s.waitPID("lax")
	if got := limitsOf(t, pid, "Max core file size"); got != "0 0" {
		t.Errorf("the other limit is %s", got)
	}
	s.waitLog("WARN lax: cannot set nice=-5: permission denied")
	if r := s.waitState("strict", "FATAL"); r.description != "cannot set nice=-5: permission denied (limits_strict=true)" {
		t.Errorf("the description is %q", r.description)
	}
	s.terminate()
}

// TestTheDaemonsOwnLimitIsNotItsPrograms has the daemon raise its limit on open files,
// as its runtime does by itself, and as minfds= asks for.
// TestLimitsOfErrands: those of a hook are its own, those of a stop_command are those of
// its program.
func TestLimitsOfErrands(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	needRoot(t)
	const limits = "rlimit_nofile=100:200\nrlimit_core=0\nnice=5\noom_score_adj=700\ncapabilities=none\nno_new_privs=true\n"
	const look = `ulimit -Sn; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj; grep -E "NoNewPrivs|CapBnd" /proc/self/status`
	s := newSup(t, "[program:p]\ncommand=/bin/cat\n"+limits+"stop_command=/bin/sh -c '("+look+") >DIR/stop; kill $SUPERVISOR_PROCESS_PID'\n"+
		"[hook:h]\nevents=REMOTE_COMMUNICATION\n"+limits+"limits_strict=true\ncommand=/bin/sh -c '("+look+") >DIR/hook; echo done >>DIR/hook'\n"+
		"[hook:free]\nevents=REMOTE_COMMUNICATION\ncommand=/bin/sh -c 'nice >DIR/free'\n").start()
	s.waitPID("p")
	s.remote("x", 0, 1)
	const want = "100\n200\n0\n5\n700\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n"
	if got := waitFile(t, s.path("hook"), "done\n"); got != want+"done\n" {
		t.Errorf("the hook has\n%s", got)
	}
	if got := waitFile(t, s.path("free"), "\n"); got == "5\n" {
		t.Error("a hook without limits has those of another")
	}
	s.must(0, "p: stopped", "stop", "p")
	if got := readFile(t, s.path("stop")); got != want {
		t.Errorf("the stop_command has\n%s", got)
	}
	s.terminate()
}

// TestLimitsOfErrandsWithoutRights wants what the daemon may not give.
func TestLimitsOfErrandsWithoutRights(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	needRoot(t)
	const hook = "events=REMOTE_COMMUNICATION\nnice=-5\ncommand=/bin/touch DIR/"
	s := newSup(t, catProgram+"[hook:lax]\n"+hook+"lax\n[hook:strict]\n"+hook+"strict\nlimits_strict=true\n")
	s.openTo()
	s.wrap = withoutAnything(t)
	s.start()
	s.remote("x", 0, 1)
	s.waitLog("WARN hook lax: cannot set nice=-5: permission denied")
	s.waitLog("ERRO hook strict: cannot be run for REMOTE_COMMUNICATION: cannot set nice=-5: permission denied (limits_strict=true)")
	until(t, "what the hook makes", func() (string, bool) { _, err := os.Stat(s.path("lax")); return fmt.Sprint(err), err == nil })
	if _, err := os.Stat(s.path("strict")); err == nil {
		t.Error("the strict hook ran all the same")
	}
	s.terminate()
}

func TestTheDaemonsOwnLimitIsNotItsPrograms(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no rlimit_nofile")
	const conf = "[program:inherits]\ncommand=/bin/cat\n[program:masked]\ncommand=/bin/cat\numask=027\n" +
		"[program:limited]\ncommand=/bin/cat\nrlimit_core=0\n[program:own]\ncommand=/bin/cat\nrlimit_nofile=300:2000\n"
	for minfds, want := range map[int]string{200: "256 4096", 1000: "1000 4096"} {
		t.Run(fmt.Sprintf("minfds=%d", minfds), func(t *testing.T) {
			t.Parallel()
			s := newSup(t, fmt.Sprintf("[supervisord]\nminfds=%d\n", minfds)+conf)
			s.wrap = underShell("ulimit -Sn 256; ulimit -Hn 4096")
			s.start()
			for _, name := range []string{"inherits", "masked", "limited"} {
				if got := limitsOf(t, s.waitPID(name), "Max open files"); got != want {
					t.Errorf("%s: the limit is %s, want %s", name, got, want)
				}
			}
			if got := limitsOf(t, s.waitPID("own"), "Max open files"); got != "300 2000" {
				t.Errorf("own: the limit is %s, want 300 2000", got)
			}
			s.terminate()
		})
	}
}

// TestAProgramDiesWithTheDaemon kills the daemon.
func TestAProgramDiesWithTheDaemon(t *testing.T) {
	t.Parallel()
	oursOnly(t, "its programs live on")
	s := newSup(t, "[program:bound]\ncommand=/bin/cat\npdeathsig=KILL\n[program:free]\ncommand=/bin/sleep 1000\n").start()
	bound, free := s.waitPID("bound"), s.waitPID("free")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	until(t, "the program has died with the daemon", func() (string, bool) { return "", !alive(bound) })
	if !alive(free) {
		t.Error("the other program has died, too")
	}
}

// TestLimitsInAContainer is the strictest container there is.
func TestLimitsInAContainer(t *testing.T) {
	t.Parallel()
	const conf = `[unix_http_server]
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
stdout_logfile=/dev/stdout
redirect_stderr=true
[program:modest]
command=/bin/sh -c "read -r s </proc/self/stat; set -- $s; echo $(ulimit -n) $(ulimit -c) ${19} $(busybox grep NoNewPrivs /proc/self/status); exec cat"
rlimit_nofile=100
rlimit_core=0
nice=5
oom_score_adj=900
capabilities=none
no_new_privs=true
limits_strict=true
[program:greedy]
command=/bin/cat
capabilities=NET_ADMIN
limits_strict=true
`
	c := runContainer(t, []string{"--user", "12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/run",
		"--env", "CONF=" + conf, "--entrypoint", "/bin/sh"},
		"-c", `echo "$CONF" >/run/c.conf; exec /usr/bin/supervisord -c /run/c.conf`)
	c.waitLogs("100 0 5 NoNewPrivs: 1\n") // in one write, which nothing comes between
	until(t, "modest runs, and greedy cannot", func() (string, bool) {
		r := runCommand(t, exec.Command("docker", "exec", c.id, "/usr/bin/supervisorctl", "-c", "/run/c.conf", "status"))
		return r.all(), strings.Count(r.out, "RUNNING") == 1 &&
			strings.Contains(r.out, "FATAL     cannot set capabilities: supervisord does not have NET_ADMIN itself (limits_strict=true)")
	})
	c.docker(0, "stop", "-t", "60", c.id)
	c.stopped()
}
