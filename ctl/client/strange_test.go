package client

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosupervisor/lacking"
)

// web is a server of one answer.
func web(status int, header, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	})
}

// saying is a server that says something as soon as it has been asked.
func saying(text string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 4096))
		io.WriteString(conn, text)
	}
}

func serveTLS(t *testing.T, h http.Handler) (url string, own []byte) {
	t.Helper()
	needProgram(t)
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = newSilence()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, s.Certificate().Raw
}

// needProgram leaves a test of TLS out where there is no openssl.
func needProgram(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		lacking.Skip(t, err)
	}
}

// trust has the system know a certificate, and no other one.
func trust(t *testing.T, der []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("SSL_CERT_DIR", t.TempDir())
}

func TestAServerOfAnotherKindIsNamed(t *testing.T) {
	secure, _ := serveTLS(t, http.NotFoundHandler())
	plain := serveHTTP(t, original(t, nil))
	bare := listenTCP(t, saying("\x15\x03\x03\x00\x02\x02F"))
	mail := listenTCP(t, saying("220 mail \x1b[2J ready\r\n"))
	for name, row := range map[string]struct {
		url  string
		kind error
		text string
		hint string
	}{
		"another web server":        {serveHTTP(t, web(404, "Server: nginx\xe9", "no")), ErrNotSupervisor, "HTTP status 404 Not Found", `calls itself nginx\xe9: check the host`},
		"one that asks for less":    {serveHTTP(t, web(418, "", "")), ErrNotSupervisor, "HTTP status 418 I'm a teapot", "another server answers at this address: check"},
		"one that sends us on":      {serveHTTP(t, web(301, "Location: https://other/", "")), ErrNotSupervisor, "HTTP status 301 Moved Permanently", "it sends us to https://other/"},
		"one that is closed to us":  {serveHTTP(t, web(403, "", "")), ErrRejected, "HTTP status 403 Forbidden", ""},
		"one that is too busy":      {serveHTTP(t, web(503, "", "")), ErrRejected, "HTTP status 503", ""},
		"a proxy without a server":  {serveHTTP(t, web(502, "", "")), ErrUnreachable, "HTTP status 502 Bad Gateway", "it cannot reach supervisord"},
		"a web page in place of it": {serveHTTP(t, web(200, "", "<html>")), ErrNotSupervisor, "answer of supervisor.getVersion", "check the URL"},
		"mail":                      {"http://" + mail, ErrNotSupervisor, `its answer begins with "220 mail \x1b[2J ready"`, "check the URL"},
		"HTTP of a kind":            {"http://" + listenTCP(t, saying("HTTP/1.1 all right\r\n\r\nbye")), ErrNotSupervisor, "malformed HTTP: an answer without a status", "check the URL"},
		"HTTP of the future":        {"http://" + listenTCP(t, saying("HTTP/3.0 200 OK\r\n\r\nbye")), ErrNotSupervisor, "malformed HTTP: no answer of HTTP/1", "check the URL"},
		"mail on a socket":          {listen(t, saying("220 mail \x1b[2J ready\r\n")), ErrNotSupervisor, `its answer begins with "220 mail \x1b[2J ready"`, "check the URL"},
		"a plain URL to TLS":        {strings.Replace(secure, "https", "http", 1), ErrNotSupervisor, "HTTP status 400 Bad Request", "it wants TLS: give -s " + secure},
		"a plain URL to bare TLS":   {"http://" + bare, ErrNotSupervisor, "its answer is one of TLS", "it wants TLS: give -s https://" + bare},
		"a page that speaks of TLS": {serveHTTP(t, web(400, "", "<p>The plain HTTP request was sent to HTTPS port</p>")), ErrNotSupervisor, "HTTP status 400 Bad Request", "it wants TLS"},
		"TLS to a plain server":     {strings.Replace(plain, "http", "https", 1), ErrNotSupervisor, "it does not speak TLS", "give -s " + plain},
		"TLS to mail":               {"https://" + mail, ErrNotSupervisor, "it does not speak TLS", "give -s http://" + mail},
		"one that refuses our TLS":  {"https://" + bare, ErrUnreachable, "remote error: tls", "it refuses our TLS"},
		"one that hangs up":         {"http://" + listenTCP(t, saying("")), ErrLost, "EOF", "if it wants TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, row.url, Options{}).APIVersion(t.Context())
			var own *Error
			if !errors.As(err, &own) || own.Kind != row.kind || !strings.Contains(own.Detail, row.text) || !strings.Contains(strings.Join(own.Hints, "\n"), row.hint) {
				t.Errorf("got %v; %+v", err, own)
			}
			if strings.ContainsAny(fmt.Sprintf("%v %q", err, "")+strings.Join(own.Hints, ""), "\x1b\x7f\r\n") {
				t.Errorf("control characters in %q, %q", err, own.Hints)
			}
		})
	}
}

