package fcgi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
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
	path string      // of a UNIX socket
	made os.FileInfo // what we put there
}

// close stops listening and removes the path, but only while that is still the
// socket that was put there.
func (l *listener) close() {
	if l.path != "" {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
			_ = os.Remove(l.path) // someone else may have been faster
		}
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

// listenUnix prepares the socket under a temporary name and gives it its own
// only when owner and mode are right and it listens, so that nobody ever finds
// it half made.
func listenUnix(c *conf.Socket) (*listener, error) {
	fd, temp, err := bindTemp(c.Path, c.Mode)
	if err != nil {
		return nil, err
	}
	made, err := dress(temp, c)
	if err == nil {
		err = unix.Listen(fd, backlog(c))
	}
	if err == nil {
		err = publish(temp, c.Path, os.Link)
	}
	_ = os.Remove(temp) // gone already if it was renamed
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &listener{file: os.NewFile(uintptr(fd), c.URL), path: c.Path, made: made}, nil
}

// longestPath is the longest path of a socket that the kernel takes.
const longestPath = len(unix.RawSockaddrUnix{}.Path) - 1

// bindTemp binds a new socket to an unused name in the directory of path. The
// name is short, so that a path which is just not too long will do. The socket
// is born with the mode, but for what the umask takes away.
func bindTemp(path string, mode uint32) (fd int, temp string, err error) {
	dir := filepath.Dir(path)
	if max(len(path), len(dir)+len("/.abcdefg")) > longestPath {
		return -1, "", fmt.Errorf("the path is longer than the %d bytes that a socket may have", longestPath)
	}
	if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, "", err
	}
	_ = unix.Fchmod(fd, mode) // where that is not so, dress sets it
	err = unix.EADDRINUSE
	for range 100 {
		if err != unix.EADDRINUSE {
			break
		}
		temp = filepath.Join(dir, "."+strconv.FormatUint(rand.Uint64N(1<<36), 36))
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: temp})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, "", err
	}
	return fd, temp, nil
}

// dress gives a socket its owner and its mode. Where somebody else can write to
// the directory, the name may by now be that of another file: mode and owner
// are those of what was opened once, and only if that is what we made.
func dress(temp string, c *conf.Socket) (os.FileInfo, error) {
	fd, err := unix.Open(temp, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &dressError{"permissions", err}
	}
	f := os.NewFile(uintptr(fd), temp)
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	ours := int(st.Uid) == os.Geteuid() && st.Nlink == 1
	asBorn := st.Mode&0o7777 == c.Mode && c.Owner == nil // a file system may name another owner
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK || !ours && !asBorn {
		return nil, fmt.Errorf("somebody replaced the new socket %s", temp)
	}
	if st.Mode&0o7777 != c.Mode {
		if err := chmodOpened(fd, c.Mode); err != nil {
			return nil, &dressError{"permissions", err}
		}
	}
	if c.Owner != nil {
		if err := unix.Fchownat(fd, "", c.Owner[0], c.Owner[1], unix.AT_EMPTY_PATH); err != nil {
			return nil, &dressError{"ownership", err}
		}
	}
	return f.Stat()
}

// chmodOpened changes the mode of a file that was opened as a path only: by
// the call of Linux 6.6 and later, else by way of /proc.
func chmodOpened(fd int, mode uint32) error {
	if unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH) == nil {
		return nil
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}

// publish gives the socket at temp its final path. A link never replaces what
// is there, so of two daemons that start at once only one can win.
func publish(temp, path string, link func(from, to string) error) error {
	const rounds = 5 // more than that, and somebody else keeps making the path
	for range rounds {
		err := link(temp, path)
		if err == nil {
			return nil
		}
		if err := takeOver(path); err != nil {
			return err
		}
		if errors.Is(err, os.ErrExist) {
			continue
		}
		// A file system without hard links, or a socket that is not ours to
		// link any more.
		if err := unix.Rename(temp, path); err != nil {
			return err
		}
		return nil
	}
	return fmt.Errorf("another program keeps creating %s", path)
}

// takeOver removes a stale socket at path, and nothing else. It is no error if
// nothing is there.
func takeOver(path string) error {
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case before.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket; it was left alone", path)
	}
	switch err := probe(path); err {
	case nil, unix.EAGAIN, unix.EPROTOTYPE:
		// Somebody took the connection, or their queue is full, or they listen
		// in another way.
		return fmt.Errorf("another program listens on %s", path)
	case unix.ECONNREFUSED, unix.ENOENT:
	default:
		return fmt.Errorf("cannot tell whether another program listens on %s: %s", path, cause(err))
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(before, now) {
		return nil // replaced meanwhile: look again
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot remove the stale socket: %v", err)
	}
	return nil
}

// probe connects to a UNIX socket, and hangs up. It does not wait.
func probe(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}
