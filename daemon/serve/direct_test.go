package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

const askPID = `{"id":%d,"method":"supervisor.getPID"}` + "\n"

// counted counts what is written to a connection.
type counted struct {
	net.Conn
	writes atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// hand starts a server and hands it one end of a pair of sockets.
func hand(t testing.TB, svc api.Service, wrap func(net.Conn) net.Conn, o Options) (ours net.Conn, s *Server) {
	t.Helper()
	o.Namespace = "supervisor"
	l := newHanded()
	s = New(svc, conf.HTTPServer{Section: "x", Family: conf.Unix}, l, func(conf.Level, string) {}, o)
	served := make(chan struct{})
	go func() { s.Serve(); close(served) }()
	ours, theirs := socketPair(t)
	l.conns <- wrap(theirs)
	t.Cleanup(func() {
		_ = ours.Close()
		s.Shutdown(context.Background())
		<-served
	})
	return ours, s
}

func socketPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("unix", l.Addr().String()); err == nil {
		b, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestRequestsThatCameTogetherAreAnsweredTogether(t *testing.T) {
	var theirs *counted
	ours, _ := hand(t, newFake(), func(c net.Conn) net.Conn { theirs = &counted{Conn: c}; return theirs }, Options{})
	k := talkTo(t, ours)
	k.say("\n") // what is behind the first byte is read as a whole
	var many bytes.Buffer
	for i := range 50 {
		fmt.Fprintf(&many, askPID, i)
	}
	k.say(many.String())
	for i := range 50 {
		if got, want := k.hear(), fmt.Sprintf(`{"id":%d,"result":42}`, i); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if n := theirs.writes.Load(); n != 1 {
		t.Errorf("50 answers took %d writes", n)
	}
}

// talkTo talks over a connection that is there.
func talkTo(t *testing.T, conn net.Conn) *talk {
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &talk{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func TestALineIsAnsweredThoughBlankOnesFollow(t *testing.T) {
	k := standard(t).dial()
	for i := range 3 {
		k.say(strings.TrimSuffix(fmt.Sprintf(askPID, i), "\n") + "\r\n\r\n \n")
		if got, want := k.hear(), fmt.Sprintf(`{"id":%d,"result":42}`, i); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestAnswersAtOnceAndLaterTakeTurns(t *testing.T) {
	r := standard(t)
	k := r.dial()
	for i := range 20 {
		k.say(fmt.Sprintf(askPID, 1) + `{"id":2,"method":"supervisor.startProcess","params":["slow"]}` + "\n" + fmt.Sprintf(askPID, 3))
		within(t, "the start waits", r.fake.started)
		for _, want := range []string{`{"id":1,"result":42}`, `{"id":3,"result":42}`} {
			if got := k.hear(); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
		if i%2 == 0 { // while it waits, and when nothing waits any more
			k.expect(`{"id":4,"method":"supervisor.getPID"}`, `{"id":4,"result":42}`)
		}
		r.fake.gate <- struct{}{}
		if got := k.hear(); got != `{"id":2,"result":true}` {
			t.Fatalf("got %s", got)
		}
		k.expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
	}
	if n := r.fake.peeked.Load(); n < 60 {
		t.Errorf("%d requests were answered at once", n)
	}
}

func TestConnectionWithNothingInFlightIsOneGoroutine(t *testing.T) {
	const conns = 200
	r := standard(t)
	first := r.dial()
	first.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`) // the server is there as a whole
	before := runtime.NumGoroutine()
	for range conns {
		k := r.dial()
		k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
		k.say(`{"id":1,"method":"supervisor.startProcess","params":["slow"]}` + "\n") // and it is so again
		within(t, "the start waits", r.fake.started)
		r.fake.gate <- struct{}{}
		k.hear()
		k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
	}
	eventually(t, "they are as many as the connections", func() bool { return runtime.NumGoroutine() <= before+conns })
}

func TestClientThatDoesNotReadIsCutOff(t *testing.T) {
	ours, s := hand(t, newFake(), func(c net.Conn) net.Conn { return c }, Options{write: 50 * time.Millisecond})
	_ = ours.SetDeadline(time.Now().Add(patience))
	line := []byte(strings.Repeat(`{"id":1,"method":"supervisor.getAllProcessInfo"}`+"\n", 100))
	for {
		if _, err := ours.Write(line); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("it is still being read from")
			}
			break
		}
	}
	eventually(t, "the place is given back", func() bool { return len(s.slots) == 0 })
}

func TestEndOfTheServerEndsAConnectionThatIsAnsweredAtOnce(t *testing.T) {
	for _, busy := range []bool{false, true} {
		r := standard(t)
		k := r.dial()
		k.expect(`{"id":1,"method":"supervisor.getPID"}`, `{"id":1,"result":42}`)
		if busy {
			go func() {
				for {
					if _, err := io.WriteString(k.conn, fmt.Sprintf(askPID, 1)); err != nil {
						return
					}
				}
			}()
		}
		done := make(chan struct{})
		go func() { r.shutdown(patience); close(done) }()
		if _, err := io.Copy(io.Discard, k.in); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("busy %v: %v", busy, err)
		}
		within(t, "the end of the server", done)
	}
}

// BenchmarkRequest is the whole way of a request and its answer through a pair of
// sockets.
func BenchmarkRequest(b *testing.B) {
	line := []byte(`{"id":1,"method":"supervisor.getProcessInfo","params":{"name":"web"}}` + "\n")
	ours, _ := hand(b, newFake(), func(c net.Conn) net.Conn { return c }, Options{Level: conf.Info})
	answer := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ours.Write(line); err != nil {
			b.Fatal(err)
		}
		if n, err := ours.Read(answer); err != nil || answer[n-1] != '\n' {
			b.Fatalf("%q, %v", answer[:n], err)
		}
	}
}
