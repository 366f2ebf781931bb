package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"gosupervisor/ctl/openssl"
)

// secure begins TLS with the server that has just accepted a connection, on
// another one, since the program that speaks it makes its own. The first one says
// which address it is and, better than that program, why there is none.
func (c *Client) secure(ctx context.Context, plain net.Conn) (net.Conn, error) {
	address := plain.RemoteAddr().String()
	plain.Close()
	late := c.lateError(hintNoTLS)
	limited, cancel := context.WithTimeoutCause(ctx, c.limit, late)
	defer cancel()
	name, _, err := net.SplitHostPort(c.host)
	if err != nil {
		return nil, err
	}
	conn, err := openssl.Dial(limited, address, name)
	if err != nil {
		return nil, c.tlsError(ctx, err)
	}
	return conn, nil
}

const hintOldTLS = "versions before 1.2 can be broken: have it speak a newer one"

// tlsError words why there is no answer over TLS.
func (c *Client) tlsError(ctx context.Context, err error) error {
	var failed *openssl.Error
	var call *os.SyscallError
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &call) && call.Syscall == "connect":
		return c.dialError(err)
	case !errors.As(err, &failed):
		return err
	}
	switch failed.Kind {
	case openssl.ErrMissing:
		return c.fail(ErrUnreachable, "https:// needs the program openssl, which is not on PATH",
			"install it (on Debian the package openssl), or reach the server by its socket or by http:// where the way there is safe")
	case openssl.ErrTooOld:
		return c.fail(ErrUnreachable, "https:// needs the program of OpenSSL 1.1.1 or later", "the one on PATH is "+failed.Program)
	case openssl.ErrNotTLS:
		_, rest, _ := strings.Cut(c.url, "://")
		return c.fail(ErrNotSupervisor, "it does not speak TLS", "give -s http://"+rest+" if the way there is safe without it")
	case openssl.ErrVersion:
		return c.fail(ErrUnreachable, "it has no TLS 1.2 or later", hintOldTLS)
	case openssl.ErrAlert:
		if strings.Contains(failed.Text, "protocol version") {
			return c.fail(ErrUnreachable, "remote error: tls: "+failed.Text, "it refuses our TLS: it may have none of version 1.2 or later; "+hintOldTLS)
		}
		return c.fail(ErrUnreachable, "remote error: tls: "+failed.Text, "it refuses our TLS: it may want a certificate of ours, which we have not, or another host name")
	case openssl.ErrFailed:
		return c.fail(ErrUnreachable, "openssl: "+failed.Text)
	}
	reason, hint := c.untrusted(failed)
	if hint == "" {
		return c.fail(ErrCertificate, reason)
	}
	return c.fail(ErrCertificate, reason, hint)
}

// untrusted says what is wrong with the certificate of the server.
func (c *Client) untrusted(err *openssl.Error) (reason, hint string) {
	switch err.Kind {
	case openssl.ErrName:
		host, _, _ := net.SplitHostPort(c.host)
		reason = "it is not for " + host
		if len(err.Names) > 0 {
			hint = "it is for " + visible(strings.Join(err.Names, ", ")) + ": use such a name in the URL"
		} else if !err.From.IsZero() {
			hint = "it is for nobody by name"
		}
	case openssl.ErrAuthority:
		reason = "its authority is unknown here"
		hint = "if the authority is your own, name the file of its certificate: SSL_CERT_FILE=/path/to/ca.pem supervisorctl ..."
		if name := os.Getenv("SSL_CERT_FILE"); name != "" {
			if file, err := os.Open(name); err != nil {
				hint = "SSL_CERT_FILE is of no use: " + err.Error()
			} else {
				file.Close()
			}
		}
	case openssl.ErrDate:
		reason = "it is not valid today"
		if !err.From.IsZero() {
			const day = "2006-01-02 15:04 MST"
			hint = fmt.Sprintf("it is valid from %s to %s, and the clock here says %s", err.From.Format(day), err.Until.Format(day), time.Now().UTC().Format(day))
		}
	default:
		reason = err.Text
	}
	return reason, hint
}
