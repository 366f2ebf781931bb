package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// ListenOptions says how Listen goes about a socket that is already there.
type ListenOptions struct {
	Notice  func(text string) // gets "Unlinking stale socket FILE"; nil: nobody
	Timeout time.Duration     // how long a silent listener is given to prove itself; 0: 2 seconds

	link  func(from, to string) error // nil: os.Link
	bound func(temp string)           // called when the socket has its temporary name
}

// backlog is the length of the queue of connections not yet accepted.
const backlog = 1024

// longestPath is the longest path of a socket that the kernel takes.
const longestPath = len(unix.RawSockaddrUnix{}.Path) - 1

// Listen opens the socket of a server section. The error is a *ListenError.
func Listen(c conf.HTTPServer, o ListenOptions) (net.Listener, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.link == nil {
		o.link = os.Link
	}
	if o.bound == nil {
		o.bound = func(string) {}
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

// unixListener removes its path when it is closed, but only while that is
// still the socket that it made.
type unixListener struct {
	net.Listener
	path string
	made os.FileInfo
}

// Close stops listening and removes the path.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
		_ = os.Remove(l.path) // someone else may have been faster
	}
	return l.Listener.Close()
}

// listenUnix prepares the socket under a temporary name and gives it its own
// only when mode and owner are right, so that nobody ever finds it half made.
func (o ListenOptions) listenUnix(c conf.HTTPServer) (net.Listener, *ListenError) {
	dir := filepath.Dir(c.File)
	if longest := max(len(dir)+len("/.abcdefg"), len(c.File)); longest > longestPath {
		return nil, openError(unix.ENAMETOOLONG, fmt.Sprintf("the path %s is longer than the %d bytes that a socket may have", c.File, longestPath))
	}
	fd, temp, err := bindUnix(dir, c.Mode)
	if err != nil {
		return nil, openError(err, directoryHint(dir, err))
	}
	f := os.NewFile(uintptr(fd), c.File)
	defer f.Close() // the listener has a duplicate
	defer os.Remove(temp)

	made, failure := o.dressUnix(temp, c)
	if failure != nil {
		return nil, failure
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, openError(err, "")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, openError(err, "")
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	if failure := o.publish(temp, c.File); failure != nil {
		_ = l.Close()
		return nil, failure
	}
	return &unixListener{Listener: l, path: c.File, made: made}, nil
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
		return fmt.Sprintf("%s is on a read-only file system: mount a tmpfs there (docker run --tmpfs %s)", dir, dir)
	case errors.Is(err, unix.ENOSPC):
		return "no space left in " + dir
	}
	return ""
}

// publish gives the socket at temp its final path. A link never replaces what
// is there, so of two daemons that start at once only one can win.
func (o ListenOptions) publish(temp, path string) *ListenError {
	const rounds = 5 // more than that, and somebody else keeps making the path
	for range rounds {
		err := o.link(temp, path)
		if err == nil {
			return nil
		}
		if errors.Is(err, os.ErrExist) {
			if failure := o.takeOver(path); failure != nil {
				return failure
			}
			continue
		}
		return o.rename(temp, path, err)
	}
	return inUse("another program keeps creating " + path)
}

// rename is for file systems without hard links.
func (o ListenOptions) rename(temp, path string, linkErr error) *ListenError {
	if failure := o.takeOver(path); failure != nil {
		return failure
	}
	if err := os.Rename(temp, path); err != nil {
		return openError(linkErr, "cannot create "+path)
	}
	return nil
}

// takeOver removes a stale socket at path. It is no error if nothing is there.
func (o ListenOptions) takeOver(path string) *ListenError {
	before, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) && !exists(path) {
		return nil
	}
	if err != nil || before.Mode().Type() != os.ModeSocket {
		return openError(unix.ENOTSOCK, path+" exists and is not a socket; it was left alone")
	}
	switch state, err := o.probe(path); state {
	case alive:
		return inUse("")
	case doubtful:
		return inUse("cannot tell whether a program listens on " + path + ": " + err.Error())
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(before, now) {
		return nil // replaced meanwhile: look again
	}
	o.Notice(staleText(path))
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return openError(err, "cannot remove the stale socket "+path)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// liveness is what a probe found.
type liveness int

const (
	stale liveness = iota
	alive
	doubtful
)

// probe tells whether somebody listens on path. Whoever accepts and stays
// silent is alive; one that hangs up at once is asked twice, because it may
// just be ending.
func (o ListenOptions) probe(path string) (liveness, error) {
	for range 2 {
		conn, err := net.DialTimeout("unix", path, o.Timeout)
		switch {
		case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
			return stale, nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, os.ErrDeadlineExceeded):
			return alive, nil // its queue is full
		case err != nil:
			return doubtful, err
		}
		answered := o.ask(conn)
		_ = conn.Close()
		if answered {
			return alive, nil
		}
	}
	return alive, nil
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
