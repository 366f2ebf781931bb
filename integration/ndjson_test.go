package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// reply is one line of the control socket.
type reply struct {
	ID     json.RawMessage
	Result json.RawMessage
	Data   json.RawMessage
	Error  *struct {
		Code    int
		Name    string
		Message string
	}
}

// wire is a client of the control socket that knows nothing but JSON lines.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (s *sup) dial() *wire {
	s.t.Helper()
	conn, err := net.Dial("unix", s.path("s.sock"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		s.t.Fatal(err)
	}
	return &wire{t: s.t, conn: conn, in: bufio.NewReader(conn)}
}

func (w *wire) send(lines ...string) {
	w.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(w.conn, line+"\n"); err != nil {
			w.t.Fatalf("send %.80q: %v", line, err)
		}
	}
}

func (w *wire) receive() reply {
	w.t.Helper()
	r, line, err := w.next()
	if err != nil {
		w.t.Fatalf("receive: %v after %q", err, line)
	}
	return r
}

func (w *wire) next() (reply, []byte, error) {
	line, err := w.in.ReadBytes('\n')
	if err != nil {
		return reply{}, line, err
	}
	var r reply
	err = json.Unmarshal(line, &r)
	return r, line, err
}

// call sends a request and requires its result.
func (w *wire) call(method, params string, result any) {
	w.t.Helper()
	request := fmt.Sprintf(`{"id":1,"method":%q}`, method)
	if params != "" {
		request = fmt.Sprintf(`{"id":1,"method":%q,"params":%s}`, method, params)
	}
	w.send(request)
	r := w.receive()
	if r.Error != nil {
		w.t.Fatalf("%s: %+v", request, *r.Error)
	}
	if string(r.ID) != "1" {
		w.t.Fatalf("%s: answered to id %s", request, r.ID)
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		w.t.Fatalf("%s: %v in result %s", request, err, r.Result)
	}
}

// healthy requires an answer to a plain request on a new connection.
func (s *sup) healthy() {
	s.t.Helper()
	s.running()
	var state struct {
		StateCode int
		StateName string
	}
	s.dial().call("supervisor.getState", "", &state)
	if state.StateCode != 1 || state.StateName != "RUNNING" {
		s.t.Fatalf("state %+v, want 1 RUNNING", state)
	}
}

func TestWireAnswersRequests(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, catProgram).start()
	child := s.waitPID("cat")
	w := s.dial()
	var version, identification string
	w.call("supervisor.getAPIVersion", "", &version)
	w.call("supervisor.getIdentification", "[]", &identification)
	if version != "3.0" || identification != "supervisor" {
		t.Errorf("version %q, identification %q", version, identification)
	}
	var pid int
	if w.call("supervisor.getPID", "{}", &pid); pid != s.pid {
		t.Errorf("pid %d, want %d", pid, s.pid)
	}
	var info struct {
		Name, Group, StateName string
		PID, State             int
	}
	w.call("supervisor.getProcessInfo", `{"name":"cat"}`, &info)
	if info.Name != "cat" || info.Group != "cat" || info.StateName != "RUNNING" || info.State != 20 || info.PID != child {
		t.Errorf("info %+v", info)
	}
	w.call("supervisor.getProcessInfo", `["cat"]`, &info)
	if info.PID != child {
		t.Errorf("with parameters by position: info %+v", info)
	}
	var done bool
	if w.call("supervisor.stopProcess", `{"name":"cat"}`, &done); !done {
		t.Error("stopProcess is not true")
	}
	if alive(child) {
		t.Error("stopProcess answered before the process was gone")
	}
	if w.call("supervisor.startProcess", `{"name":"cat","wait":true}`, &done); !done {
		t.Error("startProcess is not true")
	}
	s.terminate()
}

func TestWireAnswersOutOfOrderByID(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, `
[program:slow]
command=/bin/cat
startsecs=3
autostart=false
`).start()
	w := s.dial()
	w.send(`{"id":"slow","method":"supervisor.startProcess","params":{"name":"slow"}}`,
		`{"id":2,"method":"supervisor.getPID"}`, `{"id":null,"method":"supervisor.getPID"}`)
	var order []string
	for range 3 {
		r := w.receive()
		if r.Error != nil {
			t.Fatalf("id %s: %+v", r.ID, *r.Error)
		}
		order = append(order, string(r.ID))
	}
	if order[2] != `"slow"` {
		t.Errorf("answers in the order %v, want the waiting one last", order)
	}
	// A client that hangs up while it waits disturbs nothing.
	w.send(`{"id":3,"method":"supervisor.stopProcess","params":{"name":"slow"}}`)
	w.conn.Close()
	s.waitState("slow", "STOPPED")
	s.terminate()
}

