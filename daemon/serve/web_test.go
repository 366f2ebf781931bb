package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/xmlrpc"
)

// callOf is a call over XML-RPC as it goes over the wire.
func callOf(t *testing.T, headers, method string, params ...any) string {
	t.Helper()
	body, err := xmlrpc.EncodeCall(method, params...)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", headers, len(body), body)
}

// hearAnswer reads an answer by net/http.
func (k *talk) hearAnswer(method string) (*http.Response, string) {
	k.t.Helper()
	resp, err := http.ReadResponse(k.in, &http.Request{Method: method})
	if err != nil {
		k.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return resp, string(body)
}

func TestRequestsInOnePieceAreAnsweredInOrder(t *testing.T) {
	k := standard(t).dial()
	const chunked = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x;a=b\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n"
	call := "<methodCall><methodName>supervisor.getPID</methodName></methodCall>"
	k.say("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n" + callOf(t, "", "supervisor.getPID") + "\r\n" + "HEAD /ok.html HTTP/1.1\r\nHost: x\r\n\r\n" +
		fmt.Sprintf(chunked, len(call), call) + callOf(t, "", "supervisor.startProcess", "nosuch") + "POST /nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" +
		"GET http://x/nosuch HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n" + "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, want := range []struct{ method, status, body string }{
		{"GET", "200 OK", "OK"}, {"POST", "200 OK", "<int>42</int>"}, {"HEAD", "200 OK", ""}, {"POST", "200 OK", "<int>42</int>"},
		{"POST", "200 OK", "BAD_NAME"}, {"POST", "400 Bad Request", "Error code 400"}, {"GET", "404 Not Found", "Error code 404"},
	} {
		if resp, body := k.hearAnswer(want.method); resp.Status != want.status || !strings.Contains(body, want.body) || resp.Header.Get("Date") == "" {
			t.Errorf("got %s and %q, want %v", resp.Status, body, want)
		}
	}
	k.ended()
}

func TestOldClientMayStay(t *testing.T) {
	k := standard(t).dial()
	for range 3 {
		k.say("GET /ok.html HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		resp, body := k.hearAnswer("GET")
		if resp.Proto != "HTTP/1.0" || resp.Header.Get("Connection") != "keep-alive" || body != "OK" {
			t.Errorf("got %v, %q", resp, body)
		}
	}
	k.say("GET /ok.html HTTP/1.0\r\n\r\n")
	k.hearAnswer("GET")
	k.ended()
}

func TestClientThatWaitsIsToldToGoOn(t *testing.T) {
	r := standard(t)
	for name, text := range map[string]string{
		"a call": callOf(t, "Expect: 100-continue\r\n", "supervisor.getPID"),
		"lines":  "POST /ndjson HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 37\r\n\r\n" + `{"id":1,"method":"supervisor.getPID"}`,
	} {
		t.Run(name, func(t *testing.T) {
			k := r.dial()
			head, body, _ := strings.Cut(text, "\r\n\r\n")
			k.say(head + "\r\n\r\n")
			if line := k.hear(); line != "HTTP/1.1 100 Continue" {
				t.Fatalf("got %s", line)
			}
			k.hearBlank()
			k.say(body)
			if resp, answer := k.hearAnswer("POST"); resp.StatusCode != 200 || !strings.Contains(answer, "42") || resp.Close {
				t.Errorf("got %v, %q", resp, answer)
			}
			k.say("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n")
			k.hearAnswer("GET")
		})
	}
	t.Run("unless nobody wants it", func(t *testing.T) {
		k := r.dial()
		k.say("POST /nosuch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		if resp, _ := k.hearAnswer("POST"); resp.StatusCode != 400 || !resp.Close {
			t.Errorf("got %v", resp)
		}
		k.ended()
	})
}

// hearBlank reads a line that is expected to be blank.
func (k *talk) hearBlank() {
	k.t.Helper()
	if line, err := k.in.ReadString('\n'); strings.TrimSpace(line) != "" || err != nil {
		k.t.Fatalf("got %q, %v", line, err)
	}
}

// TestNothingIsSmuggled sends what another server may take for one request, with
// another request in it: there is one answer, and the connection ends.
func TestNothingIsSmuggled(t *testing.T) {
	r := standard(t)
	const inner = "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n"
	const post = "POST /RPC2 HTTP/1.1\r\nHost: x\r\n"
	for name, tt := range map[string]struct {
		text   string
		status int
	}{
		"a length and chunks":               {post + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 5+len(inner)) + inner, 400},
		"two lengths":                       {post + fmt.Sprintf("Content-Length: %d\r\nContent-Length: 0\r\n\r\n", len(inner)) + inner, 400},
		"a length with a sign":              {post + "Content-Length: +0\r\n\r\n" + inner, 400},
		"a coding that only looks like one": {post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + inner, 501},
		"a blank before the colon":          {post + "Content-Length : 0\r\n\r\n" + inner, 400},
		"a folded length":                   {post + "Content-Length:\r\n 0\r\n\r\n" + inner, 400},
		"a bare CR":                         {post + "X: y\rContent-Length: 0\r\n\r\n" + inner, 400},
		"a NUL":                             {post + "X: \x00\r\nContent-Length: 0\r\n\r\n" + inner, 400},
		"a chunk whose length is cut":       {post + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + inner, 400},
		"a chunk that ends with LF":         {post + "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n" + inner, 400},
		"no host":                           {"POST /RPC2 HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + inner, 400},
	} {
		t.Run(name, func(t *testing.T) {
			k := r.dial()
			k.say(tt.text)
			if resp, _ := k.hearAnswer("POST"); resp.StatusCode != tt.status || !resp.Close {
				t.Errorf("got %v", resp)
			}
			k.ended()
		})
	}
}

func TestBodyThatNobodyWants(t *testing.T) {
	r := standard(t)
	for name, tt := range map[string]struct {
		size int
		ends bool
	}{"a short one is passed over": {1 << 10, false}, "a long one ends the connection": {maxUnread + 1, true}} {
		t.Run(name, func(t *testing.T) {
			k := r.dial()
			go func() {
				_, _ = fmt.Fprintf(k.conn, "POST /nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", tt.size, strings.Repeat("x", tt.size))
				if !tt.ends {
					_, _ = io.WriteString(k.conn, "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n")
				}
			}()
			if resp, _ := k.hearAnswer("POST"); resp.StatusCode != 400 || resp.Close != tt.ends {
				t.Errorf("got %v", resp)
			}
			if tt.ends {
				k.ended()
			} else if _, body := k.hearAnswer("GET"); body != "OK" {
				t.Errorf("got %q", body)
			}
		})
	}
}

// TestCallThatWaitsEndsWithItsClient sends another request meanwhile, so that it
// is not what comes that tells, but that nothing more can.
func TestCallThatWaitsEndsWithItsClient(t *testing.T) {
	for name, more := range map[string]string{"at once": "", "behind another request": "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			r := standard(t)
			k := r.dial()
			k.say(callOf(t, "", "supervisor.startProcess", "slow") + more)
			within(t, "the start waits", r.fake.started)
			_ = k.conn.Close()
			eventually(t, "the place is given back", func() bool { return len(r.server.slots) == 0 })
		})
	}
}

