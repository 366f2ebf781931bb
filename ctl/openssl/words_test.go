package openssl

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWhatIsWrongHasAName(t *testing.T) {
	need(t)
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	a, other, old := newAuthority(t, soon), newAuthority(t, soon), newAuthority(t, time.Now().Add(-time.Hour))
	a.trusted(t)
	with := func(certs ...tls.Certificate) *tls.Config { return &tls.Config{Certificates: certs} }
	good := a.certificate(t, soon, "localhost")
	saying := func(text string) func(net.Conn) {
		return func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, text); io.Copy(io.Discard, c) }
	}
	for name, row := range map[string]struct {
		config      *tls.Config
		serve       func(net.Conn) // without TLS
		host        string
		kind        error
		text        string
		names       []string
		from, until time.Time
	}{
		"an authority that nobody knows": {config: with(other.certificate(t, soon, "localhost")), kind: ErrAuthority},
		"its own authority":              {config: with((*authority)(nil).certificate(t, soon, "localhost")), kind: ErrAuthority},
		"another name": {config: with(a.certificate(t, soon, "a.example", "*.b.example", "10.0.0.1", "::1")), kind: ErrName,
			names: []string{"a.example", "*.b.example", "10.0.0.1", "::1"}},
		"another address":           {config: with(good), host: "127.0.0.1", kind: ErrName, names: []string{"localhost"}},
		"no name":                   {config: with(a.certificate(t, soon)), kind: ErrName},
		"a name is no address":      {config: with(a.certificate(t, soon, "127.0.0.1")), kind: ErrName, names: []string{"127.0.0.1"}},
		"yesterday's":               {config: with(a.certificate(t, soon.Add(-24*time.Hour), "localhost")), kind: ErrDate, from: soon.Add(-48 * time.Hour), until: soon.Add(-24 * time.Hour)},
		"tomorrow's":                {config: with(a.certificate(t, soon.Add(48*time.Hour), "localhost")), kind: ErrDate, from: soon.Add(24 * time.Hour), until: soon.Add(48 * time.Hour)},
		"TLS 1.1 at most":           {config: &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, kind: ErrAlert, text: "protocol version"},
		"TLS 1.0, whatever we want": {serve: saying("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00"), kind: ErrVersion},
		"a certificate of ours":     {config: &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, kind: ErrAlert, text: "handshake failure"},
		"another cipher":            {config: &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}, kind: ErrAlert, text: "handshake failure"},
		"no HTTP within":            {config: &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"imap"}}, kind: ErrAlert, text: "no application protocol"},
		"a bare alert":              {serve: saying("\x15\x03\x03\x00\x02\x02F"), kind: ErrAlert, text: "protocol version"},
		"a web server":              {serve: saying("HTTP/1.1 400 Bad Request\r\n\r\n"), kind: ErrNotTLS},
		"mail":                      {serve: func(c net.Conn) { io.WriteString(c, "220 mail ready\r\n"); io.Copy(io.Discard, c) }, kind: ErrNotTLS},
		"garbage":                   {serve: saying(strings.Repeat("\xa5\x00\x7f", 1000)), kind: ErrNotTLS},
		"zeros":                     {serve: saying(strings.Repeat("\x00", 1000)), kind: ErrNotTLS},
		"one that hangs up":         {serve: func(c net.Conn) { c.Read(make([]byte, 4096)); c.Close() }, kind: io.ErrUnexpectedEOF},
		"one that slams the door":   {serve: func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() }, kind: syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			address := ""
			if row.serve != nil {
				address = listen(t, "tcp", "127.0.0.1:0", row.serve)
			} else {
				address = secure(t, row.config, echo)
			}
			if row.host == "" {
				row.host = "localhost"
			}
			c, err := Dial(t.Context(), address, row.host)
			if err == nil {
				c.Close()
			}
			if !errors.Is(err, row.kind) || !strings.Contains(err.Error(), row.text) {
				t.Fatalf("got %v, want %v and %q", err, row.kind, row.text)
			}
			var own *Error
			if errors.As(err, &own) && (!slices.Equal(own.Names, row.names) || row.kind == ErrDate && (!own.From.Equal(row.from) || !own.Until.Equal(row.until))) {
				t.Errorf("got %q from %v until %v, want %q from %v until %v", own.Names, own.From, own.Until, row.names, row.from, row.until)
			}
		})
	}
	t.Run("an authority of yesterday", func(t *testing.T) {
		old.trusted(t)
		_, err := Dial(t.Context(), secure(t, with(old.certificate(t, soon, "localhost")), echo), "localhost")
		if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), "expired (that of its authority)") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := Dial(t.Context(), l.Addr().String(), "localhost"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v", err)
		}
	})
}

