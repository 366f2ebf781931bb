package fcgi

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/daemon/socket"
)

// Error says why a socket could not be created.
type Error struct {
	URL string
	Err error
}

func (e *Error) Error() string {
	return "Could not create FastCGI socket " + e.URL + ": " + cause(e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause words a bare system error as the original does, and leaves any other
// error as it is.
func cause(err error) string {
	errno, bare := err.(syscall.Errno)
	if !bare {
		return err.Error()
	}
	text := errno.Error()
	return fmt.Sprintf("[Errno %d] %s%s", int(errno), strings.ToUpper(text[:1]), text[1:])
}

// dressError is a failure to give a UNIX socket its owner or its mode.
type dressError struct {
	what string
	err  error
}

func (e *dressError) Error() string {
	return "Could not change " + e.what + " of socket file: " + cause(e.err)
}

// Unwrap returns the cause.
func (e *dressError) Unwrap() error { return e.err }

// listener is a socket that listens. Its descriptor blocks: children share that
// with us, and expect it.
type listener struct {
	file *os.File
	unix *socket.Socket // nil: it is none
}

// close stops listening and removes the path of a UNIX socket.
func (l *listener) close() {
	if l.unix != nil {
		l.unix.Remove()
	}
	_ = l.file.Close() // nothing was written that could be lost
}

func listen(c *conf.Socket) (*listener, error) {
	if c.Family == conf.Unix {
		return listenUnix(c)
	}
	return listenTCP(c)
}

// largestBacklog asks for the longest queue; the kernel cuts it down to what it
// allows (net.core.somaxconn).
const largestBacklog = 65535

func backlog(c *conf.Socket) int {
	if c.Backlog == 0 {
		return largestBacklog
	}
	return c.Backlog
}

// resolveTime bounds the name service, which holds up every other start.
const resolveTime = 5 * time.Second

func listenTCP(c *conf.Socket) (*listener, error) {
	ip, err := resolve(c.Host)
	if err != nil {
		return nil, err
	}
	family, addr := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: c.Port, Addr: ip.As16()})
	if ip.Is4() {
		family, addr = unix.AF_INET, &unix.SockaddrInet4{Port: c.Port, Addr: ip.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(fd, addr)
	}
	if err == nil {
		err = unix.Listen(fd, backlog(c))
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &listener{file: os.NewFile(uintptr(fd), c.URL)}, nil
}

// resolve returns the address of a host, of the fourth version if it has one.
func resolve(host string) (netip.Addr, error) {
	if host == "localhost" {
		host = "127.0.0.1" // also where there is no /etc/hosts
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	first := ips[0].Unmap()
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			return ip, nil
		}
	}
	return first, nil
}

// listenUnix makes a UNIX socket.
func listenUnix(c *conf.Socket) (*listener, error) {
	spec := socket.Spec{Path: c.Path, Mode: c.Mode, UID: -1, GID: -1, Backlog: backlog(c)}
	if c.Owner != nil {
		spec.UID, spec.GID = c.Owner[0], c.Owner[1]
	}
	made, err := socket.Listen(spec)
	if err != nil {
		return nil, worded(err)
	}
	return &listener{file: made.File, unix: made}, nil
}

// worded words why there is no UNIX socket. The texts about mode and owner, and
// bare system errors, are the original's.
func worded(err error) error {
	e, ok := err.(*socket.Error)
	if !ok {
		return err
	}
	switch e.Step {
	case socket.TooLong:
		return fmt.Errorf("the path is longer than the %d bytes that a socket may have", socket.LongestPath)
	case socket.Opening, socket.Mode:
		return &dressError{"permissions", e.Err}
	case socket.Owner:
		return &dressError{"ownership", e.Err}
	case socket.Replaced:
		return fmt.Errorf("somebody replaced the new socket %s", e.Path)
	case socket.Occupied:
		return fmt.Errorf("%s exists and is not a socket; it was left alone", e.Path)
	case socket.Taken:
		if e.Err == socket.ErrAlive {
			return fmt.Errorf("another program listens on %s", e.Path)
		}
		return fmt.Errorf("cannot tell whether another program listens on %s: %s", e.Path, cause(e.Err))
	case socket.Clearing:
		return fmt.Errorf("cannot remove the stale socket: %v", e.Err)
	case socket.Contended:
		return fmt.Errorf("another program keeps creating %s", e.Path)
	}
	return e.Err
}
