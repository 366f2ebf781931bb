package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// inits are the ways to run a command under an init: both names of ours, and
// tini, which has to pass the same tests.
func inits(t *testing.T) map[string][]string {
	t.Helper()
	return map[string][]string{
		"init":        {program("supervisord"), "init"},
		"supervisord": {program("supervisord"), "--"},
		"tini":        {needProgram(t, "tini"), "--"},
	}
}

// underInit prepares an init as the first process of a pid namespace, with a
// command.
func underInit(argv []string, command ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], append(argv[1:len(argv):len(argv)], command...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	return cmd
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := err.(*exec.ExitError)
	if !ok {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func TestInitLeavesWithTheStatusOfItsCommand(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, argv := range inits(t) {
		for _, row := range []struct {
			command []string
			code    int
		}{
			{[]string{"true"}, 0},
			{[]string{"sh", "-c", "exit 42"}, 42},
			{[]string{"sh", "-c", "kill -KILL $$"}, 137},
			{[]string{"sh", "-c", "kill -SEGV $$"}, 139},
			{[]string{"/nonexistent/x"}, 127},
			{[]string{"nonexistent-x"}, 127},
			{[]string{"/etc/passwd"}, 126},
			// What the command left behind does not keep it.
			{[]string{"sh", "-c", "sleep 1000 & exit 3"}, 3},
		} {
			t.Run(name+"/"+strings.Join(row.command, " "), func(t *testing.T) {
				t.Parallel()
				var errs bytes.Buffer
				cmd := underInit(argv, row.command...)
				cmd.Stderr = &errs
				if code := exitCode(t, cmd.Run()); code != row.code {
					t.Errorf("left with %d, want %d; it said %s", code, row.code, errs.String())
				}
				if said := errs.Len() > 0; said != (row.code == 126 || row.code == 127) {
					t.Errorf("it said %q", errs.String())
				}
			})
		}
	}
}

func TestInitHandsSignalsOn(t *testing.T) {
	t.Parallel()
	needRoot(t)
	needBlockingEnv(t)
	all := inits(t)
	// Started with signals blocked, tini leaves them so to its command.
	for _, name := range []string{"init", "supervisord"} {
		all[name+", signals blocked"] = append([]string{"/usr/bin/env", "--block-signal=HUP,USR1,USR2,WINCH,CONT,TERM"}, all[name]...)
	}
	for name, argv := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := &buffer{}
			cmd := underInit(argv, testprog, "signals")
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			has := func(text string) {
				t.Helper()
				until(t, "the command says "+text, func() (string, bool) { return out.String(), strings.Contains(out.String(), text) })
			}
			has("ready")
			for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT} {
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				has("got " + signalWord(sig))
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			has("bye after TERM")
			if code := exitCode(t, cmd.Wait()); code != 0 {
				t.Errorf("left with %d, want 0", code)
			}
		})
	}
}

func signalWord(sig syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1", syscall.SIGUSR2: "USR2",
		syscall.SIGWINCH: "WINCH", syscall.SIGCONT: "CONT"}[sig]
}

func TestInitReapsOrphansAndStealsNoStatus(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, argv := range inits(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := &buffer{}
			cmd := underInit(argv, testprog, "orphans", "2000")
			cmd.Stdout = out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			until(t, "the orphans are made", func() (string, bool) { return out.String(), strings.Contains(out.String(), "orphans made 2000") })
			until(t, "no orphan is left", func() (string, bool) {
				left := len(descendants(cmd.Process.Pid))
				return fmt.Sprint(left), left == 1 // the one that made them
			})
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if code := exitCode(t, cmd.Wait()); code != 143 {
				t.Errorf("left with %d, want 143", code)
			}
		})
	}
}

// TestInitHandsSignalsToTheGroup has a shell that heeds no TERM wait for a child
// that does.
func TestInitHandsSignalsToTheGroup(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, argv := range map[string][]string{
		"option":   {program("supervisord"), "init", "-g"},
		"variable": {program("supervisord"), "init"},
		"tini":     {needProgram(t, "tini"), "-g", "--"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := &buffer{}
			cmd := underInit(argv, "sh", "-c", testprog+" signals & trap : TERM; wait; wait; echo gone")
			cmd.Stdout, cmd.Stderr = out, out
			if name == "variable" {
				cmd.Env = append(os.Environ(), "TINI_KILL_PROCESS_GROUP=1")
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			until(t, "the child is there", func() (string, bool) { return out.String(), strings.Contains(out.String(), "ready") })
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			code := exitCode(t, cmd.Wait())
			if text := out.String(); code != 0 || !strings.Contains(text, "bye after TERM") || !strings.Contains(text, "gone") {
				t.Errorf("left with %d; the output:\n%s", code, text)
			}
		})
	}
}

// TestInitGivesTheTerminalAway runs a command on a terminal, which it has to own:
// it reads, and Ctrl-C is for it alone.
func TestInitGivesTheTerminalAway(t *testing.T) {
	t.Parallel()
	for name, argv := range inits(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(argv[0], append(argv[1:len(argv):len(argv)], "sh", "-c", "read x; echo got $x; exec "+testprog+" signals")...)
			tty, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer tty.Close()
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			out := &buffer{}
			read := make(chan struct{})
			go func() {
				defer close(read)
				_, _ = io.Copy(out, tty) // ends with EIO
			}()
			say := func(text, want string) {
				t.Helper()
				if _, err := io.WriteString(tty, text); err != nil {
					t.Fatal(err)
				}
				until(t, "the command says "+want, func() (string, bool) { return out.String(), strings.Contains(out.String(), want) })
			}
			say("hello\n", "got hello")
			until(t, "the command is ready", func() (string, bool) { return out.String(), strings.Contains(out.String(), "ready") })
			say("\x03", "bye after INT")
			if code := exitCode(t, cmd.Wait()); code != 0 {
				t.Errorf("left with %d, want 0", code)
			}
			<-read
		})
	}
}

