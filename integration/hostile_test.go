package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostileConf has a program that is watched, and one whose log grows and grows.
const hostileConf = `
[inet_http_server]
port=127.0.0.1:PORT
username=joe
password=sec
[program:cat]
command=/bin/cat
startsecs=0
[program:flood]
command=TESTPROG lines flood 400000 200
startsecs=0
autostart=false
autorestart=false
stdout_logfile=DIR/flood.log
stdout_logfile_maxbytes=0
stderr_logfile=DIR/flood.err
`

// victim is a daemon that hostile clients come to, over both kinds of socket.
type victim struct {
	*sup
	child int // of cat
	dials map[string]func(t testing.TB) net.Conn
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	port := freePort(t)
	v := &victim{sup: newSup(t, strings.ReplaceAll(hostileConf, "PORT", fmt.Sprint(port))).start()}
	v.child = v.waitPID("cat")
	dial := func(network, address string) func(t testing.TB) net.Conn {
		return func(t testing.TB) net.Conn {
			t.Helper()
			conn, err := net.Dial(network, address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
				t.Fatal(err)
			}
			return conn
		}
	}
	v.dials = map[string]func(t testing.TB) net.Conn{"unix": dial("unix", v.path("s.sock")), "tcp": dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))}
	return v
}

// well requires that others are served soon, over every wire, and that nothing
// has happened to the programs.
func (v *victim) well() {
	v.t.Helper()
	began := time.Now()
	v.healthy()
	for network, dial := range v.dials {
		conn := dial(v.t)
		if _, err := io.WriteString(conn, login("POST /RPC2", "<methodCall><methodName>supervisor.getPID</methodName></methodCall>")); err != nil {
			v.t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.Contains(string(answer), fmt.Sprintf("<int>%d</int>", v.pid)) {
			v.t.Errorf("XML-RPC over %s: %v, %s", network, err, answer)
		}
		conn.Close()
	}
	if got := v.status("cat")["cat"]; got.state != "RUNNING" || got.pid() != v.child {
		v.t.Errorf("cat is %+v, had the pid %d", got, v.child)
	}
	if d := time.Since(began); d > 20*time.Second {
		v.t.Errorf("others were served after %v", d)
	}
}

// slim requires that the daemon never had more memory than that.
func (v *victim) slim(mb int) {
	v.t.Helper()
	var kb int
	if _, err := fmt.Sscan(statusField(v.t, v.pid, "VmHWM"), &kb); err != nil || kb > mb<<10 {
		v.t.Errorf("the daemon has used %d KiB of memory (%v)", kb, err)
	}
}

// login words an HTTP request with the password, after which the connection is
// closed.
func login(request, body string) string {
	return fmt.Sprintf("%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic am9lOnNlYw==\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", request, len(body), body)
}

// laughs is a document whose entities would become gigabytes.
func laughs() string {
	text := "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol0 'lol'>"
	for i := range 20 {
		text += fmt.Sprintf("<!ENTITY lol%d '%s'>", i+1, strings.Repeat(fmt.Sprintf("&lol%d;", i), 10))
	}
	return text + "]><methodCall><methodName>&lol20;</methodName></methodCall>"
}

func TestBadCallsAreErrorsForTheirClientAlone(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it answers some of them with 500")
	v := newVictim(t)
	param := func(value string) string {
		return "<methodCall><methodName>supervisor.getProcessInfo</methodName><params><param><value>" + value + "</value></param></params></methodCall>"
	}
	nested := func(n int) string {
		return strings.Repeat("<array><data><value>", n) + strings.Repeat("</value></data></array>", n)
	}
	for _, c := range []struct{ name, body, want string }{
		{"no XML", "{}", "400"},
		{"half a document", "<methodCall><methodName>supervisor.getPI", "400"},
		{"crossed tags", "<methodCall><methodName>x</methodCall></methodName>", "400"},
		{"an entity bomb", laughs(), "400"},
		{"an entity of a file", "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>" + param("&f;"), "400"},
		{"values in values", param(nested(100_000)), "400"},
		{"a tag without end", param(strings.Repeat("<", 1<<20)), "400"},
		{"zero bytes", strings.Repeat("\x00", 1<<20), "400"},
		{"nine megabytes", param(strings.Repeat("x", 9<<20)), "413"},
		{"seven megabytes", param(strings.Repeat("x", 7<<20)), "200"}, // a fault, and one that does not say all of it again
		{"a number as name", param("<int>5</int>"), "200"},
		{"many parameters", "<methodCall><methodName>supervisor.getPID</methodName><params>" + strings.Repeat("<param><value>x</value></param>", 100_000) + "</params></methodCall>", "200"},
		{"many calls in one", "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>" +
			strings.Repeat("<value><struct><member><name>methodName</name><value>supervisor.getPID</value></member></struct></value>", 50_000) +
			"</data></array></value></param></params></methodCall>", "200"},
	} {
		for network, dial := range v.dials {
			t.Run(c.name+" over "+network, func(t *testing.T) {
				conn := dial(t)
				go func() { _, _ = io.WriteString(conn, login("POST /RPC2", c.body)) }() // it may be refused before its end
				answer, err := io.ReadAll(conn)
				status, _, _ := strings.Cut(strings.TrimPrefix(string(answer), "HTTP/1.1 "), " ")
				if status != c.want || err != nil && c.want != "413" { // what was still being sent is answered by a reset
					t.Errorf("got %.100q, %v, want %s", answer, err, c.want)
				}
				if c.want == "200" && c.name != "many calls in one" && (!bytes.Contains(answer, []byte("<fault>")) || len(answer) > 8<<20) {
					t.Errorf("got %d bytes, %.200q", len(answer), answer)
				}
			})
		}
	}
	v.well()
	v.slim(200)
	v.terminate()
}

func TestSlowAndSilentClientsHurtNobody(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it holds on to every one of them")
	v := newVictim(t)
	// A thousand that say nothing, and some that say something now and then, but
	// never all of it.
	for i := range 1000 {
		conn := v.dials[[]string{"unix", "tcp"}[i%2]](t)
		if i%10 == 0 {
			_, _ = io.WriteString(conn, "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nX: ") // it may be closed by now
		}
	}
	v.well()
	for range 20 {
		conn := v.dials["tcp"](t)
		_, _ = io.WriteString(conn, "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic am9lOnNlYw==\r\nContent-Length: 1000000\r\n\r\n<")
		conn = v.dials["unix"](t)
		_, _ = io.WriteString(conn, `{"id":1,"method":"supervisor.getPID`)
	}
	v.well()
	v.must(0, "cat: stopped\ncat: started", "restart", "cat")
	v.child = v.waitPID("cat")
	v.well()
	v.slim(200)
	v.terminate()
}

func TestClientsThatReadNothingHurtNobody(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it keeps all of it in memory")
	v := newVictim(t)
	v.must(0, "flood: started", "start", "flood")
	for network, dial := range v.dials {
		for _, request := range []string{
			login("GET /logtail/flood", ""), login("GET /logtail/flood/stdout", ""), login("GET /mainlogtail", ""), login("GET /metrics", ""),
			login("POST /RPC2", "<methodCall><methodName>supervisor.readProcessStdoutLog</methodName><params><param><value>flood</value></param>"+
				"<param><value><int>0</int></value></param><param><value><int>0</int></value></param></params></methodCall>"),
			login("POST /ndjson", `{"id":1,"method":"supervisor.followProcessLog","params":["flood"]}`),
		} {
			if _, err := io.WriteString(dial(t), request); err != nil {
				t.Errorf("%s: %v", network, err)
			}
		}
		lines := dial(t)
		_, _ = io.WriteString(lines, `{"id":0,"method":"system.login","params":["joe","sec"]}`+"\n"+
			`{"id":1,"method":"supervisor.followProcessLog","params":{"name":"flood","backlog":100000000}}`+"\n"+
			`{"id":2,"method":"supervisor.followLogs"}`+"\n"+`{"id":3,"method":"supervisor.followEvents","params":{"types":["EVENT"]}}`+"\n")
		_ = lines.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(lines, strings.Repeat(`{"id":9,"method":"supervisor.getAllProcessInfo"}`+"\n", 100_000)) // until nobody takes more
	}
	// The program is held up by none of them.
	waitFile(t, v.path("flood.err"), "lines done")
	if st, err := os.Stat(v.path("flood.log")); err != nil || st.Size() < 400_000*200 {
		t.Errorf("its log: %v, %v", st, err)
	}
	v.well()
	v.slim(400)
	// Nor is the end.
	v.signal(syscall.SIGTERM)
	select {
	case <-v.gone:
	case <-time.After(20 * time.Second):
		t.Error("the daemon waits for those who do not read")
	}
}

func TestNoPathLeadsOutOfTheLogs(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has other answers")
	v := newVictim(t)
	for _, path := range []string{
		"/logtail/../../etc/passwd", "/logtail/..%2f..%2f..%2fetc%2fpasswd", "/logtail/cat/../../../etc/passwd", "/logtail/cat%00", "/logtail//etc/passwd",
		"/logtail/cat/..%2f..%2fetc%2fpasswd", "/mainlogtail/../../../etc/passwd/x", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/stylesheets/../../etc/passwd",
		"/images/..%2f..%2f..%2fetc%2fpasswd", "/static/%2e%2e/%2e%2e/etc/passwd", "/..\\..\\etc\\passwd", "/file:///etc/passwd",
	} {
		for network, dial := range v.dials {
			conn := dial(t)
			if _, err := io.WriteString(conn, login("GET "+path, "")); err != nil {
				t.Fatal(err)
			}
			// A log goes on for ever: its beginning is enough.
			begin := make([]byte, 4096)
			n, _ := conn.Read(begin)
			answer := string(begin[:n])
			if strings.Contains(answer, "root:") || strings.HasPrefix(answer, "HTTP/1.1 200") && !strings.HasPrefix(path, "/mainlogtail") {
				t.Errorf("%s over %s: got %.300q", path, network, answer)
			}
			conn.Close()
		}
	}
	v.well()
	v.terminate()
}
