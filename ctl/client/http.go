package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// post sends a body to a path of the server, over whichever socket it has. The
// answer to a slow one may take its time.
func (c *Client) post(ctx context.Context, path, contentType string, body []byte, slow bool) (*response, error) {
	req, err := http.NewRequest(http.MethodPost, c.address(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", contentType)
	return c.send(ctx, req, slow)
}

func (c *Client) get(ctx context.Context, path string, slow bool) (*response, error) {
	req, err := http.NewRequest(http.MethodGet, c.address(path), nil)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, req, slow)
}

// response is the answer to a request; its body is read with patience. It must
// be closed.
type response struct {
	*http.Response
	*inbound
	c      *Client
	cancel context.CancelFunc
}

func (r *response) close() {
	r.inbound.close()
	r.cancel()
	r.Body.Close()
}

// send performs a request up to the head of the answer, in a goroutine, since a
// connection that it makes on the way and a server that takes nothing are to be
// waited for with patience too.
func (c *Client) send(ctx context.Context, req *http.Request, slow bool) (*response, error) {
	req.Header.Set("User-Agent", "supervisorctl")
	if c.user != nil {
		req.SetBasicAuth(*c.user, *c.pass)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := c.patience()
	met := new(meeting)
	p.late = func() error {
		if c.tls && !met.heard.Load() {
			return c.lateError(hintNoTLS)
		}
		return c.lateError(hintSilent)
	}
	p.limit += time.Duration(max(0, req.ContentLength)) * time.Second / slowest
	if slow {
		p.signs = make(chan error, 1)
		p.ask = func() { go func() { p.signs <- c.sign(ctx) }() }
	}
	req = req.WithContext(context.WithValue(ctx, meetingKey{}, met))
	type outcome struct {
		resp *http.Response
		err  error
	}
	done := make(chan outcome)
	go func() {
		resp, err := c.http.Do(req)
		select {
		case done <- outcome{resp, err}:
		case <-ctx.Done():
			if err == nil {
				resp.Body.Close()
			}
		}
	}()
	got, err := await(ctx, p, done)
	if err == nil && got.err != nil {
		err = c.sendError(ctx, met, got.err)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	p.limit = c.limit
	return &response{got.resp, newInbound(ctx, got.resp.Body, p, false), c, cancel}, nil
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

// address returns the URL of a path. The host of a unix socket is never
// looked up; it only fills the Host header.
func (c *Client) address(path string) string {
	scheme, host := "http", c.host
	if c.path != "" {
		host = "localhost"
	}
	if c.tls {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: host}).String() + c.base + path
}

// foreign says what an answer is that knows nothing of lines of JSON: mostly
// errForeign. It closes the answer.
func (r *response) foreign() error {
	defer r.close()
	if r.c.path == "" && !r.c.tls && r.StatusCode == http.StatusBadRequest {
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
	switch code := r.StatusCode; {
	case code == http.StatusUnauthorized:
		return r.c.unauthorized()
	case code == http.StatusForbidden || code == http.StatusServiceUnavailable:
		return r.c.fail(ErrRejected, status)
	case code == http.StatusBadGateway || code == http.StatusGatewayTimeout:
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
