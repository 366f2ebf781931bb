package xmlrpc

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is one piece of a document.
type token struct {
	kind tokenKind
	name string // of a tag
	text string // of text, entities resolved
}

type tokenKind int

const (
	endOfInput tokenKind = iota
	openTag
	closeTag
	chars
)

// scanner splits a document into tags and text. Comments, instructions and
// attributes are skipped; a self-closing tag is given as two.
type scanner struct {
	in      string
	at      int
	lax     bool   // let characters through that XML forbids: the original sends them
	pending string // name of a self-closing tag still to be closed
}

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", s.at+1, fmt.Sprintf(format, args...))
}

// newScanner checks the encoding and returns a scanner of UTF-8.
func newScanner(in []byte, lax bool) (*scanner, error) {
	s := &scanner{in: strings.TrimPrefix(string(in), "\xef\xbb\xbf"), lax: lax}
	if strings.HasPrefix(s.in, "<?xml") {
		decl, _, ok := strings.Cut(s.in, "?>")
		if !ok {
			return nil, s.errorf("unclosed declaration")
		}
		switch enc := declaredEncoding(decl); enc {
		case "", "utf-8", "utf8", "us-ascii", "ascii":
		case "iso-8859-1", "latin-1", "latin1":
			s.in = fromLatin1(s.in)
		default:
			return nil, s.errorf("encoding %.40q is not supported", enc)
		}
	}
	if !utf8.ValidString(s.in) {
		if !lax {
			return nil, s.errorf("input is not UTF-8")
		}
		s.in = strings.ToValidUTF8(s.in, "\uFFFD")
	}
	return s, nil
}

func declaredEncoding(decl string) string {
	_, rest, ok := strings.Cut(decl, "encoding")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t\r\n=")
	if rest == "" || (rest[0] != '"' && rest[0] != '\'') {
		return "?"
	}
	enc, _, _ := strings.Cut(rest[1:], rest[:1])
	return strings.ToLower(enc)
}

func fromLatin1(in string) string {
	var out strings.Builder
	out.Grow(len(in) + len(in)/8)
	for i := range len(in) {
		out.WriteRune(rune(in[i]))
	}
	return out.String()
}

// next returns the next tag or text.
func (s *scanner) next() (token, error) {
	if s.pending != "" {
		t := token{kind: closeTag, name: s.pending}
		s.pending = ""
		return t, nil
	}
	if t, ok := s.plainText(); ok {
		return t, nil
	}
	var text strings.Builder
	for s.at < len(s.in) {
		rest := s.in[s.at:]
		if rest[0] != '<' {
			if err := s.text(&text); err != nil {
				return token{}, err
			}
			continue
		}
		skipped, err := s.skipMarkup(rest, &text)
		if err != nil {
			return token{}, err
		}
		if skipped {
			continue
		}
		break
	}
	if text.Len() > 0 {
		return token{kind: chars, text: text.String()}, nil
	}
	if s.at >= len(s.in) {
		return token{kind: endOfInput}, nil
	}
	return s.tag()
}

// plainText returns text that stands in one piece between two tags, as it is there.
func (s *scanner) plainText() (token, bool) {
	rest := s.in[s.at:]
	end := strings.IndexByte(rest, '<')
	if end <= 0 || end+1 == len(rest) || rest[end+1] == '!' || rest[end+1] == '?' {
		return token{}, false
	}
	text, at := rest[:end], s.at
	if strings.IndexByte(text, '&') >= 0 || strings.IndexByte(text, '\r') >= 0 || s.legal(text) != nil {
		s.at = at // where the error is, is said below
		return token{}, false
	}
	s.at += end
	return token{kind: chars, text: text}, true
}

// skipMarkup passes over comments and instructions and takes in CDATA; false
// means that a tag begins here.
func (s *scanner) skipMarkup(rest string, text *strings.Builder) (bool, error) {
	for _, m := range []struct{ open, shut string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}} {
		if !strings.HasPrefix(rest, m.open) {
			continue
		}
		inside, _, ok := strings.Cut(rest[len(m.open):], m.shut)
		if !ok {
			return false, s.errorf("unclosed %s", m.open)
		}
		if m.open == "<![CDATA[" {
			if err := s.legal(inside); err != nil {
				return false, err
			}
			text.WriteString(newlines(inside))
		}
		s.at += len(m.open) + len(inside) + len(m.shut)
		return true, nil
	}
	if strings.HasPrefix(rest, "<!") {
		return false, s.errorf("document types are not supported")
	}
	return false, nil
}

