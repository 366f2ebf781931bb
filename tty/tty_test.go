package tty

import (
	"testing"
	"unicode"
)

// TestATerminalObeysWhatUnicodeSays goes through all characters.
func TestATerminalObeysWhatUnicodeSays(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if got, want := Obeys(r), unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r); got != want {
			t.Errorf("%U: got %v, want %v", r, got, want)
		}
	}
}
