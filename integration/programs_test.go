package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// site is a small site as one image carries it: a web server before an
// application server, a cache, a database and workers, all under one daemon.
type site struct {
	*sup
	nginx, fpm, redis, postgres string // the programs
	psql, initdb                string
	port                        int
	client                      *http.Client
}

const siteConf = `
; the daemon itself
[supervisord]
user=root
environment=APP_ENV="production",APP_KEY="a,b=c"

[group:web]
programs=php-fpm,nginx
priority=200

[program:nginx]
command=NGINX -c DIR/nginx.conf -e stderr -g 'daemon off;'
priority=20
autorestart=true
stopsignal=QUIT
stdout_logfile=DIR/access.log
stdout_logfile_maxbytes=20KB
stdout_logfile_backups=100
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0

[program:php-fpm]
command=FPM --nodaemonize --allow-to-run-as-root --force-stderr --fpm-config DIR/fpm.conf
priority=10
autorestart=true
stopsignal=QUIT
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0

[program:redis]
command=REDIS --port 0 --unixsocket DIR/redis.sock --save "" --appendonly no --dir DIR/redis --daemonize no
user=USER
priority=50
autorestart=true
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true

[program:postgres]
command=POSTGRES -D DIR/pg -c listen_addresses='' -c unix_socket_directories=DIR/pgrun -c fsync=off
user=postgres
directory=DIR/pg
environment=PGTZ="UTC"
priority=10
autorestart=true
startretries=20
stopsignal=INT
stopwaitsecs=60
redirect_stderr=true
stdout_logfile=DIR/postgres.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=2

[program:worker]
command=/bin/sh -c "TESTPROG lines %(process_num)02d 20000 60 & wait"
process_name=%(program_name)s_%(process_num)02d
numprocs=2
priority=900
autorestart=unexpected
stopasgroup=true
startsecs=2
environment=QUEUE="default"
stdout_logfile=DIR/%(program_name)s_%(process_num)02d.log
stdout_logfile_maxbytes=50KB
stdout_logfile_backups=100
stderr_logfile=DIR/%(program_name)s_%(process_num)02d.err

[program:cron]
command=/bin/sh -c "while true; do echo tick; sleep 1; done"
user=nobody
priority=950
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stderr_logfile=NONE
`

func newSite(t *testing.T) *site {
	t.Helper()
	needRoot(t)
	s := &site{
		nginx:    needProgram(t, "nginx"),
		fpm:      needProgram(t, "php-fpm", "/usr/sbin/php-fpm[0-9]*"),
		redis:    needProgram(t, "redis-server"),
		postgres: needProgram(t, "/usr/lib/postgresql/*/bin/postgres"),
		port:     freePort(t),
	}
	s.initdb = filepath.Join(filepath.Dir(s.postgres), "initdb")
	s.psql = filepath.Join(filepath.Dir(s.postgres), "psql")
	s.sup = newSup(t, "")
	// Left-over processes of programs that rewrite their own environment are
	// found by their place below the daemon; see kindred.
	text := strings.NewReplacer("NGINX", s.nginx, "FPM", s.fpm, "REDIS", s.redis, "POSTGRES", s.postgres, "USER", "nobody").Replace(siteConf)
	s.write(text)

	for _, dir := range []string{"www", "redis", "pg", "pgrun", "tmp"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	chown(t, "nobody", s.path("redis"), s.dir)
	chown(t, "postgres", s.path("pg"), s.path("pgrun"))
	writeFile(t, s.path("www/index.php"), "<?php echo 'php ', getenv('APP_ENV'), ' ', $_GET['n'], ' ', getmypid(); ?>\n", 0o644)
	writeFile(t, s.path("fpm.conf"), s.fill(`[global]
error_log = /dev/stderr
[www]
listen = DIR/fpm.sock
listen.owner = www-data
user = www-data
group = www-data
clear_env = no
pm = static
pm.max_children = 2
`), 0o644)
	writeFile(t, s.path("nginx.conf"), s.fill(fmt.Sprintf(`user www-data;
worker_processes 2;
pid DIR/nginx.pid;
events { worker_connections 64; }
http {
	log_format n '$arg_n $status';
	access_log /dev/stdout n;
	client_body_temp_path DIR/tmp/body;
	proxy_temp_path DIR/tmp/proxy;
	fastcgi_temp_path DIR/tmp/fastcgi;
	uwsgi_temp_path DIR/tmp/uwsgi;
	scgi_temp_path DIR/tmp/scgi;
	server {
		listen 127.0.0.1:%d;
		root DIR/www;
		location = /still { return 200 "still\n"; }
		location / {
			access_log off;
			fastcgi_pass unix:DIR/fpm.sock;
			fastcgi_param SCRIPT_FILENAME DIR/www/index.php;
			fastcgi_param QUERY_STRING $query_string;
			fastcgi_param REQUEST_METHOD $request_method;
		}
	}
}
`, s.port)), 0o644)
	initdb := exec.Command(s.initdb, "-D", s.path("pg"), "-A", "trust", "-U", "postgres", "-N", "--locale=C")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: credential(t, "postgres")}
	initdb.Dir = "/"
	if r := runCommand(t, initdb); r.code != 0 {
		t.Fatalf("initdb: %s", r.all())
	}
	s.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	return s
}

