package serve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/daemon/socket"
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

// unixError words why there is no UNIX socket.
func unixError(err error, c conf.HTTPServer) *ListenError {
	var e *socket.Error
	if !errors.As(err, &e) {
		return openError(err, "")
	}
	switch e.Step {
	case socket.TooLong:
		return openError(e.Err, fmt.Sprintf("the path %s is longer than the %d bytes that a socket may have", c.File, socket.LongestPath))
	case socket.Binding:
		dir := filepath.Dir(c.File)
		return openError(e.Err, directoryHint(dir, e.Err))
	case socket.Opening:
		return openError(e.Err, "cannot open the new socket "+e.Path)
	case socket.Replaced:
		return openError(e.Err, "somebody replaced the new socket "+e.Path)
	case socket.Mode:
		return openError(e.Err, "cannot set the mode of "+c.File)
	case socket.Owner:
		return chownError(c.File, c.OwnerUID, c.OwnerGID, e.Err)
	case socket.Occupied:
		return openError(e.Err, c.File+" exists and is not a socket; it was left alone")
	case socket.Taken:
		if errors.Is(e.Err, socket.ErrAlive) {
			return inUse("")
		}
		return inUse("cannot tell whether a program listens on " + c.File + ": " + e.Err.Error())
	case socket.Clearing:
		return openError(e.Err, "cannot remove the stale socket "+c.File)
	case socket.Placing:
		return openError(e.Err, "cannot create "+c.File)
	case socket.Contended:
		return inUse("another program keeps creating " + c.File)
	}
	return openError(e.Err, "")
}

func staleText(path string) string { return "Unlinking stale socket " + path }
