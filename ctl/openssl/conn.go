package openssl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// How long a program that is to end may take before it is killed: one that was
// told so takes leave of the server, and one that closed its output is on its way out.
const (
	leave = 100 * time.Millisecond
	exit  = time.Second
)

// Conn is a connection over TLS.
type Conn struct {
	net.Conn // to the program
	run      *process
	said     *words
}

// Dial connects to an address, which is IP:PORT, as to the host of that name,
// and returns when the server has proved to be that. The host is a name or an IP
// address. The errors of the connection are those of package net; what is wrong
// with TLS is an *Error.
func Dial(ctx context.Context, address, host string) (*Conn, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	who, err := identity(host)
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"s_client", "-brief", "-no_ign_eof", "-nocommands", "-no_renegotiation", "-min_protocol", "TLSv1.2",
		"-alpn", "http/1.1", "-verify_return_error", "-connect", address}, append(who.sni, who.verify...)...)
	c, err := connect(path, args)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.said.verified:
		return c, nil
	case <-c.run.gone:
		err = c.said.failure(c.run)
		c.Conn.Close()
	case <-ctx.Done():
		c.Close()
		return nil, context.Cause(ctx)
	}
	var failed *Error
	if errors.As(err, &failed) {
		failed.enrich(ctx, path, address, who)
	}
	return nil, err
}

// connect starts the program with a pair of sockets.
func connect(path string, args []string) (*Conn, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "openssl"), os.NewFile(uintptr(pair[1]), "openssl")
	defer ours.Close() // the connection has a copy of it
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	run, said, err := start(path, args, theirs, theirs)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Conn{conn, run, said}, nil
}

// Read implements net.Conn. The end is io.EOF only if the server has said that
// it is the end.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.cause(err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.cause(err)
}

// cause says why there is nobody at the other end of the pair any more.
func (c *Conn) cause(err error) error {
	if err != io.EOF && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		return err
	}
	c.run.end(exit)
	if why := c.said.failure(c.run); why != nil {
		return why
	}
	return err
}

// Close ends the connection, and returns when the program is no more.
func (c *Conn) Close() error {
	err := c.Conn.Close() // which it takes for the end of its input
	grace := leave
	select {
	case <-c.said.verified:
	default:
		grace = 0 // it does not read yet
	}
	c.run.end(grace)
	return err
}

// peer is whom a server has to prove to be, in the words of the program.
type peer struct {
	sni, verify []string
}

// identity takes the name of a host to pieces. Nothing gets through that could
// be an option.
func identity(host string) (peer, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return peer{[]string{"-noservername"}, []string{"-verify_ip", ip.WithZone("").String()}}, nil
	}
	name := strings.TrimSuffix(host, ".")
	if err := CheckName(name); err != nil {
		return peer{}, err
	}
	return peer{[]string{"-servername", name}, []string{"-verify_hostname", name}}, nil
}

// CheckName says what is wrong with the name of a host, if it is not one that a
// certificate could be for.
func CheckName(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	name := strings.TrimSuffix(host, ".")
	bad := func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	switch i := strings.IndexFunc(name, bad); {
	case i >= 0:
		return fmt.Errorf("a host name has letters, digits, dots and hyphens only, in other scripts its form with xn--; not %q", []rune(name[i:])[0])
	case name == "" || name[0] == '-' || name[0] == '.' || strings.Contains(name, ".."):
		return errors.New("a host name begins with a letter or a digit, and so does each part of it")
	case len(name) > 253:
		return fmt.Errorf("a host name has at most 253 characters, this one has %d", len(name))
	}
	return nil
}
