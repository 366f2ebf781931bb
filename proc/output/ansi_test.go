package output

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestStrip(t *testing.T) {
	for _, row := range []struct {
		name, in, want string
	}{
		{"text without sequences", "plain text\n", "plain text\n"},
		{"nothing", "", ""},
		{"colours", "a \x1b[31m red \x1b[0m b", "a  red  b"},
		{"several at once", "\x1b[1m\x1b[2J\x1b[Hx", "x"},
		{"every end", "1\x1b[H2\x1b[f3\x1b[A4\x1b[B5\x1b[C6\x1b[D7\x1b[R8\x1b[s9\x1b[u0\x1b[Ja\x1b[Kb\x1b[hc\x1b[ld\x1b[pe\x1b[mf", "1234567890abcdef"},
		{"other letters do not end a sequence", "\x1b[Qmore", "ore"},
		{"newlines do not end a sequence", "a\x1b[\n1\nmb", "ab"},
		{"a second start inside a sequence", "\x1b[1\x1b[mx", "x"},
		{"an escape without bracket", "a\x1bmb\x1b(B", "a\x1bmb\x1b(B"},
		{"two escapes before the bracket", "\x1b\x1b[mx", "\x1bx"},
		{"an escape at the end", "a\x1b", "a\x1b"},
		{"a sequence without end", "a\x1b[31", "a"},
		{"bytes that are no text", "\xff\x00\x1b[1m\xfe", "\xff\x00\xfe"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for step := 1; step <= max(1, len(row.in)); step++ {
				if got := stripped(row.in, step); got != row.want {
					t.Fatalf("in chunks of %d: got %q, want %q", step, got, row.want)
				}
			}
		})
	}
}

// stripped strips text in chunks of step bytes.
func stripped(text string, step int) string {
	var a ansi
	var got strings.Builder
	for chunk := range slices.Chunk([]byte(text), step) {
		got.Write(a.strip(bytes.Clone(chunk)))
	}
	got.Write(a.end())
	return got.String()
}

// stripModel is the rule, said in the simplest way.
func stripModel(text string) string {
	var kept strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "\x1b[")
		kept.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexAny(after, "HfABCDRsuJKhlpm")
		if end < 0 {
			break
		}
		text = after[end+1:]
	}
	return kept.String()
}

// FuzzStrip checks that chunking does not change the result, nor does the
// code differ from the rule.
func FuzzStrip(f *testing.F) {
	f.Add("a \x1b[31m red \x1b[0m b", uint8(1))
	f.Add("\x1b\x1b[[m\x1b", uint8(2))
	f.Add("\x1b[Qmore\x1b[", uint8(3))
	f.Fuzz(func(t *testing.T, text string, step uint8) {
		if got, want := stripped(text, int(step)+1), stripModel(text); got != want {
			t.Fatalf("%q in chunks of %d: got %q, want %q", text, int(step)+1, got, want)
		}
	})
}
