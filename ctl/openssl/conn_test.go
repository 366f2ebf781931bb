package openssl

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo sends back what it gets until it is told the end.
func echo(c *tls.Conn) {
	io.Copy(c, c)
	c.Close()
}

func TestAConnectionCarriesWhateverItIsGiven(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	cert := a.certificate(t, time.Now().Add(time.Hour), "localhost", "a-b.example", "127.0.0.1", "::1")
	for name, row := range map[string]struct {
		version     uint16
		listen, who string
	}{
		"TLS 1.2, a name":           {tls.VersionTLS12, "127.0.0.1:0", "localhost"},
		"TLS 1.3, a name":           {tls.VersionTLS13, "127.0.0.1:0", "a-b.example"},
		"a name that ends in a dot": {tls.VersionTLS13, "127.0.0.1:0", "a-b.example."},
		"an address":                {tls.VersionTLS13, "127.0.0.1:0", "127.0.0.1"},
		"a longer address":          {tls.VersionTLS13, "[::1]:0", "::1"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 1)
			config := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: row.version,
				GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) { asked <- h.ServerName; return nil, nil }}
			c := dial(t, listen(t, "tcp", row.listen, overTLS(config, echo)), row.who)
			want := strings.TrimSuffix(row.who, ".")
			if net.ParseIP(want) != nil {
				want = ""
			}
			if got := <-asked; got != want {
				t.Errorf("it asks for %q, want %q", got, want)
			}
			// What the program could take for commands, each at the beginning of a read.
			for _, word := range []string{"Q", "Q\n", "R\n", "B\n", "k\n", "K\n", "q", "S\n", "{quit}\n", "{reneg}\n", "\x00", "\x04", "\xff\xfe", "\r\n", "\n", "DONE\n"} {
				exchange(t, c, []byte(word))
			}
			big := make([]byte, 1<<20)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range big {
				big[i] = "QRBkK{}\n\r\x00\xffx"[rng.IntN(12)]
			}
			exchange(t, c, big)
		})
	}
}

// exchange has the server repeat something.
func exchange(t *testing.T, c *Conn, text []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(text)
		sent <- err
	}()
	c.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, text) {
		t.Errorf("of %.20q (%d bytes) something else came back, %v", text, len(text), err)
	}
	if err := <-sent; err != nil {
		t.Errorf("write: %v", err)
	}
}

func TestManyConnectionsAtOnce(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	address := secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, echo)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c, err := Dial(t.Context(), address, "localhost")
			if err != nil {
				t.Error(err)
				return
			}
			exchange(t, c, bytes.Repeat(fmt.Appendf(nil, "%d\n", i), 10000))
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	all.Wait()
}

func TestTheEndIsToldFromACut(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	for name, row := range map[string]struct {
		end  func(*tls.Conn)
		want error
	}{
		"the server takes leave":      {func(c *tls.Conn) { c.Close() }, io.EOF},
		"the connection is cut":       {func(c *tls.Conn) { c.NetConn().Close() }, io.ErrUnexpectedEOF},
		"what comes is no TLS":        {func(c *tls.Conn) { io.WriteString(c.NetConn(), "HTTP/1.1 200 OK\r\n\r\n") }, ErrNotTLS},
		"the server loses its temper": {func(c *tls.Conn) { c.NetConn().(*net.TCPConn).SetLinger(0); c.NetConn().Close() }, io.ErrUnexpectedEOF},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}, MaxVersion: version}
			c := dial(t, secure(t, config, func(c *tls.Conn) {
				c.Read(make([]byte, 1)) // whoever answers is there
				io.WriteString(c, "some words\n")
				row.end(c)
			}), "localhost")
			io.WriteString(c, "?")
			c.SetReadDeadline(time.Now().Add(patience))
			got, err := io.ReadAll(c)
			if err == nil {
				err = io.EOF
			}
			if !errors.Is(err, row.want) || err == io.EOF && string(got) != "some words\n" || !strings.HasPrefix("some words\n", string(got)) {
				t.Errorf("%s, %s: got %q, %v, want %v", name, tls.VersionName(version), got, err, row.want)
			}
		}
	}
}

func TestWeTakeLeave(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	left := make(chan error, 1)
	c := dial(t, secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, func(c *tls.Conn) {
		_, err := io.Copy(io.Discard, c)
		left <- err
	}), "localhost")
	c.Write([]byte("hello"))
	c.Close()
	if err := <-left; err != nil {
		t.Errorf("the server was told %v, want the end", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

func TestDeadlinesAreKept(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	c := dial(t, secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, echo), "localhost")
	c.SetReadDeadline(time.Now())
	var late net.Error
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
	exchange(t, c, []byte("it lives on"))
}
