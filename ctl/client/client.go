package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/openssl"
	"gosupervisor/peer"
)

// Options are what a Client may be told beyond its URL.
type Options struct {
	// Patience is how long a server may take to accept a connection, to answer
	// what needs no waiting for processes, and, while a call does wait for some,
	// to give a sign of life; 0 means ten seconds.
	Patience time.Duration
}

// Client asks one server.
type Client struct {
	url   string // as given; messages show it
	path  string // unix: the socket
	host  string // http and https: HOST:PORT
	base  string // https: the path in front of the server's own
	tls   bool
	user  *string
	pass  *string
	half  bool          // one of them was given alone
	limit time.Duration // of patience
	wire  wire          // nil until the server has shown what it speaks
}

// wire is a language that a server speaks.
type wire interface {
	call(ctx context.Context, q question) (json.RawMessage, error)
	follow(ctx context.Context, l log, emit func([]byte) error) error
}

// question is a call.
type question struct {
	method string
	args   []arg
	slow   bool // the answer may take its time

	list *[]api.ProcessInfo // where a long list goes at once; then there is no result
	acts bool               // it may change something, and is never sent twice
}

// arg is an argument of a call. NDJSON sends it by name, XML-RPC by place.
type arg struct {
	name  string
	value any
}

// log is what Follow streams: a channel of a process, or the activity log
// when process is empty.
type log struct {
	process string
	channel api.Channel
}

// New returns a client for a server URL, which is unix://PATH, http://HOST[:PORT]
// or https://HOST[:PORT][/PATH]; what else follows the port is ignored. Nothing
// is sent yet. user and pass count only when both are set.
func New(serverURL string, user, pass *string, o Options) (*Client, error) {
	c := &Client{url: serverURL, limit: o.Patience, half: (user == nil) != (pass == nil)}
	if c.limit <= 0 {
		c.limit = 10 * time.Second
	}
	if user != nil && pass != nil {
		c.user, c.pass = user, pass
	}
	if err := c.parse(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Client) parse() error {
	scheme, rest, ok := strings.Cut(c.url, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case ok && scheme == "unix":
		if rest == "" {
			return c.fail(ErrProtocol, "unix:// needs the path of a socket")
		}
		c.path = rest
		return nil
	case ok && (scheme == "http" || scheme == "https"):
		u, err := url.Parse(c.url)
		if err != nil || u.Hostname() == "" {
			return c.fail(ErrProtocol, scheme+":// needs a host")
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[scheme]
		}
		c.host = net.JoinHostPort(u.Hostname(), port)
		if scheme == "https" {
			if err := openssl.CheckName(u.Hostname()); err != nil {
				return c.fail(ErrProtocol, err.Error())
			}
			c.tls, c.base = true, strings.TrimSuffix(strings.TrimRight(u.EscapedPath(), "/"), "/RPC2")
		}
		return nil
	}
	return &Error{URL: "serverurl " + c.url, Kind: ErrProtocol, Detail: "use unix://PATH, http://HOST:PORT or https://HOST"}
}

// URL returns the server URL as New got it.
func (c *Client) URL() string { return c.url }

// dial connects to the server, and reports failure as an *Error.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	network, address := "tcp", c.host
	if c.path != "" {
		network, address = "unix", c.path
	}
	late := c.lateError(hintDeaf)
	limited, cancel := context.WithTimeoutCause(ctx, c.limit, late)
	defer cancel()
	for {
		var d net.Dialer
		conn, err := d.DialContext(limited, network, address)
		if err == nil {
			return c.trust(conn)
		}
		if c.path != "" && errors.Is(err, fs.ErrNotExist) {
			if conn, err := c.dialFallback(limited); err == nil {
				return c.trust(conn)
			}
		}
		if c.path != "" && errors.Is(err, syscall.EAGAIN) {
			select { // its queue is full
			case <-time.After(fullQueue):
				continue
			case <-limited.Done():
			}
		}
		if cause := context.Cause(limited); cause != nil {
			return nil, cause
		}
		if late != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, late // the dialer has a clock of its own, which may be ahead
		}
		return nil, c.dialError(err)
	}
}

