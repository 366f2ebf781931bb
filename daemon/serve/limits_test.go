package serve

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"gosupervisor/conf"
)

// handed is a listener that gives what a test hands it.
type handed struct {
	conns chan net.Conn
	errs  chan error
	done  chan struct{}
	addr  net.Addr
}

func newHanded() *handed {
	return &handed{conns: make(chan net.Conn), errs: make(chan error), done: make(chan struct{}), addr: &net.UnixAddr{Name: "handed", Net: "unix"}}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case err := <-h.errs:
		return nil, err
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handed) Close() error   { close(h.done); return nil }
func (h *handed) Addr() net.Addr { return h.addr }

// probe is a connection whose memory can be watched.
type probe struct {
	net.Conn
	_ [64]byte
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestConnectionThatSaysNothingLeavesNothingBehind(t *testing.T) {
	l := newHanded()
	s := New(newFake(), conf.HTTPServer{Section: "x", Family: conf.Unix}, l, func(conf.Level, string) {}, Options{})
	served := make(chan struct{})
	go func() { s.Serve(); close(served) }()
	var held []weak.Pointer[probe]
	for range 100 {
		ours, theirs := net.Pipe()
		c := &probe{Conn: theirs}
		held = append(held, weak.Make(c))
		l.conns <- c
		_ = ours.Close()
	}
	eventually(t, "the memory of every connection is given back", func() bool {
		runtime.GC()
		for _, w := range held {
			if w.Value() != nil {
				return false
			}
		}
		return true
	})
	s.Shutdown(t.Context())
	within(t, "Serve returns", served)
}

func TestSilentConnectionsCannotTakeAllDescriptors(t *testing.T) {
	bounds := newBounds(reserveFiles + 80) // 40 connections, 10 of them newcomers on each server
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Bounds: bounds})
	other := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Bounds: bounds})
	steady := r.dial()
	steady.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	for range 100 {
		r.dial()
	}
	eventually(t, "silent connections are as many as they may be", func() bool { return len(bounds.conns) >= 10 })
	other.dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	k := r.dial() // behind all the others
	k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	if n := len(bounds.conns); n > 1+10+1+1+1 { // one more may have been accepted
		t.Errorf("%d connections are open", n)
	}
	steady.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
}

func TestAllServersTogetherHaveABound(t *testing.T) {
	bounds := newBounds(reserveFiles + 16)
	rigs := []*rig{
		newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Bounds: bounds}),
		newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Bounds: bounds}),
	}
	for i := range 8 {
		rigs[i%2].dial().expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	}
	k := rigs[0].dial()
	k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":null,"error":{"code":503,"name":"BUSY","message":"BUSY: all servers together have their 8 connections","hint":"try again later"}}`)
	k.ended()
}

func TestShareOfTheDescriptors(t *testing.T) {
	for _, tt := range []struct {
		files     uint64
		conns     int
		newcomers int // on a server of 1024
	}{
		{0, 8, 4}, {64, 8, 4}, {512, 224, 56}, {1024, 480, 120}, {1 << 20, 1 << 16, 512}, {1<<64 - 1, 1 << 16, 512},
	} {
		b := newBounds(tt.files)
		if cap(b.conns) != tt.conns || b.maxNewcomers(MaxConns) != tt.newcomers {
			t.Errorf("%d files: %d connections, %d newcomers", tt.files, cap(b.conns), b.maxNewcomers(MaxConns))
		}
	}
	if n := cap(NewBounds().conns); n < 8 {
		t.Errorf("%d connections here", n)
	}
}

func TestErrorsOfAcceptAreToldOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHanded()
		var lines atomic.Int64
		var last atomic.Value
		s := New(newFake(), conf.HTTPServer{Section: "x", Family: conf.Unix}, l, func(_ conf.Level, text string) {
			if strings.HasPrefix(text, "cannot accept a connection on x: no more files") {
				lines.Add(1)
				last.Store(text)
			}
		}, Options{})
		go s.Serve()
		start := time.Now()
		for range 50 {
			l.errs <- errors.New("no more files")
		}
		synctest.Wait()
		if took := time.Since(start); took < 40*time.Second {
			t.Errorf("50 tries took %v", took)
		}
		if n := lines.Load(); n < 2 || n > 5 {
			t.Errorf("%d lines were written", n)
		}
		if text := fmt.Sprint(last.Load()); !strings.HasSuffix(text, " more times since that was last told)") {
			t.Errorf("got %q", text)
		}
		s.Shutdown(t.Context())
	})
}

