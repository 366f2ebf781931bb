package http1

import (
	"bufio"
	"encoding/base64"
	"io"
	"net/netip"
	"net/url"
	"strings"
)

// Request is a request as it came.
type Request struct {
	Method string
	Target string // as it was written
	Proto  string // HTTP/1.1
	Minor  int    // of which the last figure

	Path    string // of the target, decoded; or *
	RawPath string // the same as it was written
	Query   string // behind the question mark, as it was written
	Host    string // of the target, else of the header

	Header Header
	Length int64 // of the body, or Chunked
	Close  bool  // the connection is to end with the answer
	Expect bool  // the client waits for 100 Continue before it sends the body

	head []byte
}

// Read reads the head of the next request. Nothing of the one before may be used
// any more, but the texts that it had. The error is io.EOF if there is no other
// request, an *Error if there is one that cannot be read, and what r says else.
func (q *Request) Read(r *bufio.Reader) error {
	const most = 8 << 10 // to keep for the next one
	if cap(q.head) > most {
		q.head = nil
	}
	if first, err := r.Peek(1); err == nil && !tokenChars.has(first[0]) {
		return malformed("what begins as no request does") // it may never end a line
	}
	head, err := readHead(r, q.head[:0])
	q.head = head
	if err != nil {
		return err
	}
	line, rest := cutLine(string(head))
	*q = Request{Header: q.Header, head: head}
	if err := q.parseLine(line); err != nil {
		return err
	}
	if err := q.Header.parse(rest); err != nil {
		return err
	}
	return q.interpret()
}

// parseLine takes the request line apart (RFC 9112, 3).
func (q *Request) parseLine(line string) error {
	var ok, also bool
	q.Method, line, ok = strings.Cut(line, " ")
	q.Target, q.Proto, also = strings.Cut(line, " ")
	if !ok || !also || !isToken(q.Method) {
		return malformed("a first line that is no request")
	}
	var err error
	if q.Minor, err = parseVersion(q.Proto); err != nil {
		return err
	}
	return q.parseTarget(q.Target)
}

// parseTarget takes a path, the address of a proxy's client, or * (RFC 9112, 3.2).
func (q *Request) parseTarget(target string) error {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f {
			return malformed("a control character in the target")
		}
	}
	if target == "*" {
		q.Path, q.RawPath = target, target
		return nil
	}
	if !strings.HasPrefix(target, "/") {
		scheme, rest, ok := strings.Cut(target, "://")
		if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return malformed("a target that is no path")
		}
		end := len(rest)
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			end = i
		}
		if q.Host, target = rest[:end], rest[end:]; !isAuthority(q.Host) {
			return malformed("a target that names no host")
		}
	}
	q.RawPath, q.Query, _ = strings.Cut(target, "?")
	q.Path = q.RawPath
	if strings.Contains(q.RawPath, "%") {
		var err error
		if q.Path, err = url.PathUnescape(q.RawPath); err != nil {
			return malformed("a % in the target that begins no character")
		}
	}
	return nil
}

// isAuthority tells whether text is HOST or HOST:PORT. A name before an @ is
// none: it is only there to deceive (RFC 9110, 4.2.4).
func isAuthority(text string) bool {
	host, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
	}
	if port != "" && !digits.only(port) {
		return false
	}
	if bare, ok := strings.CutPrefix(host, "["); ok {
		bare, ok = strings.CutSuffix(bare, "]")
		ip, err := netip.ParseAddr(bare)
		return ok && err == nil && ip.Is6() && ip.Zone() == ""
	}
	return nameChars.only(host)
}

// interpret reads the fields that say how the request is to be read.
func (q *Request) interpret() (err error) {
	host, n := q.Header.find("Host")
	switch { // RFC 9112, 3.2
	case n == 0 && q.Minor > 0:
		return malformed("no Host")
	case n > 1:
		return malformed("two Hosts")
	case host != "" && !hostChars.only(host):
		return malformed("a Host that is none")
	}
	if q.Host == "" {
		q.Host = host
	}
	if q.Length, err = framing(q.Header, q.Minor); err != nil {
		return err
	}
	if q.Length == Unknown {
		q.Length = 0
	}
	q.Close = q.Header.lists("Connection", "close") || q.Minor == 0 && !q.Header.lists("Connection", "keep-alive")
	if expected, n := q.Header.find("Expect"); n > 0 { // RFC 9110, 10.1.1
		if n > 1 || !strings.EqualFold(expected, "100-continue") {
			return &Error{StatusExpectationFailed, "an expectation that nobody meets"}
		}
		q.Expect = q.Minor > 0 && q.Length != 0
	}
	return nil
}

// BasicAuth returns the user and the password of the request (RFC 7617).
func (q *Request) BasicAuth() (user, password string, ok bool) {
	scheme, coded, _ := strings.Cut(q.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	text, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// Basic returns the value of an Authorization field.
func Basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Form returns the fields of a form in the body, if it is one, and those of the
// query behind them. What cannot be read is left out.
func (q *Request) Form(body []byte) url.Values {
	form := url.Values{}
	if kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";"); strings.EqualFold(trim(kind), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(body))
	}
	query, _ := url.ParseQuery(q.Query)
	for name, values := range query {
		form[name] = append(form[name], values...)
	}
	return form
}

// Write sends a request with a body in one piece.
func (q *Request) Write(w io.Writer, body []byte) error {
	b := make([]byte, 0, 512+len(body))
	b = append(append(append(b, q.Method...), ' '), q.Target...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), q.Host...), "\r\n"...)
	b = q.Header.append(b)
	if q.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	if q.Method == MethodPost {
		b = appendLength(b, int64(len(body)))
	}
	_, err := w.Write(append(append(b, "\r\n"...), body...))
	return err
}
