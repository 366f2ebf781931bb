package openssl

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxWords is how much of what the program says is kept.
const maxWords = 16 << 10

// words is what the program says of itself, on its stderr.
type words struct {
	verified chan struct{} // closed when the server has proved to be who it is
	done     chan struct{} // closed when nothing more comes
	lines    []string      // then: the first ones
}

// hear listens to the program until it is gone. What it has said by then has
// arrived; whoever else holds the pipe is not waited for.
func hear(from *os.File, p *process) *words {
	w := &words{verified: make(chan struct{}), done: make(chan struct{})}
	go func() {
		<-p.gone
		from.SetReadDeadline(time.Now().Add(exit))
	}()
	go func() {
		defer close(w.done)
		defer from.Close()
		r := bufio.NewReaderSize(from, 4<<10)
		room, proof, rest := maxWords, proof{}, false
		for {
			line, err := r.ReadSlice('\n') // a longer one comes in pieces
			if !rest {
				text, whole := strings.CutSuffix(string(line), "\n")
				if room -= len(text); room > 0 {
					w.lines = append(w.lines, text)
				}
				if proof.hears(text, whole) {
					close(w.verified)
				}
			}
			rest = err == bufio.ErrBufferFull
			if err != nil && !rest {
				return
			}
		}
	}()
	return w
}

// proof waits for the lines that say who the server is. Of some lines the server
// chooses a part, such as the names in its certificate, and it may choose them long
// and full of blanks. So a line counts as it is, as a whole, and never what is
// somewhere within one.
type proof struct{ established, bad, given bool }

// hears takes the beginning of a line, or the whole of it, and tells whether that
// was the last word of the proof.
func (p *proof) hears(text string, whole bool) bool {
	switch {
	case strings.HasPrefix(text, "depth="), strings.HasPrefix(text, "verify error"):
		p.bad = true // it says these only of what it does not trust
	case whole && text == "CONNECTION ESTABLISHED":
		p.established = true
	case whole && text == "Verification: OK":
		last := p.established && !p.bad && !p.given
		p.given = p.given || last
		return last
	}
	return false
}

// verifyKind knows the numbers of X509_verify_cert that have a meaning of their own here.
func verifyKind(number string) (kind error, known bool) {
	switch number {
	case "2", "18", "19", "20", "21": // no issuer that is known
		return ErrAuthority, true
	case "9", "10": // not yet, not any more
		return ErrDate, true
	case "62", "64": // another host, another address
		return ErrName, true
	}
	return nil, false
}

// reasonKind knows the reasons of the library for what is no TLS, or too old.
func reasonKind(reason string) (kind error, known bool) {
	switch reason {
	case "wrong version number", "packet length too long", "unknown protocol", "http request":
		return ErrNotTLS, true
	case "unsupported protocol", "version too low", "wrong ssl version":
		return ErrVersion, true
	}
	return nil, false
}

// failure says why the program ended, once it is gone; nil if the server had
// said that this is the end, or we had.
func (w *words) failure(p *process) error {
	<-p.gone
	<-w.done
	depth, reason := "0", ""
	for _, line := range w.lines {
		key, value, _ := strings.Cut(line, ":")
		at, isDepth := strings.CutPrefix(line, "depth=")
		switch {
		case isDepth: // the rest is the subject of a certificate
			depth, _, _ = strings.Cut(at, " ")
		case key == "verify error":
			return untrusted(value, depth)
		case isUnknownOption(line):
			return &Error{Kind: ErrTooOld}
		case line == "CONNECTION CLOSED BY SERVER":
			return io.ErrUnexpectedEOF
		case strings.HasPrefix(value, "errno="):
			if n, err := strconv.Atoi(strings.TrimPrefix(value, "errno=")); err == nil {
				return broken(key, n)
			}
		case strings.HasPrefix(value, "error:"):
			if err := library(line); err != nil {
				return err
			}
		case line != "":
			reason = line
		}
	}
	select {
	case <-w.verified:
		if p.code == 0 {
			return nil
		}
	default:
	}
	if p.code < 0 {
		reason = "it was killed"
	}
	return &Error{Kind: ErrFailed, Text: short(reason)}
}

// isUnknownOption tells whether the program, in whatever release, does not know
// one of our options.
func isUnknownOption(line string) bool {
	line = strings.ToLower(strings.TrimPrefix(line, "s_client: "))
	return strings.HasPrefix(line, "unknown option") || strings.HasPrefix(line, "option unknown option")
}

// untrusted reads num=NUMBER:TEXT.
func untrusted(value, depth string) error {
	number, text, _ := strings.Cut(strings.TrimPrefix(value, "num="), ":")
	kind, known := verifyKind(number)
	if depth != "0" && kind == ErrDate {
		known, text = false, text+" (that of its authority)"
	}
	if !known {
		kind = ErrCertificate
	}
	return &Error{Kind: kind, Text: short(text)}
}

// broken is an error of the connection below.
func broken(call string, errno int) error {
	if errno == 0 {
		return io.ErrUnexpectedEOF
	}
	return os.NewSyscallError(call, syscall.Errno(errno))
}

// library reads THREAD:error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:DATA, and
// returns nil for what says nothing by itself.
func library(line string) error {
	part := strings.Split(line, ":")
	if len(part) < 6 || part[3] == "system library" || part[3] == "BIO routines" {
		return nil
	}
	reason := part[5]
	if _, alert, ok := strings.Cut(reason, "alert "); ok && strings.Contains(line, "SSL alert number ") {
		return &Error{Kind: ErrAlert, Text: short(alert)}
	}
	if reason == "unexpected eof while reading" {
		return io.ErrUnexpectedEOF
	}
	if kind, ok := reasonKind(reason); ok {
		return &Error{Kind: kind, Text: short(reason)}
	}
	return &Error{Kind: ErrFailed, Text: short(reason)}
}
