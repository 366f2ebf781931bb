package integration

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asUser has the daemon run as a user that need not be in /etc/passwd, without
// any right of root's.
func asUser(uid uint32) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{}}
	}
}

// TestSecretsFromFiles takes a secret through its life: into the program, changed and
// taken up by a restart, gone, and shown nowhere.
func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it reads no files for an environment")
	s := newSup(t, `
[program:app]
command=TESTPROG report DIR/app.json
env_file=app.env,-DIR/none.env
env_dir=DIR/secrets
env_from_file=DB_PASS=DIR/db
environment=OVER="configured"
env_clear=true
env_pass=PATH,SUPERVISOR_INT*
startretries=0
`)
	for name, text := range map[string]string{
		"app.env":       "MODE=fast # and loose\nOVER=file\nTOKEN=file-hunter\n",
		"secrets/TOKEN": "dir-hunter1\n",
		"db":            "db-hunter$1%(x)s'\n",
	} {
		if err := os.MkdirAll(s.path("secrets"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, s.path(name), s.fill(text), 0o644)
	}
	s.start()
	s.waitPID("app")
	check := func(want map[string]string) {
		t.Helper()
		r := s.report("app.json")
		for name, want := range want {
			if got, _ := r.env(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if _, set := r.env("HOME"); set {
			t.Error("HOME was passed on")
		}
	}
	check(map[string]string{"MODE": "fast # and loose", "OVER": "configured", "TOKEN": "dir-hunter1", "DB_PASS": "db-hunter$1%(x)s'",
		"PATH": os.Getenv("PATH"), "SUPERVISOR_PROCESS_NAME": "app"})

	// A new secret changes no configuration, and takes a restart of the program.
	writeFile(t, s.path("secrets/TOKEN"), "dir-hunter2", 0o644)
	s.must(0, "", "update")
	if err := os.Remove(s.path("app.json")); err != nil {
		t.Fatal(err)
	}
	s.must(0, "app: stopped\napp: started", "restart", "app")
	check(map[string]string{"TOKEN": "dir-hunter2"})

	// What can be asked for shows where values come from, and none of them.
	printed := runCommand(t, s.command("-c", s.conf, "--print-config", "app"))
	for _, want := range []string{"environment = DB_PASS=*** ", s.path("db") + "\n", "environment = MODE=*** ", s.path("app.env") + ":1\n", "environment = TOKEN=*** "} {
		if !strings.Contains(printed.out, want) {
			t.Errorf("--print-config does not show %q:\n%s", want, printed.all())
		}
	}
	writeFile(t, s.path("other"), "other-hunter", 0o644)
	s.write(strings.ReplaceAll(strings.TrimPrefix(readFile(t, s.conf), baseConf), s.path("db"), s.path("other")))
	diff := s.ctl("reread", "--diff")
	if !strings.Contains(diff.out, s.path("other")) {
		t.Errorf("reread --diff does not show the new file:\n%s", diff.all())
	}
	if text := printed.all() + diff.all() + s.log(); strings.Contains(text, "hunter") {
		t.Errorf("a value is shown:\n%s", text)
	}

	// Without a file there is no start, and it is said why.
	if err := os.Remove(s.path("other")); err != nil {
		t.Fatal(err)
	}
	s.ctl("update")
	want := `cannot read env_from_file "` + s.path("other") + `" for DB_PASS: no such file or directory`
	if r := s.waitState("app", "FATAL"); r.description != want {
		t.Errorf("the description is %q, want %q", r.description, want)
	}
	if r := runCommand(t, s.command("-c", s.conf, "--check")); r.code != 2 || !strings.Contains(r.out, want) {
		t.Errorf("--check: exit status %d, output %s", r.code, r.all())
	}
	s.terminate()
}

// TestSecretsThatTheDaemonMayNotRead has no rights of root.
func TestSecretsThatTheDaemonMayNotRead(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it reads no files for an environment")
	needRoot(t)
	s := newSup(t, "[program:app]\ncommand=/bin/cat\nenv_dir=-DIR/secrets\nstartretries=0\n")
	if err := os.Mkdir(s.path("secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.wrap = asUser(54321)
	s.start()
	want := `cannot read env_dir "` + s.path("secrets") + `": permission denied`
	if r := s.waitState("app", "FATAL"); r.description != want {
		t.Errorf("the description is %q, want %q", r.description, want)
	}
	s.terminate()
}

// TestAHookHasASecret gives one to the command of a hook.
func TestAHookHasASecret(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	s := newSup(t, "[program:bad]\ncommand=/bin/false\nstartretries=0\n"+
		"[hook:page]\nevents=PROCESS_STATE_FATAL\ncommand=/bin/sh -c 'echo $TOKEN >DIR/said'\nenv_from_file=TOKEN=DIR/token\n")
	writeFile(t, s.path("token"), "t0ken\n", 0o644)
	s.start()
	if got := waitFile(t, s.path("said"), "\n"); got != "t0ken\n" {
		t.Errorf("the hook has %q", got)
	}
	s.terminate()
}
