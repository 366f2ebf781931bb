package ctl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// asMain makes the test binary be supervisorctl, for tests on a terminal.
const asMain = "GOSUPERVISOR_TEST_CTL"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		os.Exit(Main("supervisorctl", os.Args[1:]))
	}
	os.Exit(m.Run())
}

// terminal is supervisorctl on a terminal, and what it has shown.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	cmd    *exec.Cmd
	shown  watched
	at     int
}

func newTerminal(t *testing.T, term string, args ...string) *terminal {
	t.Helper()
	return newTerminalOf(t, unix.Winsize{Row: 24, Col: 80}, term, args...)
}

// newTerminalOf is newTerminal of a size.
func newTerminalOf(t *testing.T, size unix.Winsize, term string, args ...string) *terminal {
	t.Helper()
	return newTerminalIn(t, []string{"NO_COLOR=1"}, size, term, args...)
}

// newTerminalIn is newTerminalOf with more in its environment.
func newTerminalIn(t *testing.T, env []string, size unix.Winsize, term string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &size)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &terminal{t: t, master: master, slave: slave, cmd: exec.Command(exe, args...)}
	v.cmd.Env = append(append(os.Environ(), asMain+"=1", "TERM="+term), env...)
	v.cmd.Stdin, v.cmd.Stdout, v.cmd.Stderr = slave, slave, slave
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.cmd.Process.Kill()
		slave.Close()
		master.Close()
	})
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			v.shown.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return v
}

// expect waits until the terminal shows text after what was expected before.
func (v *terminal) expect(text string) {
	v.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		all := v.shown.String()
		if i := strings.Index(all[v.at:], text); i >= 0 {
			v.at += i + len(text)
			return
		}
		if time.Now().After(end) {
			v.t.Fatalf("the terminal never showed %q after %q", text, all[v.at:])
		}
		time.Sleep(time.Millisecond)
	}
}

func (v *terminal) typeIn(text string) {
	v.t.Helper()
	if _, err := v.master.WriteString(text); err != nil {
		v.t.Fatal(err)
	}
}

// end waits for the exit code and sees that the terminal is as it was.
func (v *terminal) end(want int) {
	v.t.Helper()
	done := make(chan struct{})
	go func() { v.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		v.t.Fatalf("still runs after %q", v.shown.String())
	}
	if got := v.cmd.ProcessState.ExitCode(); got != want {
		v.t.Errorf("exit %d, want %d, after %q", got, want, v.shown.String())
	}
	mode, err := unix.IoctlGetTermios(int(v.slave.Fd()), unix.TCGETS)
	if err != nil {
		v.t.Fatal(err)
	}
	if want := uint32(unix.ECHO | unix.ICANON | unix.ISIG); mode.Lflag&want != want {
		v.t.Errorf("the terminal is left without echo, lines or signals: %#x", mode.Lflag)
	}
}

func TestTheShellOnATerminal(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.getIdentification": "x"})
	v := newTerminal(t, "xterm", "-c", f.config)
	v.expect("idle                             STOPPED   Not started")
	v.expect("sup> ")
	v.typeIn("vers\t\r")
	v.expect("4.3.0 test")
	v.expect("sup> ")
	v.typeIn("tail -f cat\r")
	v.expect("stdout of it")
	v.typeIn("\x03")
	v.expect("sup> ")
	v.typeIn("fg cat\r")
	v.expect("stderr of it")
	v.typeIn("\x03")
	v.expect("Exiting foreground")
	v.expect("sup> ")
	v.typeIn("shutdown\r")
	v.expect("y/N? ")
	v.typeIn("n\r")
	v.expect("sup> ")
	v.typeIn("\x1b[A\x1b[A\x1b[A\x1b[A\r") // up, to the first line
	v.expect("4.3.0 test")
	v.expect("sup> ")
	v.typeIn("\x04")
	v.end(0)
	history, err := os.ReadFile(filepath.Join(filepath.Dir(f.config), "history"))
	if want := "version \ntail -f cat\nfg cat\nshutdown\nversion \n"; string(history) != want || err != nil {
		t.Errorf("history: got %q, %v, want %q", history, err, want)
	}

	v = newTerminal(t, "xterm", "-c", f.config)
	v.expect("sup> ")
	v.typeIn("\x1b[A\r")
	v.expect("4.3.0 test")
	v.expect("sup> ")
	v.typeIn("\x03")
	v.end(0)
}