func TestTheOriginalBehindTLS(t *testing.T) {
	h := original(t, map[string]any{"supervisor.getVersion": "3.0", "supervisor.getPID": 17})
	url, own := serveTLS(t, http.StripPrefix("/a/b", h))
	trust(t, own)
	for _, path := range []string{"/a/b", "/a/b/", "/a/b/RPC2"} {
		c := newClient(t, url+path, Options{})
		if pid, err := c.PID(t.Context()); pid != 17 || err != nil {
			t.Errorf("%s: got %d, %v", path, pid, err)
		}
		var got bytes.Buffer
		err := c.FollowProcessLog(t.Context(), "cat", "stdout", func(p []byte) error { got.Write(p); return nil })
		if got.String() != "/logtail/cat/stdout:\xff\n" || err != nil {
			t.Errorf("%s: got %q, %v", path, got.String(), err)
		}
	}
}

// certificate makes one that signs itself.
func certificate(t *testing.T, notAfter time.Time, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: notAfter.Add(-time.Hour), NotAfter: notAfter, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestACertificateThatCannotBeTrusted(t *testing.T) {
	needProgram(t)
	for name, row := range map[string]struct {
		names  []string
		valid  time.Duration
		knowIt bool
		detail string
		hint   string
	}{
		"of an unknown authority": {[]string{"localhost"}, time.Hour, false, "its authority is unknown here", "SSL_CERT_FILE=/path/to/ca.pem"},
		"for another name":        {[]string{"a.example", "b.example"}, time.Hour, true, "it is not for localhost", "it is for a.example, b.example: use"},
		"for no name":             {nil, time.Hour, true, "it is not for localhost", "nobody by name"},
		"of yesterday":            {[]string{"localhost"}, -24 * time.Hour, true, "it is not valid today", "and the clock here says"},
	} {
		t.Run(name, func(t *testing.T) {
			cert := certificate(t, time.Now().Add(row.valid), row.names...)
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			s.Config.ErrorLog = newSilence()
			s.StartTLS()
			defer s.Close()
			_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
			c := newClient(t, "https://localhost:"+port, Options{})
			if row.knowIt {
				trust(t, cert.Certificate[0])
			}
			_, err := c.APIVersion(t.Context())
			var own *Error
			if !errors.As(err, &own) || own.Kind != ErrCertificate || own.Detail != row.detail || len(own.Hints) != 1 || !strings.Contains(own.Hints[0], row.hint) {
				t.Errorf("got %v; %+v", err, own)
			}
		})
	}
}

func TestWhyThereIsNoLogin(t *testing.T) {
	joe, secret := "joe", "secret"
	url := serveHTTP(t, web(401, "", ""))
	for name, row := range map[string]struct {
		url        string
		user, pass *string
		hint       string
	}{
		"nothing given":    {url, nil, nil, "none were given: give -u NAME -p PASSWORD"},
		"half of it given": {url, &joe, nil, "a user name counts only with a password"},
		"within the URL":   {strings.Replace(url, "://", "://joe:secret@", 1), nil, nil, "what stands before the @ of the URL is not used"},
		"a wrong one":      {url, &joe, &secret, `it does not take the user name "joe" with the password`},
	} {
		c, err := New(row.url, row.user, row.pass, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var own *Error
		if _, err := c.PID(t.Context()); !errors.As(err, &own) || own.Kind != ErrUnauthorized || len(own.Hints) != 1 || !strings.Contains(own.Hints[0], row.hint) {
			t.Errorf("%s: got %+v", name, err)
		}
		if strings.Contains(fmt.Sprint(own.Hints), "secret") {
			t.Errorf("%s: the password is shown: %q", name, own.Hints)
		}
	}
}

func TestWhatIsAtThePathOfASocket(t *testing.T) {
	dir := t.TempDir()
	file, stale, link := filepath.Join(dir, "file"), filepath.Join(dir, "stale"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("gone", link); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for name, row := range map[string]struct {
		path string
		kind error
		hint string
	}{
		"nothing":                  {dir + "/none", ErrNoFile, "there is nothing of that name in " + dir + ": supervisord does not run"},
		"no directory":             {dir + "/a/b/none", ErrNoFile, "there is no directory " + dir + "/a"},
		"a link to nothing":        {link, ErrNoFile, link + " is a symbolic link to nothing"},
		"a file":                   {file, ErrRefused, file + " is -rw-------, owner "},
		"a socket without a soul":  {stale, ErrRefused, "the socket is there, but nobody listens"},
		"a path longer than it is": {"/" + strings.Repeat("x", 200), ErrUnreachable, ""},
	} {
		var own *Error
		_, err := newClient(t, "unix://"+row.path, Options{}).PID(t.Context())
		if !errors.As(err, &own) || own.Kind != row.kind || !strings.Contains(strings.Join(own.Hints, "\n"), row.hint) {
			t.Errorf("%s: got %+v", name, err)
		}
	}
}
