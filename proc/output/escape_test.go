package output

import "testing"

func TestALineInQuotesHasNothingThatATerminalObeys(t *testing.T) {
	for text, want := range map[string]string{
		"ä€日":            `"ä€日"`,
		"\u0085\u009b":   `"\u0085\u009b"`,
		"a\u202eb\u2066": `"a\u202eb\u2066"`,
		"\u061c\u200f":   `"\u061c\u200f"`,
	} {
		if got, exact := appendJSON(nil, []byte(text)); string(got) != want || !exact {
			t.Errorf("%q in JSON: got %s, %v, want %s", text, got, exact, want)
		}
		if got := appendQuoted(nil, []byte(text)); string(got) != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
