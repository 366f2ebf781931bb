package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/xmlrpc"
)

// rpc performs a call over XML-RPC.
func (r *rig) rpc(method string, params ...any) (any, error) {
	r.t.Helper()
	body, err := xmlrpc.EncodeCall(method, params...)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.web().Post("http://x/RPC2", "text/xml", strings.NewReader(string(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	if got := resp.Header.Get("Content-Type"); got != "text/xml" {
		r.t.Errorf("the answer is %s", got)
	}
	return xmlrpc.DecodeResponse(resp.Body, xmlrpc.MaxBody)
}

func TestXMLRPCAnswers(t *testing.T) {
	r := standard(t)
	tests := []struct {
		name   string
		method string
		params []any
		want   string
	}{
		{"a string", "supervisor.getVersion", nil, "3.0"},
		{"a number", "supervisor.getPID", nil, "42"},
		{"a struct", "supervisor.getState", nil, "map[statecode:1 statename:RUNNING]"},
		{"a list of structs", "supervisor.stopAllProcesses", []any{true}, "[map[description:OK group:web name:web status:80]]"},
		{"an empty list", "supervisor.getAllConfigInfo", nil, "[]"},
		{"the groups, one list deeper", "supervisor.reloadConfig", nil, "[[[new] [] []]]"},
		{"a tail as a list, its size capped", "supervisor.tailProcessLog", []any{"web", 0, 0}, "[end\n 2147483647 true]"},
		{"bytes that XML cannot carry are replaced", "supervisor.readProcessLog", []any{"web", "0", "0"}, "caf\uFFFD\uFFFD[0m"},
		{"a fault", "supervisor.getProcessInfo", []any{"nosuch"}, "fault 10 BAD_NAME: nosuch"},
		{"an unknown method", "supervisor.nope", nil, "fault 1 UNKNOWN_METHOD"},
		{"an unknown namespace", "nope.getPID", nil, "fault 1 UNKNOWN_METHOD"},
		{"no namespace", "getPID", nil, "fault 1 UNKNOWN_METHOD"},
		{"too many dots", "supervisor.x.getPID", nil, "fault 1 UNKNOWN_METHOD"},
		{"a private name", "supervisor._update", nil, "fault 1 UNKNOWN_METHOD"},
		{"a method of lines only", "supervisor.followLog", nil, "fault 1 UNKNOWN_METHOD"},
		{"a login, which is for lines only", "system.login", []any{"a", "b"}, "fault 1 UNKNOWN_METHOD"},
		{"too few parameters", "supervisor.startProcess", nil, "fault 2 INCORRECT_PARAMETERS"},
		{"a parameter of another type", "supervisor.startProcess", []any{5}, "fault 2 INCORRECT_PARAMETERS: name must be a string, not 5"},
		{"input that is no text", "supervisor.sendProcessStdin", []any{"web", 5}, "fault 2 INCORRECT_PARAMETERS: 5"},
		{"a panic", "supervisor.clearLog", nil, "fault 30 FAILED: internal error"},
		{"a signature", "system.methodSignature", []any{"supervisor.startProcess"}, "[boolean string boolean]"},
		{"the signature of nothing", "system.methodSignature", []any{"supervisor.nope"}, "fault 4 SIGNATURE_UNSUPPORTED"},
		{"a multicall of nothing", "system.multicall", []any{[]any{}}, "[]"},
		{"a multicall", "system.multicall", []any{[]any{
			map[string]any{"methodName": "supervisor.getAPIVersion"},
			map[string]any{"methodName": "supervisor.getProcessInfo", "params": []any{"nope"}},
			map[string]any{"methodName": "supervisor.tailProcessLog", "params": []any{"web", 0, 0}},
			map[string]any{"methodName": "system.multicall", "params": []any{}},
			map[string]any{"methodName": "supervisor.getPID", "params": "x"},
			map[string]any{}, 5}},
			"[3.0 map[faultCode:10 faultString:BAD_NAME: nope] [end\n 2147483647 true] " +
				"map[faultCode:2 faultString:INCORRECT_PARAMETERS: Recursive system.multicall forbidden] " +
				"map[faultCode:2 faultString:INCORRECT_PARAMETERS: params must be an array] " +
				"map[faultCode:2 faultString:INCORRECT_PARAMETERS: No methodName] " +
				"map[faultCode:2 faultString:INCORRECT_PARAMETERS: No methodName]]"},
		{"what cannot be sent", "supervisor.getIdentification", nil, "500 Internal Server Error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := r.rpc(tt.method, tt.params...)
			got := fmt.Sprint(v)
			var f *xmlrpc.Fault
			if errors.As(err, &f) {
				got = fmt.Sprintf("fault %d %s", f.Code, f.Text)
			} else if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	names, err := r.rpc("system.listMethods")
	if list, _ := names.([]any); err != nil || len(list) != 41 || list[0] != "supervisor.addProcessGroup" || list[40] != "system.multicall" {
		t.Errorf("got %v, %v", names, err)
	}
	help, err := r.rpc("system.methodHelp", "supervisor.startProcess")
	if text, _ := help.(string); err != nil || !strings.Contains(text, "@param string name ") || !strings.Contains(text, "@return boolean ") {
		t.Errorf("got %q, %v", help, err)
	}
}

func TestMembersKeepTheirOrder(t *testing.T) {
	r := standard(t)
	body, _ := xmlrpc.EncodeCall("supervisor.getProcessInfo", "web")
	resp, err := r.web().Post("http://x/RPC2", "text/xml", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	at := 0
	for _, name := range strings.Fields("name group start stop now state statename spawnerr exitstatus logfile stdout_logfile stderr_logfile pid description") {
		i := strings.Index(string(text[at:]), "<name>"+name+"</name>")
		if i < 0 {
			t.Fatalf("%s is missing or comes too early in %s", name, text)
		}
		at += i
	}
}

// raw sends bytes and returns everything until the server closes.
func (r *rig) raw(text string) string {
	r.t.Helper()
	k := r.dial()
	k.say(text)
	out, err := io.ReadAll(k.in)
	if err != nil {
		r.t.Fatalf("%v after %q", err, out)
	}
	return string(out)
}

func TestHTTPStatus(t *testing.T) {
	r := standard(t)
	post := "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n%s"
	get := "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	call := "<methodCall><methodName>supervisor.getPID</methodName></methodCall>"
	tests := []struct{ name, request, want string }{
		{"a call", fmt.Sprintf(post, "/RPC2", fmt.Sprintf("Content-Length: %d\r\n", len(call)), call), "200 OK"},
		{"a call to a path below", fmt.Sprintf(post, "/RPC2/x", fmt.Sprintf("Content-Length: %d\r\n", len(call)), call), "200 OK"},
		{"a call in chunks", fmt.Sprintf(post, "/RPC2", "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(call), call)), "200 OK"},
		{"a call of unknown length", fmt.Sprintf(post, "/RPC2", "", ""), "411 Length Required"},
		{"an empty call", fmt.Sprintf(post, "/RPC2", "Content-Length: 0\r\n", ""), "400 Bad Request"},
		{"a call that is no XML", fmt.Sprintf(post, "/RPC2", "Content-Length: 1\r\n", "x"), "400 Bad Request"},
		{"a call of no method", fmt.Sprintf(post, "/RPC2", "Content-Length: 26\r\n", "<methodCall></methodCall>  "), "400 Bad Request"},
		{"a call that is too large", fmt.Sprintf(post, "/RPC2", fmt.Sprintf("Content-Length: %d\r\n", xmlrpc.MaxBody+1), strings.Repeat(" ", xmlrpc.MaxBody+1)), "413 Request Entity Too Large"},
		{"a call by GET", fmt.Sprintf(get, "GET", "/RPC2"), "400 Bad Request"},
		{"a call from a page of another site", fmt.Sprintf(post, "/RPC2", "Origin: http://evil\r\nContent-Length: 1\r\n", "x"), "403 Forbidden"},
		{"a call from nowhere", fmt.Sprintf(post, "/RPC2", "Origin: null\r\nContent-Length: 1\r\n", "x"), "403 Forbidden"},
		{"a call from our page", fmt.Sprintf(post, "/RPC2", fmt.Sprintf("Origin: http://X\r\nContent-Length: %d\r\n", len(call)), call), "200 OK"},
		{"ok", fmt.Sprintf(get, "GET", "/ok.html"), "200 OK"},
		{"ok under HTTP/1.0", "GET /ok.html HTTP/1.0\r\n\r\n", "200 OK"},
		{"nothing there", fmt.Sprintf(get, "GET", "/nosuch"), "404 Not Found"},
		{"nothing there, by another method", fmt.Sprintf(get, "PUT", "/nosuch"), "400 Bad Request"},
		{"lines by GET", fmt.Sprintf(get, "GET", "/ndjson"), "405 Method Not Allowed"},
		{"the log of no process", fmt.Sprintf(get, "GET", "/logtail"), "404 Not Found"},
		{"the log of an unknown process", fmt.Sprintf(get, "GET", "/logtail/nosuch"), "404 Not Found"},
		{"the log of a process without one", fmt.Sprintf(get, "GET", "/logtail/nolog/stderr"), "404 Not Found"},
		{"a log on no channel", fmt.Sprintf(get, "GET", "/logtail/web/foo"), "404 Not Found"},
		{"a log with a bad escape", "GET /logtail/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "400 Bad Request"},
		{"a path that only begins so", fmt.Sprintf(get, "GET", "/logtails/web"), "404 Not Found"},
		{"a log by POST", fmt.Sprintf(post, "/logtail/web", "Content-Length: 0\r\n", ""), "400 Bad Request"},
		{"a log during the shutdown", fmt.Sprintf(get, "GET", "/logtail/ending"), "503 Service Unavailable"},
		{"a log and a panic", fmt.Sprintf(get, "GET", "/logtail/broken"), "500 Internal Server Error"},
		{"the activity log by POST", fmt.Sprintf(post, "/mainlogtail", "Content-Length: 0\r\n", ""), "400 Bad Request"},
		{"garbage", "\x16\x03\x01\x00\xff garbage\r\n\r\n", "400 Bad Request"},
		{"a header without a colon", "GET /ok.html HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n", "400 Bad Request"},
		{"a length that is none", fmt.Sprintf(post, "/RPC2", "Content-Length: abc\r\n", ""), "400 Bad Request"},
		{"headers that are too large", "GET /ok.html HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", MaxHeader+8192) + "\r\n\r\n", "431 Request Header Fields Too Large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := r.dial()
			go func() { _, _ = io.WriteString(k.conn, tt.request) }() // it may be refused before its end
			line, err := k.in.ReadString('\n')
			if _, status, _ := strings.Cut(strings.TrimSpace(line), " "); err != nil || status != tt.want {
				t.Errorf("got %q, %v, want %s", line, err, tt.want)
			}
		})
	}
}

func TestBothWiresOnOneSocket(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.expect("\n"+`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	if v, err := r.rpc("supervisor.getPID"); err != nil || v != int64(42) {
		t.Errorf("got %v, %v", v, err)
	}
	k.expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
}

func TestKeptAliveConnectionServesManyCalls(t *testing.T) {
	k := standard(t).dial()
	call := "<methodCall><methodName>supervisor.getPID</methodName></methodCall>"
	for range 200 {
		k.say(fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(call), call))
		resp, err := http.ReadResponse(k.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := xmlrpc.DecodeResponse(resp.Body, xmlrpc.MaxBody); err != nil || v != int64(42) {
			t.Fatalf("got %v, %v", v, err)
		}
		_ = resp.Body.Close()
	}
}

func TestBasicAuth(t *testing.T) {
	c := conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret:with:colons")}
	r := newRig(t, c, Options{Namespace: "supervisor"})
	for name, tt := range map[string]struct {
		header string
		want   int
	}{
		"none":                   {"", 401},
		"right":                  {"Basic am9lOnNlY3JldDp3aXRoOmNvbG9ucw==", 200},
		"the scheme in capitals": {"BASIC am9lOnNlY3JldDp3aXRoOmNvbG9ucw==", 200},
		"wrong":                  {"Basic am9lOng=", 401},
		"no colon":               {"Basic am9l", 401},
		"no base64":              {"Basic ???", 401},
		"another scheme":         {"Digest am9lOnNlY3JldDp3aXRoOmNvbG9ucw==", 401},
	} {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequest(http.MethodGet, "http://x/ok.html", nil)
			if tt.header != "" {
				req.Header.Set("Authorization", tt.header)
			}
			resp, err := r.web().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("got %s", resp.Status)
			}
			if tt.want == 401 && (resp.Header.Get("WWW-Authenticate") != `Basic realm="default"` || !resp.Close) {
				t.Errorf("got %v", resp.Header)
			}
		})
	}
	req, _ := http.NewRequest(http.MethodPost, "http://x/ndjson", strings.NewReader(`{"id":1,"method":"supervisor.getPID"}`))
	req.SetBasicAuth("joe", "secret:with:colons")
	resp, err := r.web().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != `{"id":1,"result":42}`+"\n" {
		t.Errorf("lines over HTTP need no login of their own: %s", body)
	}
}

func TestEmptyUserNameMeansNoAuth(t *testing.T) {
	r := newRig(t, conf.HTTPServer{Username: ptr(""), Password: ptr("x")}, Options{Namespace: "supervisor"})
	if v, err := r.rpc("supervisor.getPID"); err != nil || v != int64(42) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestLogTail(t *testing.T) {
	for _, path := range []string{"/mainlogtail", "/logtail/web", "/logtail/we%62/stderr"} {
		t.Run(path, func(t *testing.T) {
			r := standard(t)
			resp, err := r.web().Get("http://x" + path) // comes although the log is silent
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got := resp.Header.Get("Content-Type"); got != "text/plain;charset=utf-8" || len(resp.TransferEncoding) != 1 || resp.Header.Get("Last-Modified") == "" {
				t.Errorf("got %v", resp.Header)
			}
			in := bufio.NewReader(resp.Body)
			for _, want := range []string{"one\n", "\xff\x00\n"} {
				r.fake.pieces <- want
				if got, err := in.ReadString('\n'); err != nil || got != want {
					t.Errorf("got %q, %v", got, err)
				}
			}
			within(t, "opened", r.fake.follows)
			_ = resp.Body.Close()
			within(t, "the tail ends with its client", r.fake.follows)
		})
	}
}

func TestLogTailUnderHTTP10ComesAtOnce(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say("GET /logtail/web HTTP/1.0\r\n\r\n")
	r.fake.pieces <- "one\n"
	resp, err := http.ReadResponse(k.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || got != "one\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestShutdownEndsLogTails(t *testing.T) {
	r := standard(t)
	resp, err := r.web().Get("http://x/mainlogtail")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	done := make(chan struct{})
	go func() { r.shutdown(patience); close(done) }()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	within(t, "Shutdown returns", done)
}

func TestShutdownAnswersTheCallInProgress(t *testing.T) {
	r := standard(t)
	answers := make(chan string, 1)
	go func() {
		v, err := r.rpc("supervisor.startProcess", "slow")
		answers <- fmt.Sprint(v, err)
	}()
	within(t, "the start waits", r.fake.started)
	done := make(chan struct{})
	go func() { r.shutdown(patience); close(done) }()
	close(r.fake.gate)
	if got := within(t, "the answer", answers); got != "true <nil>" {
		t.Errorf("got %s", got)
	}
	within(t, "Shutdown returns", done)
}

func TestLinesInABody(t *testing.T) {
	r := standard(t)
	body, feed := io.Pipe()
	req, _ := http.NewRequest(http.MethodPost, "http://x/ndjson", body)
	responses := make(chan *http.Response, 1)
	go func() {
		resp, err := r.web().Do(req)
		if err == nil {
			responses <- resp
		}
	}()
	say := func(s string) {
		if _, err := io.WriteString(feed, s+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	say(`{"id":1,"method":"supervisor.startProcess","params":["slow"]}`)
	say(`{"id":2,"method":"supervisor.getPID"}`)
	resp := within(t, "the head of the answer", responses)
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("got %s", got)
	}
	in := bufio.NewReader(resp.Body)
	hear := func(want string) {
		t.Helper()
		if got, err := in.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("got %q, %v, want %s", got, err, want)
		}
	}
	hear(`{"id":2,"result":42}`)
	say(`{"id":3,"method":"supervisor.followLog"}`)
	hear(`{"id":3,"data":""}`)
	r.fake.pieces <- "log\n"
	hear(`{"id":3,"data":"log\n"}`)
	close(r.fake.gate)
	hear(`{"id":1,"result":true}`)
	say(`{"id":4,"method":"system.cancel","params":[3]}`)
	hear(`{"id":4,"result":true}`)
	hear(`{"id":3,"result":true}`)
	_ = feed.Close()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestBodiesOfLinesKeepTheConnectionAlive(t *testing.T) {
	k := standard(t).dial()
	line := `{"id":1,"method":"supervisor.getPID"}`
	for range 20 {
		k.say(fmt.Sprintf("POST /ndjson HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(line), line))
		resp, err := http.ReadResponse(k.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != `{"id":1,"result":42}`+"\n" {
			t.Fatalf("got %q, %v", body, err)
		}
	}
}

func TestShutdownEndsABodyThatIsStillOpen(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say("POST /ndjson HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n26\r\n" + `{"id":1,"method":"supervisor.getPID"}` + "\n\r\n")
	resp, err := http.ReadResponse(k.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil || got != `{"id":1,"result":42}`+"\n" {
		t.Fatalf("got %q, %v", got, err)
	}
	done := make(chan struct{})
	go func() { r.shutdown(patience); close(done) }()
	within(t, "Shutdown returns", done)
}

func TestActivityLogLines(t *testing.T) {
	r := standard(t)
	for _, tt := range []struct {
		do   func()
		want []string
	}{
		{func() { _, _ = r.rpc("supervisor.getVersion") }, []string{"5 XML-RPC method called: supervisor.getVersion()", "5 XML-RPC method supervisor.getVersion() returned successfully",
			`5 localhost:0 - - [`, `] "POST /RPC2 HTTP/1.1" 200 `}},
		{func() { _, _ = r.rpc("supervisor.getProcessInfo", "nosuch") }, []string{"5 XML-RPC method supervisor.getProcessInfo() returned fault: [10] BAD_NAME: nosuch"}},
		{func() { _, _ = r.rpc("supervisor.nope") }, []string{"5 XML-RPC method called: supervisor.nope()"}},
		{func() { r.raw("POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n<\n\"") },
			[]string{`40 XML-RPC request data '<\n"' is invalid: unmarshallable`}},
		{func() {
			r.raw("POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 13\r\n\r\n<methodCall/>")
		}, []string{"40 XML-RPC request data '<methodCall/>' is invalid: no method name"}},
		{func() { r.raw("GET /nosuch HTTP/1.0\r\n\r\n") }, []string{`] "GET /nosuch HTTP/1.0" 404 `}},
		{func() { _, _ = r.rpc("supervisor.clearLog") }, []string{"50 Handling XML-RPC method supervisor.clearLog() raised an unexpected exception: boom"}},
		{func() { r.dial().ask(`{"id":1,"method":"supervisor.getPID"}`) }, []string{"5 NDJSON method called: supervisor.getPID()"}},
	} {
		tt.do()
		if len(tt.want) == 4 { // the last two are one line
			r.logged(tt.want[0])
			r.logged(tt.want[1])
			r.logged(tt.want[3])
			continue
		}
		r.logged(tt.want[0])
	}
}

// TestLinesThatNobodyWantsAreNotWorded looks at what is handed to the log, which would
// throw it away.
func TestLinesThatNobodyWantsAreNotWorded(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Level: conf.Info})
	for range 3 {
		_, _ = r.rpc("supervisor.getVersion")
	}
	r.raw("GET /nosuch HTTP/1.0\r\n\r\n")
	r.shutdown(time.Hour)
	for len(r.lines) > 0 {
		if line := <-r.lines; strings.HasPrefix(line, "5 ") {
			t.Errorf("worded: %s", line)
		}
	}
}

func TestInetServer(t *testing.T) {
	c := conf.HTTPServer{Section: "inet_http_server", Family: conf.Inet, Host: "localhost"}
	l, err := Listen(c, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	s := New(newFake(), c, l, func(_ conf.Level, text string) { lines <- text }, Options{Namespace: "supervisor"})
	served := make(chan struct{})
	go func() { s.Serve(); close(served) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/ok.html")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "OK" {
		t.Errorf("got %q", body)
	}
	if got := within(t, "the access line", lines); !strings.HasPrefix(got, "127.0.0.1:") || !strings.HasSuffix(got, `"GET /ok.html HTTP/1.1" 200 2`) {
		t.Errorf("got %q", got)
	}
	conn, err := net.DialTimeout("tcp", l.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	k := &talk{t: t, conn: conn, in: bufio.NewReader(conn)}
	k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	s.Shutdown(t.Context())
	within(t, "Serve returns", served)
}
