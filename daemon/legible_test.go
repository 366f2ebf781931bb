package daemon

import (
	"bytes"
	"testing"
)

func TestWhatATerminalIsShownIsLegible(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"a line\n\twith ä, €, 日本\n": "a line\n\twith ä, €, 日本\n",
		"\x1b[2J\x07\r\x00\x7f'\\":  `\x1b[2J\a\r\x00\x7f'\`,
		"\u009b1m\u0085":            `\u009b1m\u0085`,
		"\xff\x9b\xc3":              `\xff\x9b\xc3`,
		"\u061c\u200e\u00a0":        `\u061c\u200e` + "\u00a0",
		"\u202egnp\u2066 \ufffd":    `\u202egnp\u2066 ` + "\ufffd",
	} {
		var got bytes.Buffer
		n, err := (&escaper{&got}).Write([]byte(text))
		if got.String() != want || n != len(text) || err != nil {
			t.Errorf("%q: got %q, %d, %v, want %q", text, got.String(), n, err, want)
		}
	}
	var b bytes.Buffer
	if legible(&b) != &b {
		t.Error("what is no terminal is written to in another way")
	}
}
