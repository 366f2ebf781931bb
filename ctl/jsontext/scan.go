package jsontext

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how deep values may lie in each other before a Scanner gives up.
const deepest = 100

// Scanner goes through one JSON text, which must be UTF-8. Once it has met what it
// does not read, OK is false and stays so, and what it has returned means nothing.
type Scanner struct {
	text string
	at   int
	bad  bool
	more bool // an element or member came before, in the array or object that is open
}

// NewScanner returns a Scanner at the beginning of text, which the strings that it
// returns are parts of.
func NewScanner(text string) Scanner { return Scanner{text: text} }

// OK tells whether everything so far was read.
func (s *Scanner) OK() bool { return !s.bad }

// End tells whether everything was read, and nothing follows.
func (s *Scanner) End() bool {
	s.blanks()
	return !s.bad && s.at == len(s.text)
}

// Peek returns the first byte of the next value, 0 at the end.
func (s *Scanner) Peek() byte {
	s.blanks()
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

func (s *Scanner) blanks() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t' || s.text[s.at] == '\r' || s.text[s.at] == '\n') {
		s.at++
	}
}

// take moves over c, which must be next.
func (s *Scanner) take(c byte) {
	if s.Peek() == c && !s.bad {
		s.at++
	} else {
		s.bad = true
	}
}

// Open begins an object, with '{', or an array, with '['.
func (s *Scanner) Open(c byte) {
	s.take(c)
	s.more = false
}

// Next tells whether another member or element follows in what Open has begun;
// if none does, it moves over the end of it, which is end.
func (s *Scanner) Next(end byte) bool {
	switch {
	case s.bad:
		return false
	case s.Peek() == end:
		s.at++
		s.more = true // it was itself a member or an element
		return false
	case s.more:
		s.take(',')
	}
	s.more = true
	return !s.bad
}

// Key returns the name of the next member. One with escapes it does not read.
func (s *Scanner) Key() string {
	key, plain := s.quoted()
	s.bad = s.bad || !plain
	s.take(':')
	return key
}

// quoted moves over a string and returns what is between its quotes. plain tells
// whether that is its value.
func (s *Scanner) quoted() (inside string, isPlain bool) {
	s.take('"')
	if s.bad {
		return "", false
	}
	isPlain = true
	from := s.at
	for i := plainRun(s.text, from, true); i < len(s.text); i++ {
		c := s.text[i]
		switch {
		case plain[c] || c >= utf8.RuneSelf:
		case c == '"':
			s.at = i + 1
			return s.text[from:i], isPlain
		case c == '\\' && i+1 < len(s.text):
			isPlain = false
			i++ // an escaped quote ends nothing; what is wrong with escapes, Unmarshal says
		default:
			s.bad = true
			return "", false
		}
	}
	s.bad = true
	return "", false
}

// plainRun returns where from from on eight bytes come that do not all stand in a string
// as they are; wide tells whether those beyond ASCII do. It looks at eight at a time:
// such texts are the most of all that is read and written.
func plainRun(text string, from int, wide bool) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; from+8 <= len(text); from += 8 {
		b := text[from : from+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		quotes, slashes := w^ones*'"', w^ones*'\\'
		odd := (w-ones*' ')&^w | (quotes-ones)&^quotes | (slashes-ones)&^slashes
		if !wide {
			odd |= w
		}
		if odd&tops != 0 {
			break
		}
	}
	return from
}

// Literal moves over exactly that text, if it is what follows.
func (s *Scanner) Literal(text string) bool {
	if s.bad || !strings.HasPrefix(s.text[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

// String returns the next value, which must be a string.
func (s *Scanner) String() string {
	s.blanks()
	from := s.at
	inside, isPlain := s.quoted()
	switch {
	case s.bad:
		return ""
	case isPlain:
		return inside
	}
	var text string
	s.bad = json.Unmarshal([]byte(s.text[from:s.at]), &text) != nil
	return text
}

// Int returns the next value, which must be a whole number of a moderate size, in
// the usual form.
func (s *Scanner) Int() int64 {
	const digits = 18
	if n, ok := s.usualInt(); ok {
		return n
	}
	from := s.number()
	text := s.text[from:s.at]
	if s.bad || len(text) > digits || text[0] == '-' && text[1] == '0' {
		s.bad = true
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	s.bad = err != nil // a fraction, or an exponent
	return n
}

// usualInt is Int for digits alone, of which the first is no zero; others it leaves.
func (s *Scanner) usualInt() (n int64, ok bool) {
	const digits = 18
	i := s.at
	for ; i < len(s.text) && s.text[i]-'0' <= 9; i++ {
		n = n*10 + int64(s.text[i]-'0')
	}
	if s.bad || i == s.at || i-s.at > digits || s.text[s.at] == '0' || i < len(s.text) && (s.text[i] == '.' || s.text[i]|0x20 == 'e') {
		return 0, false
	}
	s.at = i
	return n, true
}

// number moves over a number and returns where it begins.
func (s *Scanner) number() (from int) {
	s.blanks()
	from = s.at
	s.sign("-")
	if s.at < len(s.text) && s.text[s.at] == '0' {
		s.at++
	} else {
		s.digits()
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		s.digits()
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		s.at++
		s.sign("+-")
		s.digits()
	}
	return from
}

func (s *Scanner) sign(signs string) {
	for i := range len(signs) {
		if s.at < len(s.text) && s.text[s.at] == signs[i] {
			s.at++
			return
		}
	}
}

// digits moves over digits, of which there must be one.
func (s *Scanner) digits() {
	from := s.at
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		s.at++
	}
	s.bad = s.bad || s.at == from
}

// Bool returns the next value, which must be true or false.
func (s *Scanner) Bool() bool {
	is := s.Peek() == 't'
	if is {
		s.word("true")
	} else {
		s.word("false")
	}
	return is
}

// word moves over a literal.
func (s *Scanner) word(w string) {
	s.blanks()
	if !strings.HasPrefix(s.text[s.at:], w) {
		s.bad = true
		return
	}
	s.at += len(w)
}

// Skip moves over the next value, whatever it is, and returns where it stands.
func (s *Scanner) Skip() (from, to int) {
	s.blanks()
	from = s.at
	s.skip(deepest)
	return from, s.at
}

func (s *Scanner) skip(depth int) {
	if depth == 0 {
		s.bad = true
		return
	}
	switch c := s.Peek(); c {
	case '"':
		s.blanks()
		from := s.at
		if _, isPlain := s.quoted(); !isPlain && !s.bad {
			s.bad = !json.Valid([]byte(s.text[from:s.at]))
		}
	case '{':
		for s.Open('{'); s.Next('}'); s.skip(depth - 1) {
			s.Key()
		}
	case '[':
		for s.Open('['); s.Next(']'); s.skip(depth - 1) {
		}
	case 't', 'f':
		s.Bool()
	case 'n':
		s.word("null")
	default:
		s.number()
	}
}
