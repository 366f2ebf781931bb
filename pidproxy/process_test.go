package pidproxy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asApplet in the environment makes the test binary be the applet.
const asApplet = "PIDPROXY_TEST_APPLET"

func TestMain(m *testing.M) {
	if os.Getenv(asApplet) != "" {
		os.Unsetenv(asApplet)
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// server writes its pid file, then what it is told, and ends on TERM.
const server = `#!/bin/sh
trap 'echo term >> said; exit 7' TERM
trap 'echo hup >> said' HUP
trap 'echo usr1 >> said' USR1
trap 'echo usr2 >> said' USR2
echo $$ > server.pid
echo ready >> said
while :; do sleep 0.02; done
`

// applet is a running pidproxy and the directory that it runs in.
type applet struct {
	*exec.Cmd
	dir string
}

func launch(t *testing.T, args ...string) *applet {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "server.sh"), []byte(server), 0o755); err != nil {
		t.Fatal(err)
	}
	// A file, not a pipe: whoever outlives the applet must not keep us waiting.
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	a := &applet{exec.Command(os.Args[0], args...), dir}
	a.Dir, a.Stdout, a.Stderr = dir, out, out
	a.Env = append(os.Environ(), asApplet+"=1")
	a.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-a.Process.Pid, syscall.SIGKILL)
		a.Wait()
	})
	return a
}

// output is what the applet and its command have written.
func (a *applet) output(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (a *applet) send(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := a.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// until waits for the server to have said exactly the words.
func (a *applet) until(t *testing.T, words ...string) {
	t.Helper()
	a.untilFile(t, "said", strings.Join(words, "\n")+"\n")
}

// untilOutput waits for exactly the text as output.
func (a *applet) untilOutput(t *testing.T, want string) {
	t.Helper()
	a.untilFile(t, "out", want)
}

func (a *applet) untilFile(t *testing.T, name, want string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, _ := os.ReadFile(filepath.Join(a.dir, name))
		if string(got) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s holds %q, want %q", name, got, want)
		}
		<-time.NewTimer(5 * time.Millisecond).C
	}
}

// status waits for the applet's end.
func (a *applet) status(t *testing.T) int {
	t.Helper()
	err := a.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return a.ProcessState.ExitCode()
}

func TestSignalsReachTheProcessOfThePidFile(t *testing.T) {
	a := launch(t, "server.pid", "./server.sh")
	a.until(t, "ready")
	a.send(t, syscall.SIGHUP)
	a.until(t, "ready", "hup")
	a.send(t, syscall.SIGUSR1)
	a.until(t, "ready", "hup", "usr1")
	a.send(t, syscall.SIGUSR2)
	a.until(t, "ready", "hup", "usr1", "usr2")
	a.send(t, syscall.SIGTERM)
	if got := a.status(t); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	a.until(t, "ready", "hup", "usr1", "usr2", "term")
}

func TestItEndsWithItsCommandAndAtOnce(t *testing.T) {
	begin := time.Now()
	a := launch(t, "no.pid", "/bin/sh", "-c", "echo done; exit 3")
	if got := a.status(t); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	if a.output(t) != "done\n" {
		t.Errorf("output %q", a.output(t))
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestNoSearchAlongThePath(t *testing.T) {
	a := launch(t, "no.pid", "sh", "-c", "echo ran")
	if got := a.status(t); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	if want := "pidproxy: exec " + filepath.Join(a.dir, "sh") + ": no such file or directory\n"; a.output(t) != want {
		t.Errorf("output %q, want %q", a.output(t), want)
	}
}

func TestAnUnreadablePidFileIsReportedAndSurvived(t *testing.T) {
	a := launch(t, "no.pid", "./server.sh")
	a.until(t, "ready")
	const line = "Can't read child pidfile no.pid!\n"
	a.send(t, syscall.SIGTERM)
	a.untilOutput(t, line)
	a.send(t, syscall.SIGHUP) // there to answer: the end that reached nobody was none
	a.untilOutput(t, line+line)

	pid, err := readPID(filepath.Join(a.dir, "server.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := a.status(t); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
}

func TestADeadProcessInThePidFileIsSurvived(t *testing.T) {
	a := launch(t, "dead.pid", "./server.sh")
	a.until(t, "ready")
	dead := filepath.Join(a.dir, "dead.pid")
	if err := os.WriteFile(dead, fmt.Append(nil, deadPID(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	a.send(t, syscall.SIGHUP)
	a.send(t, syscall.SIGTERM)
	a.send(t, syscall.SIGINT)
	if got := a.status(t); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	if got := a.output(t); got != "" {
		t.Errorf("output %q, want none", got)
	}
}
