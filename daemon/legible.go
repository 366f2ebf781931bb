package daemon

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"gosupervisor/tty"
)

// legible returns w, or where that is a terminal, what writes to it without
// anything that it obeys: the words of a file that somebody else wrote may be
// shown there, and are to be read.
func legible(w io.Writer) io.Writer {
	f, ok := w.(*os.File)
	if !ok {
		return w
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return w
	}
	return &escaper{f}
}

// escaper writes whole texts, with escapes for control characters.
type escaper struct{ to io.Writer }

// Write implements io.Writer.
func (e *escaper) Write(p []byte) (int, error) {
	if _, err := io.WriteString(e.to, escaped(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escaped replaces control characters, those that turn the direction of text
// around, and bytes that are no character. Lines and tabs stay.
func escaped(text string) string {
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[i]), 16))
		case r != '\n' && r != '\t' && tty.Obeys(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
