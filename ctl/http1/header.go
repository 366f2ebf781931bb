package http1

import "strings"

// Field is a line of a head: a name and its value.
type Field struct{ Name, Value string }

// Header is the fields of a head, in their order. They are few, so that looking
// through them is quicker than a map.
type Header []Field

// Get returns the first value of a name, in whatever case (RFC 9110, 5.1), or "".
func (h Header) Get(name string) string {
	value, _ := h.find(name)
	return value
}

// find returns the first value of a name, and how many there are.
func (h Header) find(name string) (value string, n int) {
	for i := range h {
		if len(h[i].Name) == len(name) && strings.EqualFold(h[i].Name, name) {
			if n++; n == 1 {
				value = h[i].Value
			}
		}
	}
	return value, n
}

// Set replaces the value of a name, or adds it.
func (h *Header) Set(name, value string) {
	for i := range *h {
		if f := &(*h)[i]; len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			f.Value = value
			return
		}
	}
	*h = append(*h, Field{name, value})
}

// lists tells whether a list of words in the fields of a name has one of them,
// such as close in Connection (RFC 9110, 5.6.1).
func (h Header) lists(name, word string) bool {
	for i := range h {
		if len(h[i].Name) != len(name) || !strings.EqualFold(h[i].Name, name) {
			continue
		}
		for each := range strings.SplitSeq(h[i].Value, ",") {
			if strings.EqualFold(trim(each), word) {
				return true
			}
		}
	}
	return false
}

// MaxFields is how many fields a head may have.
const MaxFields = 256

// parse takes the lines of a head behind the first one, each with its end.
func (h *Header) parse(text string) error {
	*h = (*h)[:0]
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		f, err := parseField(strings.TrimSuffix(line, "\r"))
		if err != nil {
			return err
		}
		if len(*h) == MaxFields {
			return tooLarge
		}
		*h = append(*h, f)
	}
	return nil
}

// parseField takes a line apart. The value is without the blanks around it and
// may have bytes above ASCII, but no control characters (RFC 9110, 5.5). A line
// that is folded begins with a blank and so has no name (RFC 9112, 5.2).
func parseField(line string) (Field, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !isToken(name) {
		return Field{}, malformed("a header that is no name, colon and value")
	}
	value = trim(value)
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return Field{}, malformed("a control character in a header")
		}
	}
	return Field{name, value}, nil
}

// trim removes the blanks of HTTP (RFC 9110, 5.6.3), which are not those of
// Unicode.
func trim(s string) string { return strings.Trim(s, " \t") }

// set is a set of ASCII characters.
type set [2]uint64

func newSet(chars string) (s set) {
	for i := range len(chars) {
		s[chars[i]/64] |= 1 << (chars[i] % 64)
	}
	return s
}

func (s *set) has(c byte) bool { return c < 0x80 && s[c/64]&(1<<(c%64)) != 0 }

// only tells whether text has one character at least and all are in the set.
func (s *set) only(text string) bool {
	for i := range len(text) {
		if !s.has(text[i]) {
			return false
		}
	}
	return text != ""
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

var (
	digits     = newSet("0123456789")
	hexDigits  = newSet("0123456789abcdefABCDEF")
	tokenChars = newSet(alphanumeric + "!#$%&'*+-.^_`|~")
	hostChars  = newSet(alphanumeric + "!$%&'()*+,-.:;=[]_~")
	nameChars  = newSet(alphanumeric + "-._~")
)

// isToken tells whether text is a token (RFC 9110, 5.6.2).
func isToken(text string) bool { return tokenChars.only(text) }