func TestWireStreamsALog(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, `
[program:p]
command=TESTPROG signals
stdout_logfile=DIR/p.log
`).start()
	s.waitPID("p")
	waitFile(t, s.path("p.log"), "ready")
	w := s.dial()
	w.send(`{"id":7,"method":"supervisor.followProcessLog","params":{"name":"p","channel":"stdout","backlog":1024}}`)
	var text string
	read := func(want string) {
		t.Helper()
		for !strings.Contains(text, want) {
			r := w.receive()
			if r.Error != nil || r.Data == nil {
				t.Fatalf("waiting for %q: got %+v", want, r)
			}
			var piece string
			if err := json.Unmarshal(r.Data, &piece); err != nil {
				t.Fatalf("%v in %s", err, r.Data)
			}
			text += piece
		}
	}
	read("ready")
	s.must(0, "p: signalled", "signal", "USR1", "p")
	read("got USR1")
	s.must(0, "", "restart", "p")
	read("bye after TERM")
	read("ready") // of the first and, by then, of the second life
	w.conn.Close()
	s.healthy()
	s.terminate()
}

func TestWireRefusesBadInputAndGoesOn(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, catProgram).start()
	child := s.waitPID("cat")
	for _, c := range []struct {
		name, line, want string
	}{
		{"cut short", `{"id":5,"method":"supervisor.ge`, "BAD_JSON"},
		{"not JSON after the first byte", `{nonsense}`, "BAD_JSON"},
		{"not UTF-8", "{\"id\":5,\"method\":\"\xff\xfe\"}", "BAD_JSON"},
		{"no method", `{"id":5}`, "BAD_REQUEST"},
		{"method of a wrong type", `{"id":5,"method":7}`, "BAD_REQUEST"},
		{"params of a wrong type", `{"id":5,"method":"supervisor.getState","params":"x"}`, "BAD_REQUEST"},
		{"unknown method", `{"id":5,"method":"supervisor.nope"}`, "UNKNOWN_METHOD"},
		{"missing parameter", `{"id":5,"method":"supervisor.startProcess"}`, "INCORRECT_PARAMETERS"},
		{"parameter of a wrong type", `{"id":5,"method":"supervisor.startProcess","params":{"name":{}}}`, "INCORRECT_PARAMETERS"},
		{"unknown process", `{"id":5,"method":"supervisor.startProcess","params":{"name":"nosuch"}}`, "BAD_NAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := s.dial()
			w.send(c.line)
			r := w.receive()
			if r.Error == nil || r.Error.Name != c.want || r.Error.Message == "" {
				t.Errorf("%q: error %+v, want %s", c.line, r.Error, c.want)
			}
			// The same connection still serves.
			var pid int
			if w.call("supervisor.getPID", "", &pid); pid != s.pid {
				t.Errorf("pid %d, want %d", pid, s.pid)
			}
		})
	}
	if got := s.waitPID("cat"); got != child {
		t.Errorf("pid of cat %d, had %d", got, child)
	}
	s.terminate()
}

