package daemon

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/output"
)

// socketOf returns the name of the socket that a process has as descriptor 0.
func socketOf(t *testing.T, p api.ProcessInfo) string {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", p.PID))
	if err != nil || !strings.HasPrefix(name, "socket:[") {
		t.Fatalf("descriptor 0 of %s is %q: %v", p.Name, name, err)
	}
	return name
}

// listens tells whether a connection to a UNIX socket is taken.
func listens(path string) bool {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// logged returns the lines of the activity log that contain any of the words,
// without their dates and levels.
func (s *supervisor) logged(words ...string) string {
	var out []string
	for _, line := range strings.Split(s.read(s.log), "\n") {
		for _, w := range words {
			if strings.Contains(line, w) {
				out = append(out, strings.SplitN(line, " ", 4)[3])
				break
			}
		}
	}
	return strings.Join(out, "\n")
}

func TestProcessesOfAnFCGIProgramShareASocket(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "f.sock")
	s := supervise(t, `[fcgi-program:f]
command=/bin/sleep 1000
process_name=%(process_num)d
numprocs=2
startsecs=0
socket=unix://`+sock+`
socket_mode=0750
`)
	zero, one := s.waitFor("f:0", "RUNNING"), s.waitFor("f:1", "RUNNING")
	if a, b := socketOf(t, zero), socketOf(t, one); a != b {
		t.Errorf("one has %s, the other %s", a, b)
	}
	st, err := os.Stat(sock)
	if err != nil || st.Mode() != os.ModeSocket|0o750 {
		t.Errorf("got %v, %v", st, err)
	}
	s.faults(api.SendProcessStdin{Name: "f:0", Chars: "x"}, api.NoFile)

	s.call(api.StopProcess{Name: "f:0", Wait: true})
	if !listens(sock) {
		t.Error("nobody listens while one process is left")
	}
	s.call(api.StartProcess{Name: "f:0", Wait: true})
	if a, b := socketOf(t, s.info("f:0")), socketOf(t, one); a != b {
		t.Errorf("the restarted one has %s, the other %s", a, b)
	}
	s.call(api.StopProcessGroup{Name: "f", Wait: true})
	if _, err := os.Lstat(sock); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
	s.call(api.StartProcess{Name: "f:1", Wait: true})
	if !listens(sock) {
		t.Error("nobody listens after a start")
	}
}

func TestAnFCGIProgramKeepsItsSocketInAGroup(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "f.sock")
	s := supervise(t, `[fcgi-program:f]
command=/bin/sleep 1000
startsecs=0
socket=unix://`+sock+`
[program:p]
command=/bin/cat
startsecs=0
[group:g]
programs=p,f
[group:h]
programs=f
`)
	s.waitFor("g:p", "RUNNING")
	// The section has one socket, wherever its program runs.
	if a, b := socketOf(t, s.waitFor("g:f", "RUNNING")), socketOf(t, s.waitFor("h:f", "RUNNING")); a != b {
		t.Errorf("one has %s, the other %s", a, b)
	}
	s.call(api.SendProcessStdin{Name: "g:p", Chars: "x"})
	s.faults(api.SendProcessStdin{Name: "g:f", Chars: "x"}, api.NoFile)
}

func TestASocketOfOneEndsBetweenTwoLives(t *testing.T) {
	dir := t.TempDir()
	s := supervise(t, `[fcgi-program:f]
command=/bin/sh -c "test -e `+dir+`/once && exec sleep 1000; touch `+dir+`/once"
startsecs=0
autorestart=true
socket=unix://`+dir+`/f.sock
[fcgi-program:lost]
command=/nonexistent/x
startretries=0
socket=unix://`+dir+`/lost.sock
`)
	s.waitFor("lost", "FATAL")
	eventually(t, "the second life", func() bool { return strings.Count(s.logged("spawned: 'f'"), "\n") == 1 })
	s.call(api.StopProcess{Name: "f", Wait: true})
	f, lost := "socket unix://"+dir+"/f.sock", "socket unix://"+dir+"/lost.sock"
	for _, c := range []struct{ got, want string }{
		{s.logged(f), strings.Repeat("Creating "+f+"\nClosing "+f+"\n", 2)},
		{s.logged(lost), "Creating " + lost + "\nClosing " + lost + "\n"},
	} {
		if c.got+"\n" != c.want {
			t.Errorf("got:\n%s\nwant:\n%s", c.got, c.want)
		}
	}
}