func TestBodyThatStallsIsTakenToHaveEnded(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", body: 50 * time.Millisecond, Heartbeat: 10 * time.Millisecond})
	const head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
	t.Run("of lines", func(t *testing.T) {
		k := r.dial()
		k.say(fmt.Sprintf(head, "/ndjson") + `{"id":1,"method":"supervisor.getPID"}` + "\n" + `{"id":2,`)
		text := ""
		for !strings.HasSuffix(text, "\r\n0\r\n") {
			line, err := k.in.ReadString('\n')
			if text += line; err != nil {
				t.Fatalf("got %q, %v", text, err)
			}
		}
		if !strings.Contains(text, `{"id":1,"result":42}`) {
			t.Errorf("got %q", text)
		}
	})
	t.Run("of a call", func(t *testing.T) {
		k := r.dial()
		k.say(fmt.Sprintf(head, "/RPC2") + "<methodCall>")
		if got := k.hear(); got != "HTTP/1.1 400 Bad Request" {
			t.Errorf("got %s", got)
		}
	})
}

func TestClientThatTakesNothingIsCutOff(t *testing.T) {
	const flood = `{"id":1,"method":"supervisor.followProcessLog","params":{"name":"flood"}}` + "\n"
	for name, request := range map[string]string{
		"a stream of lines":           flood,
		"a stream of lines over HTTP": fmt.Sprintf("POST /ndjson HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(flood), flood),
		"the tail of a log":           "GET /logtail/flood HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", write: 50 * time.Millisecond})
			r.dial().say(request)
			within(t, "the stream is open", r.fake.follows)
			within(t, "the stream is ended", r.fake.follows)
			eventually(t, "the place is given back", func() bool { return len(r.server.slots) == 0 })
		})
	}
}

func TestDeadlineForAllWritesCountsToo(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	c := &firstByteConn{Conn: theirs, write: patience, cancel: func() {}, release: func() {}}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, ours) }()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestAWriteThatHadToWaitLeavesNoDeadline has one wait for its reader, and writes again when
// its time would have been over, which a second connection tells whose time began later.
func TestAWriteThatHadToWaitLeavesNoDeadline(t *testing.T) {
	const wait = time.Second
	r := standard(t)
	pair := func() (ours *net.UnixConn, c *firstByteConn) {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(); _ = theirs.Close() })
		c = r.server.connection(theirs)
		c.write = wait
		return conn.(*net.UnixConn), c
	}
	long := make([]byte, 8<<20) // more than a socket holds
	ours, c := pair()
	_ = ours.SetReadDeadline(time.Now().Add(patience)) // a connection has deadlines
	wrote := make(chan error, 1)
	go func() { _, err := c.Write(long); wrote <- err }()
	if _, err := io.ReadFull(ours, make([]byte, len(long))); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the first Write ends", wrote); err != nil {
		t.Fatal(err)
	}
	_, other := pair()
	if _, err := other.Write(long); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody reads: got %v", err)
	}
	go func() { _, err := c.Write(long); wrote <- err }()
	if n, err := io.ReadFull(ours, make([]byte, len(long))); err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
	if err := within(t, "the second Write ends", wrote); err != nil {
		t.Error(err)
	}
}

// get is a request whose answer leaves the connection open.
const get = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"

// answered reads an answer to get, and returns its status.
func (k *talk) answered() string {
	k.t.Helper()
	resp, err := http.ReadResponse(k.in, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		k.t.Fatal(err)
	}
	return resp.Status
}

func TestAnHTTPConnectionWithoutRequestsIsClosed(t *testing.T) {
	for name, silence := range map[string]string{
		"nothing":       "",
		"an empty line": "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", idle: 50 * time.Millisecond})
			k := r.dial()
			k.say(get + silence)
			if got := k.answered(); got != "200 OK" {
				t.Fatalf("got %s", got)
			}
			if rest, err := io.ReadAll(k.in); err != nil || len(rest) > 0 {
				t.Errorf("got %q, %v, want the end", rest, err)
			}
			eventually(t, "the place is given back", func() bool { return len(r.server.slots) == 0 })
		})
	}
}

func TestEmptyLinesBetweenRequestsAreBounded(t *testing.T) {
	r := standard(t)
	for blank, want := range map[string]string{
		"":                               "200 OK",
		"\r\n":                           "200 OK",
		strings.Repeat("\n", maxBlank):   "200 OK",
		strings.Repeat("\n", maxBlank+1): "400 Bad Request",
		strings.Repeat("\r\n", maxBlank/2) + "\r\n": "400 Bad Request",
	} {
		k := r.dial()
		k.say(get)
		k.answered()
		k.say(blank + get)
		if got := k.answered(); got != want {
			t.Errorf("%q: got %s, want %s", blank, got, want)
		}
	}
}
