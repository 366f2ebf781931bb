package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The launchers of two daemons that go into the background and write a pid file, as
// wrappers of databases are: each stays until its daemon has gone.
const (
	launcher = "#!/bin/sh\n%s\nuntil [ -s DIR/%[2]s.pid ]; do sleep 0.1; done\nwhile [ -e DIR/%[2]s.pid ]; do sleep 0.1; done\n"

	pidFileDaemons = `
[program:nginx]
command=PIDPROXY DIR/nginx.pid DIR/launch-nginx
stdout_logfile=DIR/nginx.out
redirect_stderr=true
startsecs=2
autostart=false
autorestart=false
[program:redis]
command=PIDPROXY DIR/redis.pid DIR/launch-redis
stdout_logfile=DIR/redis.out
redirect_stderr=true
startsecs=2
autostart=false
autorestart=false
stopsignal=INT
`
)

// readPIDFile waits for a pid file.
func (s *sup) readPIDFile(name string) int {
	s.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(waitFile(s.t, s.path(name), "\n")))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// children returns the pids of a process's children.
func children(pid int) string {
	var all []int
	for _, p := range table() {
		if p.ppid == pid {
			all = append(all, p.pid)
		}
	}
	return fmt.Sprint(all)
}

func TestPidproxyBeforeRealDaemons(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nginx, redis := needProgram(t, "nginx"), needProgram(t, "redis-server")
	port := freePort(t)
	fetch := func() string {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	about := regexp.MustCompile(`(INFO|WARN) (stopped|exited): .*`)
	beside(t, pidFileDaemons, func(s *sup) {
		t.Cleanup(func() {
			for _, name := range []string{"nginx.pid", "redis.pid"} {
				if pid, err := strconv.Atoi(strings.TrimSpace(readFile(t, s.path(name)))); err == nil {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		})
		if err := os.MkdirAll(s.path("tmp"), 0o755); err != nil {
			t.Fatal(err)
		}
		config := func(word string) {
			writeFile(t, s.path("nginx.conf"), s.fill(fmt.Sprintf(`pid DIR/nginx.pid;
error_log stderr;
events { }
http {
	access_log DIR/access.log;
	client_body_temp_path DIR/tmp/body;
	proxy_temp_path DIR/tmp/proxy;
	fastcgi_temp_path DIR/tmp/fastcgi;
	uwsgi_temp_path DIR/tmp/uwsgi;
	scgi_temp_path DIR/tmp/scgi;
	server { listen 127.0.0.1:%d; location / { return 200 "%s\n"; } }
}
`, port, word)), 0o644)
		}
		config("one")
		writeFile(t, s.path("launch-nginx"), s.fill(fmt.Sprintf(launcher, nginx+" -c DIR/nginx.conf -e stderr", "nginx")), 0o755)
		writeFile(t, s.path("launch-redis"), s.fill(fmt.Sprintf(launcher,
			redis+` --port 0 --unixsocket DIR/redis.sock --save "" --dir DIR --daemonize yes --pidfile DIR/redis.pid --logfile DIR/redis.log`, "redis")), 0o755)

		s.must(0, "nginx: started", "start", "nginx")
		until(t, "nginx answers", func() (string, bool) { body := fetch(); return body, body == "one\n" })
		master := s.readPIDFile("nginx.pid")
		workers := children(master)
		config("two")
		s.must(0, "nginx: signalled", "signal", "HUP", "nginx")
		until(t, "nginx has read its configuration again", func() (string, bool) { body := fetch(); return body, body == "two\n" })
		until(t, "nginx has other workers", func() (string, bool) {
			now := children(master)
			return workers + " and " + now, now != workers
		})
		if err := os.Rename(s.path("access.log"), s.path("access.old")); err != nil {
			t.Fatal(err)
		}
		s.must(0, "nginx: signalled", "signal", "USR1", "nginx")
		until(t, "nginx has opened its log again", func() (string, bool) { fetch(); return "", readFile(t, s.path("access.log")) != "" })
		if got := s.readPIDFile("nginx.pid"); got != master {
			t.Errorf("%s: nginx is %d, was %d", s.bin, got, master)
		}
		s.must(0, "nginx: stopped", "stop", "nginx")
		waitDead(t, master)

		s.must(0, "redis: started", "start", "redis")
		until(t, "redis answers", func() (string, bool) {
			conn, err := net.Dial("unix", s.path("redis.sock"))
			if err != nil {
				return err.Error(), false
			}
			conn.Close()
			return "", true
		})
		server := s.readPIDFile("redis.pid")
		s.must(0, "redis: stopped", "stop", "redis")
		waitDead(t, server)
		if text := readFile(t, s.path("redis.log")); !strings.Contains(text, "Received SIGINT scheduling shutdown") {
			t.Errorf("%s: redis did not get the signal:\n%s", s.bin, tail(text))
		}

		// One that ends by itself takes pidproxy with it.
		s.must(0, "redis: started", "start", "redis")
		if err := syscall.Kill(s.readPIDFile("redis.pid"), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.waitLog("exited: redis (exit status 0; expected)")
	}, func(s *sup) string {
		return strings.Join(about.FindAllString(s.log(), -1), "\n")
	})
}

func TestPidproxyThatCannotForward(t *testing.T) {
	t.Parallel()
	oursOnly(t, "a dead process in the pid file ends it with a traceback")
	s := newSup(t, `
[program:none]
command=PIDPROXY DIR/none.pid /bin/sleep 1000
stdout_logfile=DIR/none.out
stopwaitsecs=1
[program:stale]
command=PIDPROXY DIR/stale.pid /bin/sleep 1000
stdout_logfile=DIR/stale.out
[program:words]
command=PIDPROXY DIR/words.pid /bin/sleep 1000
stdout_logfile=DIR/words.out
stopwaitsecs=1
`)
	writeFile(t, s.path("stale.pid"), "4194304\n", 0o644) // no pid is as large
	writeFile(t, s.path("words.pid"), "nobody\n", 0o644)
	s.start()
	for _, name := range []string{"none", "stale", "words"} {
		s.waitPID(name)
		s.must(0, name+": signalled", "signal", "HUP", name)
	}
	for _, name := range []string{"none", "words"} {
		waitFile(t, s.path(name+".out"), s.fill("Can't read child pidfile DIR/"+name+".pid!\n"))
		s.waitState(name, "RUNNING")
		s.must(0, name+": stopped", "stop", name)
		s.waitLog("WARN killing '"+name+"'", "WARN stopped: "+name+" (terminated by SIGKILL)")
	}
	if got := readFile(t, s.path("stale.out")); got != "" {
		t.Errorf("a dead process was complained of: %q", got)
	}
	s.must(0, "stale: stopped", "stop", "stale")
	s.waitLog("INFO stopped: stale (exit status 0)")
	s.terminate()
}