func TestASocketThatCannotBeMadeIsASpawnError(t *testing.T) {
	dir := t.TempDir()
	s := supervise(t, `[fcgi-program:f]
command=/bin/sleep 1000
startsecs=0
startretries=1
socket=unix://`+dir+`/missing/f.sock
`)
	want := "Could not create FastCGI socket unix://" + dir + "/missing/f.sock: [Errno 2] No such file or directory"
	if p := s.waitFor("f", "BACKOFF"); p.SpawnErr != want {
		t.Errorf("got %q, want %q", p.SpawnErr, want)
	}
	if p := s.waitFor("f", "FATAL"); p.SpawnErr != want {
		t.Errorf("got %q, want %q", p.SpawnErr, want)
	}
	if err := os.Mkdir(filepath.Join(dir, "missing"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.call(api.StartProcess{Name: "f", Wait: true})
	socketOf(t, s.info("f"))
}

func TestAGroupIsAddedOnlyIfItsSocketsCanBeMade(t *testing.T) {
	dir := t.TempDir()
	s := supervise(t, "")
	sock := filepath.Join(dir, "f.sock")
	s.write(filepath.Join(s.dir, "supervisord.conf"), "[supervisord]\nchildlogdir="+s.dir+
		"\n[fcgi-program:f]\ncommand=/bin/sleep 1000\nstartsecs=0\nsocket=unix://"+sock+"\n")
	s.call(api.ReloadConfig{})
	s.write(sock, "precious")
	f := s.faults(api.AddProcessGroup{Name: "f"}, api.Failed)
	if want := "Could not create FastCGI socket unix://" + sock + ": " + sock + " exists and is not a socket; it was left alone"; f.Detail != want {
		t.Errorf("got %q, want %q", f.Detail, want)
	}
	s.faults(api.GetProcessInfo{Name: "f"}, api.BadName)
	if got := s.read(sock); got != "precious" {
		t.Errorf("the file holds %q", got)
	}
	if err := os.Remove(sock); err != nil {
		t.Fatal(err)
	}
	s.call(api.AddProcessGroup{Name: "f"})
	socketOf(t, s.waitFor("f", "RUNNING"))
	want := strings.TrimSuffix(strings.Repeat("Creating socket unix://"+sock+"\nClosing socket unix://"+sock+"\n", 2), "\n")
	want = strings.Replace(want, "\nClosing socket unix://"+sock, "", 1) + "\nCreating socket unix://" + sock
	if got := s.logged("socket unix"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestASecondSupervisorDoesNotTakeALiveSocket is about a supervisor that is
// started by mistake and has no control socket that would stop it.
func TestASecondSupervisorDoesNotTakeALiveSocket(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "f.sock")
	program := "[fcgi-program:f]\ncommand=/bin/sleep 1000\nstartsecs=0\nsocket=unix://" + sock + "\n"
	s := supervise(t, program)
	s.waitFor("f", "RUNNING")
	file := filepath.Join(t.TempDir(), "second.conf")
	s.write(file, "[supervisord]\n"+program)
	cfg, err := conf.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	second := newHost(cfg, &journal{level: conf.Critical}, &outputs{}, past{})
	want := "Could not create FastCGI socket unix://" + sock + ": another program listens on " + sock
	if err := second.tryAtBoot(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !listens(sock) {
		t.Error("nobody listens any more")
	}
	s.call(api.StopProcess{Name: "f", Wait: true})
	if err := second.tryAtBoot(); err != nil {
		t.Errorf("with the first one gone: %v", err)
	}
}

// TestABootWithoutItsSocketEndsBeforeItBegins also checks that nothing is
// touched before it: the automatic logs may be a running supervisor's.
func TestABootWithoutItsSocketEndsBeforeItBegins(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "supervisord.conf")
	auto := filepath.Join(dir, "f-stdout---supervisor-abcdefgh.log")
	for path, text := range map[string]string{file: `[supervisord]
nodaemon=true
silent=true
loglevel=debug
logfile=` + dir + `/supervisord.log
pidfile=` + dir + `/supervisord.pid
childlogdir=` + dir + `
[unix_http_server]
file=` + dir + `/control.sock
[fcgi-program:f]
command=/bin/sleep 1000
socket=unix://` + dir + `/missing/f.sock
`, auto: "kept"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stderr strings.Builder
	d := &daemon{argv0: "supervisord", path: file, opts: &options{}, stderr: &stderr, limited: true,
		outputs: &outputs{stdout: output.NewStream(1), stderr: output.NewStream(2), poller: output.NewPoller()}}
	cfg, err := d.load()
	if err != nil {
		t.Fatal(err)
	}
	code := d.serve(cfg)
	if code != 2 {
		t.Errorf("got code %d", code)
	}
	want := "Error: Could not create FastCGI socket unix://" + dir + "/missing/f.sock: [Errno 2] No such file or directory\n" +
		"For help, use supervisord -h\n"
	if got := stderr.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	for _, name := range []string{"control.sock", "supervisord.pid"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
	if stale, err := logfile.StaleAuto(dir, "supervisor"); err != nil || !slices.Equal(stale, []string{auto}) {
		t.Errorf("automatic logs that a later boot would remove: %q, %v", stale, err)
	}
}
