package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/ctl/api"
)

// fakeGetent puts a getent into the PATH, ahead of the machine's.
func fakeGetent(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "getent"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestGetentBeforeThereIsASupervisor(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         string // the answer, the status and the error
	}{
		{"an answer", `echo "$@"; echo "$LC_ALL"; cat`, `"passwd x\nC\n" 0 <nil>`},
		{"no such entry", `exit 2`, `"" 2 <nil>`},
		{"an answer of which not all is read", `echo a; exit 3`, `"a\n" 3 <nil>`},
		{"one that dies", `kill -9 $$`, `"" 0 terminated by SIGKILL`},
		{"one that hangs", `exec sleep 1000`, `"" 0 not done after 500ms, and killed`},
		{"one that says too much", `exec yes`, `"" 0 the answer has more than 4194304 bytes`},
		{"one that leaves somebody behind", `sleep 1000 & echo $! >` + "PID" + `; echo a`, `"a\n" 0 <nil>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pid := filepath.Join(t.TempDir(), "pid")
			fakeGetent(t, strings.ReplaceAll(tt.script, "PID", pid))
			before := openFiles(t)
			q := newQuestion([]string{"passwd", "x"})
			if strings.Contains(tt.want, "500ms") {
				q.patience = 500 * time.Millisecond
			}
			text, status, err := q.askAlone()
			if got := fmt.Sprintf("%q %d %v", text, status, err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if now := openFiles(t); now > before {
				t.Errorf("%d descriptors are open, %d were", now, before)
			}
			if left, err := os.ReadFile(pid); err == nil {
				var n int
				fmt.Sscan(string(left), &n)
				syscall.Kill(n, syscall.SIGKILL)
				eventually(t, "the end of who was left", func() bool { // it may be ours by now
					got, err := syscall.Wait4(n, nil, syscall.WNOHANG, nil)
					return got == n || err == syscall.ECHILD
				})
			}
		})
	}
	t.Run("no such tool", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, _, err := getentAlone("passwd", "x"); err == nil || err.Error() != "can't find command 'getent'" {
			t.Errorf("got %v", err)
		}
	})
}

func TestGetentIsFoundInAbsoluteDirectoriesAlone(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	if err := os.Mkdir("bin", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"getent", "bin/getent"} {
		if err := os.WriteFile(file, []byte("#!/bin/sh\necho planted\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	system := t.TempDir()
	if err := os.WriteFile(filepath.Join(system, "getent"), []byte("#!/bin/sh\necho found\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, before string }{
		{"alone", ""}, {"behind an empty entry", ":"}, {"behind the current directory", ".:"}, {"behind one below it", "bin:./bin:"},
		{"behind one that climbs", "../" + filepath.Base(here) + ":"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("PATH", tt.before+system)
			if text, _, err := getentAlone("passwd", "x"); text != "found\n" || err != nil {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
	t.Run("nothing else is there", func(t *testing.T) {
		t.Setenv("PATH", ".::bin")
		if text, _, _ := getentAlone("passwd", "x"); text == "planted\n" {
			t.Errorf("got %q", text)
		}
	})
}

func TestGetentDoesNotHearOurSecrets(t *testing.T) {
	fakeGetent(t, "tr '\\0' '\\n' </proc/$$/environ\n")
	t.Setenv("DATABASE_PASSWORD", "secret")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("LD_LIBRARY_PATH", "/nonexistent")
	text, _, err := getentAlone("passwd", "x")
	want := "LC_ALL=C\nPATH=" + os.Getenv("PATH") + "\nLD_LIBRARY_PATH=/nonexistent\n"
	if text != want || err != nil {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}

// TestGetentBesideASupervisor has the supervisor's own table run it: its children are
// nobody's orphans, and those of the programs stay theirs.
func TestGetentBesideASupervisor(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	fakeGetent(t, `case $2 in hang) echo $$ >`+pid+`; exec sleep 1000;; esac; echo "$2:*:7001:7000::/:/bin/sh"`)
	s := supervise(t, "[program:busy]\ncommand=/bin/sh -c 'exit 0'\nautorestart=true\nstartsecs=0\n")
	for i := range 50 {
		name := fmt.Sprint("user", i)
		if text, status, err := s.host.getent("passwd", name); err != nil || status != 0 || text != name+":*:7001:7000::/:/bin/sh\n" {
			t.Fatalf("got %q, %d, %v", text, status, err)
		}
	}
	if log := s.read(s.log); strings.Contains(log, "reaped unknown pid") || strings.Contains(log, "nobody knows") {
		t.Error("a getent was taken for somebody else's")
	}

	// Nobody waits for one that hangs; whoever asks hears when the supervisor ends.
	answered := make(chan error, 1)
	go func() {
		_, _, err := s.host.getent("passwd", "hang")
		answered <- err
	}()
	starts := func() int { return strings.Count(s.read(s.log), "spawned: 'busy'") }
	eventually(t, "one that hangs", func() bool { return strings.HasSuffix(s.read(pid), "\n") })
	before := starts()
	eventually(t, "restarts beside it", func() bool { return starts() > before })
	s.call(api.Shutdown{})
	select {
	case err := <-answered:
		if err == nil || err.Error() != "supervisord is about to leave" {
			t.Errorf("got %v", err)
		}
	case <-time.After(patience):
		t.Error("it hangs over the end of the supervisor")
	}
	var left int
	fmt.Sscan(s.read(pid), &left)
	eventually(t, "the end of what hangs", func() bool {
		got, err := syscall.Wait4(left, nil, syscall.WNOHANG, nil)
		return got == left || err == syscall.ECHILD
	})
}
