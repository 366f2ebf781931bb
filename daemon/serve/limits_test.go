package serve

import (
	"errors"
	"fmt"
	"net"
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
