package serve

import (
	"net"
	"runtime"
	"testing"
	"time"
	"weak"

	"gosupervisor/conf"
)

// handed is a listener that gives what a test hands it.
type handed struct {
	conns chan net.Conn
	errs  chan error
	done  chan struct{}
}

func newHanded() *handed {
	return &handed{conns: make(chan net.Conn), errs: make(chan error), done: make(chan struct{})}
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
func (h *handed) Addr() net.Addr { return &net.UnixAddr{Name: "handed", Net: "unix"} }

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
