package http1

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// Response is the answer of a server, as it came.
type Response struct {
	Code   int
	Status string // the code and its name, as the server has it
	Header Header
	Body   Body
}

// ErrNotHTTP says that what comes is no answer of HTTP/1; none of it has been read.
var ErrNotHTTP error = &Error{StatusBadRequest, "malformed HTTP: no answer of HTTP/1"}

// maxHints is how many answers that are none yet may come before the one.
const maxHints = 16

// ReadResponse reads the head of the answer to a GET or POST, behind those that
// only say that there will be one (RFC 9110, 15.2). Its body comes from r too. The
// error is io.EOF if nothing came, an *Error if what came is no answer of HTTP/1,
// and what r says else.
func ReadResponse(r *bufio.Reader) (*Response, error) {
	for range maxHints {
		if err := expect(r, "HTTP/"); err != nil {
			return nil, err
		}
		head, err := readHead(r, nil)
		if err != nil {
			return nil, err
		}
		p := new(Response)
		line, rest := cutLine(string(head))
		proto, status, _ := strings.Cut(line, " ")
		minor, err := parseVersion(proto)
		if err != nil {
			return nil, malformed("no answer of HTTP/1")
		}
		p.Status = strings.TrimLeft(status, " ")
		code, _, _ := strings.Cut(p.Status, " ")
		if len(code) != 3 || !digits.only(code) || code[0] == '0' {
			return nil, malformed("an answer without a status")
		}
		for _, c := range code {
			p.Code = p.Code*10 + int(c-'0')
		}
		if err := p.Header.parse(rest); err != nil {
			return nil, err
		}
		if p.Code/100 == 1 && p.Code != 101 {
			continue
		}
		length, err := framing(p.Header, minor)
		switch {
		case err != nil:
			return nil, err
		case p.Code/100 == 1 || p.Code == StatusNoContent || p.Code == StatusNotModified:
			length = 0
		case length == Unknown:
			length = UntilEnd
		}
		p.Body.Begin(r, length)
		return p, nil
	}
	return nil, malformed("hints without an answer")
}

// expect looks at how the next message begins, as far as it has come: what is no
// answer may never end a line.
func expect(r *bufio.Reader, text string) error {
	for i := range len(text) {
		first, err := r.Peek(i + 1)
		switch {
		case len(first) > i && first[i] != text[i]:
			return ErrNotHTTP
		case errors.Is(err, io.EOF) && i > 0:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
	return nil
}