func credential(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("user %+v", u)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func chown(t *testing.T, name string, paths ...string) {
	t.Helper()
	c := credential(t, name)
	for _, path := range paths {
		if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (s *site) get(path string) (string, error) {
	resp, err := s.client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	return string(body), err
}

// served waits until each of the services answers a real request.
func (s *site) served() {
	s.t.Helper()
	until(s.t, "nginx and php-fpm serve a page", func() (string, bool) {
		s.running()
		body, err := s.get("/?n=5")
		return fmt.Sprint(body, err), err == nil && strings.HasPrefix(body, "php production 5 ")
	})
	until(s.t, "redis answers PING", func() (string, bool) {
		conn, err := net.Dial("unix", s.path("redis.sock"))
		if err != nil {
			return err.Error(), false
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
			return err.Error(), false
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		return fmt.Sprint(line, err), line == "+PONG\r\n"
	})
	until(s.t, "postgres answers a query", func() (string, bool) {
		cmd := exec.Command(s.psql, "-h", s.path("pgrun"), "-U", "postgres", "-Atc", "select 40+2")
		cmd.Dir = "/"
		r := runCommand(s.t, cmd)
		return r.all(), r.code == 0 && r.out == "42\n"
	})
}

var siteNames = []string{"web:nginx", "web:php-fpm", "redis", "postgres", "worker:worker_00", "worker:worker_01", "cron"}

// kindred returns every process that belongs to the site: those below the
// daemon and those in its session.
func (s *site) kindred() []process {
	found := descendants(s.pid)
	seen := map[int]bool{}
	for _, p := range found {
		seen[p.pid] = true
	}
	for _, p := range table() {
		if p.sid == s.pid && p.pid != s.pid && p.state != 'Z' && !seen[p.pid] {
			found = append(found, p)
		}
	}
	return found
}

func TestRealPrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	t.Cleanup(func() {
		for _, p := range s.kindred() {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	})
	s.served()
	for _, name := range siteNames {
		s.waitPID(name)
	}
	if text := s.log(); !inOrder(text, "spawned: 'postgres'", "spawned: 'redis'", "spawned: 'php-fpm'", "spawned: 'nginx'", "spawned: 'worker_00'", "spawned: 'worker_01'", "spawned: 'cron'") {
		t.Errorf("not spawned by priority:\n%s", text)
	}
	for name, want := range map[string]string{"postgres": "postgres", "redis": "nobody", "cron": "nobody"} {
		uid := strings.Fields(statusField(t, s.waitPID(name), "Uid"))[0]
		if u, err := user.LookupId(uid); err != nil || u.Username != want {
			t.Errorf("%s runs as uid %s, want %s", name, uid, want)
		}
	}
	until(t, "the daemon's output holds that of its programs", func() (string, bool) {
		text := s.out.String()
		return tail(text), strings.Contains(text, "tick\n") && strings.Contains(text, "fpm is running")
	})
	// Helpers of the subtests fail the whole test; s.t stays its own.
	s.workersWroteEverything(t)
	s.rotateUnderLoad(t)
	s.killEach(t)
	s.updateOne(t)
	s.leaveNothing(t)
}

// workersWroteEverything checks the rotated logs of the fast writers.
func (s *site) workersWroteEverything(t *testing.T) {
	t.Helper()
	for _, name := range []string{"00", "01"} {
		waitFile(t, s.path("worker_"+name+".err"), "lines done")
		until(t, "all lines of worker "+name, func() (string, bool) {
			files, problem := wholeSeries(t, s.path("worker_"+name+".log"), name, 20000)
			// A file holds what one read brought beyond its limit, so how
			// many there are is for the scheduler to say; but several.
			return fmt.Sprint(files, problem), problem == "" && files > 1
		})
	}
}

// rotateUnderLoad requests numbered pages from several clients at once while
// the access log rotates and is reopened, and looks for each number.
func (s *site) rotateUnderLoad(t *testing.T) {
	t.Helper()
	const clients, requests = 4, 1000
	var all sync.WaitGroup
	failed := make(chan error, clients)
	for c := range clients {
		all.Go(func() {
			for i := range requests {
				if _, err := s.get(fmt.Sprintf("/still?n=%d", c*requests+i)); err != nil {
					failed <- err
					return
				}
				if i%100 == 50 && c == 0 {
					_ = syscall.Kill(s.pid, syscall.SIGUSR2) // the daemon lives, or the requests would fail
				}
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		t.Fatalf("request: %v", err)
	}
	until(t, "each request is in the access log, once", func() (string, bool) {
		text, files := wholeLog(t, s.path("access.log"))
		seen := map[string]int{}
		for line := range strings.Lines(text) {
			seen[line]++
		}
		for n := range clients * requests {
			if line := fmt.Sprintf("%d 200\n", n); seen[line] != 1 {
				return fmt.Sprintf("%d files, line %q %d times", files, line, seen[line]), false
			}
		}
		return fmt.Sprintf("%d files, %d different lines", files, len(seen)), len(seen) == clients*requests && files > 1
	})
}

// killEach kills each program and sees it serve again. The children of some
// would live on without their parent and keep its sockets, so that no successor
// could have them; there the whole process group is killed.
func (s *site) killEach(t *testing.T) {
	t.Helper()
	leavesChildren := map[string]bool{"web:nginx": true, "web:php-fpm": true, "worker:worker_00": true, "worker:worker_01": true}
	for _, name := range siteNames {
		before := pids(s.status())
		target := before[name]
		if target == 0 {
			t.Fatalf("%s does not run", name)
		}
		if leavesChildren[name] {
			target = -target
		}
		if err := syscall.Kill(target, syscall.SIGKILL); err != nil {
			t.Fatalf("kill %s: %v", name, err)
		}
		s.waitNewPID(name, before[name])
		s.waitLog("exited: " + name[strings.Index(name, ":")+1:] + " (terminated by SIGKILL; not expected)")
		s.served()
		after := pids(s.status())
		for other, pid := range before {
			if other != name && after[other] != pid {
				t.Errorf("after the kill of %s, %s has pid %d, had %d", name, other, after[other], pid)
			}
		}
	}
}

// updateOne changes one program, removes one and adds one; the others keep
// running.
func (s *site) updateOne(t *testing.T) {
	t.Helper()
	before := pids(s.status())
	conf := strings.TrimPrefix(readFile(t, s.conf), baseConf)
	conf = strings.Replace(conf, `QUEUE="default"`, `QUEUE="urgent"`, 1)
	conf = conf[:strings.Index(conf, "[program:cron]")] + "[program:added]\ncommand=/bin/cat\n"
	s.write(conf)
	if got, want := s.must(0, "", "reread").out, "added: available\ncron: disappeared\nworker: changed\n"; got != want {
		t.Errorf("reread printed %q, want %q", got, want)
	}
	r := s.must(0, "", "update")
	for _, want := range []string{"cron: stopped\n", "cron: removed process group\n", "worker: stopped\n", "worker: updated process group\n", "added: added process group\n"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("update printed %q, which lacks %q", r.out, want)
		}
	}
	for _, name := range []string{"added", "worker:worker_00", "worker:worker_01"} {
		pid := s.waitNewPID(name, before[name])
		if strings.HasPrefix(name, "worker") {
			env := readFile(t, fmt.Sprintf("/proc/%d/environ", pid))
			if !strings.Contains(env, "QUEUE=urgent\x00") {
				t.Errorf("%s runs without the new environment", name)
			}
		}
	}
	after := pids(s.status())
	for _, name := range []string{"web:nginx", "web:php-fpm", "redis", "postgres"} {
		if after[name] != before[name] {
			t.Errorf("%s has pid %d after the update, had %d", name, after[name], before[name])
		}
	}
	if _, ok := after["cron"]; ok {
		t.Error("cron is still listed")
	}
	waitDead(t, before["cron"])
	s.served()
	if got := s.must(0, "", "update").out; got != "" {
		t.Errorf("a second update printed %q", got)
	}
}

// leaveNothing shuts everything down and looks for what is left of it.
func (s *site) leaveNothing(t *testing.T) {
	t.Helper()
	until(t, "no process of before is left", func() (string, bool) {
		text := ""
		for _, p := range s.kindred() {
			if p.ppid == 1 {
				text += p.String() + "\n"
			}
		}
		return text, text == ""
	})
	all := s.kindred()
	if len(all) < 12 {
		t.Errorf("only %d processes to begin with: %v", len(all), all)
	}
	s.terminate()
	for _, p := range all {
		if p.same() {
			t.Errorf("left after the shutdown: %v", p)
		}
	}
	if left := s.kindred(); len(left) > 0 {
		t.Errorf("left in the daemon's session: %v", left)
	}
	if left := marked(s.mark); len(left) > 0 {
		t.Errorf("left with the daemon's marker: %v", left)
	}
	if text := s.log(); strings.Contains(text, "with SIGKILL") {
		t.Errorf("something had to be killed:\n%s", text)
	}
	for _, name := range []string{"s.sock", "s.pid", "nginx.pid", "redis.sock", "pg/postmaster.pid"} {
		if _, err := os.Lstat(s.path(name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}
