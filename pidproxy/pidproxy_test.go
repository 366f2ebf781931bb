package pidproxy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTooFewArgumentsShowTheUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"only.pid"}} {
		var out, errs bytes.Buffer
		if got := Main(args, &out, &errs); got != 1 {
			t.Errorf("%q: exit status %d, want 1", args, got)
		}
		if !strings.HasPrefix(out.String(), "pidproxy -- run command") || errs.Len() != 0 {
			t.Errorf("%q: stdout %q, stderr %q", args, out.String(), errs.String())
		}
	}
}

func TestACommandThatCannotRunIsNamedAndStillGivesZero(t *testing.T) {
	var out, errs bytes.Buffer
	missing := filepath.Join(t.TempDir(), "missing")
	if got := Main([]string{"x.pid", missing}, &out, &errs); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
	want := "pidproxy: exec " + missing + ": no such file or directory\n"
	if errs.String() != want || out.Len() != 0 {
		t.Errorf("stdout %q, stderr %q, want %q", out.String(), errs.String(), want)
	}
}

func TestReadPID(t *testing.T) {
	tests := []struct {
		name, text string
		want       int // 0: refused
	}{
		{"a number with a line end", "4711\n", 4711},
		{"a number among blanks", " \t4711 \n", 4711},
		{"an empty file", "", 0},
		{"words", "none yet", 0},
		{"zero would be our own group", "0", 0},
		{"minus one would be everybody", "-1", 0},
		{"a number too large for any pid", "99999999999999999999", 0},
		{"ourselves", fmt.Sprint(os.Getpid()), 0},
		{"a file far longer than a number", strings.Repeat("1", 1<<20), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.pid")
			if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := readPID(path)
			if got != tt.want || (err == nil) != (tt.want > 0) {
				t.Errorf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestReadPIDOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, filepath.Join(dir, "missing")} {
		if pid, err := readPID(path); err == nil {
			t.Errorf("%s: got %d, want an error", path, pid)
		}
	}
}

func FuzzReadPID(f *testing.F) {
	for _, seed := range []string{"1", " 12\n", "-5", "0x10", "1_000", "\x00", "9999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "x.pid")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if pid, err := readPID(path); err == nil && (pid <= 0 || pid == os.Getpid()) {
			t.Errorf("%q gave pid %d", text, pid)
		}
	})
}

// deadPID returns the pid of a process that was here and is gone.
func deadPID(t *testing.T) int {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	return pid
}

// serveWith runs serve on a scripted set of signals against a dead process and
// returns how long it stayed, in fake time. The command never ends by itself
// within the first minute.
func serveWith(t *testing.T, pidfile string, signals ...os.Signal) time.Duration {
	var stayed time.Duration
	synctest.Test(t, func(t *testing.T) {
		p := proxy{pidfile: pidfile, stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}
		queue := make(chan os.Signal, len(signals))
		for _, s := range signals {
			queue <- s
		}
		ended := make(chan struct{})
		go func() {
			<-time.NewTimer(time.Minute).C
			close(ended)
		}()
		begin := time.Now()
		p.serve(queue, ended)
		stayed = time.Since(begin)
		<-ended
	})
	return stayed
}

func TestHowLongItStays(t *testing.T) {
	dead := filepath.Join(t.TempDir(), "dead.pid")
	if err := os.WriteFile(dead, []byte(fmt.Sprint(deadPID(t))), 0o644); err != nil {
		t.Fatal(err)
	}
	missing := dead + ".missing"
	tests := []struct {
		name    string
		pidfile string
		signals []os.Signal
		want    time.Duration
	}{
		{"without a signal until the command ends", dead, nil, time.Minute},
		{"a hangup for a dead process changes nothing", dead, []os.Signal{syscall.SIGHUP}, time.Minute},
		{"after an end it lingers", dead, []os.Signal{syscall.SIGTERM}, linger},
		{"an interrupt ends it too", dead, []os.Signal{syscall.SIGINT}, linger},
		{"a quit ends it too", dead, []os.Signal{syscall.SIGQUIT}, linger},
		{"a second end does not linger", dead, []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, 0},
		{"a signal in between does not shorten it", dead, []os.Signal{syscall.SIGTERM, syscall.SIGUSR1}, linger},
		{"an end that reached nobody is none", missing, []os.Signal{syscall.SIGTERM}, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := serveWith(t, tt.pidfile, tt.signals...); got != tt.want {
				t.Errorf("stayed %v, want %v", got, tt.want)
			}
		})
	}
}
