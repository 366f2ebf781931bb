package conf

import (
	"fmt"
	"strings"
)

// Repr quotes s as the original's messages quote text.
func Repr(s string) string { return repr(s) }

// ListRepr writes a list as the original's messages do: ['a', 'b'].
func ListRepr(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = repr(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// BytesRepr quotes bytes that need not be text as the original's messages do:
// b'a\xff\n'.
func BytesRepr(p []byte) string {
	quote := byte('\'')
	if strings.IndexByte(string(p), '\'') >= 0 && strings.IndexByte(string(p), '"') < 0 {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte('b')
	b.WriteByte(quote)
	for _, c := range p {
		switch {
		case c == '\\' || c == quote:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}
