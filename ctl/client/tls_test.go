package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serveAs serves nothing over TLS as it is told, at localhost.
func serveAs(t *testing.T, config *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = config
	s.Config.ErrorLog = newSilence()
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return "https://localhost:" + port
}

func TestWhyThereIsNoTLS(t *testing.T) {
	needProgram(t)
	path := os.Getenv("PATH")
	other := filepath.Join(t.TempDir(), "openssl")
	if err := os.WriteFile(other, []byte("#!/bin/sh\n[ $1 = version ] && echo 'LibreSSL \x1b[2J 3.8' && exit; echo unknown option -brief >&2; exit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cert := certificate(t, time.Now().Add(time.Hour), "localhost")
	own := []tls.Certificate{cert}
	for name, row := range map[string]struct {
		config *tls.Config
		path   string // where programs are
		file   string // of authorities
		kind   error
		detail string
		hint   string
	}{
		"no program":              {path: t.TempDir(), kind: ErrUnreachable, detail: "https:// needs the program openssl, which is not on PATH", hint: "install it (on Debian the package openssl)"},
		"another program":         {path: filepath.Dir(other) + ":" + path, kind: ErrUnreachable, detail: "https:// needs the program of OpenSSL 1.1.1 or later", hint: "the one on PATH is " + other + ", LibreSSL ?[2J 3.8"},
		"no file of authorities":  {file: "/none/ca.pem", kind: ErrCertificate, detail: "its authority is unknown here", hint: "SSL_CERT_FILE is of no use: open /none/ca.pem: no such file"},
		"an old TLS":              {config: &tls.Config{Certificates: own, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, kind: ErrUnreachable, detail: "remote error: tls: protocol version", hint: "it may have none of version 1.2 or later"},
		"it wants our name":       {config: &tls.Config{Certificates: own, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, kind: ErrUnreachable, detail: "remote error: tls: handshake failure", hint: "it may want a certificate of ours"},
		"it wants our name, late": {config: &tls.Config{Certificates: own, ClientAuth: tls.RequireAnyClientCert}, kind: ErrUnreachable, detail: "remote error: tls: certificate required", hint: "it may want a certificate of ours"},
	} {
		t.Run(name, func(t *testing.T) {
			trust(t, cert.Certificate[0])
			if row.config == nil {
				row.config = &tls.Config{Certificates: own}
			}
			if row.path != "" {
				t.Setenv("PATH", row.path)
			}
			if row.file != "" {
				t.Setenv("SSL_CERT_FILE", row.file)
			}
			_, err := newClient(t, serveAs(t, row.config), Options{}).APIVersion(t.Context())
			var failed *Error
			if !errors.As(err, &failed) || failed.Kind != row.kind || failed.Detail != row.detail || len(failed.Hints) != 1 || !strings.Contains(failed.Hints[0], row.hint) {
				t.Errorf("got %v; %+v", err, failed)
			}
			if strings.ContainsAny(fmt.Sprint(err, failed), "\x1b\x7f\r\n") {
				t.Errorf("control characters in %q", failed)
			}
		})
	}
}

// A server that accepts connections and does not begin TLS, or begins and does
// not go on, is one that does not answer.
func TestATLSServerThatSaysNothing(t *testing.T) {
	needProgram(t)
	for name, says := range map[string]string{"nothing": "", "half of something": "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"} {
		address := listenTCP(t, func(conn net.Conn) {
			conn.Write([]byte(says))
			conn.Read(make([]byte, 4096))
			<-t.Context().Done()
		})
		_, err := newClient(t, "https://"+address, Options{Patience: 300 * time.Millisecond}).APIVersion(t.Context())
		var late *Error
		if !errors.As(err, &late) || late.Kind != ErrTimeout || len(late.Hints) != 1 || late.Hints[0] != hintNoTLS {
			t.Errorf("%s: got %+v", name, err)
		}
	}
}

func TestHostsThatNoCertificateIsFor(t *testing.T) {
	for _, url := range []string{"https://-connect:443", "https://-help", "https://a..b", "https://.a", "https://a_b*c", "https://m\u00fcnchen.example", "https://a%20b/", "https://a%0ab/"} {
		var bad *Error
		if _, err := New(url, nil, nil, Options{}); !errors.As(err, &bad) || bad.Kind != ErrProtocol {
			t.Errorf("%q: got %v", url, err)
		}
	}
	for _, url := range []string{"https://localhost", "https://a-b.c_d.example.:1/x", "https://[::1]:443", "https://[fe80::1%25eth0]", "https://10.0.0.1"} {
		if _, err := New(url, nil, nil, Options{}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}
