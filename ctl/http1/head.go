package http1

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Limits of a head.
const (
	MaxHead = 64 << 10 // bytes
	MaxLine = 16 << 10 // of which for the first line
)

// Error says that a message is not one, or not one that can be answered.
type Error struct {
	Status int    // with which a server refuses it
	Text   string // for people
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

func malformed(text string) error { return &Error{StatusBadRequest, "malformed HTTP: " + text} }

var tooLarge error = &Error{StatusHeaderTooLarge, "the HTTP header is too large"}

// readHead appends lines to buf up to the empty one, which it leaves out. An end
// of lines may also be a single LF (RFC 9112, 2.2). The error is io.EOF only if
// nothing came.
func readHead(r *bufio.Reader, buf []byte) ([]byte, error) {
	begin, first := 0, true // of a line
	for {
		piece, err := r.ReadSlice('\n')
		buf = append(buf, piece...)
		switch {
		case first && len(buf) > MaxLine:
			return buf, &Error{StatusURITooLong, "the first line of the HTTP header is too long"}
		case len(buf) > MaxHead:
			return buf, tooLarge
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(buf) > 0:
			return buf, io.ErrUnexpectedEOF
		case err != nil:
			return buf, err
		}
		if line := buf[begin:]; len(line) == 1 || len(line) == 2 && line[0] == '\r' {
			return buf[:begin], nil
		}
		begin, first = len(buf), false
	}
}

// cutLine returns the first line of a head, and what follows it.
func cutLine(head string) (line, rest string) {
	line, rest, _ = strings.Cut(head, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// parseVersion takes HTTP/1.x apart.
func parseVersion(text string) (minor int, err error) {
	rest, ok := strings.CutPrefix(text, "HTTP/")
	if !ok || len(rest) != 3 || rest[1] != '.' || !digits.has(rest[0]) || !digits.has(rest[2]) {
		return 0, malformed("a first line without a version")
	}
	if rest[0] != '1' {
		return 0, &Error{StatusVersionNotSupported, "HTTP/1.0 and HTTP/1.1 are spoken here"}
	}
	return int(rest[2] - '0'), nil
}

// framing tells how long the body is that a head announces (RFC 9112, 6.3):
// Chunked, or a number, or Unknown if it says nothing. Two of them, be they equal
// (RFC 9110, 8.6), or a coding that is not known, are refused, since whoever is in
// front of us may have chosen the other one.
func framing(h Header, minor int) (int64, error) {
	length := int64(Unknown)
	switch text, n := h.find("Content-Length"); {
	case n > 1:
		return 0, malformed("two lengths")
	case n == 1:
		var err error
		if length, err = parseLength(text); err != nil {
			return 0, err
		}
	}
	coding, n := h.find("Transfer-Encoding")
	switch {
	case n == 0:
		return length, nil
	case length != Unknown:
		return 0, malformed("a length and a Transfer-Encoding")
	case minor == 0:
		return 0, malformed("a Transfer-Encoding in HTTP/1.0")
	case n > 1 || !strings.EqualFold(coding, "chunked"):
		return 0, &Error{StatusNotImplemented, "Unsupported transfer encoding"}
	}
	return Chunked, nil
}

// parseLength takes digits and nothing else: no sign, blank or list.
func parseLength(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !digits.only(text) {
		return 0, malformed("a length that is none")
	}
	return n, nil
}