// text reads up to the next tag.
func (s *scanner) text(out *strings.Builder) error {
	end := strings.IndexByte(s.in[s.at:], '<')
	if end < 0 {
		end = len(s.in) - s.at
	}
	raw := s.in[s.at : s.at+end]
	if err := s.legal(raw); err != nil {
		return err
	}
	for len(raw) > 0 {
		plain, rest, found := strings.Cut(raw, "&")
		out.WriteString(newlines(plain))
		if !found {
			break
		}
		name, after, ok := strings.Cut(rest, ";")
		r, known := entity(name[:min(len(name), 12)])
		if !ok || !known {
			return s.errorf("unknown entity &%.12s", name)
		}
		out.WriteRune(r)
		raw = after
	}
	s.at += end
	return nil
}

func (s *scanner) legal(raw string) error {
	if s.lax {
		return nil
	}
	for i, r := range raw {
		if !legalRune(r) {
			s.at += i
			return s.errorf("character %U is not allowed in XML", r)
		}
	}
	return nil
}

// legalRune tells whether XML 1.0 can carry r.
func legalRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		(r >= 0x20 && r <= 0xD7FF) || (r >= 0xE000 && r <= 0xFFFD) || (r >= 0x10000 && r <= 0x10FFFF)
}

// newlines turns the line ends of the document into plain newlines.
func newlines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if digits == name {
		return 0, false
	}
	if hex := strings.TrimPrefix(digits, "x"); hex != digits {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), err == nil && n <= utf8.MaxRune && legalRune(rune(n))
}

func nameByte(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
		return true
	}
	return !first && (c >= '0' && c <= '9' || c == '-' || c == '.')
}

// tag reads <name ...>, <name .../> or </name>.
func (s *scanner) tag() (token, error) {
	s.at++
	t := token{kind: openTag}
	if s.at < len(s.in) && s.in[s.at] == '/' {
		t.kind = closeTag
		s.at++
	}
	if t.name = s.name(); t.name == "" {
		return t, s.errorf("a tag must begin with a name")
	}
	for {
		blank := s.space()
		if s.at >= len(s.in) {
			return t, s.errorf("unclosed tag <%.40s", t.name)
		}
		switch c := s.in[s.at]; {
		case c == '>':
			s.at++
			return t, nil
		case c == '/' && t.kind == openTag && s.at+1 < len(s.in) && s.in[s.at+1] == '>':
			s.at += 2
			s.pending = t.name
			return t, nil
		case t.kind == openTag && blank && nameByte(c, true):
			if err := s.attribute(); err != nil {
				return t, err
			}
		default:
			return t, s.errorf("unexpected %q in tag <%.40s", c, t.name)
		}
	}
}

func (s *scanner) name() string {
	start := s.at
	for s.at < len(s.in) && nameByte(s.in[s.at], s.at == start) {
		s.at++
	}
	return s.in[start:s.at]
}

func (s *scanner) space() bool {
	start := s.at
	for s.at < len(s.in) && strings.IndexByte(" \t\r\n", s.in[s.at]) >= 0 {
		s.at++
	}
	return s.at > start
}

// attribute skips name="value".
func (s *scanner) attribute() error {
	s.name()
	s.space()
	if s.at >= len(s.in) || s.in[s.at] != '=' {
		return s.errorf("attribute without a value")
	}
	s.at++
	s.space()
	if s.at >= len(s.in) || (s.in[s.at] != '"' && s.in[s.at] != '\'') {
		return s.errorf("attribute value without quotes")
	}
	end := strings.IndexByte(s.in[s.at+1:], s.in[s.at])
	if end < 0 {
		return s.errorf("unclosed attribute value")
	}
	s.at += end + 2
	return nil
}
