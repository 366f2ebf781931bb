package conf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// isSpace says what the original's language calls white space: Unicode's, and
// the four ASCII separators.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f)
}

func trim(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	if s = trimRight(s); s == "" || isMark(s[0]) {
		return s
	}
	return strings.TrimLeftFunc(s, isSpace)
}

func trimRight(s string) string {
	for s != "" && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if s == "" || isMark(s[len(s)-1]) {
		return s
	}
	return strings.TrimRightFunc(s, isSpace)
}

// isMark tells whether a byte is neither white space nor part of any.
func isMark(c byte) bool { return c > ' ' && c < 0x7f }

// repr quotes s as the original's messages do.
func repr(s string) string { return pythonQuote(s, unicode.IsPrint) }

// asciiRepr is repr with everything beyond ASCII escaped.
func asciiRepr(s string) string {
	return pythonQuote(s, func(r rune) bool { return r < 0x7f && r >= ' ' })
}

func pythonQuote(s string, plain func(rune) bool) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			// A byte that is no text comes from the environment; the
			// original keeps it as a lone surrogate.
			fmt.Fprintf(&b, `\udc%02x`, s[i])
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case plain(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	b.WriteByte(quote)
	return b.String()
}

// decodeError words the first place at which data is not UTF-8, and gives its
// offset; it is -1 when all is well.
func decodeError(data []byte) (string, int) {
	if utf8.Valid(data) {
		return "", -1
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		at += n
	}
	bad := data[at:]
	want := 0 // continuation bytes that the first byte announces
	low, high := byte(0x80), byte(0xbf)
	switch b := bad[0]; {
	case b < 0xc2 || b > 0xf4:
		return fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: invalid start byte", b, at), at
	case b < 0xe0:
		want = 1
	case b < 0xf0:
		want = 2
		if b == 0xe0 {
			low = 0xa0
		} else if b == 0xed {
			high = 0x9f
		}
	default:
		want = 3
		if b == 0xf0 {
			low = 0x90
		} else if b == 0xf4 {
			high = 0x8f
		}
	}
	good, reason := 1, "invalid continuation byte"
	for ; good <= want; good++ {
		if good == len(bad) {
			reason = "unexpected end of data"
			break
		}
		if bad[good] < low || bad[good] > high {
			break
		}
		low, high = 0x80, 0xbf
	}
	if good == 1 {
		return fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", bad[0], at, reason), at
	}
	return fmt.Sprintf("'utf-8' codec can't decode bytes in position %d-%d: %s", at, at+good-1, reason), at
}
