package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// fcgiSite is a web server before FastCGI applications, each with a socket of another
// kind.
const fcgiSite = `
[fcgi-program:local]
command=PHP -n
socket=unix://DIR/local.sock
socket_owner=www-data:www-data
socket_mode=0660
socket_backlog=64
user=www-data
process_name=%(program_name)s-%(process_num)d
numprocs=3
autorestart=true
environment=SITE="local"

[fcgi-program:network]
command=PHP -n
socket=tcp://LocalHost:FCGIPORT
user=www-data
autorestart=true
environment=SITE="network"

[fcgi-program:plain]
command=PHP -n
socket=unix://DIR/plain.sock
user=www-data
environment=SITE="plain"

[fcgi-program:private]
command=PHP -n
socket=unix://DIR/private.sock
socket_owner=root
socket_mode=0600
user=www-data
environment=SITE="private"

[group:both]
programs=grouped

[fcgi-program:grouped]
command=PHP -n
socket=unix://DIR/grouped.sock
socket_mode=0777
environment=SITE="grouped"

[program:nginx]
command=NGINX -c DIR/nginx.conf -e stderr -g 'daemon off;'
stopsignal=QUIT
redirect_stderr=true
stdout_logfile=DIR/nginx.log
`

// newFCGISite starts the site and waits until the web server answers.
func newFCGISite(t *testing.T) (s *sup, get func(path string) (string, error)) {
	t.Helper()
	needRoot(t)
	php, nginx := needProgram(t, "php-cgi"), needProgram(t, "nginx")
	port, fcgiPort := freePort(t), freePort(t)
	s = newSup(t, "")
	s.write(strings.NewReplacer("PHP", php, "NGINX", nginx, "FCGIPORT", fmt.Sprint(fcgiPort)).Replace(fcgiSite))
	if err := os.Mkdir(s.path("tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.path("index.php"), "<?php usleep(20000); echo 'php of ', getenv('SITE'), ' says ', $_GET['n'], ' as ', getmypid(); ?>\n", 0o644)
	locations := ""
	for name, pass := range map[string]string{
		"local": "unix:DIR/local.sock", "network": fmt.Sprintf("127.0.0.1:%d", fcgiPort), "plain": "unix:DIR/plain.sock",
		"private": "unix:DIR/private.sock", "grouped": "unix:DIR/grouped.sock",
	} {
		locations += fmt.Sprintf("location /%s { fastcgi_pass %s; include fcgi.conf; }\n", name, pass)
	}
	writeFile(t, s.path("fcgi.conf"), s.fill(`fastcgi_param SCRIPT_FILENAME DIR/index.php;
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param REDIRECT_STATUS 200;
`), 0o644)
	writeFile(t, s.path("nginx.conf"), s.fill(fmt.Sprintf(`user www-data;
pid DIR/nginx.pid;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path DIR/tmp/body;
	proxy_temp_path DIR/tmp/proxy;
	fastcgi_temp_path DIR/tmp/fastcgi;
	uwsgi_temp_path DIR/tmp/uwsgi;
	scgi_temp_path DIR/tmp/scgi;
	server {
		listen 127.0.0.1:%d;
		%s
	}
}
`, port, locations)), 0o644)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	get = func(path string) (string, error) {
		resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		return string(body), err
	}
	s.start()
	s.waitPID("nginx")
	return s, get
}

// ownerAndMode describes a file.
func ownerAndMode(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d %v", st.Uid, st.Gid, info.Mode())
}

func TestFastCGIApplicationsAnswer(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it leaves sockets behind, and gives none to a program in a group")
	s, get := newFCGISite(t)
	for _, name := range []string{"local", "network", "plain", "grouped"} {
		until(t, name+" answers", func() (string, bool) {
			body, err := get("/" + name + "?n=42")
			return fmt.Sprint(body, err), err == nil && strings.HasPrefix(body, "php of "+name+" says 42 as ")
		})
	}
	if body, err := get("/private?n=1"); err == nil || err.Error() != "status 502" {
		t.Errorf("the web server reached a socket that is root's alone: %q, %v", body, err)
	}
	www := credential(t, "www-data")
	for name, want := range map[string]string{
		"local.sock":   fmt.Sprintf("%d:%d Srw-rw----", www.Uid, www.Gid),
		"plain.sock":   fmt.Sprintf("%d:%d Srwx------", www.Uid, www.Gid), // those of the program
		"private.sock": "0:0 Srw-------",
		"grouped.sock": "0:0 Srwxrwxrwx",
	} {
		if got := ownerAndMode(t, s.path(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}

	// All three share one socket, and none of many requests fails.
	served, mu, all := map[string]int{}, sync.Mutex{}, sync.WaitGroup{}
	ask := func(n int) {
		for i := range n {
			all.Go(func() {
				body, err := get(fmt.Sprintf("/local?n=%d", i))
				mu.Lock()
				defer mu.Unlock()
				if err != nil || !strings.HasPrefix(body, fmt.Sprintf("php of local says %d as ", i)) {
					t.Errorf("request %d: %q, %v", i, body, err)
				}
				served[body[strings.LastIndexByte(body, ' ')+1:]]++
			})
		}
		all.Wait()
	}
	ask(60)
	if len(served) < 2 {
		t.Errorf("they were served by %v alone", served)
	}
	// The socket stays while one of them lives.
	s.must(0, "", "stop", "local:local-0", "local:local-1")
	ask(10)
	s.must(0, "", "stop", "local:local-2")
	if body, err := get("/local?n=1"); err == nil || err.Error() != "status 502" {
		t.Errorf("without a process: %q, %v", body, err)
	}
	if _, err := os.Lstat(s.path("local.sock")); !os.IsNotExist(err) {
		t.Errorf("the socket was left behind: %v", err)
	}
	s.must(0, "", "start", "local:*")
	ask(10)
	// A process that dies is replaced, and what comes meanwhile waits.
	pid := s.waitPID("network")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.waitNewPID("network", pid)
	if body, err := get("/network?n=7"); err != nil || !strings.HasPrefix(body, "php of network says 7") {
		t.Errorf("after a death: %q, %v", body, err)
	}
	s.terminate()
}

func TestSharedSocketOpensAndClosesAsTheOriginals(t *testing.T) {
	t.Parallel()
	about := regexp.MustCompile(`INFO (Creating|Closing) socket.*|INFO (spawned|success|gave up|spawnerr): .*|(INFO|WARN) (stopped|exited): \w+`)
	pid := regexp.MustCompile(`with pid \d+`)
	port := freePort(t)
	beside(t, fmt.Sprintf(`
[fcgi-program:f]
command=/bin/sleep 1000
process_name=f%%(process_num)d
numprocs=2
socket=unix://%%(here)s/f.sock
startsecs=0
autostart=false
autorestart=false
[fcgi-program:n]
command=/bin/sleep 1000
socket=tcp://localhost:%d
startsecs=0
autostart=false
[fcgi-program:m]
command=/nonexistent/x
socket=unix://%%(here)s/m.sock
startretries=1
[fcgi-program:x]
command=/bin/sh -c "exit 3"
socket=unix://%%(here)s/x.sock
startsecs=5
startretries=0
autostart=false
`, port), func(s *sup) {
		s.waitState("m", "FATAL")
		s.must(0, "f:f0: started", "start", "f:f0")
		s.must(0, "f:f1: started", "start", "f:f1")
		if conn, err := net.Dial("unix", s.path("f.sock")); err != nil {
			t.Errorf("%s: %v", s.bin, err)
		} else {
			conn.Close()
		}
		s.must(0, "f:f0: stopped", "stop", "f:f0")
		s.must(0, "f:f0: started", "start", "f:f0")
		s.must(0, "f:f1: stopped", "stop", "f:f1")
		s.must(0, "f:f0: stopped", "stop", "f:f0")
		s.must(0, "n: started", "start", "n")
		s.must(0, "n: stopped", "stop", "n")
		s.ctl("start", "x")
		s.waitState("x", "FATAL")
		s.must(0, "removed", "remove", "n")
		s.must(0, "added", "add", "n")
		s.must(0, "f:f1: started", "start", "f:f1")
	}, func(s *sup) string {
		return pid.ReplaceAllString(strings.ReplaceAll(strings.Join(about.FindAllString(s.log(), -1), "\n"), s.dir, "DIR"), "")
	})
}
