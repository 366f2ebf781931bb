package daemon

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/proc/output"
)

// life is a daemon of several lives, in this process.
type life struct {
	t       *testing.T
	dir     string
	daemon  *daemon
	signals chan os.Signal
	code    chan int
}

// live starts a daemon in the foreground. DIR stands for a directory of its own.
func live(t *testing.T, text string) *life {
	t.Helper()
	dir, err := os.MkdirTemp("", "life") // short enough for a socket, and open to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l := &life{t: t, dir: dir, signals: make(chan os.Signal, 4), code: make(chan int, 1)}
	if err := os.Mkdir(l.path("sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	l.write(text)
	l.daemon = &daemon{
		argv0: "supervisord", path: l.path("c.conf"), opts: &options{}, signals: l.signals, limited: true, stderr: new(strings.Builder),
		outputs: &outputs{stdout: output.NewStream(1), stderr: output.NewStream(2), poller: output.NewPoller(), syslog: output.NewSyslog(l.path("no-syslog"))},
	}
	cfg, err := l.daemon.load()
	if err != nil {
		t.Fatal(err)
	}
	go func() { l.code <- l.daemon.serve(cfg) }()
	return l
}

func (l *life) path(name string) string { return filepath.Join(l.dir, name) }

func (l *life) write(text string) {
	l.t.Helper()
	text = "[supervisord]\nnodaemon=true\nsilent=true\nuser=root\nlogfile=DIR/log\npidfile=DIR/pid\nchildlogdir=DIR\n" + text
	if err := os.WriteFile(l.path("c.conf"), []byte(strings.ReplaceAll(text, "DIR", l.dir)), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// waitLog waits until the log holds a text so many times.
func (l *life) waitLog(times int, text string) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("%d times in the log: %s", times, text), func() bool {
		b, _ := os.ReadFile(l.path("log"))
		return strings.Count(string(b), text) == times
	})
}

// end ends the daemon in order.
func (l *life) end() {
	l.t.Helper()
	l.signals <- syscall.SIGTERM
	if code := <-l.code; code != 0 {
		l.t.Errorf("ended with %d", code)
	}
}

const sleeper = "[program:a]\ncommand=/bin/sleep 1000\nstartsecs=0\n"

func TestARestartThatCannotWorkIsRefused(t *testing.T) {
	l := live(t, sleeper)
	l.waitLog(1, "success: a")
	if err := os.Chmod(l.dir, 0o755); err != nil { // root's alone to write
		t.Fatal(err)
	}
	const user = "user=nobody\nlogfile=DIR/sub/log\n"
	tests := []struct{ name, text, want string }{
		{"a log that is a directory", "logfile=DIR/sub\n", "open log"},
		{"a log that its user cannot write", "user=nobody\n", "permission denied"},
		{"a socket in a directory of somebody else", user + "[unix_http_server]\nfile=DIR/s.sock\n", "make a socket in the directory"},
		{"a socket in no directory", "[unix_http_server]\nfile=DIR/none/s.sock\n", "no such file"},
		{"an address of another machine", "[inet_http_server]\nport=192.0.2.1:9001\nallow_unauthenticated=true\n", "is no address of this machine"},
		{"a shared socket in no directory", "[fcgi-program:f]\ncommand=/bin/true\nsocket=unix://DIR/none/f\n", "[fcgi-program:f]: make a socket"},
	}
	if err := os.Chmod(l.path("sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		l.write(tt.text + sleeper)
		l.signals <- syscall.SIGHUP
		l.waitLog(i+1, "CRIT the restart is refused")
		b, _ := os.ReadFile(l.path("log"))
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, tt.want) {
			t.Errorf("%s: no %q in %q", tt.name, tt.want, last)
		}
	}
	l.waitLog(0, "stopped: a")
	if _, err := os.Lstat(l.path("sub/log")); !os.IsNotExist(err) {
		t.Errorf("the trial left a log behind: %v", err)
	}
	l.write(sleeper)
	l.signals <- syscall.SIGHUP // and this one works
	l.waitLog(2, "success: a")
	l.end()
}

func TestARestartThatFailsGoesBackToTheConfigurationBefore(t *testing.T) {
	l := live(t, sleeper)
	l.waitLog(1, "success: a")
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	server := fmt.Sprintf("[inet_http_server]\nport=127.0.0.1:%d\n", other.Addr().(*net.TCPAddr).Port)
	l.write(server + sleeper)
	l.signals <- syscall.SIGHUP
	l.waitLog(2, "success: a")
	l.waitLog(1, "CRIT the restart failed, going back to the configuration before it: Another program is already listening")
	l.write("logfile=DIR/log2\n" + server + sleeper)
	l.signals <- syscall.SIGHUP // the new log is open when it fails
	l.waitLog(3, "success: a")
	l.waitLog(2, "CRIT the restart failed")
	if b, err := os.ReadFile(l.path("log2")); !strings.Contains(string(b), "CRIT the restart failed") {
		t.Errorf("the new log holds %q, %v", b, err)
	}
	other.Close()
	l.write(server + sleeper)
	l.signals <- syscall.SIGHUP
	l.waitLog(4, "success: a")
	l.waitLog(2, "CRIT the restart failed")
	l.end()
}

func TestTheLogStaysOpenUntilTheNextIs(t *testing.T) {
	d := &daemon{outputs: &outputs{}, again: true}
	dir := t.TempDir()
	log := func(name string) *conf.Config {
		return &conf.Config{Server: conf.Server{Logfile: filepath.Join(dir, name), LogfileSet: true}}
	}
	if err := d.openJournal(log("one")); err != nil {
		t.Fatal(err)
	}
	if err := d.openJournal(log(".")); err == nil {
		t.Fatal("a directory was opened as a log")
	}
	d.journal.log(conf.Critical, "it failed")
	d.back = true
	if err := d.openJournal(log(".")); err != nil {
		t.Errorf("on the way back: %v", err)
	}
	d.journal.log(conf.Critical, "and goes on")
	if b, _ := os.ReadFile(filepath.Join(dir, "one")); !strings.Contains(string(b), "failed\n") || !strings.Contains(string(b), "on\n") {
		t.Errorf("the log holds %q", b)
	}
	if err := d.openJournal(log("two")); err != nil {
		t.Fatal(err)
	}
	d.journal.close()
}
