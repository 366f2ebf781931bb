package serve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ListenError says why a server could not be opened. Its text is that of the
// original; Hint, where not empty, is a second line that helps.
type ListenError struct {
	Text string
	Hint string
	Err  error // the cause, or nil
}

// Error implements error with Text.
func (e *ListenError) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

const inUseText = "Another program is already listening on a port that one of our HTTP servers is configured to use.  " +
	"Shut this program down first before starting supervisord."

func inUse(hint string) *ListenError {
	return &ListenError{Text: inUseText, Hint: hint, Err: syscall.EADDRINUSE}
}

// openError words err as the original does: by the name and number of its
// errno, and -2 for a host name that has no address.
func openError(err error, hint string) *ListenError {
	e := &ListenError{Text: "Cannot open an HTTP server: " + err.Error(), Hint: hint, Err: err}
	var errno syscall.Errno
	var dns *net.DNSError
	var addr *net.AddrError
	switch {
	case errors.As(err, &errno) && errno == syscall.EADDRINUSE:
		return inUse(hint)
	case errors.As(err, &errno):
		e.Text = fmt.Sprintf("Cannot open an HTTP server: socket.error reported errno.%s (%d)", unix.ErrnoName(errno), int(errno))
	case errors.As(err, &dns), errors.As(err, &addr):
		e.Text = "Cannot open an HTTP server: socket.error reported -2"
	}
	return e
}

func chownError(path string, uid, gid int, err error) *ListenError {
	name := strconv.Itoa(os.Geteuid())
	if u, lookup := user.LookupId(name); lookup == nil {
		name = u.Username
	}
	return &ListenError{Err: err, Text: fmt.Sprintf("Not permitted to chown %s to uid/gid (%d, %d); "+
		"adjust \"sockchown\" value in config file or on command line to values that the current user (%s) can successfully chown",
		path, uid, gid, name)}
}

func staleText(path string) string { return "Unlinking stale socket " + path }
