package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/daemon/socket"
)

// ListenOptions says how Listen goes about a socket that is already there.
type ListenOptions struct {
	Notice  func(text string) // gets "Unlinking stale socket FILE"; nil: nobody
	Timeout time.Duration     // how long a silent listener is given to prove itself; 0: 2 seconds
}

// backlog is the length of the queue of connections not yet accepted.
const backlog = 1024

// Listen opens the socket of a server section. The error is a *ListenError.
func Listen(c conf.HTTPServer, o ListenOptions) (net.Listener, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	var l net.Listener
	var failure *ListenError
	if c.Family == conf.Unix {
		l, failure = o.listenUnix(c)
	} else {
		l, failure = o.listenInet(c)
	}
	if failure != nil {
		return nil, failure // not as a typed nil
	}
	return l, nil
}

func (o ListenOptions) listenInet(c conf.HTTPServer) (net.Listener, *ListenError) {
	host := c.Host
	if bare, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(bare, "]") // [::1]
	}
	if host == "localhost" {
		host = "127.0.0.1" // also where there is no /etc/hosts
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // for the name service
	defer cancel()
	addr := net.JoinHostPort(host, strconv.Itoa(c.Port))
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	hint := ""
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		// The text says it all, and is compared by scripts.
	case errors.Is(err, unix.EADDRNOTAVAIL):
		hint = host + " is no address of this machine"
	case errors.Is(err, unix.EACCES):
		hint = "port " + strconv.Itoa(c.Port) + " may be opened by root only"
	default:
		hint = err.Error()
	}
	return nil, openError(err, hint)
}

// unixListener removes its path when it is closed.
type unixListener struct {
	net.Listener
	made *socket.Socket
}

// Close stops listening and removes the path, if that is still ours.
func (l *unixListener) Close() error {
	l.made.Remove()
	return l.Listener.Close()
}

func (o ListenOptions) listenUnix(c conf.HTTPServer) (net.Listener, *ListenError) {
	made, err := socket.Listen(socket.Spec{
		Path: c.File, Mode: c.Mode, UID: c.OwnerUID, GID: c.OwnerGID, Backlog: backlog,
		Probe: o.probe, Stale: func(path string) { o.Notice(staleText(path)) },
	})
	if err != nil {
		return nil, unixError(err, c)
	}
	defer made.File.Close() // the listener has a duplicate
	l, err := net.FileListener(made.File)
	if err != nil {
		made.Remove()
		return nil, openError(err, "")
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return &unixListener{l, made}, nil
}

// ListenAbstract opens a UNIX socket under an abstract name. Anybody may connect to it, so
// its Server must be OwnerOnly.
func ListenAbstract(name string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", name)
	if err != nil {
		return nil, openError(err, "")
	}
	return l, nil
}

func directoryHint(dir string, err error) string {
	switch st, statErr := os.Stat(dir); {
	case errors.Is(statErr, os.ErrNotExist):
		return "the directory " + dir + " does not exist"
	case statErr == nil && !st.IsDir():
		return dir + " is not a directory"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return "no permission to create a file in " + dir
	case errors.Is(err, unix.EROFS):
		return ReadOnlyHint(dir, "file=/run/supervisor.sock")
	case errors.Is(err, unix.ENOSPC):
		return "no space left in " + dir
	}
	return ""
}

// ReadOnlyHint says what to do about a directory on a read-only file system. A tmpfs hides
// what is there, so one in place of the system's own directories would do harm: there it
// advises another value of the key, which otherwise is, below /run.
func ReadOnlyHint(dir, otherwise string) string {
	top, _, _ := strings.Cut(strings.TrimPrefix(dir, "/"), "/")
	switch top {
	case "", "bin", "boot", "dev", "etc", "lib", "lib64", "proc", "sbin", "sys", "usr":
		return fmt.Sprintf("%s is on a read-only file system: set %s, and mount a tmpfs there (docker run --tmpfs /run)", dir, otherwise)
	}
	return fmt.Sprintf("%s is on a read-only file system: mount a tmpfs there (docker run --tmpfs %s)", dir, dir)
}

// probe tells whether somebody listens on path. Whoever accepts and stays
// silent is alive; one that hangs up at once is asked twice, because it may
// just be ending.
func (o ListenOptions) probe(path string) error {
	for range 2 {
		conn, err := net.DialTimeout("unix", path, o.Timeout)
		switch {
		case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
			return nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, os.ErrDeadlineExceeded):
			return socket.ErrAlive // its queue is full
		case err != nil:
			return err
		}
		answered := o.ask(conn)
		_ = conn.Close()
		if answered {
			break
		}
	}
	return socket.ErrAlive
}

// ask sends a request; false means that the peer hung up without a byte.
func (o ListenOptions) ask(conn net.Conn) bool {
	_ = conn.SetDeadline(time.Now().Add(o.Timeout)) // a connected socket has deadlines
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return errors.Is(err, os.ErrDeadlineExceeded)
	}
	var one [1]byte
	n, err := conn.Read(one[:])
	return n > 0 || errors.Is(err, os.ErrDeadlineExceeded)
}
