package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

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

func (c *Client) fail(kind error, detail string) *Error {
	return &Error{URL: c.url, Kind: kind, Detail: detail}
}

// dialError names what the system said about a connection that never was.
func (c *Client) dialError(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return c.fail(ErrRefused, "")
	case errors.Is(err, fs.ErrNotExist):
		return c.fail(ErrNoFile, "")
	case errors.Is(err, fs.ErrPermission) && c.path != "":
		return c.fail(ErrPermission, explainPermission(c.path))
	case errors.Is(err, fs.ErrPermission):
		return c.fail(ErrPermission, err.Error())
	case c.path != "" && len(c.path) > maxSocketPath:
		return c.fail(ErrUnreachable, fmt.Sprintf("a socket path has at most %d bytes, this one has %d", maxSocketPath, len(c.path)))
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
	return c.fail(ErrLost, err.Error())
}

// patience returns a context that ends with an *Error after c.patient.
func (c *Client) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	late := c.fail(ErrTimeout, fmt.Sprintf("waited %v", c.patient.Round(time.Millisecond)))
	return context.WithTimeoutCause(ctx, c.patient, late)
}

// newFault makes a fault of its number and its text, NAME or NAME: DETAIL.
func newFault(code int, text string) *api.Fault {
	name := api.Code(code).String()
	if text == name {
		return api.NewFault(api.Code(code), "")
	}
	return api.NewFault(api.Code(code), strings.TrimPrefix(text, name+": "))
}
