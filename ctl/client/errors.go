package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"gosupervisor/ctl/api"
)

// The kinds of Error, to be asked for with errors.Is.
var (
	ErrRefused       = errors.New("refused connection")
	ErrNoFile        = errors.New("no such file")
	ErrPermission    = errors.New("permission denied")
	ErrUnauthorized  = errors.New("requires authentication")
	ErrRejected      = errors.New("rejected the request")
	ErrProtocol      = errors.New("unknown protocol")
	ErrCertificate   = errors.New("has a certificate that cannot be trusted")
	ErrNotSupervisor = errors.New("does not answer like a supervisord")
	ErrTimeout       = errors.New("did not answer in time")
	ErrLost          = errors.New("connection lost")
	ErrUnreachable   = errors.New("cannot be reached")
)

// Error says that a server could not be asked, or did not answer.
type Error struct {
	URL    string // as the caller gave it
	Kind   error  // one of the Err values
	Detail string // what is known beyond it; may be empty

	// Hints are lines that say more: what was found, and what to do about it.
	Hints []string
}

// Error returns the URL, the kind and the detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.URL + " " + e.Kind.Error()
	}
	return e.URL + " " + e.Kind.Error() + ": " + e.Detail
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func (c *Client) fail(kind error, detail string, hints ...string) *Error {
	return &Error{URL: c.url, Kind: kind, Detail: detail, Hints: hints}
}

// unauthorized says that the server does not know who we are.
func (c *Client) unauthorized() *Error {
	const how = "give -u NAME -p PASSWORD, or username= and password= in [supervisorctl]"
	hint := "it wants a user name and a password, and none were given: " + how
	switch {
	case c.user != nil:
		hint = fmt.Sprintf("it does not take the user name %q with the password that was given: look at username= and password= in the section of its server", *c.user)
	case c.half:
		hint = "a user name counts only with a password, and a password only with a user name: " + how
	case c.path == "" && strings.Contains(c.url, "@"):
		hint = "what stands before the @ of the URL is not used: " + how
	}
	return c.fail(ErrUnauthorized, "", hint)
}

// dialError names what the system said about a connection that never was.
func (c *Client) dialError(err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && c.path != "":
		return c.fail(ErrRefused, "", explainRefused(c.path)...)
	case errors.Is(err, syscall.ECONNREFUSED):
		return c.fail(ErrRefused, "", "nobody listens at "+c.host+": supervisord does not run there, or its [inet_http_server] has another port= or address")
	case errors.Is(err, fs.ErrNotExist):
		return c.fail(ErrNoFile, "", explainMissing(c.path))
	case errors.Is(err, fs.ErrPermission) && c.path != "":
		return c.fail(ErrPermission, "", explainPermission(c.path)...)
	case errors.Is(err, fs.ErrPermission):
		return c.fail(ErrPermission, err.Error(), "a firewall of this machine may forbid the connection")
	case c.path != "" && len(c.path) > maxSocketPath:
		return c.fail(ErrUnreachable, fmt.Sprintf("a socket path has at most %d bytes, this one has %d", maxSocketPath, len(c.path)))
	case errors.As(err, &dns) && dns.IsNotFound:
		return c.fail(ErrUnreachable, "no host is called "+dns.Name, "check the spelling, or give its address in place of the name")
	case errors.As(err, &dns):
		return c.fail(ErrUnreachable, fmt.Sprintf("the name %s could not be looked up: %s", dns.Name, dns.Err), "give its address in place of the name")
	}
	return c.fail(ErrUnreachable, err.Error())
}

// maxSocketPath is what fits into the sockaddr_un of Linux.
const maxSocketPath = 107

// ioError names the cause of a failed exchange: an ended context comes before
// the error that its end provoked.
func (c *Client) ioError(ctx context.Context, err error) error {
	if late := context.Cause(ctx); late != nil {
		return late
	}
	var own *Error
	var fault *api.Fault
	if errors.As(err, &own) || errors.As(err, &fault) {
		return err
	}
	hint := "it ended in mid-answer: supervisord may have been stopped or killed"
	if c.path == "" && !c.tls {
		hint += "; if it wants TLS, the URL begins with https://"
	}
	return c.fail(ErrLost, err.Error(), hint)
}

// newFault makes a fault of its number and its text, NAME or NAME: DETAIL.
func newFault(code int, text string) *api.Fault {
	name := api.Code(code).String()
	if text == name {
		return api.NewFault(api.Code(code), "")
	}
	return api.NewFault(api.Code(code), strings.TrimPrefix(text, name+": "))
}
