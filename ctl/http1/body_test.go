package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBodiesAreRead(t *testing.T) {
	var many strings.Builder
	for range 1000 {
		many.WriteString("1\r\nx\r\n")
	}
	for name, tt := range map[string]struct {
		length           int64
		text, want, rest string
	}{
		"nothing":                    {0, "GET", "", "GET"},
		"a length":                   {3, "abcdef", "abc", "def"},
		"all that comes":             {UntilEnd, "abc", "abc", ""},
		"chunks":                     {Chunked, "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\nGET", "abc0123456789", "GET"},
		"no chunk":                   {Chunked, "000\r\n\r\nGET", "", "GET"},
		"chunks with extensions":     {Chunked, "3 ;a=\"b\"\r\nabc\r\n0;x\r\n\r\n", "abc", ""},
		"chunks with fields behind":  {Chunked, "1\r\na\r\n0\r\nX: y\r\nContent-Length: 7\r\n\r\nGET", "a", "GET"},
		"many small chunks":          {Chunked, many.String() + "0\r\n\r\n", strings.Repeat("x", 1000), ""},
		"a chunk in a chunk of text": {Chunked, "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", ""},
	} {
		for _, way := range []string{"at once", "byte by byte"} {
			t.Run(name+" "+way, func(t *testing.T) {
				var from io.Reader = strings.NewReader(tt.text)
				if way != "at once" {
					from = iotest.OneByteReader(from)
				}
				r := bufio.NewReader(from)
				var b Body
				b.Begin(r, tt.length)
				got, err := io.ReadAll(&b)
				if string(got) != tt.want || err != nil || !b.Done() {
					t.Errorf("got %.60q, %v, %v", got, err, b.Done())
				}
				if rest, _ := io.ReadAll(r); string(rest) != tt.rest {
					t.Errorf("%q is left, want %q", rest, tt.rest)
				}
			})
		}
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no length":                      "\r\nabc\r\n0\r\n\r\n",
		"a length with a sign":           "+3\r\nabc\r\n0\r\n\r\n",
		"a length with a prefix":         "0x3\r\nabc\r\n0\r\n\r\n",
		"a blank before the length":      " 3\r\nabc\r\n0\r\n\r\n",
		"a blank behind the length":      "3 \r\nabc\r\n0\r\n\r\n",
		"a length beyond all":            "8000000000000000\r\n",
		"a length that goes round":       "10000000000000003\r\nabc\r\n0\r\n\r\n",
		"a line that ends with LF":       "3\nabc\r\n0\r\n\r\n",
		"a CR within the line":           "3;a\rb\r\nabc\r\n0\r\n\r\n",
		"a NUL within the line":          "3;\x00\r\nabc\r\n0\r\n\r\n",
		"a chunk that is longer":         "3\r\nabcd\r\n0\r\n\r\n",
		"a chunk that ends with LF":      "3\r\nabc\n0\r\n\r\n",
		"the last chunk ends with LF":    "3\r\nabc\r\n0\n\r\n",
		"nothing but LF at the end":      "3\r\nabc\r\n0\r\n\n",
		"a field behind that is none":    "0\r\nfoo\r\n\r\n",
		"a field behind that is folded":  "0\r\nX: y\r\n z\r\n\r\n",
		"a long line":                    "3;" + strings.Repeat("x", 5000) + "\r\nabc\r\n0\r\n\r\n",
		"a field behind that is long":    "0\r\nX: " + strings.Repeat("x", 5000) + "\r\n\r\n",
		"many fields behind":             "0\r\n" + strings.Repeat("X: yyyyyyyyyy\r\n", 1000) + "\r\n",
		"long extensions of many chunks": strings.Repeat("1;"+strings.Repeat("x", 500)+"\r\na\r\n", 100) + "0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var b Body
			b.Begin(bufio.NewReader(strings.NewReader(text)), Chunked)
			got, err := io.ReadAll(&b)
			var e *Error
			if !errors.As(err, &e) || e.Status != StatusBadRequest || b.Done() {
				t.Errorf("got %.60q, %v", got, err)
			}
			if _, again := b.Read(make([]byte, 1)); again == nil || errors.Is(again, io.EOF) {
				t.Errorf("then %v", again)
			}
		})
	}
}

func TestBodyThatDoesNotComeAsAWhole(t *testing.T) {
	for text, length := range map[string]int64{"abc": 3, "3\r\nabc\r\n2;x\r\nde\r\n0\r\nX: y\r\n\r\n": Chunked} {
		for i := range len(text) {
			var b Body
			b.Begin(bufio.NewReader(strings.NewReader(text[:i])), length)
			if _, err := io.ReadAll(&b); !errors.Is(err, io.ErrUnexpectedEOF) || b.Done() {
				t.Errorf("%q: got %v", text[:i], err)
			}
		}
	}
}

// TestBodyGivesWhatHasCome is for streams: nothing waits for more.
func TestBodyGivesWhatHasCome(t *testing.T) {
	in, out := io.Pipe()
	defer in.Close()
	go func() {
		for _, piece := range []string{"5\r\nabc", "de", "\r\n3\r\nfgh"} {
			fmt.Fprint(out, piece)
		}
	}()
	var b Body
	b.Begin(bufio.NewReader(in), Chunked)
	for _, want := range []string{"abc", "de", "fgh"} {
		p := make([]byte, 100)
		if n, err := b.Read(p); string(p[:n]) != want || err != nil {
			t.Errorf("got %q, %v, want %q", p[:n], err, want)
		}
	}
}
