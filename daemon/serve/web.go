package serve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/http1"
)

// Limits of a connection that speaks HTTP.
const (
	idleTime  = 5 * time.Minute        // between requests
	partTime  = 500 * time.Millisecond // for a client to stop sending, once it was told that nobody listens
	maxUnread = 256 << 10              // of a body that nobody wanted, which is read so that the next request can be
	maxBlank  = 4                      // bytes of empty lines before a request
	keptBytes = 16 << 10               // of a buffer that is kept for the next request
)

// exchange is a connection that speaks HTTP, with the request that it is about
// and its answer. The goroutine in run owns it. While watched another one reads,
// for the news that the client has gone.
type exchange struct {
	s      *Server
	conn   *firstByteConn
	ctx    context.Context // ends when the client is gone or the server dies
	cancel context.CancelFunc

	in   *bufio.Reader
	out  *bufio.Writer
	q    http1.Request
	body http1.Body // of the request
	a    http1.Answer
	buf  []byte // for short bodies
	xml  []byte // for short answers

	bounded bool          // a deadline for reading may be set that is for nobody any more; see unbound
	waits   atomic.Bool   // for a request, of which no more than a part has come
	watched chan struct{} // closed when nobody reads any more; nil: nobody does
	duplex  bool          // the body is still read while the answer is written
	stalled bool          // the client owes more of the body, and will not be heard any more
}

// serveWebConn serves a connection that speaks HTTP, one request after another.
func (s *Server) serveWebConn(conn *firstByteConn) {
	defer conn.Close()
	x := &exchange{s: s, conn: conn, in: bufio.NewReader(conn)}
	x.out = bufio.NewWriter(x)
	x.ctx, x.cancel = conn.ctx, conn.cancel
	defer x.cancel()
	defer context.AfterFunc(s.dead, func() { _ = conn.Close() })()
	defer context.AfterFunc(s.closing, x.wake)()
	for first := true; x.next(first); first = false {
		s.serveExchange(x)
		if !x.finish() {
			return
		}
	}
}

// Write sends a part of the answer, unless the server is dead: what a call says that
// ends with it is not the answer, and the client had better know that it has none.
func (x *exchange) Write(p []byte) (int, error) {
	if x.s.dead.Err() != nil {
		return 0, net.ErrClosed
	}
	return x.conn.Write(p)
}

