package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/daemon/page"
)

// Limits of a server.
const (
	MaxRequests   = 64               // requests in flight on one connection; reading waits then
	MaxStreams    = 32               // of which may be streams
	MaxHeader     = http1.MaxHead    // bytes of HTTP headers
	MaxLogins     = 3                // wrong logins before a connection is closed
	bodyTimeout   = 60 * time.Second // for the body of an XML-RPC call, and between the pieces of lines in a body
	writeTimeout  = 60 * time.Second // for what is written to be taken; long replies get more
	unixFirstByte = 60 * time.Second // for the first byte, the headers, the login
	inetFirstByte = 30 * time.Second
)

// Options are settings of a Server that are not in its section.
type Options struct {
	Roles        []conf.Role   // what users of the machine may do on UNIX sockets; none: whoever connects may do everything
	OwnerOnly    bool          // on a UNIX socket root and our own user may do everything, and others what a role gives them: it has no mode
	Bounds       *Bounds       // shared with other servers; nil: its own
	Namespace    string        // under which the supervisor methods are published; "": not at all
	Level        conf.Level    // of the activity log; lines below it that are made for each call are not even worded
	MaxConns     int           // 0: MaxConns
	FirstRequest time.Duration // how long a new connection may be silent; 0: 60 seconds, 30 on inet
	Heartbeat    time.Duration // between blank lines to a client that stopped sending; 0: 10 seconds

	whois  func(net.Conn, []conf.Role) *client // nil: clientOf
	health time.Duration                       // 0: healthTime
	body   time.Duration                       // 0: bodyTimeout
	write  time.Duration                       // 0: writeTimeout
	idle   time.Duration                       // 0: idleTime
}

// asksWho says whether it matters who a client is.
func (o *Options) asksWho() bool { return o.OwnerOnly || len(o.Roles) > 0 }

// Server serves one listener. Make it with New.
type Server struct {
	svc  api.Service
	conf conf.HTTPServer
	l    net.Listener
	log  func(conf.Level, string)
	o    Options

	page  *page.Handler
	slots chan struct{} // one token for each open connection
	extra chan struct{} // one for each connection that is being refused

	newcomers    []*newcomer   // owned by Serve; by age
	maxNewcomers int           // of them
	settled      chan struct{} // one of them is none any more; holds one word
	acceptErrors meter
	wrongLogins  meter
	counts       counts
	pauses       chan struct{} // one token for each wrong login that is held up

	conns sync.WaitGroup
	begun atomic.Bool // by Serve, or by a Shutdown that came before it

	closing context.Context // ends when Shutdown begins
	close   context.CancelFunc
	dead    context.Context // ends when Shutdown loses patience
	kill    context.CancelFunc
}

// New returns a server for the section c that accepts on l and calls svc. log
// gets its lines for the activity log and must be safe for many goroutines.
func New(svc api.Service, c conf.HTTPServer, l net.Listener, log func(conf.Level, string), o Options) *Server {
	if o.MaxConns == 0 {
		o.MaxConns = MaxConns
	}
	if o.FirstRequest == 0 {
		o.FirstRequest = inetFirstByte
		if c.Family == conf.Unix {
			o.FirstRequest = unixFirstByte
		}
	}
	if o.health == 0 {
		o.health = healthTime
	}
	if o.whois == nil {
		o.whois = clientOf
	}
	if o.body == 0 {
		o.body = bodyTimeout
	}
	if o.write == 0 {
		o.write = writeTimeout
	}
	if o.idle == 0 {
		o.idle = idleTime
	}
	if o.Bounds == nil {
		o.Bounds = NewBounds()
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 10 * time.Second
	}
	if o.asksWho() {
		svc = &guard{svc, o.Roles, log, new(meter)}
	}
	s := &Server{svc: svc, conf: c, l: l, log: log, o: o,
		slots: make(chan struct{}, o.MaxConns), extra: make(chan struct{}, refusals),
		maxNewcomers: o.Bounds.maxNewcomers(o.MaxConns), settled: make(chan struct{}, 1),
		pauses: make(chan struct{}, loginPauses)}
	s.closing, s.close = context.WithCancel(context.Background())
	s.dead, s.kill = context.WithCancel(context.Background())
	s.page = page.New(httpError, time.Now)
	s.conns.Add(1) // for Serve, so that nobody waits too early
	return s
}

// Serve accepts connections until Shutdown. It returns when all have ended.
func (s *Server) Serve() {
	if s.begun.Swap(true) {
		return
	}
	s.accept()
	s.conns.Done()
	s.conns.Wait()
}

func (s *Server) accept() {
	var pause time.Duration
	for {
		conn, err := s.l.Accept()
		switch {
		case err == nil:
			s.admit(conn)
			pause = 0
		case s.closing.Err() != nil || errors.Is(err, net.ErrClosed), !s.acceptFailed(err, &pause):
			return
		}
	}
}