func TestWireSurvivesHostileClients(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, catProgram).start()
	child := s.waitPID("cat")

	half := s.dial() // and stays for the whole test
	if _, err := io.WriteString(half.conn, `{"id":1,"method":"supervisor.getS`); err != nil {
		t.Fatal(err)
	}
	silent := s.dial()
	s.healthy()

	t.Run("ten megabytes without newline", func(t *testing.T) {
		w := s.dial()
		written := make(chan error, 1)
		go func() {
			block := bytes.Repeat([]byte("a"), 1<<20)
			_, err := io.WriteString(w.conn, `{"id":1,"method":"`)
			for i := 0; i < 10 && err == nil; i++ {
				_, err = w.conn.Write(block)
			}
			written <- err
		}()
		r := w.receive()
		if r.Error == nil || r.Error.Name != "LINE_TOO_LONG" {
			t.Errorf("error %+v, want LINE_TOO_LONG", r.Error)
		}
		s.healthy()
		if err := <-written; err != nil {
			t.Logf("writing all of it: %v", err)
			return
		}
		w.send(`"}`)
		var pid int
		if w.call("supervisor.getPID", "", &pid); pid != s.pid {
			t.Errorf("pid %d after the long line, want %d", pid, s.pid)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		for _, text := range []string{"\x00\x01\x02\xff\xfe\n\n", "GET / HTTP/9.9\r\nno colon\r\n\r\n", "hello\n", "[]\n", strings.Repeat("\x00", 1<<20)} {
			w := s.dial()
			go func() {
				_, _ = io.WriteString(w.conn, text) // the daemon may hang up meanwhile
				_ = w.conn.(*net.UnixConn).CloseWrite()
			}()
			// An answer or the end, in any form, but one of them.
			answer, err := io.ReadAll(io.LimitReader(w.conn, 1<<20))
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("%.20q: neither an answer nor the end; got %.200q", text, answer)
			}
			w.conn.Close()
			s.healthy()
		}
	})
	if _, err := io.WriteString(half.conn, "tate\"}\n"); err != nil {
		t.Fatal(err)
	}
	if r := half.receive(); r.Error != nil {
		t.Errorf("a line sent in two halves: %+v", *r.Error)
	}
	var pid int
	if silent.call("supervisor.getPID", "", &pid); pid != s.pid {
		t.Errorf("pid %d for the silent client, want %d", pid, s.pid)
	}
	if got := s.waitPID("cat"); got != child {
		t.Errorf("pid of cat %d, had %d", got, child)
	}
	var kb int
	if _, err := fmt.Sscan(statusField(t, s.pid, "VmHWM"), &kb); err != nil || kb > 100<<10 {
		t.Errorf("the daemon has used %d KiB of memory (%v)", kb, err)
	}
	s.terminate()
}

func TestWireServesManyClients(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, catProgram).start()
	s.waitPID("cat")
	const clients, requests = 100, 50
	var all sync.WaitGroup
	failures := make(chan string, clients)
	for range clients {
		w := s.dial()
		all.Go(func() {
			for i := range requests {
				if _, err := fmt.Fprintf(w.conn, `{"id":%d,"method":"supervisor.getAllProcessInfo"}`+"\n", i); err != nil {
					failures <- err.Error()
					return
				}
				r, line, err := w.next()
				if err != nil || r.Error != nil || string(r.ID) != fmt.Sprint(i) {
					failures <- fmt.Sprintf("request %d: %v, answer %q", i, err, line)
					return
				}
			}
		})
	}
	all.Wait()
	close(failures)
	for f := range failures {
		t.Error(f)
	}
	s.healthy()
	s.terminate()
}

func TestWireGivesTheReasonOfAFault(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it speaks XML-RPC only")
	s := newSup(t, catProgram).start()
	s.waitPID("cat")
	for request, want := range map[string]string{
		`{"id":1,"method":"supervisor.startProcess","params":{"name":"cat"}}`:                 "60 ALREADY_STARTED: cat",
		`{"id":1,"method":"supervisor.stopProcess","params":{"name":"dog"}}`:                  "10 BAD_NAME: dog",
		`{"id":1,"method":"supervisor.signalProcess","params":{"name":"cat","signal":"FOO"}}`: "11 BAD_SIGNAL: FOO",
		`{"id":1,"method":"supervisor.removeProcessGroup","params":{"name":"cat"}}`:           "91 STILL_RUNNING: cat",
		`{"id":1,"method":"supervisor.addProcessGroup","params":{"name":"cat"}}`:              "90 ALREADY_ADDED: cat",
		`{"id":1,"method":"supervisor.readProcessStdoutLog","params":["cat",-5,3]}`:           "3 BAD_ARGUMENTS",
		`{"id":1,"method":"supervisor.getProcessInfo","params":{"name":"cat:*"}}`:             "10 BAD_NAME: cat:*",
		`{"id":1,"method":"supervisor.sendProcessStdin","params":{"name":"dog","chars":"x"}}`: "10 BAD_NAME: dog",
	} {
		w := s.dial()
		w.send(request)
		r := w.receive()
		if r.Error == nil {
			t.Errorf("%s: result %s, want %s", request, r.Result, want)
			continue
		}
		if got := fmt.Sprintf("%d %s", r.Error.Code, r.Error.Message); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	s.terminate()
}