// wake ends a wait for a request.
func (x *exchange) wake() {
	if x.waits.CompareAndSwap(true, false) {
		_ = x.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// until sets the deadline of a wait, unless the server has come to its end: then
// wake may have been there already.
func (x *exchange) until(d time.Duration) bool {
	x.bounded = true
	_ = x.conn.SetReadDeadline(time.Now().Add(d))
	x.waits.Store(true)
	return x.s.closing.Err() == nil
}

// unbound takes away the deadline of the wait for the request, or of reading its body,
// before somebody reads for whom that was not meant. While most requests are answered
// nobody does, and then the next wait sets another one. So does what reads besides: the
// rest of a body in finish, part and unwatch.
func (x *exchange) unbound() {
	if x.bounded {
		x.bounded = false
		_ = x.conn.SetReadDeadline(time.Time{})
	}
}

// next waits for a request and reads its head; false means that there is none. One
// that cannot be read is answered, and is the last.
func (x *exchange) next(first bool) bool {
	if !first && !(x.until(x.s.o.idle) && x.skipBlank()) {
		return false
	}
	whole := x.whole()
	if !whole && !x.until(x.s.o.FirstRequest) {
		return false
	}
	err := x.q.Read(x.in)
	if !(first && whole) && !x.waits.CompareAndSwap(true, false) {
		return false
	}
	if err != nil {
		var bad *http1.Error
		if errors.As(err, &bad) {
			x.refuse(bad)
		}
		return false
	}
	x.duplex, x.stalled = false, false
	x.body.Begin(x.in, x.q.Length)
	x.a.Begin(&x.q, x.out, x.last)
	return true
}

// skipBlank waits for the first byte of a request. Some clients send an empty line
// behind a body (RFC 9112, 2.2).
func (x *exchange) skipBlank() bool {
	for range maxBlank {
		c, err := x.in.Peek(1)
		if err != nil {
			return false
		}
		if c[0] != '\r' && c[0] != '\n' {
			break
		}
		_, _ = x.in.Discard(1)
	}
	return true
}

// whole tells whether a whole head has come already, so that nobody has to wait
// for it.
func (x *exchange) whole() bool {
	text, _ := x.in.Peek(x.in.Buffered())
	return bytes.Contains(text, []byte("\r\n\r\n"))
}

// last tells, as the head of the answer goes out, whether the connection ends with
// it: the server does, or too much of the body is left, or the client has not been
// told to send it and so may not.
func (x *exchange) last() bool {
	return x.s.closing.Err() != nil || !x.duplex && (x.body.Left() > maxUnread || x.q.Expect)
}

// refuse answers what is no request.
func (x *exchange) refuse(bad *http1.Error) {
	x.q = http1.Request{Method: http1.MethodGet, Minor: 1, Close: true}
	x.a.Begin(&x.q, x.out, nil)
	text := http1.StatusText(bad.Status)
	_ = x.a.Send(bad.Status, "text/plain; charset=utf-8", []byte(text+": "+bad.Text+"\n"))
	if x.a.End() == nil {
		x.part()
	}
}

// want tells a client that waits for it to send the body.
func (x *exchange) want() {
	if x.q.Expect {
		x.q.Expect = false
		_, _ = x.out.WriteString("HTTP/1.1 100 Continue\r\n\r\n")
		_ = x.out.Flush() // a client that is gone sends no body
	}
}

// read reads the body of a request, of bounded length, in bounded time. Where it
// cannot, the connection ends with the answer.
func (x *exchange) read(limit int64) (body []byte, status int) {
	x.a.Close = true
	if x.q.Length > limit {
		return nil, http1.StatusBodyTooLarge
	}
	x.want()
	if x.q.Length < 0 || int64(x.in.Buffered()) < x.q.Length {
		x.bounded = true
		_ = x.conn.SetReadDeadline(time.Now().Add(x.s.o.body)) // a connection has deadlines
		defer x.unbound()
	}
	var err error
	switch n := x.q.Length; {
	case n < 0:
		body, err = io.ReadAll(io.LimitReader(&x.body, limit+1))
	case n <= int64(cap(x.buf)):
		body = x.buf[:n]
		_, err = io.ReadFull(&x.body, body)
	default:
		body = make([]byte, n)
		if n <= keptBytes {
			x.buf = body
		}
		_, err = io.ReadFull(&x.body, body)
	}
	switch {
	case err != nil:
		return nil, http1.StatusBadRequest
	case int64(len(body)) > limit:
		return nil, http1.StatusBodyTooLarge
	}
	x.a.Close = x.q.Close
	return body, http1.StatusOK
}

// watch ends the context when the client goes, from now on until the end of the
// exchange. It is for what may take its time; an answer that comes at once comes
// sooner than the news. What is read meanwhile belongs to the next request.
func (x *exchange) watch() {
	if x.watched != nil || !x.body.Done() {
		return
	}
	x.unbound() // of lines in a body this is another goroutine, and there is nothing to be taken away
	done := make(chan struct{})
	x.watched = done
	go func() {
		defer close(done)
		for {
			_, err := x.in.Peek(x.in.Buffered() + 1)
			switch {
			case err == nil:
				continue
			case !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, bufio.ErrBufferFull):
				x.cancel()
			}
			return
		}
	}()
}

// unwatch waits until nobody reads any more.
func (x *exchange) unwatch() {
	if x.watched == nil {
		return
	}
	_ = x.conn.SetReadDeadline(time.Unix(1, 0))
	<-x.watched
	x.watched = nil
	_ = x.conn.SetReadDeadline(time.Time{})
}

// finish sends what is left of the answer, and tells whether the connection goes
// on. It does not where the body of the request cannot be read to its end.
func (x *exchange) finish() bool {
	x.unwatch()
	if x.ctx.Err() != nil || x.a.End() != nil {
		return false
	}
	whole := x.body.Done()
	if !x.a.Close && !x.stalled && !whole {
		_ = x.conn.SetReadDeadline(time.Now().Add(partTime))
		_, _ = io.CopyN(io.Discard, &x.body, maxUnread) // Done tells
		whole = x.body.Done()
	}
	if !x.a.Close && !x.stalled && whole {
		return true
	}
	if !whole || x.in.Buffered() > 0 {
		x.part()
	}
	return false
}

// part ends a connection whose client may still be sending: to close it at once
// would take from it the answer that it has not read yet (RFC 9112, 9.6).
func (x *exchange) part() {
	half, ok := x.conn.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || !x.until(partTime) {
		return
	}
	_, _ = io.Copy(io.Discard, x.conn) // whatever comes
}

// peer names the client in the activity log.
func (x *exchange) peer() string {
	if x.s.conf.Family == conf.Unix {
		return "localhost:0"
	}
	return x.conn.RemoteAddr().String()
}
