package serve

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/ndjson"
)

func TestLinesAnswer(t *testing.T) {
	k := standard(t).dial()
	tests := []struct{ name, line, want string }{
		{"a struct", `{"id":1,"method":"supervisor.getState"}`, `{"id":1,"result":{"statecode":1,"statename":"RUNNING"}}`},
		{"a number", `{"id":"x","method":"supervisor.getPID","params":{}}`, `{"id":"x","result":42}`},
		{"an alias", `{"id":1,"method":"supervisor.getVersion","params":[]}`, `{"id":1,"result":"3.0"}`},
		{"no id", `{"method":"supervisor.getPID"}`, `{"id":null,"result":42}`},
		{"an empty list is no null", `{"id":1,"method":"supervisor.getAllConfigInfo"}`, `{"id":1,"result":[]}`},
		{"lists in a struct neither", `{"id":1,"method":"supervisor.reloadConfig"}`, `{"id":1,"result":{"added":["new"],"changed":[],"removed":[]}}`},
		{"bytes that are no text", `{"id":1,"method":"supervisor.readProcessLog","params":["web",0,0]}`, `{"id":1,"result":{"base64":"Y2FmwxtbMG0="}}`},
		{"numbers beyond 32 bits", `{"id":1,"method":"supervisor.tailProcessLog","params":["web",0,0]}`, `{"id":1,"result":{"data":"end\n","offset":5368709120,"overflow":true}}`},
		{"a fault", `{"id":1,"method":"supervisor.getProcessInfo","params":{"name":"nosuch"}}`, `{"id":1,"error":{"code":10,"name":"BAD_NAME","message":"BAD_NAME: nosuch"}}`},
		{"an error that is no fault", `{"id":1,"method":"supervisor.sendProcessStdin","params":["web","x"]}`, `{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: no such luck: x"}}`},
		{"a panic", `{"id":1,"method":"supervisor.clearLog"}`, `{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: internal error"}}`},
		{"a panic of what is answered at once", `{"id":1,"method":"supervisor.getReadiness"}`, `{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: internal error"}}`},
		{"a list", `{"id":1,"method":"supervisor.getAllProcessInfo"}`, `{"id":1,"result":[{"name":"web","group":"web","start":1767323045,"stop":0,"now":1767323083,"state":20,"statename":"RUNNING","spawnerr":"","exitstatus":0,"logfile":"/var/log/web.log","stdout_logfile":"/var/log/web.log","stderr_logfile":"","pid":4711,"description":"pid 4711, uptime 0:00:38"}]}`},
		{"a result that cannot be sent", `{"id":1,"method":"supervisor.getIdentification"}`, `{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: encode line: json: unsupported type: chan int"}}`},
		{"a multicall", `{"id":1,"method":"system.multicall","params":[[{"methodName":"supervisor.getPID"},{"methodName":"supervisor.getProcessInfo","params":{"name":"x"}},{"methodName":"supervisor.followLog"},{}]]}`,
			`{"id":1,"result":[42,{"faultCode":10,"faultString":"BAD_NAME: x"},{"faultCode":2,"faultString":"INCORRECT_PARAMETERS: supervisor.followLog cannot be part of a multicall"},{"faultCode":2,"faultString":"INCORRECT_PARAMETERS: No methodName"}]}`},
		{"a signature", `{"id":1,"method":"system.methodSignature","params":["supervisor.followProcessLog"]}`, `{"id":1,"result":["boolean","string","string","int","int","boolean"]}`},
		{"a login that nobody wants", `{"id":1,"method":"system.login","params":["a","b"]}`, `{"id":1,"result":true}`},
		{"blanks around it", " \t" + `{"id":1,"method":"supervisor.getPID"}` + "\r", `{"id":1,"result":42}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { k.t = t; k.expect(tt.line, tt.want) })
	}
}

func TestLinesSayWhatIsWrongAndGoOn(t *testing.T) {
	k := standard(t).dial()
	tests := []struct{ name, line, id, message, hint string }{
		{"no JSON", `{"id":1,`, "null", "BAD_JSON: at byte 8: unexpected end of JSON input", "send one JSON object a line"},
		{"not UTF-8", "{\"id\":\xff}", "null", "BAD_JSON: byte 7 is not UTF-8", ""},
		{"no object", `[1]`, "null", "BAD_REQUEST: the line must hold an object, not an array", `write {"id":1,"method":"supervisor.getState"}`},
		{"no method", `{"id":3}`, "3", "BAD_REQUEST: method is missing", `write {"id":1,"method":"supervisor.getState"}`},
		{"an unknown member", `{"id":3,"method":"x","parms":{}}`, "3", `BAD_REQUEST: unknown member "parms"`, "a request has id, method and params"},
		{"an unknown method", `{"id":3,"method":"supervisor.startProces"}`, "3", "UNKNOWN_METHOD: supervisor.startProces", "did you mean supervisor.startProcess?"},
		{"a method without its namespace", `{"id":3,"method":"getState"}`, "3", "UNKNOWN_METHOD: getState", "did you mean supervisor.getState?"},
		{"a method that is far off", `{"id":3,"method":"frobnicate"}`, "3", "UNKNOWN_METHOD: frobnicate", "system.listMethods lists what can be called"},
		{"an unknown parameter", `{"id":3,"method":"supervisor.startProcess","params":{"nam":"web"}}`, "3", `INCORRECT_PARAMETERS: no parameter "nam"`, "did you mean name?"},
		{"a missing parameter", `{"id":3,"method":"supervisor.startProcess","params":{"wait":true}}`, "3", "INCORRECT_PARAMETERS: name is missing", "supervisor.startProcess takes name, [wait]"},
		{"a parameter of another type", `{"id":3,"method":"supervisor.startProcess","params":{"name":true}}`, "3", "INCORRECT_PARAMETERS: name must be a string, not true", ""},
		{"too many parameters", `{"id":3,"method":"supervisor.getPID","params":[1]}`, "3", "INCORRECT_PARAMETERS", "supervisor.getPID takes no parameters; 1 given"},
		{"help for an unknown method", `{"id":3,"method":"system.methodHelp","params":["getPID"]}`, "3", "SIGNATURE_UNSUPPORTED", "did you mean supervisor.getPID?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k.t = t
			r, err := ndjson.ParseReply([]byte(k.ask(tt.line)))
			if err != nil || r.Error == nil {
				t.Fatalf("got %+v, %v", r, err)
			}
			if string(r.ID) != tt.id || r.Error.Message != tt.message || r.Error.Hint != tt.hint {
				t.Errorf("got %s %q %q", r.ID, r.Error.Message, r.Error.Hint)
			}
			k.expect(`{"id":9,"method":"supervisor.getPID"}`, `{"id":9,"result":42}`)
		})
	}
}

func TestLineWithoutEndIsRefusedInBoundedMemory(t *testing.T) {
	k := standard(t).dial()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	k.say(`{"id":1,"method":"`)
	chunk := strings.Repeat("x", 1<<20)
	for range 10 {
		k.say(chunk)
	}
	if e := k.hearError(); e.Code != ndjson.CodeLineTooLong || !strings.Contains(e.Message, "1048576") {
		t.Errorf("got %+v", e)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("10 MB without a newline left %d bytes in memory", grown)
	}
	k.expect("\n"+`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
}

func TestHalfALineThenClose(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(`{"id":1,"meth`)
	if err := k.conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if e := k.hearError(); e.Message != "BAD_JSON: at byte 13: unexpected end of JSON input" {
		t.Errorf("got %+v", e)
	}
	k.ended()

	rude := r.dial()
	rude.say(`{"id":1,"meth`)
	_ = rude.conn.Close()
	r.dial().expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
}

func TestSlowClientIsServed(t *testing.T) {
	r := standard(t)
	for name, tt := range map[string]struct{ request, want string }{
		"in lines":  {`{"id":1,"method":"supervisor.getPID"}` + "\n", `{"id":1,"result":42}`},
		"over HTTP": {"GET /ok.html HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			k := r.dial()
			for _, c := range tt.request {
				k.say(string(c))
			}
			if got := k.hear(); got != tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestLastLineMayLackItsNewline(t *testing.T) {
	k := standard(t).dial()
	k.say(`{"id":1,"method":"supervisor.getPID"}`)
	_ = k.conn.(*net.UnixConn).CloseWrite()
	if got := k.hear(); got != `{"id":1,"result":42}` {
		t.Errorf("got %s", got)
	}
	k.ended()
}

func TestAnswersComeOutOfOrder(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(`{"id":1,"method":"supervisor.startProcess","params":{"name":"slow"}}` + "\n")
	within(t, "the start waits", r.fake.started)
	k.expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
	if got := k.ask(`{"id":1,"method":"supervisor.getPID"}`); !strings.HasPrefix(got, `{"id":1,"error":{"code":409,"name":"DUPLICATE_ID"`) {
		t.Errorf("a running id is taken again: %s", got)
	}
	k.expect(`{"method":"supervisor.getPID"}`, `{"id":null,"result":42}`)
	close(r.fake.gate)
	if got := k.hear(); got != `{"id":1,"result":true}` {
		t.Errorf("got %s", got)
	}
	for range 100 { // an id is free as soon as its answer is there
		k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	}
}

func TestRequestsWithoutAnIDMayOverlap(t *testing.T) {
	r := standard(t)
	k := r.dial()
	for range 2 {
		k.say(`{"id":null,"method":"supervisor.startProcess","params":["slow"]}` + "\n")
		within(t, "the start waits", r.fake.started)
	}
	close(r.fake.gate)
	for range 2 {
		if got := k.hear(); got != `{"id":null,"result":true}` {
			t.Errorf("got %s", got)
		}
	}
}

func TestCancelEndsARequest(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(`{"id":"a","method":"supervisor.startProcess","params":["slow"]}` + "\n")
	within(t, "the start waits", r.fake.started)
	k.say(`{"id":2,"method":"system.cancel","params":{"id":"\u0061"}}` + "\n")
	got := map[string]bool{k.hear(): true, k.hear(): true}
	if !got[`{"id":2,"result":true}`] || !got[`{"id":"a","error":{"code":499,"name":"CANCELLED","message":"CANCELLED"}}`] {
		t.Errorf("got %v", got)
	}
	k.expect(`{"id":3,"method":"system.cancel","params":{"id":"a"}}`, `{"id":3,"result":false}`)
}

func TestReadingWaitsWhenTooManyRequestsAreInFlight(t *testing.T) {
	r := standard(t)
	k := r.dial()
	var all bytes.Buffer
	for i := range MaxRequests + 10 {
		fmt.Fprintf(&all, `{"id":%d,"method":"supervisor.startProcess","params":["slow"]}`+"\n", i)
	}
	k.say(all.String())
	for range MaxRequests {
		within(t, "a start waits", r.fake.started)
	}
	r.dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	if n := len(r.fake.started); n != 0 {
		t.Errorf("%d requests over the limit were begun", n)
	}
	close(r.fake.gate)
	for range MaxRequests + 10 {
		if got := k.hear(); !strings.HasSuffix(got, `"result":true}`) {
			t.Errorf("got %s", got)
		}
	}
}

func TestStreams(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.expect(`{"id":1,"method":"supervisor.followLog"}`, `{"id":1,"data":""}`) // silent, but open
	for _, tt := range []struct{ name, in, want string }{
		{"text", "a\n", `{"id":1,"data":"a\n"}`},
		{"text up to a character that is cut", "b\xc3", `{"id":1,"data":"b"}`},
		{"the rest of the character first", "\xa9c", `{"id":1,"data":"éc"}`},
		{"bytes that are no text", "\xff\xfe\n", `{"id":1,"data":{"base64":"//4K"}}`},
	} {
		r.fake.pieces <- tt.in
		if got := k.hear(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	r.fake.pieces <- strings.Repeat("y", maxPiece+1)
	first, second := k.hear(), k.hear()
	if len(first) < maxPiece || second != `{"id":1,"data":"y"}` {
		t.Errorf("a large piece came as %d and %d bytes", len(first), len(second))
	}
	k.expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
	r.fake.pieces <- "z\xc3"
	if got := k.hear(); got != `{"id":1,"data":"z"}` {
		t.Errorf("got %s", got)
	}
	close(r.fake.pieces)
	if held, last := k.hear(), k.hear(); held != `{"id":1,"data":{"base64":"ww=="}}` || last != `{"id":1,"result":true}` {
		t.Errorf("got %s, %s at the end", held, last)
	}
}

func TestStreamsThatFail(t *testing.T) {
	k := standard(t).dial()
	for _, tt := range []struct{ name, program, want string }{
		{"no such process", "nosuch", `{"id":1,"error":{"code":10,"name":"BAD_NAME","message":"BAD_NAME: nosuch"}}`},
		{"no log", "nolog", `{"id":1,"error":{"code":20,"name":"NO_FILE","message":"NO_FILE"}}`},
		{"a panic", "broken", `{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: internal error"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.t = t
			k.expect(`{"id":1,"method":"supervisor.followProcessLog","params":{"name":"`+tt.program+`"}}`, tt.want)
		})
	}
}

func TestCancelEndsAStream(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.expect(`{"id":1,"method":"supervisor.followLog"}`, `{"id":1,"data":""}`)
	k.say(`{"id":2,"method":"system.cancel","params":[1]}` + "\n")
	got := map[string]bool{k.hear(): true, k.hear(): true}
	if !got[`{"id":1,"result":true}`] || !got[`{"id":2,"result":true}`] {
		t.Errorf("got %v", got)
	}
	within(t, "opened", r.fake.follows)
	within(t, "ended", r.fake.follows)
}

func TestOnlySoManyStreams(t *testing.T) {
	k := standard(t).dial()
	for i := range MaxStreams {
		k.say(fmt.Sprintf(`{"id":%d,"method":"supervisor.followLog"}`+"\n", i))
	}
	for range MaxStreams {
		if got := k.hear(); !strings.HasSuffix(got, `"data":""}`) {
			t.Fatalf("got %s", got)
		}
	}
	if got := k.ask(`{"id":99,"method":"supervisor.followLog"}`); !strings.Contains(got, `"TOO_MANY_STREAMS: a connection may have 32"`) {
		t.Errorf("got %s", got)
	}
	k.expect(`{"id":100,"method":"supervisor.getPID"}`, `{"id":100,"result":42}`)
}

func TestStreamThatNobodyReadsBlocksNobody(t *testing.T) {
	r := standard(t)
	mute := r.dial()
	mute.say(`{"id":1,"method":"supervisor.followProcessLog","params":{"name":"flood"}}` + "\n")
	within(t, "the stream is open", r.fake.follows)
	for range 3 {
		r.dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	}
	_ = mute.conn.Close()
	if got := within(t, "the stream ends with its client", r.fake.follows); got != "ended flood" {
		t.Errorf("got %s", got)
	}
}

func TestListenerThatHasGoneIsNoticed(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Heartbeat: 10 * time.Millisecond})
	k := r.dial()
	k.say(`{"id":1,"method":"supervisor.followLog"}` + "\n")
	_ = k.conn.(*net.UnixConn).CloseWrite() // it may go on listening
	within(t, "opened", r.fake.follows)
	if got := k.hear(); got != `{"id":1,"data":""}` {
		t.Errorf("got %s", got)
	}
	r.fake.pieces <- "still here\n"
	if got := k.hear(); got != `{"id":1,"data":"still here\n"}` {
		t.Errorf("got %s", got)
	}
	_ = k.conn.Close()
	if got := within(t, "the stream of a client that has gone ends", r.fake.follows); got != "ended main" {
		t.Errorf("got %s", got)
	}
}

func TestLoginIsWanted(t *testing.T) {
	c := conf.HTTPServer{Username: ptr("joe"), Password: ptr("{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4")}
	r := newRig(t, c, Options{Namespace: "supervisor"})
	k := r.dial()
	for _, line := range []string{`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"method":"system.listMethods"}`, `{"id":1,"method":"nosuch"}`} {
		if got := k.ask(line); !strings.HasPrefix(got, `{"id":1,"error":{"code":401,"name":"UNAUTHORIZED","message":"UNAUTHORIZED: log in first"`) {
			t.Errorf("%s: got %s", line, got)
		}
	}
	wrong := `{"id":1,"error":{"code":401,"name":"UNAUTHORIZED","message":"UNAUTHORIZED: wrong user name or password"}}`
	k.expect(`{"id":1,"method":"system.login","params":{"username":"joe","password":"nope"}}`, wrong)
	k.expect(`{"id":1,"method":"system.login","params":{"username":"joe","password":"secret"}}`, `{"id":1,"result":true}`)
	k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)

	k = r.dial()
	for range MaxLogins {
		k.expect(`{"id":1,"method":"system.login","params":["joe","e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4"]}`, wrong)
	}
	k.ended()
}

func TestConnectionThatStaysSilentIsClosed(t *testing.T) {
	guarded := conf.HTTPServer{Username: ptr("joe"), Password: ptr("x")}
	for name, tt := range map[string]struct {
		c   conf.HTTPServer
		say string
	}{
		"not a byte":          {conf.HTTPServer{}, ""},
		"half an HTTP head":   {conf.HTTPServer{}, "GET / HTTP/1.1\r\nHo"},
		"a line but no login": {guarded, "\n{"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.c, Options{Namespace: "supervisor", FirstRequest: 50 * time.Millisecond})
			k := r.dial()
			k.say(tt.say)
			_, err := io.ReadAll(k.conn)
			if os.IsTimeout(err) {
				t.Error("the connection stays open")
			}
		})
	}
}

func TestTooManyConnectionsAreRefusedPolitely(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", MaxConns: 2})
	first, second := r.dial(), r.dial()
	for _, k := range []*talk{first, second} {
		k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	}
	third := r.dial()
	third.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":null,"error":{"code":503,"name":"BUSY","message":"BUSY: the server has its 2 connections","hint":"try again later"}}`)
	third.ended()
	resp, err := r.web().Get("http://x/ok.html")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %s", resp.Status)
	}
	_ = first.conn.Close()
	deadline := time.Now().Add(patience)
	for { // the place is free as soon as the server has noticed
		resp, err := r.web().Get("http://x/ok.html")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place is never given back")
		}
	}
}

func TestNamespace(t *testing.T) {
	for name, tt := range map[string]struct{ namespace, line, want string }{
		"unpublished": {"", `{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"error":{"code":1,"name":"UNKNOWN_METHOD","message":"UNKNOWN_METHOD: supervisor.getPID","hint":"system.listMethods lists what can be called"}}`},
		"unpublished, but system goes on": {"", `{"id":1,"method":"system.listMethods"}`,
			`{"id":1,"result":["system.cancel","system.listMethods","system.login","system.methodHelp","system.methodSignature","system.multicall"]}`},
		"another name":     {"other", `{"id":1,"method":"other.getPID"}`, `{"id":1,"result":42}`},
		"the name is gone": {"other", `{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"error":{"code":1,"name":"UNKNOWN_METHOD","message":"UNKNOWN_METHOD: supervisor.getPID","hint":"did you mean other.getPID?"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			newRig(t, conf.HTTPServer{}, Options{Namespace: tt.namespace}).dial().expect(tt.line, tt.want)
		})
	}
}

func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	r := standard(t)
	idle, k := r.dial(), r.dial()
	idle.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	k.expect(`{"id":2,"method":"supervisor.followLog"}`, `{"id":2,"data":""}`)
	k.say(`{"id":1,"method":"supervisor.startProcess","params":["slow"]}` + "\n")
	within(t, "the start waits", r.fake.started)
	done := make(chan struct{})
	go func() { r.shutdown(patience); close(done) }()
	if got := k.hear(); got != `{"id":2,"result":true}` {
		t.Errorf("the stream ends with %s", got)
	}
	idle.ended()
	close(r.fake.gate)
	if got := k.hear(); got != `{"id":1,"result":true}` {
		t.Errorf("got %s", got)
	}
	k.ended()
	within(t, "Shutdown returns", done)
	if _, err := os.Lstat(r.path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestShutdownLosesPatience(t *testing.T) {
	r := standard(t)
	k, mute := r.dial(), r.dial()
	k.say(`{"id":1,"method":"supervisor.startProcess","params":["slow"]}` + "\n")
	within(t, "the start waits", r.fake.started)
	mute.say(`{"id":1,"method":"supervisor.followProcessLog","params":{"name":"flood"}}` + "\n")
	within(t, "the stream is open", r.fake.follows)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	done := make(chan struct{})
	go r.once.Do(func() { r.server.Shutdown(ctx); close(done) })
	within(t, "Shutdown returns", done)
	k.ended()
}

func TestShutdownBeforeServe(t *testing.T) {
	c := conf.HTTPServer{Section: "unix_http_server", Family: conf.Unix, File: t.TempDir() + "/s", Mode: 0o700, OwnerUID: -1, OwnerGID: -1}
	l, err := Listen(c, ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := New(newFake(), c, l, func(conf.Level, string) {}, Options{})
	s.Shutdown(t.Context())
	s.Serve() // returns at once
}