// serveConn finds out which wire the client speaks and serves it.
func (s *Server) serveConn(conn *firstByteConn) {
	raw := conn.Conn
	_ = raw.SetReadDeadline(time.Now().Add(s.o.FirstRequest)) // before the one that the end of the server sets
	stop := context.AfterFunc(s.closing, func() { _ = raw.SetReadDeadline(time.Unix(1, 0)) })
	first, ok := conn.peek()
	live := stop() // in any case: until then the server holds on to raw
	if !ok || !live {
		_ = conn.Close()
		return
	}
	_ = raw.SetReadDeadline(time.Time{})
	if speaksLines(first) {
		s.serveLineConn(conn)
		return
	}
	s.serveWebConn(conn)
}

// speaksLines tells whether a connection that begins with c speaks JSON. No
// HTTP method begins so.
func speaksLines(c byte) bool { return strings.IndexByte("{[\" \t\r\n", c) >= 0 }

// Shutdown stops accepting, removes the socket, ends streams, and waits for
// the requests that are being answered until ctx ends; then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) {
	s.close()
	_ = s.l.Close()
	if !s.begun.Swap(true) {
		s.conns.Done()
	}
	idle := make(chan struct{})
	go func() { s.conns.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	s.kill()
	<-idle
}

// connKey is that of the connection in the context of an HTTP request.
type connKey struct{}

// firstByteConn gives the first byte back after it has been looked at, and
// says when it is closed.
type firstByteConn struct {
	net.Conn
	raw      syscall.RawConn // its descriptor; nil: it has none
	ctx      context.Context // of its requests; ends when it is closed, by whomever, or the server dies
	cancel   context.CancelFunc
	newcomer *newcomer // nil: it does not count as one
	client   *client   // nil: there are no roles
	first    []byte
	closed   atomic.Bool
	write    time.Duration // that one Write may take, or wait; 0: any
	until    atomic.Int64  // the deadline that was set for all of them, in nanoseconds; 0: none
	release  func()
}

// connection returns a connection that nobody has looked at yet.
func (s *Server) connection(raw net.Conn) *firstByteConn {
	c := &firstByteConn{Conn: raw, release: func() {}}
	if has, ok := raw.(syscall.Conn); ok {
		c.raw, _ = has.SyscallConn() // without it all goes on as well
	}
	c.ctx, c.cancel = context.WithCancel(context.WithValue(s.dead, connKey{}, c))
	return c
}

func (c *firstByteConn) peek() (byte, bool) {
	var one [1]byte
	if n, _ := c.Conn.Read(one[:]); n != 1 {
		return 0, false
	}
	c.first = one[:]
	return one[0], true
}

// Read implements net.Conn.
func (c *firstByteConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn. A client that does not take what it is sent is
// cut off.
func (c *firstByteConn) Write(p []byte) (int, error) {
	if c.raw != nil && c.write > 0 && c.until.Load() == 0 {
		return c.writeRaw(p)
	}
	if c.write > 0 {
		_ = c.Conn.SetWriteDeadline(c.limit())
	}
	return c.Conn.Write(p)
}

// limit is until when a Write must have ended that has to wait from now on.
func (c *firstByteConn) limit() time.Time {
	limit := time.Now().Add(c.write)
	if until := c.until.Load(); until != 0 && until < limit.UnixNano() {
		limit = time.Unix(0, until)
	}
	return limit
}

// writeRaw is Write where no SetWriteDeadline holds. It sets a deadline only if it has to
// wait. Nearly no answer has to, and then a deadline would cost more than the answer: to
// take one away and set it again has the runtime wake a thread, which is to wait for it.
// One goroutine at a time writes to a connection.
func (c *firstByteConn) writeRaw(p []byte) (n int, err error) {
	waited := false
	waitErr := c.raw.Write(func(fd uintptr) (done bool) {
		for n < len(p) && err == nil {
			var m int
			// Of the package that net uses, so that the race detector knows what is read
			// at the other end to come later.
			m, err = syscall.Write(int(fd), p[n:])
			switch {
			case err == nil && m == 0:
				err = io.ErrUnexpectedEOF // as net has it
			case err == nil:
				n += m
			case err == syscall.EINTR:
				err = nil
			case err == syscall.EAGAIN:
				err = nil
				if !waited {
					waited = true
					_ = c.Conn.SetWriteDeadline(c.limit())
				}
				return false
			}
		}
		if waited {
			_ = c.Conn.SetWriteDeadline(time.Time{})
		}
		return true
	})
	if err != nil {
		return n, fmt.Errorf("write to client: %w", err)
	}
	return n, waitErr
}

// SetWriteDeadline implements net.Conn.
func (c *firstByteConn) SetWriteDeadline(t time.Time) error {
	until := int64(0)
	if !t.IsZero() {
		until = t.UnixNano()
	}
	c.until.Store(until)
	return c.Conn.SetWriteDeadline(t)
}

// Close implements net.Conn.
func (c *firstByteConn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	defer c.release()
	c.cancel()
	return c.Conn.Close()
}