// TestInitHandsDescriptorsDown passes a pipe as descriptor 5, on a terminal and
// off it.
func TestInitHandsDescriptorsDown(t *testing.T) {
	t.Parallel()
	for name, argv := range inits(t) {
		for _, terminal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/terminal %v", name, terminal), func(t *testing.T) {
				t.Parallel()
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				cmd := exec.Command(argv[0], append(argv[1:len(argv):len(argv)], "sh", "-c", "echo hello >&5; exit 4")...)
				cmd.ExtraFiles = []*os.File{nil, nil, w}
				if terminal {
					tty, err := pty.Start(cmd)
					if err != nil {
						t.Fatal(err)
					}
					defer tty.Close()
				} else if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				w.Close()
				text, err := io.ReadAll(r)
				if err != nil || string(text) != "hello\n" {
					t.Errorf("descriptor 5 gave %q, %v", text, err)
				}
				if code := exitCode(t, cmd.Wait()); code != 4 {
					t.Errorf("left with %d, want 4", code)
				}
			})
		}
	}
}

func TestInitOptions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		args      string
		code      int
		out, errs string
	}{
		{"-e 3 -- sh -c 'exit 3'", 0, "", ""},
		{"-e 3 -e 4 sh -c 'exit 4'", 0, "", ""},
		{"-svvp TERM sh -c 'exit 5'", 5, "", ""},
		{"-h", 0, "Usage:", ""},
		{"", 2, "", "no command to run"},
		{"-e x true", 2, "", "invalid value for -e 'x'"},
		{"-p nosuch true", 2, "", "invalid value for -p 'nosuch'"},
		{"-q true", 2, "", "option -q not recognized"},
	} {
		t.Run(row.args, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			cmd := exec.Command("sh", "-c", program("supervisord")+" init "+row.args)
			cmd.Stdout, cmd.Stderr = &out, &errs
			code := exitCode(t, cmd.Run())
			if code != row.code || !strings.Contains(out.String(), row.out) || !strings.Contains(errs.String(), row.errs) {
				t.Errorf("left with %d, printed %q and %q; want %d, %q, %q", code, out.String(), errs.String(), row.code, row.out, row.errs)
			}
		})
	}
}

func TestInitTellsOfOrphans(t *testing.T) {
	t.Parallel()
	out := &buffer{}
	cmd := exec.Command(program("supervisord"), "init", "-w", testprog, "orphans", "1")
	cmd.Stderr = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	until(t, "the orphan is told of", func() (string, bool) { return out.String(), strings.Contains(out.String(), "(exit status 7)") })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd.Wait()); code != 143 {
		t.Errorf("left with %d, want 143", code)
	}
}

// TestTheMainProgramHasSidecars runs a command beside the programs of a file.
func TestTheMainProgramHasSidecars(t *testing.T) {
	t.Parallel()
	needRoot(t)
	oursOnly(t, "it takes no command")
	sidecar := `
[program:side]
command=TESTPROG signals
stdout_logfile=DIR/side.log
stderr_logfile=NONE
`
	started := func(t *testing.T, command ...string) *sup {
		t.Helper()
		s := newSup(t, sidecar)
		s.wrap = asFirst
		return s.launch(append([]string{"--"}, command...)...)
	}
	order := func(t *testing.T, text string, lines ...string) {
		t.Helper()
		rest := text
		for _, line := range lines {
			_, after, found := strings.Cut(rest, line)
			if !found {
				t.Fatalf("%q is not there, or too early:\n%s", line, text)
			}
			rest = after
		}
	}
	t.Run("it ends", func(t *testing.T) {
		t.Parallel()
		s := started(t, "sh", "-c", "exit 7")
		if code := s.waitExit(); code != 7 {
			t.Errorf("left with %d, want 7", code)
		}
		order(t, s.log(), "success: side entered RUNNING", "spawned: 'main'", "exited: main (exit status 7", "stopped: side")
	})
	t.Run("it is stopped", func(t *testing.T) {
		t.Parallel()
		s := started(t, testprog, "signals")
		s.waitState("main", "RUNNING")
		until(t, "the command is ready", func() (string, bool) { return s.out.String(), strings.Contains(s.out.String(), "ready") })
		s.signal(syscall.SIGUSR1)
		until(t, "the command got USR1", func() (string, bool) { return s.out.String(), strings.Contains(s.out.String(), "got USR1") })
		s.signal(syscall.SIGINT)
		if code := s.waitExit(); code != 0 {
			t.Errorf("left with %d, want 0", code)
		}
		if !strings.Contains(s.out.String(), "bye after INT") {
			t.Errorf("the output:\n%s", s.out.String())
		}
		order(t, s.log(), "success: side entered RUNNING", "spawned: 'main'", "stopped: main (exit status 0)", "stopped: side (exit status 0)")
	})
	t.Run("it is not there", func(t *testing.T) {
		t.Parallel()
		if code := started(t, "/nonexistent/x").waitExit(); code != 127 {
			t.Errorf("left with %d, want 127", code)
		}
	})
	t.Run("its name is taken", func(t *testing.T) {
		t.Parallel()
		s := newSup(t, strings.ReplaceAll(sidecar, "side", "main"))
		got := s.runDaemon("-c", s.conf, "--", "true")
		if got.code != 2 || !strings.Contains(got.err, "the name main is taken by [program:main]") {
			t.Errorf("left with %d and said %q", got.code, got.err)
		}
	})
}
