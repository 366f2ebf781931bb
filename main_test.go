package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asMain in the environment makes the test binary be the program.
const asMain = "SUPERVISOR_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		os.Unsetenv(asMain)
		main()
	}
	os.Exit(m.Run())
}

// call runs the program under a name and returns what it wrote and its status.
func call(t *testing.T, argv ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command(os.Args[0])
	cmd.Args = argv
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestNamesAndWordsReachTheirApplets(t *testing.T) {
	tests := []struct {
		name   string
		argv   string
		code   int
		stdout string // how it begins
		stderr string
	}{
		{"the daemon by name", "supervisord -h", 0, "supervisord -- run a set of applications as daemons.\n", ""},
		{"the daemon by word", "prog supervisord -h", 0, "supervisord -- run a set of applications as daemons.\n", ""},
		{"the client by name", "/usr/bin/supervisorctl -h", 0, "supervisorctl -- control applications run by supervisord", ""},
		{"the client by word", "supervisord supervisorctl -h", 0, "supervisorctl -- control applications run by supervisord", ""},
		{"the sample by name", "echo_supervisord_conf", 0, "; Sample supervisor config file", ""},
		{"the sample with arguments", "echo_supervisord_conf more -x", 0, "; Sample supervisor config file", ""},
		{"the proxy by name", "pidproxy", 1, "pidproxy -- run command and proxy signals", ""},
		{"the proxy by word", "prog pidproxy x.pid /bin/echo one two", 0, "one two\n", ""},
		{"the built-in listener by name", "supervisor_stdout", 0, "READY\n", ""},
		{"a plain version is that of Supervisor", "supervisord -v", 0, "4.3.0\n", ""},
		{"ctl is nobody's name", "supervisord ctl status", 2, "", "Error: positional arguments are not supported: ['ctl', 'status']\nFor help, use supervisord -h\n"},
		{"an unknown name lists the applets", "prog status", 2, "", "Call this program by the name of an applet"},
		{"the exec word is not for people", "supervisord-exec spawn x", 2, "", "Error: supervisord-exec is internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := call(t, strings.Fields(tt.argv)...)
			if code != tt.code || !strings.HasPrefix(stdout, tt.stdout) || !strings.HasPrefix(stderr, tt.stderr) {
				t.Errorf("exit status %d, want %d\nstdout %.200q, want %q\nstderr %.200q, want %q", code, tt.code, stdout, tt.stdout, stderr, tt.stderr)
			}
			if tt.stderr == "" && stderr != "" || tt.stdout == "" && stdout != "" {
				t.Errorf("stdout %.200q and stderr %.200q", stdout, stderr)
			}
		})
	}
}

func TestEveryNameTellsTheSameVersion(t *testing.T) {
	want := regexp.MustCompile(`^4\.3\.0 \(gosupervisor \S+, commit \S+, go1\.\S+.*\)\n$`)
	for _, name := range []string{"supervisord", "supervisorctl", "echo_supervisord_conf", "pidproxy", "prog"} {
		stdout, stderr, code := call(t, name, "--version")
		if code != 0 || stderr != "" || !want.MatchString(stdout) {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
}

func TestInstalledLinksRun(t *testing.T) {
	dir := t.TempDir()
	stdout, stderr, code := call(t, "prog", "--install", dir) // all but the hidden one and init
	if code != 0 || strings.Count(stdout, "\n") != len(binary.Applets)-2 {
		t.Fatalf("exit status %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if stdout, stderr, code = call(t, "prog", "--install", dir); code != 0 || stdout != "" || stderr != "" {
		t.Errorf("again: exit status %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	cmd := exec.Command(filepath.Join(dir, "echo_supervisord_conf"))
	cmd.Env = append(os.Environ(), asMain+"=1")
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "; Sample supervisor config file") {
		t.Errorf("the link gave %.100q, %v", out, err)
	}
}
