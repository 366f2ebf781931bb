package http1

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// The lengths of bodies that are no number.
const (
	Chunked  = -1 // in chunks, each with its length
	Unknown  = -2 // not told
	UntilEnd = -3 // of the connection
)

// Bounds of chunks.
const (
	maxSize   = 15       // digits of the length of a chunk: it fits into an int64
	MaxExcess = 16 << 10 // bytes of lines beyond what chunks of a decent size need
	MaxExtras = 4 << 10  // bytes of the fields behind the last chunk
)

// Body is the body of a message.
type Body struct {
	r      *bufio.Reader
	left   int64 // of the body, or of the chunk
	kind   int64 // a length, Chunked or UntilEnd
	within bool  // a chunk, whose end is to be read too
	excess int64 // bytes of lines beyond what chunks of a decent size need
	err    error // with which reading has ended
}

// Begin makes it the body of length bytes, or of one of the other lengths, that
// comes next from r.
func (b *Body) Begin(r *bufio.Reader, length int64) {
	*b = Body{r: r, kind: length, left: max(length, 0)}
	if length == 0 {
		b.err = io.EOF
	}
}

// Done tells whether the body was read to its end.
func (b *Body) Done() bool { return errors.Is(b.err, io.EOF) }

// Left returns how much of a body of a length is still to come, and Chunked or
// UntilEnd for another one.
func (b *Body) Left() int64 {
	if b.kind < 0 {
		return b.kind
	}
	return b.left
}

// Read implements io.Reader: it returns what has come, and io.EOF at the end of
// the body. A body that ends before its end is an io.ErrUnexpectedEOF.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.kind == UntilEnd {
		n, err := b.r.Read(p)
		b.err = err
		return n, err
	}
	if b.kind == Chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, b.fail(err)
		}
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case err != nil:
		return n, b.fail(err)
	case b.left == 0 && b.kind != Chunked:
		b.err = io.EOF
	}
	return n, nil
}

// fail ends the body. One that is over ends with an errEnd, so that an io.EOF
// that comes from the connection is one too early.
func (b *Body) fail(err error) error {
	switch {
	case errors.Is(err, errEnd):
		err = io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return err
}

var errEnd = errors.New("the last chunk")

// nextChunk reads up to the first byte of the next chunk (RFC 9112, 7.1). Its
// lines end with CR and LF and with nothing less.
func (b *Body) nextChunk() error {
	if b.within {
		var end [2]byte
		if _, err := io.ReadFull(b.r, end[:]); err != nil {
			return err
		}
		if string(end[:]) != "\r\n" {
			return malformed("a chunk that does not end where it should")
		}
		b.within = false
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	if extension != "" {
		size = strings.TrimRight(size, " \t")
	}
	if !hexDigits.only(size) || len(size) > maxSize {
		return malformed("a chunk without a length")
	}
	n, err := strconv.ParseInt(size, 16, 64)
	if err != nil {
		return malformed("a chunk without a length")
	}
	if n == 0 {
		return b.trailer()
	}
	b.excess = max(0, b.excess+int64(len(line))+2-16-2*n)
	if b.excess > MaxExcess {
		return malformed("more lines of chunks than chunks")
	}
	b.left, b.within = n, true
	return nil
}

// trailer reads what follows the last chunk: fields that nobody has asked for,
// and an empty line.
func (b *Body) trailer() error {
	for left := MaxExtras; ; {
		line, err := b.line()
		switch {
		case err != nil:
			return err
		case line == "":
			return errEnd
		}
		if left -= len(line); left < 0 {
			return malformed("too much behind the last chunk")
		}
		if _, err := parseField(line); err != nil {
			return err
		}
	}
}

// line returns a line without its end.
func (b *Body) line() (string, error) {
	text, err := b.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", malformed("a line of a chunk that is too long")
	}
	if err != nil {
		return "", err
	}
	line, ok := strings.CutSuffix(string(text), "\r\n")
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			ok = false
		}
	}
	if !ok {
		return "", malformed("a control character in a line of a chunk")
	}
	return line, nil
}