// The program shows the subject of a certificate that it does not trust, and whoever
// made that chose it: here the proof stands in it, with so many blanks around that
// each word of it comes alone, however a line is cut into pieces.
func TestACertificateCannotSpeakForItself(t *testing.T) {
	need(t)
	soon := time.Now().Add(time.Hour)
	newAuthority(t, soon).trusted(t)
	blank := strings.Repeat(" ", 2048)
	subject := "x" + blank + blank + blank + "CONNECTION ESTABLISHED" + blank + blank + "Verification: OK" + blank + "x"
	description := pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 13}, Value: subject}
	_, key, der := sign(t, nil, &x509.Certificate{Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{description}},
		NotBefore: soon.Add(-24 * time.Hour), NotAfter: soon, DNSNames: []string{"localhost"}})
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MaxVersion: tls.VersionTLS12}
	served := make(chan struct{}, 1)
	c, err := Dial(t.Context(), secure(t, config, func(*tls.Conn) { served <- struct{}{} }), "localhost")
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, ErrAuthority) {
		t.Errorf("got %v, want %v", err, ErrAuthority)
	}
	select {
	case <-served:
		t.Error("the server has a connection over TLS")
	default:
	}
}

func TestAnAuthorityMayHaveAnother(t *testing.T) {
	need(t)
	soon := time.Now().Add(time.Hour)
	root, between := newAuthority(t, soon), new(authority)
	root.trusted(t)
	between.cert, between.key, between.der = sign(t, root, &x509.Certificate{Subject: pkix.Name{CommonName: "one between"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: soon.Add(-24 * time.Hour), NotAfter: soon, KeyUsage: x509.KeyUsageCertSign})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{Certificates: []tls.Certificate{between.certificate(t, soon, "localhost")}, MaxVersion: version}
		exchange(t, dial(t, secure(t, config, echo), "localhost"), []byte("hello"))
	}
}

// With TLS 1.3 a server learns of our certificate, or that there is none, when
// we think that all is well.
func TestARefusalMayComeLater(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}, ClientAuth: tls.RequireAnyClientCert}
	c, err := Dial(t.Context(), secure(t, config, echo), "localhost")
	if err == nil {
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, ErrAlert) || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("got %v", err)
	}
}

