package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// The program that speaks TLS for supervisorctl must be no matter for anybody
// but supervisorctl.
func TestTheProgramBehindHTTPS(t *testing.T) {
	oursOnly(t, "it has no https")
	needProgram(t, "openssl")
	s := newSup(t, webConf).start()
	a := newAuthority(t)
	later := time.Now().Add(time.Hour)
	one := "https://localhost:" + a.serve(t, s.path("s.sock"), "", "localhost", later)
	two := "https://localhost:" + a.serve(t, s.path("s.sock"), "/two", "localhost", later) + "/two"
	command := func(args ...string) *exec.Cmd {
		cmd := s.ctlCommand(args...)
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+a.file)
		return cmd
	}

	t.Run("a log of a megabyte comes as it is", func(t *testing.T) {
		var text strings.Builder
		for i := 0; text.Len() < 1<<20; i++ {
			fmt.Fprintf(&text, "%c %d \xff\n", "QRBkK"[i%5], i)
		}
		writeFile(t, s.path("cat.log"), text.String(), 0o644)
		if r := runCommand(t, command("-s", one, "tail", fmt.Sprintf("-%d", text.Len()), "cat")); r.out != text.String() && r.out != text.String()+"\n" {
			t.Errorf("exit status %d, %d bytes of %d, %.200q", r.code, len(r.out), text.Len(), r.err)
		}
	})
	t.Run("several servers at once", func(t *testing.T) {
		r := runCommand(t, command("-s", one, "-s", two, "-s", one+"/none", "pid"))
		if strings.Count(r.out, fmt.Sprintln(s.pid)) != 2 || !strings.Contains(r.out, "/none") || r.code == 0 {
			t.Errorf("exit status %d, %s", r.code, r.all())
		}
	})
	t.Run("it is not there", func(t *testing.T) {
		cmd := command("-s", one, "pid")
		cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
		r := runCommand(t, cmd)
		if r.code != 1 || r.out != "error: "+one+" cannot be reached: https:// needs the program openssl, which is not on PATH\n" || !strings.HasPrefix(r.err, "  install it (on Debian the package openssl)") {
			t.Errorf("exit status %d, %s", r.code, r.all())
		}
	})
	for name, end := range map[string]func(*exec.Cmd, *os.File){
		"Ctrl-C":  func(_ *exec.Cmd, keys *os.File) { keys.WriteString("\x03") },
		"SIGKILL": func(cmd *exec.Cmd, _ *os.File) { cmd.Process.Kill() },
		"SIGHUP":  func(cmd *exec.Cmd, _ *os.File) { cmd.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run("it ends with us: "+name, func(t *testing.T) {
			writeFile(t, s.path("cat.log"), "some words\n", 0o644)
			cmd := command("-s", one, "tail", "-f", "cat")
			terminal, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill(); terminal.Close() })
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			out := &buffer{}
			read := make(chan struct{})
			go func() {
				defer close(read)
				buf := make([]byte, 4096)
				for {
					n, err := terminal.Read(buf)
					out.Write(buf[:n])
					if err != nil {
						return
					}
				}
			}()
			until(t, "the log", func() (string, bool) { return out.String(), strings.Contains(out.String(), "some words") })
			var pids []string
			until(t, "there is a program", func() (string, bool) {
				pids = nil
				files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
				for _, file := range files {
					text, _ := os.ReadFile(file)
					pids = append(pids, strings.Fields(string(text))...)
				}
				return fmt.Sprint(pids), len(pids) > 0
			})
			end(cmd, terminal)
			select {
			case err = <-done:
			case <-time.After(patience):
				t.Fatalf("it does not end: %q", out)
			}
			if name == "Ctrl-C" {
				<-read
				if err != nil || strings.Contains(out.String(), "rror") || strings.Contains(out.String(), "DONE") {
					t.Errorf("%v: %q", err, out)
				}
			}
			for _, pid := range pids {
				until(t, "openssl is gone", func() (string, bool) {
					stat, err := os.ReadFile("/proc/" + pid + "/stat")
					return string(stat), err != nil || strings.Contains(string(stat), ") Z ")
				})
			}
		})
	}
	if err := syscall.Kill(s.pid, 0); err != nil {
		t.Errorf("supervisord: %v", err)
	}
}
