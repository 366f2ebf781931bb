package openssl

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"
)

// The kinds of Error, to be asked for with errors.Is.
var (
	ErrMissing     = errors.New("openssl is not on PATH")
	ErrTooOld      = errors.New("this openssl is not OpenSSL 1.1.1 or later")
	ErrNotTLS      = errors.New("the server does not speak TLS")
	ErrVersion     = errors.New("the server has no TLS 1.2 or later")
	ErrAlert       = errors.New("the server refuses our TLS")
	ErrAuthority   = errors.New("the authority of the certificate is unknown")
	ErrName        = errors.New("the certificate is for another name")
	ErrDate        = errors.New("the certificate is not valid at this time")
	ErrCertificate = errors.New("the certificate cannot be trusted")
	ErrFailed      = errors.New("openssl failed")
)

// Error says why there is no TLS.
type Error struct {
	Kind    error     // one of the Err values
	Text    string    // what the program says of it, fit to print; may be empty
	Names   []string  // ErrName: whom the certificate is for; what stands in it may have any bytes
	From    time.Time // ErrName, ErrDate: from when it is valid; zero if nothing is known of it
	Until   time.Time // and until when
	Program string    // ErrTooOld: where the program is and what it says of itself, fit to print
}

// Error returns the kind and the text.
func (e *Error) Error() string {
	if e.Text == "" {
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Text
}

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// short makes a text that came from outside fit to print.
func short(text string) string {
	text = strings.TrimSpace(text)
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text[:min(len(text), 200)])
}

// maxAnswer bounds what is read of the program about a certificate.
const maxAnswer = 64 << 10

// enrich finds out what helps against the error: it asks the server once more,
// to say nothing to it and only see its certificate, or the program who it is.
func (e *Error) enrich(ctx context.Context, path, address string, who peer) {
	switch e.Kind {
	case ErrTooOld:
		text, _, _ := strings.Cut(ask(ctx, path, "", "version"), "\n")
		e.Program = short(path) + ", " + short(text)
	case ErrName, ErrDate:
		text := ask(ctx, path, "", append([]string{"s_client", "-no_ign_eof", "-nocommands", "-min_protocol", "TLSv1.2", "-connect", address}, who.sni...)...)
		const begin, end = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----"
		_, text, _ = strings.Cut(text, begin)
		if text, _, ok := strings.Cut(text, end); ok {
			e.read(ask(ctx, path, begin+text+end+"\n", "x509", "-noout", "-startdate", "-enddate", "-ext", "subjectAltName"))
		}
	}
}

// read takes dates and names out of what openssl x509 says of a certificate.
func (e *Error) read(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if when, ok := strings.CutPrefix(line, "notBefore="); ok {
			e.From = date(when)
		} else if when, ok := strings.CutPrefix(line, "notAfter="); ok {
			e.Until = date(when)
		} else if e.Kind == ErrName && (strings.HasPrefix(line, "DNS:") || strings.HasPrefix(line, "IP Address:")) {
			for name := range strings.SplitSeq(line, ", ") {
				if dns, ok := strings.CutPrefix(name, "DNS:"); ok {
					e.Names = append(e.Names, dns)
				} else if ip, err := netip.ParseAddr(strings.TrimPrefix(name, "IP Address:")); err == nil {
					e.Names = append(e.Names, ip.String())
				}
			}
		}
	}
}

func date(text string) time.Time {
	when, _ := time.Parse("Jan _2 15:04:05 2006", strings.TrimSuffix(text, " GMT"))
	return when
}

// ask runs the program for what it writes, with something to read.
func ask(ctx context.Context, path, input string, args ...string) string {
	inR, inW, err := os.Pipe()
	if err != nil {
		return ""
	}
	defer inR.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		inW.Close()
		return ""
	}
	defer outR.Close()
	run, _, err := start(path, args, inR, outW)
	outW.Close()
	if err != nil {
		inW.Close()
		return ""
	}
	go func() {
		io.WriteString(inW, input)
		inW.Close()
	}()
	stop := context.AfterFunc(ctx, func() { outR.SetReadDeadline(time.Now()) })
	defer stop()
	text, _ := io.ReadAll(io.LimitReader(outR, maxAnswer))
	inR.Close()
	run.end(0)
	return string(text)
}
