package output

import (
	"encoding/base64"
	"unicode/utf8"

	"gosupervisor/tty"
)

const hexDigits = "0123456789abcdef"

// plainBytes stand for themselves between the quotes of JSON and of logfmt.
var plainBytes = func() (plain [utf8.RuneSelf]bool) {
	for b := byte(' '); b < 0x7f; b++ {
		plain[b] = b != '"' && b != '\\'
	}
	return plain
}()

// appendLine adds the members of a JSON object that hold a line: its text, and
// where that is not all, its bytes.
func appendLine(to, line []byte) []byte {
	to = append(to, `"line":`...)
	to, exact := appendJSON(to, line)
	if !exact {
		to = append(to, `,"base64":"`...)
		to = base64.StdEncoding.AppendEncode(to, line)
		to = append(to, '"')
	}
	return to
}

// appendJSON adds p as a JSON string. Bytes that are no UTF-8 become the
// replacement character; exact tells that there were none.
func appendJSON(to, p []byte) (_ []byte, exact bool) { return appendEscaped(to, p, true) }

// appendQuoted adds p between quotes, with the escapes of a string in Go, so that
// every byte can be had back.
func appendQuoted(to, p []byte) []byte {
	to, _ = appendEscaped(to, p, false)
	return to
}

// appendEscaped adds p between quotes, as JSON has it or as Go does. whole tells
// that p is UTF-8.
func appendEscaped(to, p []byte, json bool) (_ []byte, whole bool) {
	whole = true
	to = append(to, '"')
	from := 0
	for i := 0; i < len(p); {
		b := p[i]
		if b < utf8.RuneSelf {
			if plainBytes[b] {
				i++
				continue
			}
			to = append(to, p[from:i]...)
			to = appendASCII(to, b, json)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRune(p[i:])
		if broken := r == utf8.RuneError && n == 1; broken || tty.Obeys(r) {
			to = append(to, p[from:i]...)
			if broken && !json {
				to = appendByte(to, b)
			} else {
				to = appendUnit(to, r)
			}
			from = i + n
			whole = whole && !broken
		}
		i += n
	}
	to = append(to, p[from:]...)
	return append(to, '"'), whole
}

// appendASCII adds a byte that does not stand for itself, as JSON has it or as Go
// does.
func appendASCII(to []byte, b byte, json bool) []byte {
	switch {
	case b == '"', b == '\\':
		return append(to, '\\', b)
	case b == '\n':
		return append(to, `\n`...)
	case b == '\r':
		return append(to, `\r`...)
	case b == '\t':
		return append(to, `\t`...)
	case json:
		return appendUnit(to, rune(b))
	}
	return appendByte(to, b)
}

// appendByte adds a byte as \x and two digits.
func appendByte(to []byte, b byte) []byte {
	return append(to, '\\', 'x', hexDigits[b>>4], hexDigits[b&0xf])
}

// appendUnit adds a character as \u and four digits.
func appendUnit(to []byte, r rune) []byte {
	return append(to, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}

// appendWord adds a value of logfmt, with quotes if it needs them.
func appendWord(to []byte, word string) []byte {
	for i := range len(word) {
		if b := word[i]; b >= utf8.RuneSelf || !plainBytes[b] || b == ' ' || b == '=' {
			return appendQuoted(to, []byte(word))
		}
	}
	if word == "" {
		return append(to, `""`...)
	}
	return append(to, word...)
}
