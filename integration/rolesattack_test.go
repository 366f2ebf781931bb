package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dialAs connects to a UNIX socket as another user, who has no groups: the
// kernel notes the user of the thread that connects.
func dialAs(t *testing.T, path string, uid int) net.Conn {
	t.Helper()
	type dialled struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialled)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its user
		id := uintptr(uid)
		for _, call := range [][4]uintptr{{syscall.SYS_SETGROUPS, 0, 0, 0}, {syscall.SYS_SETRESGID, id, id, id}, {syscall.SYS_SETRESUID, id, id, id}} {
			if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				done <- dialled{nil, errno}
				return
			}
		}
		conn, err := net.Dial("unix", path)
		done <- dialled{conn, err}
	}()
	d := <-done
	if d.err != nil {
		t.Fatal(d.err)
	}
	t.Cleanup(func() { d.conn.Close() })
	if err := d.conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return d.conn
}

// forbiddenNames mean processes that the operator of rolesConf must not touch,
// or what a careless reader may take for them.
var forbiddenNames = []any{
	"db", "db:db", "db:*", "db:", "pool:*", "pool:", "pool:b", "pool", "*", "*:*", "all", "", ":", "a", "b", "db ", " db", "DB", "pool:?", "*:b", "pool:[b]",
	"web\x00db", "web,db", "web db", "web/../db", "?b", "d*", []string{"web", "db"}, []string{"db", "web"}, []string{"web", "all"}, []string{"pool:a", "pool:*"}, []string{}, []any{"web", nil},
}

// TestRolesHoldAgainstEveryMethodAndName calls whatever there is with whatever
// might mean a process that is not the caller's, over each of the wires.
func TestRolesHoldAgainstEveryMethodAndName(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no roles")
	needRoot(t)
	s := newSup(t, strings.NewReplacer("[program:db]\ncommand=/bin/cat", "[program:db]\ncommand=/bin/sh -c 'echo SECRET; exec cat'",
		"[program:b]\ncommand=/bin/cat", "[program:b]\ncommand=/bin/sh -c 'echo SECRET; exec cat'").Replace(rolesConf)).start()
	before := map[string]int{}
	for _, name := range []string{"db", "pool:b", "web", "pool:a"} {
		before[name] = s.waitPID(name)
	}
	o := &operator{t: t, path: s.path("s.sock")}
	o.lines()
	o.multicall()
	o.urls()
	for name, pid := range before {
		if now := s.waitPID(name); now != pid {
			t.Errorf("%s was restarted: pid %d, then %d", name, pid, now)
		}
	}
	s.terminate()
}

// operator attacks as the user of the role ops.
type operator struct {
	t    *testing.T
	path string
}

// ask sends one line of JSON and returns the reply.
func (o *operator) ask(conn net.Conn, replies *bufio.Reader, method string, params any) (reply struct {
	Result json.RawMessage
	Error  *struct{ Name string }
}) {
	o.t.Helper()
	request, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := conn.Write(append(request, '\n')); err != nil {
		o.t.Fatalf("%s: %v", request, err)
	}
	line, err := replies.ReadString('\n')
	if err != nil {
		o.t.Fatalf("%s: %v", request, err)
	}
	o.keeps(string(request), line)
	if err := json.Unmarshal([]byte(line), &reply); err != nil {
		o.t.Fatalf("%s: %v", line, err)
	}
	return reply
}

// keeps looks for what only others may read.
func (o *operator) keeps(request, answer string) {
	o.t.Helper()
	if strings.Contains(answer, "SECRET") {
		o.t.Errorf("%s: a log of another is told: %s", request, answer)
	}
}

// lines calls every method with every name, as parameters of both forms.
func (o *operator) lines() {
	conn := dialAs(o.t, o.path, 12345)
	replies := bufio.NewReader(conn)
	var methods []string
	if err := json.Unmarshal(o.ask(conn, replies, "system.listMethods", nil).Result, &methods); err != nil || len(methods) < 40 {
		o.t.Fatalf("got %q, %v", methods, err)
	}
	for _, method := range methods {
		if method == "system.multicall" || method == "system.cancel" || method == "system.login" {
			continue // the first comes later; the others take words that are no names
		}
		for _, name := range forbiddenNames {
			for _, params := range []any{map[string]any{"name": name}, map[string]any{"names": name}, map[string]any{"names": []any{name}}, []any{name}, []any{name, "TERM"}, []any{name, 0, 10}} {
				if r := o.ask(conn, replies, method, params); r.Error == nil {
					o.t.Errorf("%s with %v was done: %s", method, params, r.Result)
				}
			}
		}
	}
}

// multicall calls the same through the method that calls others.
func (o *operator) multicall() {
	conn := dialAs(o.t, o.path, 12345)
	replies := bufio.NewReader(conn)
	var calls []any
	for _, method := range []string{"stopProcess", "startProcess", "stopProcessGroup", "readProcessStdoutLog", "tailProcessStdoutLog", "explainProcess", "signalProcess", "sendProcessStdin", "getProcessInfo"} {
		for _, name := range forbiddenNames {
			call := map[string]any{"methodName": "supervisor." + method, "params": []any{name}}
			calls = append(calls, call, map[string]any{"methodName": "system.multicall", "params": []any{[]any{call}}})
		}
	}
	for _, method := range []string{"stopAllProcesses", "shutdown", "restart", "reloadConfig", "clearAllProcessLogs", "clearLog", "getMetrics"} {
		calls = append(calls, map[string]any{"methodName": "supervisor." + method})
	}
	var results []struct{ FaultCode int }
	if err := json.Unmarshal(o.ask(conn, replies, "system.multicall", []any{calls}).Result, &results); err != nil || len(results) != len(calls) {
		o.t.Fatalf("%d results of %d calls, %v", len(results), len(calls), err)
	}
	for i, r := range results {
		if r.FaultCode == 0 {
			o.t.Errorf("%v was done in a multicall", calls[i])
		}
	}
}

// urls asks for what the page of the original has.
func (o *operator) urls() {
	for _, path := range []string{
		"/logtail/db", "/logtail/db/stdout", "/logtail/pool:b", "/logtail/pool%3Ab/stdout", "/logtail/web/../db", "/logtail//db", "/logtail/web%2f..%2fdb", "/logtail/db%00",
		"/logtail/db:*", "/logtail/*:*", "/logtail/all", "/logtail/DB", "/logtail/db?processname=web", "http://localhost/logtail/db", "//logtail/db", "/mainlogtail", "/%6dainlogtail",
		"/?action=stop&processname=db", "/index.html?action=stop&processname=pool:*", "/index.html?action=restart&processname=pool:b", "/?action=stopall", "/?action=restartall",
		"/index.html?action=clearlog&processname=db", "/tail.html?processname=db", "/tail.html?processname=pool:b&limit=1000",
		"/metrics",
	} {
		conn := dialAs(o.t, o.path, 12345)
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path); err != nil {
			o.t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil {
			o.t.Fatalf("%s: %v", path, err)
		}
		o.keeps(path, string(answer))
		status, _, _ := strings.Cut(string(answer), "\r\n")
		refused := strings.Contains(string(answer), "FORBIDDEN") || strings.Contains(status, " 403 ") || strings.Contains(status, " 404 ")
		if !refused {
			o.t.Errorf("%s: %s", path, answer)
		}
	}
}
