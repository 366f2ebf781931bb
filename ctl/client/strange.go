package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxShown is how much of what a strange server says is shown.
const maxShown = 60

// visible makes what a server sent fit to print.
func visible(text string) string {
	if len(text) > maxShown {
		text = text[:maxShown] + "..."
	}
	quoted := strconv.QuoteToASCII(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// beginning returns how what r holds begins: its first line, or less.
func beginning(r *bufio.Reader) string {
	text, _ := r.Peek(min(maxShown, max(1, r.Buffered())))
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r")
}

// strangeAnswer says that what answers is no server that we know.
func (c *Client) strangeAnswer(text string) *Error {
	if strings.HasPrefix(text, "\x15\x03") {
		return c.wantsTLS("its answer is one of TLS")
	}
	return c.fail(ErrNotSupervisor, fmt.Sprintf("its answer begins with %s", strconv.QuoteToASCII(text)),
		hintStrange)
}

const hintStrange = "something else than supervisord listens there: check the URL"

// wantsTLS says that the server wants another kind of URL.
func (c *Client) wantsTLS(detail string) *Error {
	_, rest, _ := strings.Cut(c.url, "://")
	return c.fail(ErrNotSupervisor, detail, "it wants TLS: give -s https://"+rest)
}

// sendError words why there is no answer to an HTTP request.
func (c *Client) sendError(ctx context.Context, met *meeting, err error) error {
	var own *Error
	var late net.Error
	var untrusted *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		err = wrapped.Err // the rest says the method and an address that nobody gave
	}
	switch {
	case errors.As(err, &own) || ctx.Err() != nil:
		return err
	case errors.As(err, &untrusted):
		return c.untrusted(untrusted)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		_, rest, _ := strings.Cut(c.url, "://")
		return c.fail(ErrNotSupervisor, "it does not speak TLS", "give -s http://"+rest+" if the way there is safe without it")
	case strings.HasPrefix(err.Error(), "remote error: tls:"):
		return c.fail(ErrUnreachable, err.Error(), "it refuses our TLS: it may want a certificate of ours, which we have not, or another host name")
	case c.tls && errors.As(err, &late) && late.Timeout():
		return c.lateError(hintNoTLS)
	}
	if text := string(met.first); strings.Contains(err.Error(), "malformed") && !strings.HasPrefix(text, "HTTP/") {
		line, _, _ := strings.Cut(text, "\n")
		return c.strangeAnswer(strings.TrimRight(line, "\r"))
	}
	return err
}

// meeting is a connection that keeps what the server says first.
type meeting struct {
	net.Conn
	first []byte
	heard atomic.Bool // something
}

// Read implements net.Conn.
func (m *meeting) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.heard.Store(m.heard.Load() || n > 0)
	m.first = append(m.first, p[:min(n, maxShown-len(m.first))]...)
	return n, err
}

// meetingKey is that of the *meeting in the context of a request.
type meetingKey struct{}

// dialHTTP connects for a request, whose context has an empty meeting.
func (c *Client) dialHTTP(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := c.dial(ctx)
	if met, ok := ctx.Value(meetingKey{}).(*meeting); ok && err == nil {
		met.Conn = conn
		return met, nil
	}
	return conn, err
}

// untrusted says what is wrong with the certificate of the server.
func (c *Client) untrusted(err *tls.CertificateVerificationError) *Error {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var cert *x509.Certificate
	if len(err.UnverifiedCertificates) > 0 {
		cert = err.UnverifiedCertificates[0]
	}
	reason, hint := strings.TrimPrefix(err.Err.Error(), "x509: "), ""
	switch {
	case errors.As(err, &name) && cert != nil:
		names := cert.DNSNames
		for _, ip := range cert.IPAddresses {
			names = append(names, ip.String())
		}
		reason = fmt.Sprintf("it is not for %s", name.Host)
		hint = "it is for nobody by name"
		if len(names) > 0 {
			hint = "it is for " + visible(strings.Join(names, ", ")) + ": use such a name in the URL"
		}
	case errors.As(err, &unknown):
		reason = "its authority is unknown here"
		hint = "if the authority is your own, name the file of its certificate: SSL_CERT_FILE=/path/to/ca.pem supervisorctl ..."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && cert != nil:
		const day = "2006-01-02 15:04 MST"
		reason = "it is not valid today"
		hint = fmt.Sprintf("it is valid from %s to %s, and the clock here says %s", cert.NotBefore.Format(day), cert.NotAfter.Format(day), time.Now().UTC().Format(day))
	}
	if hint == "" {
		return c.fail(ErrCertificate, visible(reason))
	}
	return c.fail(ErrCertificate, visible(reason), hint)
}
