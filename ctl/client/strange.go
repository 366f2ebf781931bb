package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gosupervisor/ctl/http1"
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

// badAnswer words that what came is no answer of HTTP. It was read from in.
func (c *Client) badAnswer(err *http1.Error, in *bufio.Reader) error {
	if errors.Is(err, http1.ErrNotHTTP) {
		return c.strangeAnswer(beginning(in))
	}
	return c.fail(ErrNotSupervisor, err.Text, hintStrange)
}

// tlsError words why there is no answer over TLS.
func (c *Client) tlsError(ctx context.Context, err error) error {
	var late net.Error
	var untrusted *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &untrusted):
		return c.untrusted(untrusted)
	case errors.As(err, &record):
		_, rest, _ := strings.Cut(c.url, "://")
		return c.fail(ErrNotSupervisor, "it does not speak TLS", "give -s http://"+rest+" if the way there is safe without it")
	case strings.HasPrefix(err.Error(), "remote error: tls:"):
		return c.fail(ErrUnreachable, err.Error(), "it refuses our TLS: it may want a certificate of ours, which we have not, or another host name")
	case errors.As(err, &late) && late.Timeout():
		return c.lateError(hintNoTLS)
	}
	return err
}

// meeting is a connection that knows whether the server has said something.
type meeting struct {
	net.Conn
	heard atomic.Bool
}

// Read implements net.Conn.
func (m *meeting) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if n > 0 {
		m.heard.Store(true)
	}
	return n, err
}

// begin begins TLS.
func (c *Client) begin(ctx context.Context, conn net.Conn) (net.Conn, error) {
	name, _, err := net.SplitHostPort(c.host)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: name, RootCAs: c.roots, NextProtos: []string{"http/1.1"}})
	_ = conn.SetDeadline(time.Now().Add(c.limit)) // a connection has deadlines
	err = secure.HandshakeContext(ctx)
	_ = conn.SetDeadline(time.Time{})
	return secure, err
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
