package ctl

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// deadPID returns the pid of a process that is no more.
func deadPID(t *testing.T) int {
	t.Helper()
	p, err := os.StartProcess("/proc/self/exe", []string{"x", "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
	return p.Pid
}

// zombie returns the pid of a process that has ended, and whose parent has not asked
// for its status.
func zombie(t *testing.T) int {
	t.Helper()
	p, err := os.StartProcess("/proc/self/exe", []string{"x", "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Wait() })
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Pid
}

// stale makes a socket at which nobody listens.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestWhatTheFilesOfTheDaemonSay(t *testing.T) {
	dead, undead := deadPID(t), zombie(t)
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf("pid %d, of DIR/%%s, is not running: start supervisord", dead)
	for name, row := range map[string]struct {
		config string            // CONFIG is its path
		files  map[string]string // what they hold
		url    string            // "": unix://DIR/s.sock, which is stale
		want   []string          // the last hints
	}{
		"a pid of the configuration": {config: "[supervisord]\npidfile=%(here)s/a.pid\n", files: map[string]string{"a.pid": fmt.Sprintf("%d\n", dead), "s.pid": "1\n"}, want: []string{fmt.Sprintf(gone, "a.pid")}},
		"a pid beside the socket":    {files: map[string]string{"s.pid": fmt.Sprint(dead)}, want: []string{fmt.Sprintf(gone, "s.pid")}},
		"the usual pid file":         {files: map[string]string{"supervisord.pid": fmt.Sprint(dead)}, want: []string{fmt.Sprintf(gone, "supervisord.pid")}},
		"a pid of a zombie": {files: map[string]string{"s.pid": fmt.Sprint(undead)},
			want: []string{"replaces it when it starts", fmt.Sprintf("pid %d, of DIR/s.pid, is not running: start supervisord", undead)}},
		"a pid that is alive": {files: map[string]string{"s.pid": fmt.Sprint(os.Getpid())},
			want: []string{"the socket is there, but nobody listens", fmt.Sprintf("pid %d, of DIR/s.pid, is running, as %s, but does not listen there", os.Getpid(), strings.TrimSpace(string(comm)))}},
		"a file of something else": {files: map[string]string{"s.pid": "hello\n", "supervisord.pid": strings.Repeat("1", 100)}, want: []string{"replaces it when it starts"}},
		"another socket in the file": {config: "[unix_http_server]\nfile=%(here)s/t.sock\n",
			want: []string{"CONFIG has file=DIR/t.sock in [unix_http_server]: try -s unix://DIR/t.sock"}},
		"the same socket in the file": {config: "[unix_http_server]\nfile=%(here)s/s.sock\n", want: []string{"replaces it when it starts"}},
		"no socket, and its pid": {config: "[supervisord]\npidfile=%(here)s/a.pid\n", files: map[string]string{"a.pid": fmt.Sprint(dead)}, url: "unix://DIR/none",
			want: []string{"there is nothing of that name in DIR: supervisord does not run, or file= in its [unix_http_server] is another path", fmt.Sprintf(gone, "a.pid")}},
		"another port in the file": {config: "[inet_http_server]\nport=127.0.0.1:9001\n", url: "http://127.0.0.1:CLOSED",
			want: []string{"CONFIG has port=127.0.0.1:9001 in [inet_http_server]"}},
		"a port alone":             {config: "[inet_http_server]\nport=9001\n", url: "http://127.0.0.1:CLOSED/", want: []string{"CONFIG has port=9001 in [inet_http_server]"}},
		"the same port":            {config: "[inet_http_server]\nport=*:CLOSED\n", url: "http://127.0.0.1:CLOSED", want: []string{"has another port= or address"}},
		"a socket, and no port":    {config: "[unix_http_server]\nfile=/x/y\n", url: "http://127.0.0.1:CLOSED", want: []string{"CONFIG has no [inet_http_server], but file=/x/y in [unix_http_server]: try -s unix:///x/y"}},
		"mistakes in other places": {config: "[unix_http_server]\nfile=%(nope)s\n[supervisord]\npidfile=%(nope)s\n", want: []string{"replaces it when it starts"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			stale(t, dir+"/s.sock")
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(l.Addr().String())
			l.Close()
			fill := strings.NewReplacer("DIR", dir, "CONFIG", dir+"/c.conf", "CLOSED", port).Replace
			for file, text := range row.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if row.url == "" {
				row.url = "unix://DIR/s.sock"
			}
			if err := os.WriteFile(dir+"/c.conf", []byte("[supervisorctl]\nserverurl="+fill(row.url)+"\n"+fill(row.config)), 0o600); err != nil {
				t.Fatal(err)
			}
			got := supervisorctl(t, "", "-c", dir+"/c.conf", "status")
			lines := strings.Split(strings.TrimSuffix(got.errs, "\n"), "\n")
			if strings.Count(got.out, "\n") != 1 || got.exit != 4 || len(lines) < len(row.want) {
				t.Fatalf("got %q and %q, exit %d", got.out, got.errs, got.exit)
			}
			for i, want := range row.want {
				line := lines[len(lines)-len(row.want)+i]
				if !strings.HasPrefix(line, "  ") || !strings.HasSuffix(line, fill(want)) {
					t.Errorf("got %q, want %q", line, fill(want))
				}
			}
			var reply struct {
				Error problem
			}
			if err := json.Unmarshal([]byte(supervisorctl(t, "", "-c", dir+"/c.conf", "status", "--json").out), &reply); err != nil {
				t.Fatal(err)
			}
			if reply.Error.Hint != strings.ReplaceAll(strings.TrimPrefix(strings.Join(lines, "\n"), "  "), "\n  ", "\n") {
				t.Errorf("the hint in JSON: got %q, want %q", reply.Error.Hint, lines)
			}
		})
	}
}

func TestAPIDFileThatIsNoFileHoldsNobodyUp(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/s.pid", 0o600); err != nil {
		t.Fatal(err)
	}
	stale(t, dir+"/s.sock")
	if got := supervisorctl(t, "", "-c", newFake(t, nil).config, "-s", "unix://"+dir+"/s.sock", "pid"); got.exit != 4 {
		t.Errorf("got %q and %q, exit %d", got.out, got.errs, got.exit)
	}
}