func TestRequestBehindACallThatWaitsIsNotLost(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(callOf(t, "", "supervisor.startProcess", "slow"))
	within(t, "the start waits", r.fake.started)
	k.say("GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\nGET /nosuch HT")
	close(r.fake.gate)
	if _, body := k.hearAnswer("POST"); !strings.Contains(body, "<boolean>1</boolean>") {
		t.Errorf("got %q", body)
	}
	if _, body := k.hearAnswer("GET"); body != "OK" {
		t.Errorf("got %q", body)
	}
	k.say("TP/1.1\r\nHost: x\r\n\r\n")
	if resp, _ := k.hearAnswer("GET"); resp.StatusCode != 404 {
		t.Errorf("got %v", resp)
	}
}

// TestARequestMayTakeLongerThanThePauseBeforeIt lets the time between requests go by
// while one is answered, which another connection tells: its own time begins later.
func TestARequestMayTakeLongerThanThePauseBeforeIt(t *testing.T) {
	const part = `{"id":1,"method":"supervisor.getPID"}` + "\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
	for name, tt := range map[string]struct {
		request string
		more    func(k *talk)
	}{
		"a call whose client goes": {"POST /RPC2", func(k *talk) { _ = k.conn.Close() }},
		"a body of lines": {"POST /ndjson", func(k *talk) {
			k.say(chunk + "0\r\n\r\n")
			if resp, body := k.hearAnswer("POST"); resp.StatusCode != 200 || strings.Count(body, `"result":42`) != 2 {
				t.Errorf("got %v, %q", resp, body)
			}
			_ = k.conn.Close()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", idle: 50 * time.Millisecond})
			k := r.dial()
			const get = "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n"
			if tt.request == "POST /RPC2" { // in one piece, since there is no time to lose between two
				k.say(get + callOf(t, "", "supervisor.startProcess", "slow"))
				within(t, "the start waits", r.fake.started)
			} else {
				k.say(get + tt.request + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
			}
			k.hearAnswer("GET")
			other := r.dial()
			other.say(get)
			other.hearAnswer("GET")
			other.ended()
			tt.more(k)
			eventually(t, "the places are given back", func() bool { return len(r.server.slots) == 0 })
		})
	}
}

func TestShutdownWaitsForNoRequestThatHasNotCome(t *testing.T) {
	for name, text := range map[string]string{
		"none yet":      "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n",
		"a part of one": "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\nGET /ok.ht",
	} {
		t.Run(name, func(t *testing.T) {
			r := standard(t)
			k := r.dial()
			k.say(text)
			k.hearAnswer("GET")
			done := make(chan struct{})
			go func() { r.shutdown(time.Hour); close(done) }()
			within(t, "Shutdown returns", done)
			k.ended()
		})
	}
}

func TestAnswerDuringTheShutdownIsTheLast(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(callOf(t, "", "supervisor.startProcess", "slow"))
	within(t, "the start waits", r.fake.started)
	done := make(chan struct{})
	go func() { r.shutdown(time.Hour); close(done) }()
	within(t, "the server has begun to end", r.server.closing.Done())
	close(r.fake.gate)
	if resp, body := k.hearAnswer("POST"); !resp.Close || !strings.Contains(body, "<boolean>1</boolean>") {
		t.Errorf("got %v, %q", resp, body)
	}
	within(t, "Shutdown returns", done)
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(callOf(t, "", "supervisor.startProcess", "slow"))
	within(t, "the start waits", r.fake.started)
	r.shutdown(10 * time.Millisecond)
	if text, err := io.ReadAll(k.in); len(text) > 0 {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestHeadThatDripsHasNoMoreTime(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", FirstRequest: 100 * time.Millisecond})
	for name, first := range map[string]string{"of the first request": "", "of the second": "GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			k := r.dial()
			if first != "" {
				k.say(first)
				k.hearAnswer("GET")
			}
			ended := make(chan struct{})
			go func() {
				_, _ = io.Copy(io.Discard, k.in)
				close(ended)
			}()
			drip := time.NewTicker(10 * time.Millisecond)
			defer drip.Stop()
			deadline := time.After(patience)
			for _, c := range "GET /" + strings.Repeat("x", 1<<16) {
				select {
				case <-drip.C:
					_, _ = k.conn.Write([]byte{byte(c)}) // it may be closed by now
				case <-ended:
					return
				case <-deadline:
					t.Fatal("the connection stays open")
				}
			}
		})
	}
}

func TestRequestWithoutAnAnswerIsRefusedInWords(t *testing.T) {
	for text, want := range map[string]string{
		"GET / HTTP/2.0\r\n\r\n": "HTTP Version Not Supported: HTTP/1.0 and HTTP/1.1 are spoken here\n",
		"\x16\x03\x01\x02":       "Bad Request: malformed HTTP: what begins as no request does\n",
		"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n":              "Expectation Failed: an expectation that nobody meets\n",
		"GET /" + strings.Repeat("x", http1.MaxHead/2) + " HTTP/1.1\r\n\r\n": "Request URI Too Long: the first line of the HTTP header is too long\n",
	} {
		k := standard(t).dial()
		go func() { _, _ = io.WriteString(k.conn, text) }() // it may be refused before its end
		if resp, body := k.hearAnswer("GET"); body != want || !resp.Close {
			t.Errorf("%.40q: got %v, %q", text, resp, body)
		}
	}
}

func TestPanicEndsTheConnectionInMidAnswer(t *testing.T) {
	lines := make(chan string, 10)
	s := New(newFake(), conf.HTTPServer{Section: "x", Family: conf.Unix}, newHanded(), func(level conf.Level, text string) {
		if level >= conf.Critical {
			lines <- text
		}
	}, Options{})
	defer s.Shutdown(t.Context())
	for name, started := range map[string]bool{"before the answer": false, "within it": true} {
		ours, theirs := net.Pipe()
		x := &exchange{s: s, conn: s.connection(theirs), in: bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))}
		x.out = bufio.NewWriter(x.conn)
		x.ctx, x.cancel = context.WithCancel(t.Context())
		if !x.next(true) {
			t.Fatal("there is no request")
		}
		got := make(chan []byte)
		go func() {
			text, _ := io.ReadAll(ours)
			got <- text
		}()
		s.perform(x, func(*exchange) {
			if started {
				_, _ = x.a.Write([]byte("a piece"))
				_ = x.a.Flush()
			}
			panic("boom")
		})
		if x.finish() {
			t.Errorf("%s: the connection goes on", name)
		}
		_ = x.conn.Close()
		text := string(within(t, "the answer", got))
		if want := map[bool]string{false: "HTTP/1.1 500 Internal Server Error\r\n", true: "a piece\r\n"}[started]; !strings.Contains(text, want) || strings.HasSuffix(text, "0\r\n\r\n") {
			t.Errorf("%s: got %q", name, text)
		}
		if line := within(t, "a line in the log", lines); !strings.HasPrefix(line, "Handling GET / raised an unexpected exception: boom") {
			t.Errorf("%s: got %s", name, line)
		}
	}
}

