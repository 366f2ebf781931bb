package openssl

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gosupervisor/lacking"
)

const patience = 20 * time.Second

// need skips the test where there is no openssl; where everything has to be
// there it fails.
func need(t *testing.T) {
	t.Helper()
	if _, err := find(); err != nil {
		lacking.Skip(t, err)
	}
}

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	der  []byte
}

func newAuthority(t *testing.T, until time.Time) *authority {
	t.Helper()
	a := new(authority)
	a.cert, a.key, a.der = sign(t, nil, &x509.Certificate{Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign makes a certificate, which signs itself if there is no authority.
func sign(t *testing.T, by *authority, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, parentKey := template, key
	if by != nil {
		parent, parentKey = by.cert, by.key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key, der
}

// trusted has the program know the authority, and nobody else.
func (a *authority) trusted(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.der}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("SSL_CERT_DIR", t.TempDir())
}

// certificate is one for the names and addresses, valid for a day up to then.
func (a *authority) certificate(t *testing.T, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "a server\nVerification: OK\x1b[2J"}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	_, key, der := sign(t, a, template)
	chain := [][]byte{der}
	if a != nil {
		chain = append(chain, a.der)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key}
}

// listen serves each connection in a goroutine until the test is over.
func listen(t *testing.T, network, address string, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(context.Background())
	t.Cleanup(func() { end(); l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				context.AfterFunc(over, func() { conn.Close() })
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// secure serves over TLS. What it does without is up to serve.
func secure(t *testing.T, config *tls.Config, serve func(*tls.Conn)) string {
	t.Helper()
	return listen(t, "tcp", "127.0.0.1:0", overTLS(config, serve))
}

func overTLS(config *tls.Config, serve func(*tls.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		over := tls.Server(conn, config)
		if over.Handshake() == nil {
			serve(over)
		}
		conn.Close()
	}
}

// dial connects and closes at the end of the test.
func dial(t *testing.T, address, host string) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), address, host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// program puts a script in the place of openssl.
func program(t *testing.T, script string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openssl")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(file)+":"+os.Getenv("PATH"))
	return file
}