// dialFallback looks where a server puts its socket when it cannot put it where
// it is configured. Sockets of others than us and root are not trusted: anybody
// could put one there, and be told a password. One with an abstract name is still to be
// looked at by trust.
func (c *Client) dialFallback(ctx context.Context) (net.Conn, error) {
	for _, uid := range []int{os.Geteuid(), 0} {
		for _, file := range conf.SocketFallbacks(c.path, uid, nil) {
			if !conf.OwnDir(filepath.Dir(file), uid) {
				continue
			}
			var d net.Dialer
			if conn, err := d.DialContext(ctx, "unix", file); err == nil {
				return conn, nil
			}
		}
	}
	for _, uid := range []int{os.Geteuid(), 0} {
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "unix", conf.AbstractSocket(c.path, uid)); err == nil {
			return conn, nil
		}
	}
	return nil, fs.ErrNotExist
}

// trust takes a connection, unless it leads to an abstract name of somebody else's: anybody
// may have that name, and nothing may be said to him. The kernel tells who listened.
func (c *Client) trust(conn net.Conn) (net.Conn, error) {
	name := conn.RemoteAddr().String()
	local, ok := conn.(*net.UnixConn)
	if !ok || !conf.IsAbstract(name) {
		return conn, nil
	}
	listener, err := listenerOf(conn)
	if err == nil && (listener.Uid == 0 || int(listener.Uid) == os.Geteuid() && peer.KnownUID(os.Geteuid())) {
		far := peer.SameHome(local)
		if far == nil {
			return conn, nil
		}
		conn.Close()
		return nil, c.fail(ErrPermission, fmt.Sprintf("%s is a socket of pid %d, to which nothing was said: %v", name, listener.Pid, far),
			"an abstract name may be anybody's in the network namespace: be in the container of supervisord, as its user")
	}
	conn.Close()
	if err != nil {
		return nil, c.fail(ErrPermission, fmt.Sprintf("nobody can tell who listens at %s: %v", name, err))
	}
	return nil, c.fail(ErrPermission, fmt.Sprintf("%s is a socket of %s, pid %d", name, account(int(listener.Uid)), listener.Pid),
		"an abstract name may be anybody's, so nothing was said to it: it has to be that of "+whoseNames(os.Geteuid()))
}

// whoseNames says whose abstract names a user is to trust.
func whoseNames(uid int) string {
	if uid == 0 {
		return "root, who you are"
	}
	return "root or of " + account(uid) + ", who you are"
}

// fullQueue is how long to wait for room in the queue of a socket. The system
// does not tell when there is some.
const fullQueue = 20 * time.Millisecond

// call performs method and decodes its result into out, unless that is nil.
func (c *Client) call(ctx context.Context, method string, out any, args ...arg) error {
	if _, err := c.detect(ctx); err != nil {
		return err
	}
	m, known := api.Lookup(method)
	q := question{method: method, args: args, slow: known && (m.Slow || m.Stream), acts: !known || m.Access > api.Read}
	q.list, _ = out.(*[]api.ProcessInfo)
	raw, err := c.wire.call(ctx, q)
	if err != nil {
		return c.ioError(ctx, err)
	}
	if out == nil || q.list != nil && raw == nil {
		return nil
	}
	if err := decode(raw, out); err != nil {
		return c.fail(ErrNotSupervisor, fmt.Sprintf("result of %s: %v", method, err))
	}
	return nil
}

// decode decodes a result; of descriptions of processes there may be thousands.
func decode(raw []byte, out any) (err error) {
	switch out := out.(type) {
	case *[]api.ProcessInfo:
		*out, err = api.UnmarshalProcesses(raw)
	case *api.ProcessInfo:
		*out, err = api.UnmarshalProcess(raw)
	case *string:
		*out, err = api.UnmarshalString(raw)
	default:
		err = json.Unmarshal(raw, out)
	}
	return err
}

// errForeign says that a server does not know the language it was asked in.
var errForeign = errors.New("another language")

// detect finds the language of the server, once. It asks for the version,
// because that does nothing; a fault is as good an answer as any. What the server says
// comes back the first time, if it says so.
func (c *Client) detect(ctx context.Context) (version json.RawMessage, err error) {
	if c.wire != nil {
		return nil, nil
	}
	lines := &lineWire{c: c}
	version, err = lines.meet(ctx)
	var fault *api.Fault
	switch {
	case err == nil || errors.As(err, &fault):
		c.wire = lines
		return version, nil
	case errors.Is(err, errForeign):
		c.wire = &xmlWire{c}
		return nil, nil
	}
	return nil, c.ioError(ctx, err)
}

const versionMethod = "supervisor.getVersion"