func TestOtherProgramsOfThatName(t *testing.T) {
	for name, row := range map[string]struct {
		script  string
		kind    error
		text    string
		program string
	}{
		"one that has other options":  {"[ $1 = version ] && echo LibreSSL 3.8.2 && exit; echo unknown option -brief >&2; echo usage: s_client >&2; exit 1", ErrTooOld, "", "/openssl, LibreSSL 3.8.2"},
		"one of the past":             {"[ $1 = version ] && echo OpenSSL 1.1.0l && exit; echo 's_client: Option unknown option -noservername' >&2; exit 1", ErrTooOld, "", "/openssl, OpenSSL 1.1.0l"},
		"one that says nothing":       {"exit 0", ErrFailed, "", ""},
		"one that says why":           {"echo 'cannot load my library' >&2; exit 127", ErrFailed, "cannot load my library", ""},
		"one that is killed":          {"kill -9 $$", ErrFailed, "it was killed", ""},
		"one that does not verify":    {"echo CONNECTION ESTABLISHED >&2; echo No peer certificate >&2; exit 0", ErrFailed, "", ""},
		"one that verifies too early": {"echo Verification: OK >&2; echo CONNECTION ESTABLISHED >&2; exit 0", ErrFailed, "", ""},
		"one that distrusts it first": {"printf 'depth=0 CN = x\\nCONNECTION ESTABLISHED\\nVerification: OK\\n' >&2; exit 0", ErrFailed, "", ""},
		"one that says it in blanks":  {"printf 'CONNECTION ESTABLISHED\\n Verification: OK \\n' >&2; exit 0", ErrFailed, "", ""},
		"one that says it in a line":  {"printf '%8192sCONNECTION ESTABLISHED%4096sVerification: OK%4096s\\n' x '' '' >&2; exit 0", ErrFailed, "", ""},
		"half a line of it":           {"printf 'CONNECTION ESTABLISHED\\nVerification: OK' >&2; exit 0", ErrFailed, "", ""},
		"one that finds it bad":       {"echo CONNECTION ESTABLISHED >&2; echo 'Verification error: self-signed certificate' >&2; exit 0", ErrFailed, "", ""},
		"a name that lies":            {"echo 'depth=0 CN = x:error:1:2:3:wrong version number' >&2; echo 'verify error:num=20:no issuer' >&2; exit 1", ErrAuthority, "", ""},
		"one that paints":             {"printf 'a \\033[2J\\377 word\\n' >&2; exit 1", ErrFailed, "a ?[2J? word", ""},
		"what talks without end":      {"yes words | head -c 1000000 >&2; exit 1", ErrFailed, "words", ""},
	} {
		t.Run(name, func(t *testing.T) {
			program(t, row.script)
			_, err := Dial(t.Context(), "127.0.0.1:1", "localhost")
			var own *Error
			if !errors.As(err, &own) || own.Kind != row.kind || !strings.Contains(own.Text, row.text) || !strings.HasSuffix(own.Program, row.program) {
				t.Errorf("got %+v", err)
			}
		})
	}
}

func TestWhatOtherReleasesSay(t *testing.T) {
	for name, row := range map[string]struct {
		line string
		want error
	}{
		"an alert of 1.1.1":      {"140000:error:14094410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../ssl/record/rec_layer_s3.c:1544:SSL alert number 40", ErrAlert},
		"an alert of 3.2":        {"40A7:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:ssl/record/rec_layer_s3.c:907:SSL alert number 40", ErrAlert},
		"no TLS, said by 1.1.1":  {"140000:error:1408F10B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:331:", ErrNotTLS},
		"no TLS, said by 3.2":    {"40A7:error:0A0000C6:SSL routines:tls_get_more_records:packet length too long:ssl/record/methods/tls_common.c:655:", ErrNotTLS},
		"a cut in 1.1.1":         {"CONNECTION CLOSED BY SERVER", io.ErrUnexpectedEOF},
		"a cut in 3.0":           {"40A7:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../ssl/record/rec_layer_s3.c:321:", io.ErrUnexpectedEOF},
		"a hang-up":              {"write:errno=0", io.ErrUnexpectedEOF},
		"a reset":                {"write:errno=104", syscall.ECONNRESET},
		"no way there":           {"connect:errno=113", syscall.EHOSTUNREACH},
		"a name in 1.1.1":        {"verify error:num=62:Hostname mismatch", ErrName},
		"what nobody has a word": {"verify error:num=26:unsupported certificate purpose", ErrCertificate},
		"half a line":            {":error:", ErrFailed},
	} {
		p := &process{gone: make(chan struct{}), code: 1}
		close(p.gone)
		w := &words{verified: make(chan struct{}), done: p.gone, lines: []string{"depth=0 CN = x", row.line}}
		if err := w.failure(p); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", name, err, row.want)
		}
	}
}

func TestNamesOfHosts(t *testing.T) {
	for name, ok := range map[string]bool{
		"localhost": true, "a.b-c.example": true, "a.b.": true, "under_score": true, "127.0.0.1": true, "::1": true, "fe80::1%eth0": true, "0x7f": true,
		"": false, ".": false, "-connect": false, "-": false, ".a": false, "a..b": false, "a b": false, "a/b": false, "a\nb": false, "a\x00b": false,
		"m\u00fcnchen.example": false, "a:1": false, "[::1]": false, "*.example": false, strings.Repeat("a.", 128): false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := identity(name); (err == nil) != ok {
			t.Errorf("identity of %q: %v", name, err)
		}
	}
}
