package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gosupervisor/ctl/api"
)

// Options are what a Client may be told beyond its URL.
type Options struct {
	// Patience is how long a server may take to accept a connection and to
	// answer the question for its version; 0 means ten seconds. Calls that
	// wait for processes have no limit of their own.
	Patience time.Duration
}

// Client asks one server.
type Client struct {
	url     string // as given; messages show it
	path    string // unix: the socket
	host    string // http: HOST:PORT
	user    *string
	pass    *string
	patient time.Duration
	http    *http.Client
	wire    wire // nil until the server has shown what it speaks
}

// wire is a language that a server speaks.
type wire interface {
	call(ctx context.Context, method string, args []arg) (json.RawMessage, error)
	follow(ctx context.Context, l log, emit func([]byte) error) error
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

// New returns a client for a server URL, which is unix://PATH or
// http://HOST[:PORT]; what follows the port is ignored. Nothing is sent yet.
// user and pass count only when both are set.
func New(serverURL string, user, pass *string, o Options) (*Client, error) {
	c := &Client{url: serverURL, patient: o.Patience}
	if c.patient <= 0 {
		c.patient = 10 * time.Second
	}
	if user != nil && pass != nil {
		c.user, c.pass = user, pass
	}
	if err := c.parse(); err != nil {
		return nil, err
	}
	c.http = &http.Client{
		// A connection serves one call, but that is not said to the server: at
		// a "Connection: close" the original holds a streamed log back.
		Transport:     &http.Transport{DialContext: c.dialHTTP, MaxIdleConnsPerHost: -1, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func (c *Client) parse() error {
	scheme, rest, ok := strings.Cut(c.url, "://")
	switch {
	case ok && strings.EqualFold(scheme, "unix"):
		if rest == "" {
			return c.fail(ErrProtocol, "unix:// needs the path of a socket")
		}
		c.path = rest
		return nil
	case ok && strings.EqualFold(scheme, "http"):
		u, err := url.Parse(c.url)
		if err != nil || u.Hostname() == "" {
			return c.fail(ErrProtocol, "http:// needs a host")
		}
		port := u.Port()
		if port == "" {
			port = "80"
		}
		c.host = net.JoinHostPort(u.Hostname(), port)
		return nil
	}
	return &Error{URL: "serverurl " + c.url, Kind: ErrProtocol, Detail: "use unix://PATH or http://HOST:PORT"}
}

// URL returns the server URL as New got it.
func (c *Client) URL() string { return c.url }

// dial connects to the server, and reports failure as an *Error.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	network, address := "tcp", c.host
	if c.path != "" {
		network, address = "unix", c.path
	}
	limited, cancel := c.patience(ctx)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(limited, network, address)
	if err == nil {
		return conn, nil
	}
	if late := context.Cause(limited); late != nil {
		return nil, late
	}
	return nil, c.dialError(err)
}

func (c *Client) dialHTTP(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) }

// call performs method and decodes its result into out, unless that is nil.
func (c *Client) call(ctx context.Context, method string, out any, args ...arg) error {
	if err := c.detect(ctx); err != nil {
		return err
	}
	raw, err := c.wire.call(ctx, method, args)
	if err != nil {
		return c.ioError(ctx, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return c.fail(ErrNotSupervisor, fmt.Sprintf("result of %s: %v", method, err))
	}
	return nil
}

// errForeign says that a server does not know the language it was asked in.
var errForeign = errors.New("another language")

// detect finds the language of the server, once. It asks for the version,
// because that does nothing; a fault is as good an answer as any.
func (c *Client) detect(ctx context.Context) error {
	if c.wire != nil {
		return nil
	}
	limited, cancel := c.patience(ctx)
	defer cancel()
	lines := &lineWire{c: c, foreign: true}
	_, err := lines.call(limited, versionMethod, nil)
	var fault *api.Fault
	switch {
	case err == nil || errors.As(err, &fault):
		c.wire = &lineWire{c: c}
	case errors.Is(err, errForeign):
		c.wire = &xmlWire{c: c}
	default:
		return c.ioError(limited, err)
	}
	return nil
}

const versionMethod = "supervisor.getVersion"
