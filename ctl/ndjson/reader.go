package ndjson

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxLine is the longest request line that a server reads, in bytes without
// the newline.
const MaxLine = 1 << 20

// ErrLineTooLong says that a line was longer than the limit of its Reader.
var ErrLineTooLong = errors.New("line too long")

// keepLine is the largest buffer that a Reader holds on to between lines.
const keepLine = 16 << 10

// Reader splits a stream into lines of bounded length.
type Reader struct {
	in   *bufio.Reader
	max  int
	line []byte
	skip bool // discard up to the next newline first
}

// NewReader returns a Reader of r for lines of at most max bytes.
func NewReader(r io.Reader, max int) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 4<<10), max: max}
}

// Line returns the next line that is not blank, without its newline; it is
// valid until the next call. The last line may lack the newline. Over a line
// that is too long it returns ErrLineTooLong as soon as that is known; the
// next call skips what is left of it. Any other error is that of the stream.
func (r *Reader) Line() ([]byte, error) {
	if cap(r.line) > keepLine {
		r.line = nil
	}
	for {
		line, err := r.next()
		if err == nil || (err == io.EOF && len(line) > 0) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			return line, nil
		}
		return nil, err
	}
}

// Ready tells whether Line has something to return without reading more.
func (r *Reader) Ready() bool {
	have, _ := r.in.Peek(r.in.Buffered())
	return !r.skip && len(bytes.TrimSpace(have[:bytes.LastIndexByte(have, '\n')+1])) > 0
}

func (r *Reader) next() ([]byte, error) {
	for r.skip {
		_, err := r.in.ReadSlice('\n')
		if err == nil {
			r.skip = false
		} else if err != bufio.ErrBufferFull {
			return nil, err
		}
	}
	r.line = r.line[:0]
	for {
		piece, err := r.in.ReadSlice('\n')
		ended := err == nil
		if ended {
			piece = piece[:len(piece)-1]
		}
		if len(r.line)+len(piece) > r.max {
			r.skip = !ended
			return nil, ErrLineTooLong
		}
		if ended && len(r.line) == 0 {
			return piece, nil // it lies in the buffer in one piece
		}
		if need := len(r.line) + len(piece); need > cap(r.line) {
			// A buffer that can be kept is no larger than that. Beyond, to double it would copy
			// all as often as it doubles, and slices.Grow would write to what it adds.
			grown := 8 * need
			if need <= keepLine {
				grown = min(2*need, keepLine)
			}
			r.line = append(make([]byte, 0, min(grown, r.max)), r.line...)
		}
		r.line = append(r.line, piece...)
		if ended {
			return r.line, nil
		}
		if err != bufio.ErrBufferFull {
			return r.line, err
		}
	}
}
