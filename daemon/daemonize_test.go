package daemon

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// startCopy starts a copy of the test as supervisord, with a descriptor 3.
func startCopy(t *testing.T, third *os.File, session bool, args ...string) *os.Process {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p, err := os.StartProcess("/proc/self/exe", append([]string{os.Args[0]}, args...), &os.ProcAttr{
		Env:   append(os.Environ(), mainVariable+"=1", readyVariable+"=3"),
		Files: []*os.File{null, null, null, third},
		Sys:   &syscall.SysProcAttr{Setsid: session},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Signal(syscall.SIGTERM)
		p.Wait()
	})
	return p
}

func TestThePidFileIsThereWhenTheParentIsTold(t *testing.T) {
	for range 5 {
		dir := t.TempDir()
		file := filepath.Join(dir, "c.conf")
		writeConf(t, file)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := startCopy(t, w, true, "-c", file)
		w.Close()
		if n, err := r.Read(make([]byte, 1)); n != 1 {
			t.Fatalf("no word: %v", err)
		}
		r.Close()
		if b, err := os.ReadFile(filepath.Join(dir, "pid")); err != nil || string(b) != strconv.Itoa(p.Pid)+"\n" {
			t.Errorf("the pid file holds %q, %v", b, err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, "log"))
		settled, started, _ := strings.Cut(string(b), "daemonizing the supervisord process\n")
		if strings.Contains(settled, "started with pid") || !strings.Contains(started, "supervisord started with pid") {
			t.Errorf("the order in the log:\n%s", b)
		}
	}
}

func writeConf(t *testing.T, file string) {
	t.Helper()
	text := strings.ReplaceAll("[supervisord]\nlogfile=DIR/log\npidfile=DIR/pid\nchildlogdir=DIR\n", "DIR", filepath.Dir(file))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheReadyVariableOfSomebodyElseIsNotBelieved(t *testing.T) {
	tests := []struct {
		name    string
		session bool
		pipe    bool
		args    []string
	}{
		{"in the foreground", true, true, []string{"-n"}},
		{"in the session of another", false, true, []string{"-n"}},
		{"with another file", true, false, []string{"-n"}},
		{"that is to detach, with another file", true, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "c.conf")
			writeConf(t, file)
			third, err := os.Create(filepath.Join(dir, "third"))
			if err != nil {
				t.Fatal(err)
			}
			defer third.Close()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if tt.pipe {
				third = w
			}
			p := startCopy(t, third, tt.session, append([]string{"-c", file}, tt.args...)...)
			w.Close()
			var pid int
			eventually(t, "the pid file", func() bool {
				b, _ := os.ReadFile(filepath.Join(dir, "pid"))
				pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
				return pid != 0
			})
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			foreground := len(tt.args) > 0
			if (pid == p.Pid) != foreground || strings.Contains(string(log), "daemonizing") == foreground {
				t.Errorf("we started %d, and %d runs; log:\n%s", p.Pid, pid, log)
			}
			syscall.Kill(pid, syscall.SIGTERM)
			p.Wait()
			if word, _ := io.ReadAll(r); len(word) > 0 {
				t.Errorf("a pipe that nobody gave us got %q", word)
			}
			if st, err := os.Stat(filepath.Join(dir, "third")); err != nil || st.Size() > 0 {
				t.Errorf("a file that nobody gave us was written to: %v", err)
			}
			eventually(t, "the end", func() bool { _, err := os.Stat(filepath.Join(dir, "pid")); return os.IsNotExist(err) })
		})
	}
}