func TestATerminalWithoutASizeIsEditedAllTheSame(t *testing.T) {
	f := newFake(t, nil)
	v := newTerminalOf(t, unix.Winsize{}, "xterm", "-c", f.config)
	v.expect("sup> ")
	v.typeIn("vers\t\r")
	v.expect("4.3.0 test")
	v.expect("sup> ")
	v.typeIn("pif\x7fd\r")
	v.expect("1234")
	v.expect("sup> ")
	v.typeIn("\x1b[A\x1b[A\r")
	v.expect("4.3.0 test")
	v.expect("sup> ")
	v.typeIn("\x03")
	v.end(0)
	size, err := unix.IoctlGetWinsize(int(v.slave.Fd()), unix.TIOCGWINSZ)
	if err != nil || *size != (unix.Winsize{}) {
		t.Errorf("the terminal is left with the size %+v, %v", size, err)
	}
}

func TestCtrlCAtAQuestionLeaves(t *testing.T) {
	f := newFake(t, nil)
	for _, size := range []unix.Winsize{{Row: 24, Col: 80}, {}} {
		for _, term := range []string{"xterm", "dumb"} {
			v := newTerminalOf(t, size, term, "-c", f.config)
			v.expect("sup> ")
			v.typeIn("shutdown\r")
			v.expect("y/N? ")
			v.typeIn("\x03")
			v.end(0)

			v = newTerminalOf(t, size, term, "-c", f.config, "-i", "reload")
			v.expect("y/N? ")
			v.typeIn("\x03")
			v.expect("^C\r\n")
			v.end(0)
		}
	}
}

func TestCtrlCAtAPromptEndsItsLineOnce(t *testing.T) {
	f := newFake(t, nil)
	for _, term := range []string{"xterm", "dumb"} {
		v := newTerminal(t, term, "-c", f.config)
		v.expect("sup> ")
		v.typeIn("\x03")
		v.expect("^C\r\n")
		v.end(0)
		if rest := v.shown.String()[v.at:]; rest != "" {
			t.Errorf("TERM=%s: shown after the line: %q", term, rest)
		}
	}
}

func TestTheShellOnATerminalThatCannotEdit(t *testing.T) {
	f := newFake(t, nil)
	v := newTerminal(t, "dumb", "-c", f.config)
	v.expect("sup> ")
	v.typeIn("pid\n")
	v.expect("1234")
	v.expect("sup> ")
	v.typeIn("\x03")
	v.end(0)
}

func TestASignalAtAPromptGivesTheTerminalBack(t *testing.T) {
	f := newFake(t, nil)
	v := newTerminal(t, "xterm", "-c", f.config)
	v.expect("sup> ")
	v.typeIn("pid\r")
	v.expect("sup> ")
	v.cmd.Process.Signal(syscall.SIGTERM)
	v.end(-1)
	history, err := os.ReadFile(filepath.Join(filepath.Dir(f.config), "history"))
	if string(history) != "pid\n" || err != nil {
		t.Errorf("history: got %q, %v", history, err)
	}
}

func TestAPasswordIsNotShown(t *testing.T) {
	for _, term := range []string{"xterm", "dumb"} {
		f := newFake(t, nil)
		var in atomic.Bool
		refused := ndjson.NewError(ndjson.CodeUnauthorized, "", "")
		f.set("supervisor.getVersion", func(map[string]any) any {
			if in.Load() {
				return "3.0"
			}
			return refused
		})
		f.set("system.login", func(p map[string]any) any {
			in.Store(p["username"] == "joe" && p["password"] == "secret")
			return true
		})
		v := newTerminal(t, term, "-c", f.config)
		v.expect("Username:")
		v.typeIn("joe\r")
		v.expect("Password:")
		v.awaitSilence()
		v.typeIn("secret\r")
		v.expect("idle                             STOPPED   Not started")
		v.expect("sup> ")
		v.typeIn("\x04")
		v.end(0)
		if shown := v.shown.String(); strings.Contains(shown, "secret") {
			t.Errorf("TERM=%s: the password is shown: %q", term, shown)
		}
	}
}

// awaitSilence waits until what is typed is not echoed.
func (v *terminal) awaitSilence() {
	v.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		mode, err := unix.IoctlGetTermios(int(v.slave.Fd()), unix.TCGETS)
		if err == nil && mode.Lflag&unix.ECHO == 0 {
			return
		}
		if time.Now().After(end) {
			v.t.Fatal("the terminal still echoes")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestNamesCannotMoveTheCursor(t *testing.T) {
	evil := []api.ProcessInfo{{Name: "\x1b[2J", Group: "\x1b[2J", StateName: "FATAL", Description: "\x1b]0;x\x07"}}
	f := newFake(t, map[string]any{"supervisor.getAllProcessInfo": evil})
	v := newTerminal(t, "xterm", "-c", f.config, "status", "all")
	v.expect(`\x1b[2J`)
	v.expect(`FATAL     \x1b]0;x\x07`)
	v.end(3)
	if shown := v.shown.String(); strings.Contains(shown, "\x1b") {
		t.Errorf("got %q", shown)
	}
}