func TestConnectionThatIsClosedIsNoRequest(t *testing.T) {
	r := standard(t)
	for _, text := range []string{"G", "GET /ok.html HTTP/1.1\r\nHost", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"} {
		k := r.dial()
		k.say(text)
		if err := k.conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(k.in)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", text, err)
		}
		if strings.Contains(text, "\r\n\r\n") != strings.HasPrefix(string(out), "HTTP/1.1 400 ") {
			t.Errorf("%q: got %q", text, out)
		}
	}
	eventually(t, "the places are given back", func() bool { return len(r.server.slots) == 0 })
}

// BenchmarkCall is what a short call takes, on a connection that is kept.
func BenchmarkCall(b *testing.B) {
	s := New(newFake(), conf.HTTPServer{Section: "x", Family: conf.Unix}, newHanded(), func(conf.Level, string) {}, Options{Namespace: "supervisor", Level: conf.Info})
	defer s.Shutdown(context.Background())
	ours, theirs := net.Pipe()
	defer ours.Close()
	go s.serveWebConn(s.connection(theirs))
	body, _ := xmlrpc.EncodeCall("supervisor.getState")
	call := []byte(fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	in := bufio.NewReader(ours)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ours.Write(call); err != nil {
			b.Fatal(err)
		}
		p, err := http1.ReadResponse(in)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, &p.Body); err != nil {
			b.Fatal(err)
		}
	}
}
