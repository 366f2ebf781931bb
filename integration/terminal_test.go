package integration

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen is a program on a terminal of its own, and all that it has shown.
type screen struct {
	t     testing.TB
	tty   *os.File // our end
	cmd   *exec.Cmd
	shown *buffer
	at    int // what was expected so far
	gone  chan struct{}
}

// onTerminal starts a program on a terminal of 100 columns.
func onTerminal(t testing.TB, env []string, name string, args ...string) *screen {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(append(os.Environ(), "TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR=1", "PATH="+binDir+":"+os.Getenv("PATH")), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	v := &screen{t: t, tty: tty, cmd: cmd, shown: &buffer{}, gone: make(chan struct{})}
	copied := make(chan struct{})
	go func() { _, _ = io.Copy(v.shown, tty); close(copied) }() // ends when the terminal does
	go func() {
		_ = cmd.Wait() // the exit status is in cmd.ProcessState
		close(v.gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-v.gone
		tty.Close()
		<-copied
	})
	return v
}

// expect waits until the terminal shows texts, one after another, behind what
// was expected before.
func (v *screen) expect(texts ...string) {
	v.t.Helper()
	for _, text := range texts {
		until(v.t, "the terminal shows "+text, func() (string, bool) {
			rest := v.shown.String()[v.at:]
			i := strings.Index(rest, text)
			if i < 0 {
				return rest, false
			}
			v.at += i + len(text)
			return rest, true
		})
	}
}

func (v *screen) typeIn(text string) {
	v.t.Helper()
	if _, err := v.tty.WriteString(text); err != nil {
		v.t.Fatal(err)
	}
}

// resize makes the window another one, as somebody does with a mouse.
func (v *screen) resize(columns uint16) {
	v.t.Helper()
	if err := pty.Setsize(v.tty, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		v.t.Fatal(err)
	}
	_ = v.cmd.Process.Signal(syscall.SIGWINCH) // the kernel's may come a little later
}

// end waits for the exit status.
func (v *screen) end(want int) {
	v.t.Helper()
	select {
	case <-v.gone:
	case <-time.After(patience):
		v.t.Fatalf("still runs; shown:\n%s", v.shown.String())
	}
	if got := v.cmd.ProcessState.ExitCode(); got != want {
		v.t.Errorf("exit status %d, want %d; shown:\n%s", got, want, v.shown.String())
	}
}

// TestACheckOnATerminalShowsNoOrders looks at a file that somebody else wrote.
func TestACheckOnATerminalShowsNoOrders(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it checks nothing")
	const orders = "\x1b[2J\x07"
	file := t.TempDir() + "/c.conf"
	writeFile(t, file, "[supervisord]\nfoo"+orders+"=1\nlogfile=/x"+orders+"/y\n[program:a"+orders+"]\ncommand=/no"+orders+"\nuser=n"+orders+"\n", 0o644)
	for _, args := range [][]string{{"--check", "-c", file}, {"-n", "-c", file}, {"--print-config", "-c", file}} {
		v := onTerminal(t, nil, program("supervisord"), args...)
		v.expect(`/x\x1b[2J\a`)
		<-v.gone
		if shown := v.shown.String(); strings.ContainsAny(shown, "\x1b\x07") {
			t.Errorf("%v: shown: %q", args, shown)
		}
	}
}
