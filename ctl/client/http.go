package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"gosupervisor/ctl/http1"
)

// post sends a body to a path of the server, over whichever socket it has. The
// answer to a slow one may take its time.
//
// It says that it is the last request of its connection. There are proxies that
// would keep the connection, and therefore take what they have not yet read of
// a body for themselves as soon as the answer comes; that cuts it off
// (httputil.ReverseProxy). Of a GET it is not said: the original then holds a
// streamed log back.
func (c *Client) post(ctx context.Context, path, contentType string, body []byte, slow bool) (*response, error) {
	q := &http1.Request{Method: http1.MethodPost, Target: c.base + path, Close: true}
	q.Header.Set("Content-Type", contentType)
	q.Header.Set("Accept", contentType)
	return c.send(ctx, q, body, slow)
}

func (c *Client) get(ctx context.Context, path string, slow bool) (*response, error) {
	return c.send(ctx, &http1.Request{Method: http1.MethodGet, Target: c.base + path}, nil, slow)
}

// response is the answer to a request; its body is read with patience. It must
// be closed.
type response struct {
	*http1.Response
	*inbound
	c      *Client
	conn   net.Conn
	cancel context.CancelFunc
}

func (r *response) close() {
	r.inbound.close()
	r.cancel()
	r.conn.Close()
}

// send performs a request up to the head of the answer, in a goroutine, since a
// connection that it makes on the way and a server that takes nothing are to be
// waited for with patience too.
func (c *Client) send(ctx context.Context, q *http1.Request, body []byte, slow bool) (*response, error) {
	q.Host = c.hostField()
	q.Header.Set("User-Agent", "supervisorctl")
	if c.user != nil {
		q.Header.Set("Authorization", http1.Basic(*c.user, *c.pass))
	}
	ctx, cancel := context.WithCancel(ctx)
	p := c.patience()
	var begun atomic.Bool
	p.late = func() error {
		if c.tls && !begun.Load() {
			return c.lateError(hintNoTLS)
		}
		return c.lateError(hintSilent)
	}
	p.limit += time.Duration(len(body)) * time.Second / slowest
	if slow {
		p.signs = make(chan error, 1)
		p.ask = func() { go func() { p.signs <- c.sign(ctx) }() }
	}
	type outcome struct {
		conn net.Conn
		resp *http1.Response
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		conn, resp, err := c.meet(ctx, &begun, q, body)
		done <- outcome{conn, resp, err}
	}()
	got, err := await(ctx, p, done)
	if err == nil {
		err = got.err
	}
	if err != nil {
		cancel() // which closes the connection, too
		return nil, err
	}
	p.limit = c.limit
	return &response{got.resp, newInbound(ctx, &got.resp.Body, p, false), c, got.conn, cancel}, nil
}

// meet connects, sends a request and reads the head of the answer. The connection
// is closed when it fails, and with ctx. begun tells that it has begun.
func (c *Client) meet(ctx context.Context, begun *atomic.Bool, q *http1.Request, body []byte) (net.Conn, *http1.Response, error) {
	conn, err := c.dial(ctx)
	if err == nil && c.tls {
		conn, err = c.secure(ctx, conn)
	}
	if err != nil {
		return nil, nil, err
	}
	begun.Store(true)
	context.AfterFunc(ctx, func() { conn.Close() })
	_ = q.Write(conn, body) // a server that hangs up while we write may have said why: reading tells
	in := bufio.NewReader(conn)
	resp, err := http1.ReadResponse(in)
	var bad *http1.Error
	switch {
	case err == nil:
		return conn, resp, nil
	case errors.As(err, &bad):
		err = c.badAnswer(bad, in)
	case c.tls:
		err = c.tlsError(ctx, err)
	}
	conn.Close()
	return nil, nil, err
}

// sign asks the server for a sign of life, on another connection. Only silence
// is none: whatever else is wrong the call that waits will find out.
func (c *Client) sign(ctx context.Context) error {
	_, err := c.wire.call(ctx, question{method: versionMethod})
	if errors.Is(err, ErrTimeout) {
		return err
	}
	return nil
}

// hostField is what the Host of a request is. That of a unix socket is never
// looked up.
func (c *Client) hostField() string {
	if c.path != "" {
		return "localhost"
	}
	if i := strings.IndexByte(c.host, '%'); i >= 0 { // the zone concerns this machine alone
		return c.host[:i] + c.host[strings.LastIndexByte(c.host, ']'):]
	}
	return c.host
}

// foreign says what an answer is that knows nothing of lines of JSON: mostly
// errForeign. It closes the answer.
func (r *response) foreign() error {
	defer r.close()
	if r.c.path == "" && !r.c.tls && r.Code == http1.StatusBadRequest {
		r.p.ask = nil
		text, _ := io.ReadAll(io.LimitReader(r.inbound, 2<<10)) // whatever comes
		for _, word := range []string{"https", "ssl", "tls"} {
			if strings.Contains(strings.ToLower(string(text)), word) {
				return r.c.wantsTLS("HTTP status " + r.Status)
			}
		}
	}
	return errForeign
}

// refusal turns an answer that is not 200 into an error, and closes it.
func (r *response) refusal() error {
	defer r.close()
	status := "HTTP status " + visible(r.Status)
	switch code := r.Code; {
	case code == http1.StatusUnauthorized:
		return r.c.unauthorized()
	case code == http1.StatusForbidden || code == http1.StatusUnavailable:
		return r.c.fail(ErrRejected, status)
	case code == http1.StatusBadGateway || code == http1.StatusGatewayTimeout:
		return r.c.fail(ErrUnreachable, status, "the server in front of it answered for it: it cannot reach supervisord")
	case code >= 300 && code < 400 && r.Header.Get("Location") != "":
		return r.c.fail(ErrNotSupervisor, status, "it sends us to "+visible(r.Header.Get("Location"))+": if that is right, give it with -s")
	}
	hint := "another server answers at this address"
	if name := r.Header.Get("Server"); name != "" {
		hint += ", which calls itself " + visible(name)
	}
	return r.c.fail(ErrNotSupervisor, status, hint+": check the host, the port and the path of the URL")
}
