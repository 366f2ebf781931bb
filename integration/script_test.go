package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script/*.txtar: what supervisorctl and the command
// lines of all the programs print, and with which exit status. Besides the
// commands of testscript there are:
//
//	conf FILE           the base configuration and the file become c.conf
//	up [ARG...]         starts supervisord in the foreground, waits until it listens
//	down                ends it with TERM and requires exit status 0
//	sd CODE [ARG...]    runs supervisord to its end
//	ctl CODE [ARG...]   runs supervisorctl -c c.conf
//	feed CODE FILE [ARG...]  does so with a file as standard input
//	run CODE CMD [ARG...]    runs any program
//	waitstate NAME STATE     waits until a process is in a state
//	waitfile FILE TEXT       waits until a file holds a text
//	signal SIG               sends a signal to supervisord
//	samepid NAME             requires the pid that the last samepid saw; ! another
//
// A text in the output is checked by testscript's own stdout and stderr; the
// condition [original] holds when the original is tested.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		WorkdirRoot:         shortDir(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpScript,
		Condition: func(name string) (bool, error) {
			if name == "original" {
				return original, nil
			}
			return false, fmt.Errorf("no such condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"conf": scriptConf, "up": scriptUp, "down": scriptDown, "sd": scriptSd, "ctl": scriptCtl,
			"feed": scriptFeed, "run": scriptRun, "waitstate": scriptWaitState, "waitfile": scriptWaitFile,
			"signal": scriptSignal, "samepid": scriptSamePID,
		},
	})
}

type supKey struct{}

// scripted is the state of one script: its daemon, and pids it remembers.
type scripted struct {
	*sup
	pids map[string]string
}

func setUpScript(env *testscript.Env) error {
	t := env.T().(testing.TB)
	if err := os.Chmod(env.WorkDir, 0o755); err != nil {
		return err
	}
	s := &sup{
		t: t, dir: env.WorkDir, conf: filepath.Join(env.WorkDir, "c.conf"), out: &buffer{},
		mark: fmt.Sprintf("%s.%d", runMarker, markCount.Add(1)),
	}
	env.Values[supKey{}] = &scripted{sup: s, pids: map[string]string{}}
	env.Defer(s.cleanUp)
	env.Setenv("BIN", binDir)
	env.Setenv("TESTPROG", testprog)
	env.Setenv("LC_ALL", "C.UTF-8")
	env.Setenv(marker, s.mark)
	return nil
}

func scriptSup(ts *testscript.TestScript) *scripted {
	return ts.Value(supKey{}).(*scripted)
}

func scriptConf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: conf FILE")
	}
	s := scriptSup(ts)
	text := baseConf + s.fill(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(s.conf, []byte(text), 0o644))
}

func scriptUp(ts *testscript.TestScript, neg bool, args []string) {
	scriptSup(ts).start(args...)
}

func scriptDown(ts *testscript.TestScript, neg bool, args []string) {
	scriptSup(ts).terminate()
}

// execute runs a program for the script and requires its exit status.
func execute(ts *testscript.TestScript, code string, name string, args ...string) {
	want, err := strconv.Atoi(code)
	ts.Check(err)
	err = ts.Exec(name, args...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", name, err)
	}
	if got != want {
		ts.Fatalf("%s %q: exit status %d, want %d", name, args, got, want)
	}
}

func scriptSd(ts *testscript.TestScript, neg bool, args []string) {
	execute(ts, args[0], program("supervisord"), args[1:]...)
}

func scriptCtl(ts *testscript.TestScript, neg bool, args []string) {
	execute(ts, args[0], program("supervisorctl"), append([]string{"-c", scriptSup(ts).conf}, args[1:]...)...)
}

func scriptFeed(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptSup(ts)
	line := `exec "$@" <"$0"`
	all := append([]string{"-c", line, ts.MkAbs(args[1]), program("supervisorctl"), "-c", s.conf}, args[2:]...)
	execute(ts, args[0], "/bin/sh", all...)
}

func scriptRun(ts *testscript.TestScript, neg bool, args []string) {
	execute(ts, args[0], args[1], args[2:]...)
}

func scriptWaitState(ts *testscript.TestScript, neg bool, args []string) {
	scriptSup(ts).waitState(args[0], args[1])
}

func scriptWaitFile(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptSup(ts)
	path, pattern := ts.MkAbs(args[0]), regexp.MustCompile("(?m)"+args[1])
	until(s.t, fmt.Sprintf("%s matches %s", args[0], args[1]), func() (string, bool) {
		text := readFile(s.t, path)
		return tail(text), pattern.MatchString(text)
	})
}

func scriptSignal(ts *testscript.TestScript, neg bool, args []string) {
	sig := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "USR2": syscall.SIGUSR2, "KILL": syscall.SIGKILL}[args[0]]
	if sig == 0 {
		ts.Fatalf("unknown signal %s", args[0])
	}
	s := scriptSup(ts)
	s.signal(sig)
	if sig == syscall.SIGKILL {
		s.waitGone()
	}
}

func scriptSamePID(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptSup(ts)
	pid := strings.TrimSpace(s.ctl("pid", args[0]).out)
	before, known := s.pids[args[0]]
	s.pids[args[0]] = pid
	if known && (pid == before) == neg {
		ts.Fatalf("pid of %s is %s, was %s", args[0], pid, before)
	}
}
