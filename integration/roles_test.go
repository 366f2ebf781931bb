package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// rolesConf has an operator of one program, who is known by his uid, and one who
// may do everything and is known by a group.
const rolesConf = `
[unix_http_server]
chmod=0777
[role:ops]
uids=12345
access=operate
programs=web,pool:a
[role:boss]
gids=23456
access=admin
[program:web]
command=/bin/cat
[program:db]
command=/bin/cat
[program:a]
command=/bin/cat
[program:b]
command=/bin/cat
[group:pool]
programs=a,b
`

// as has a command run by another user.
func as(uid, gid uint32, groups ...uint32) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid, Groups: groups}}
	}
}

func TestRolesSayWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no roles")
	needRoot(t)
	s := newSup(t, rolesConf).start()
	for _, name := range []string{"web", "db", "pool:a", "pool:b"} {
		s.waitPID(name)
	}
	if strings.Contains(s.log(), "without any HTTP authentication") {
		t.Error("the log says that nobody is asked who he is")
	}
	operator, stranger, boss := as(12345, 12345), as(12346, 12346), as(12346, 12346, 23456)
	for _, row := range []struct {
		who  func(*exec.Cmd)
		args string
		code int
		want string
	}{
		{operator, "status", 0, `(?s)^pool:a +RUNNING.*\nweb +RUNNING[^\n]*\n$`},
		{operator, "stop web", 0, "^web: stopped\n$"},
		{operator, "start web", 0, "^web: started\n$"},
		{operator, "restart pool:a", 0, "^pool:a: stopped\npool:a: started\n$"},
		{operator, "stop db", 1, "FORBIDDEN: stopProcess 'db' takes operate access to 'db'; uid 12345 has role ops; role boss would do"},
		{operator, "stop pool:*", 1, "FORBIDDEN: .*takes operate access to 'pool"},
		{operator, "stop all", 1, "FORBIDDEN: stopAllProcesses takes operate access to every process"},
		{operator, "tail db", 1, "FORBIDDEN: .*'db'"},
		{operator, "tail -f db", 0, "FORBIDDEN: .*'db'"},
		{operator, "maintail", 1, "FORBIDDEN: readLog"},
		{operator, "reread", 1, "FORBIDDEN: reloadConfig takes admin access"},
		{operator, "shutdown", 1, "FORBIDDEN: shutdown takes admin access"},
		{stranger, "status", 1, "FORBIDDEN: getAPIVersion takes read access; uid 12346 is in no role; roles ops, boss would do"},
		{boss, "status db", 0, "^db +RUNNING"},
		{boss, "reread", 0, "^No config updates to processes\n$"},
		{boss, "signal CONT db", 0, "^db: signalled\n$"},
		{func(*exec.Cmd) {}, "stop db", 0, "^db: stopped\n$"}, // root needs no role
	} {
		cmd := s.ctlCommand(strings.Fields(row.args)...)
		row.who(cmd)
		if r := runCommand(t, cmd); r.code != row.code || !regexp.MustCompile(row.want).MatchString(r.all()) {
			t.Errorf("uid %v, %s: exit status %d, want %d; output, which must match %s:\n%s", cmd.SysProcAttr, row.args, r.code, row.code, row.want, r.all())
		}
	}
	s.waitLog("INFO uid 12345 in role ops calls stopProcess 'web'", "INFO uid 12345 in role ops calls startProcess 'web'",
		"WARN refused: stopProcess 'db' takes operate access to 'db'; uid 12345", "INFO uid 0 calls stopProcess 'db'")
	s.terminate()
}

// TestRolesHoldForPythonClients asks over XML-RPC, as a user with a role.
func TestRolesHoldForPythonClients(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no roles")
	needRoot(t)
	s := newSup(t, rolesConf).start()
	s.waitPID("web")
	cmd := exec.Command(needProgram(t, "/usr/bin/python3", "python3"), "-c", pythonClient+`
import json, sys
s = connect(sys.argv[1])
def tried(f):
    try: return f()
    except xmlrpc.client.Fault as e: return [e.faultCode, e.faultString.split(':')[0]]
print(json.dumps([
    [p['name'] for p in s.supervisor.getAllProcessInfo()],
    tried(lambda: s.supervisor.stopProcess('db')),
    tried(lambda: s.supervisor.stopProcess('web')),
    [r if r == True else r['faultCode'] for r in s.system.multicall([
        {'methodName': 'supervisor.startProcess', 'params': ['web']},
        {'methodName': 'supervisor.startProcess', 'params': ['db']},
        {'methodName': 'supervisor.shutdown'}])],
]))`, s.path("s.sock"))
	as(12345, 12345)(cmd)
	r := runCommand(t, cmd)
	if want := `[["a", "web"], [99, "FORBIDDEN"], true, [true, 99, 99]]` + "\n"; r.out != want {
		t.Errorf("got %s%s\nwant %s", r.out, r.err, want)
	}
	s.terminate()
}

func TestServerForEverybodyMustBeWanted(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it warns only")
	port := freePort(t)
	conf := fmt.Sprintf("[inet_http_server]\nport=*:%d\n", port)
	s := newSup(t, conf)
	r := s.runDaemon("-c", s.conf)
	want := fmt.Sprintf("Error: Server 'inet_http_server' on *:%d would take orders from whoever can reach it: it has no username and password\n"+
		"For help, use %s -h\n  %s:12: [inet_http_server] port: ", port, s.program("supervisord"), s.conf)
	if r.code != 2 || !strings.HasPrefix(r.err, want) || !strings.Contains(r.err, "allow_unauthenticated=true") {
		t.Errorf("exit status %d; stderr, which must begin with %q:\n%s", r.code, want, r.err)
	}
	if r := s.runDaemon("--check", "-c", s.conf); r.code != 1 || !strings.Contains(r.out, "c.conf:12: error: [inet_http_server] port: ") {
		t.Errorf("the check: exit status %d, output:\n%s", r.code, r.all())
	}
	s.write(conf + "allow_unauthenticated=true\n")
	s.start()
	s.waitLog("CRIT Server 'inet_http_server' running without any HTTP authentication checking")
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, `{"method":"supervisor.getPID"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	var answer struct{ Result int }
	if err := json.NewDecoder(conn).Decode(&answer); err != nil || answer.Result != s.pid {
		t.Errorf("got %+v, %v", answer, err)
	}
	// A reread takes no such server either.
	s.write(conf)
	if r := s.ctl("reread"); r.code == 0 || !strings.Contains(r.all(), "would take orders") {
		t.Errorf("reread: exit status %d, output:\n%s", r.code, r.all())
	}
	s.terminate()
	if _, err := os.Stat(s.path("s.sock")); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
}
