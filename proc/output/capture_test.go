package output

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	begin = "<!--XSUPERVISOR:BEGIN-->"
	end   = "<!--XSUPERVISOR:END-->"
)

// captured is what came of a text.
type captured struct {
	log  string
	comm []string
}

func (c captured) String() string { return fmt.Sprintf("log %q, captured %q", c.log, c.comm) }

// split splits text in chunks of step bytes.
func split(text string, step, limit int) (got captured) {
	c := capture{max: limit}
	log := func(p []byte) { got.log += string(p) }
	for chunk := range slices.Chunk([]byte(text), step) {
		c.split(bytes.Clone(chunk), log, func(p []byte) { got.comm = append(got.comm, string(p)) })
	}
	c.end(log)
	return got
}

func TestCapture(t *testing.T) {
	for _, row := range []struct {
		name, in string
		max      int
		want     captured
	}{
		{"text without tokens", "plain", 100, captured{"plain", nil}},
		{"short text at the end is not lost", "0123456789", 100, captured{"0123456789", nil}},
		{"a capture", "before" + begin + "x" + end + "after", 100, captured{"beforeafter", []string{"x"}}},
		{"an empty capture", begin + end, 100, captured{"", []string{""}}},
		{"two captures", begin + "1" + end + "-" + begin + "2" + end, 100, captured{"-", []string{"1", "2"}}},
		{"an end without beginning is text", "a" + end + "b", 100, captured{"a" + end + "b", nil}},
		{"a beginning inside a capture is captured", begin + "a" + begin + "b" + end, 100, captured{"", []string{"a" + begin + "b"}}},
		{"a capture that does not end is given up", "a" + begin + "b", 100, captured{"a", nil}},
		{"the beginning of a token is text in the end", "a<!--XSUPERVISOR:BEG", 100, captured{"a<!--XSUPERVISOR:BEG", nil}},
		{"a token after half a token", "<!--XSUP" + begin + "x<!--" + end, 100, captured{"<!--XSUP", []string{"x<!--"}}},
		{"the last bytes are kept", begin + "0123456789" + end, 4, captured{"", []string{"6789"}}},
		{"the last bytes of much text are kept", begin + strings.Repeat("ab", 1000) + "c" + end, 3, captured{"", []string{"abc"}}},
		{"exactly as many as are kept", begin + "0123" + end, 4, captured{"", []string{"0123"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for step := 1; step <= len(row.in); step++ {
				if got := split(row.in, step, row.max); got.String() != row.want.String() {
					t.Fatalf("in chunks of %d: got %v, want %v", step, got, row.want)
				}
			}
		})
	}
}

func TestCaptureHoldsBackNoMoreThanATokensBeginning(t *testing.T) {
	for _, row := range []struct {
		name, in, want string
	}{
		{"text passes at once", "prompt> ", "prompt> "},
		{"a bracket may begin a token", "a < b <", "a < b "},
		{"most of a token", "x" + begin[:23], "x"},
		{"what begins another token", "x<!--XSUPERVISOR:E", "x<!--XSUPERVISOR:E"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := capture{max: 10}
			var got string
			c.split([]byte(row.in), func(p []byte) { got += string(p) }, nil)
			if got != row.want {
				t.Fatalf("%q passed, want %q", got, row.want)
			}
		})
	}
}

func TestCaptureIsBoundedBeforeItEnds(t *testing.T) {
	c := capture{max: 1000}
	c.split([]byte(begin), nil, nil)
	for range 10000 {
		c.split([]byte("0123456789"), nil, nil)
		if len(c.text) > 2*c.max {
			t.Fatalf("%d bytes are kept", len(c.text))
		}
	}
}

// splitModel is the rule, said in the simplest way.
func splitModel(text string, limit int) (want captured) {
	for {
		before, after, found := strings.Cut(text, begin)
		want.log += before
		if !found {
			return want
		}
		inside, rest, found := strings.Cut(after, end)
		if !found {
			return want
		}
		want.comm = append(want.comm, inside[max(0, len(inside)-limit):])
		text = rest
	}
}

// FuzzCapture checks that chunking does not change the result, nor does the
// code differ from the rule. Tokens are written short in the input, so that
// the fuzzer finds them.
func FuzzCapture(f *testing.F) {
	f.Add("beforeBxEafter", uint8(0), uint8(10))
	f.Add("BB<!--XSUPERVISOR:EBEE", uint8(7), uint8(1))
	f.Add("<!--B<!--XE<!--XSUPERVISOR:BEGIN--", uint8(23), uint8(3))
	f.Fuzz(func(t *testing.T, short string, step, limit uint8) {
		text := strings.NewReplacer("B", begin, "E", end).Replace(short)
		for _, text := range []string{text, short} {
			got, want := split(text, int(step)+1, int(limit)+1), splitModel(text, int(limit)+1)
			if got.String() != want.String() {
				t.Fatalf("%q in chunks of %d, at most %d: got %v, want %v", text, int(step)+1, int(limit)+1, got, want)
			}
		}
	})
}
