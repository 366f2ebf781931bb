package http1

import (
	"bufio"
	"errors"
	"strconv"
	"time"
)

// Answer is the answer to a request, on its way. Its head goes out with the
// first byte of the body, with a Flush, or at the end. A body whose length has
// not been set goes out in chunks, or to a client of HTTP/1.0 until the end of
// the connection.
type Answer struct {
	Status int   // 0: none yet; StatusOK if there is something else
	Bytes  int64 // of the body, as far as it was written
	Close  bool  // the connection ends with this answer

	w       *bufio.Writer
	last    func() bool
	header  Header
	length  int64 // or Unknown
	minor   int
	keeps   bool // to be told so: a client of HTTP/1.0 that wants to go on
	bare    bool // without a body: the request was a HEAD, or the status has none
	sent    bool // the head
	chunked bool
	line    []byte
	date    []byte // as the last answer had it
	second  int64  // of which it is
}

// Begin makes it the answer to q that goes to w. last, unless it is nil, is asked
// when the head goes out, and tells whether the connection is to end.
func (a *Answer) Begin(q *Request, w *bufio.Writer, last func() bool) {
	*a = Answer{w: w, last: last, header: a.header[:0], line: a.line[:0], date: a.date, second: a.second, length: Unknown,
		Close: q.Close, minor: q.Minor, keeps: q.Minor == 0 && !q.Close, bare: q.Method == MethodHead}
}

// Set sets a field of the head, for which it is too late once that has gone out.
func (a *Answer) Set(name, value string) { a.header.Set(name, value) }

// SetLength tells how long the body will be.
func (a *Answer) SetLength(n int64) { a.length = n }

// Started tells whether the head has gone out.
func (a *Answer) Started() bool { return a.sent }

var errBody = errors.New("http1: more body than was announced")

// Write implements io.Writer. What is written to an answer without a body goes
// nowhere.
func (a *Answer) Write(p []byte) (int, error) {
	a.head()
	a.Bytes += int64(len(p))
	switch {
	case a.bare || len(p) == 0:
		return len(p), nil
	case a.length >= 0 && a.Bytes > a.length:
		a.Close = true
		return 0, errBody
	case !a.chunked:
		return a.w.Write(p)
	}
	a.line = append(strconv.AppendInt(a.line[:0], int64(len(p)), 16), "\r\n"...)
	_, _ = a.w.Write(a.line) // its errors stay
	n, err := a.w.Write(p)
	_, _ = a.w.WriteString("\r\n")
	return n, err
}

// Flush sends what has been written so far.
func (a *Answer) Flush() error {
	a.head()
	return a.w.Flush()
}

// Send sends a whole body.
func (a *Answer) Send(status int, kind string, body []byte) error {
	a.Status = status
	a.Set("Content-Type", kind)
	a.SetLength(int64(len(body)))
	_, err := a.Write(body)
	return err
}

// End sends what is left. A body that is shorter than it was to be ends the
// connection, so that nobody waits for the rest.
func (a *Answer) End() error {
	if !a.sent && a.length == Unknown && !a.bare {
		a.length = 0
	}
	a.head()
	if a.chunked {
		_, _ = a.w.WriteString("0\r\n\r\n")
	}
	if !a.bare && a.length > a.Bytes {
		a.Close = true
	}
	return a.w.Flush()
}

// head writes the head, once (RFC 9112, 4 and 6.3).
func (a *Answer) head() {
	if a.sent {
		return
	}
	a.sent = true
	if a.Status == 0 {
		a.Status = StatusOK
	}
	b := append(a.line[:0], "HTTP/1.1 "...)
	if a.minor == 0 {
		b[len("HTTP/1.")] = '0'
	}
	b = append(strconv.AppendInt(b, int64(a.Status), 10), ' ')
	b = append(append(b, StatusText(a.Status)...), "\r\nDate: "...)
	b = append(append(b, a.today()...), "\r\n"...)
	b = a.header.append(b)
	switch {
	case a.Status == StatusNotModified:
		a.bare = true
	case a.length >= 0:
		b = appendLength(b, a.length)
	case a.bare:
	case a.minor > 0:
		a.chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	default:
		a.Close = true
	}
	a.Close = a.Close || a.last != nil && a.last()
	switch {
	case a.Close && a.minor > 0:
		b = append(b, "Connection: close\r\n"...)
	case a.keeps && !a.Close:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	a.line = append(b, "\r\n"...)
	_, _ = a.w.Write(a.line) // its errors stay
}

// today returns the date, which is worded once for all answers of a second.
func (a *Answer) today() []byte {
	now := time.Now()
	if second := now.Unix(); second != a.second || a.date == nil {
		a.second, a.date = second, now.UTC().AppendFormat(a.date[:0], TimeFormat)
	}
	return a.date
}

// append appends the fields as lines. A value never ends its line.
func (h Header) append(b []byte) []byte {
	for _, f := range h {
		b = append(append(b, f.Name...), ": "...)
		begin := len(b)
		b = append(b, f.Value...)
		for i, c := range b[begin:] {
			if c < ' ' && c != '\t' || c == 0x7f {
				b[begin+i] = ' '
			}
		}
		b = append(b, "\r\n"...)
	}
	return b
}

func appendLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	return append(strconv.AppendInt(b, n, 10), "\r\n"...)
}

// TimeFormat is how a time is written in a header (RFC 9110, 5.6.7).
const TimeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// ParseTime reads a time of a header, in the form of today or in one of those of
// the past.
func ParseTime(text string) (t time.Time, err error) {
	for _, format := range []string{TimeFormat, time.RFC850, time.ANSIC} {
		if t, err = time.Parse(format, text); err == nil {
			return t, nil
		}
	}
	return t, err
}
