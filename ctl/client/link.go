package client

import (
	"context"
	"errors"
	"net"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

// link is a connection to a UNIX socket, of the one exchange that it serves now. A
// command asks several things one after another; each connection of its own would cost
// as much as the question.
type link struct {
	conn     net.Conn
	loggedIn bool
	used     bool // it has served an exchange before
}

// errHungUp says that a server has hung up on a connection that served before, and has not
// said a byte. It may not have seen the request, or it may.
var errHungUp = errors.New("the server has hung up between two requests")

// link returns the connection of the exchange before, or a new one. What acts gets a new
// one: a server may be hanging up on the old one just now, and then nobody could tell whether
// it has heard us.
func (w *lineWire) link(ctx context.Context, acts bool) (*link, error) {
	if l := w.idle.Swap(nil); l != nil {
		if !acts && l.quiet() {
			return l, nil
		}
		l.conn.Close()
	}
	conn, err := w.c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &link{conn: conn}, nil
}

// done is called at the end of an exchange. A connection that is good for another one
// is kept, unless there is one already.
func (w *lineWire) done(l *link, again bool) {
	l.used = true
	if !again || !w.idle.CompareAndSwap(nil, l) {
		l.conn.Close()
	}
}

// Rest closes what is kept for the next call, which may not come soon.
func (c *Client) Rest() {
	if w, ok := c.wire.(*lineWire); ok {
		if l := w.idle.Swap(nil); l != nil {
			l.conn.Close()
		}
	}
}

// quiet tells whether a server has neither hung up nor said anything since the last answer,
// as far as that has come to us.
func (l *link) quiet() bool {
	sock, ok := l.conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return false
	}
	n := -1
	err = raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}}, 0)
	})
	return err == nil && n == 0
}

// completed tells whether an exchange came to its end: with a result, or a fault.
func completed(err error) bool {
	var fault *api.Fault
	return err == nil || errors.As(err, &fault)
}
