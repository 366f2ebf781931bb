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

func (t *token) is(kind tokenKind, name string) bool { return t.kind == kind && t.name == name }

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
	t       token // the one that next found
	in      string
	at      int
	lax     bool   // let characters through that XML forbids: the original sends them
	plain   bool   // all of it is printable ASCII and line feeds
	pending string // name of a self-closing tag still to be closed
}

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", s.at+1, fmt.Sprintf(format, args...))
}

// begin checks the encoding and makes it a scanner of UTF-8.
func (s *scanner) begin(in []byte, lax bool) error {
	*s = scanner{in: strings.TrimPrefix(string(in), "\xef\xbb\xbf"), lax: lax}
	if strings.HasPrefix(s.in, "<?xml") {
		decl, _, ok := strings.Cut(s.in, "?>")
		if !ok {
			return s.errorf("unclosed declaration")
		}
		switch enc := declaredEncoding(decl); enc {
		case "", "utf-8", "utf8", "us-ascii", "ascii":
		case "iso-8859-1", "latin-1", "latin1":
			s.in = fromLatin1(s.in)
		default:
			return s.errorf("encoding %.40q is not supported", enc)
		}
	}
	if s.plain = isPlain(s.in); !s.plain && !utf8.ValidString(s.in) {
		if !lax {
			return s.errorf("input is not UTF-8")
		}
		s.in = strings.ToValidUTF8(s.in, "\uFFFD")
	}
	return nil
}

// isPlain tells whether in needs no look at its characters: nearly every document is so.
func isPlain(in string) bool {
	for i := range len(in) {
		if c := in[i]; (c < ' ' || c > '~') && c != '\n' {
			return false
		}
	}
	return true
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

// next finds the next tag or text.
func (s *scanner) next() error {
	switch {
	case s.pending != "":
		s.t = token{kind: closeTag, name: s.pending}
		s.pending = ""
		return nil
	case s.plainText(), s.plainTag():
		return nil
	}
	return s.anything()
}

// anything is next for what may have entities, comments and attributes.
func (s *scanner) anything() error {
	var text strings.Builder
	for s.at < len(s.in) {
		rest := s.in[s.at:]
		if rest[0] != '<' {
			if err := s.text(&text); err != nil {
				return err
			}
			continue
		}
		skipped, err := s.skipMarkup(rest, &text)
		if err != nil {
			return err
		}
		if skipped {
			continue
		}
		break
	}
	switch {
	case text.Len() > 0:
		s.t = token{kind: chars, text: text.String()}
		return nil
	case s.at >= len(s.in):
		s.t = token{kind: endOfInput}
		return nil
	}
	return s.tag()
}

// plainText takes text that stands in one piece between two tags, as it is there.
func (s *scanner) plainText() bool {
	rest := s.in[s.at:]
	if rest == "" || rest[0] == '<' {
		return false
	}
	end := strings.IndexByte(rest, '<')
	if end < 0 || end+1 == len(rest) || rest[end+1] == '!' || rest[end+1] == '?' {
		return false
	}
	text, at := rest[:end], s.at
	if strings.IndexByte(text, '&') >= 0 || !s.plain && (strings.IndexByte(text, '\r') >= 0 || s.legal(text) != nil) {
		s.at = at // where the error is, is said below
		return false
	}
	s.at += end
	s.t.kind, s.t.text = chars, text
	return true
}

// plainTag takes a tag that is a name and nothing else.
func (s *scanner) plainTag() bool {
	rest := s.in[s.at:]
	if len(rest) < len("<x>") || rest[0] != '<' {
		return false
	}
	kind, i := openTag, 1
	if rest[1] == '/' {
		kind, i = closeTag, 2
	}
	begin := i
	for i < len(rest) && nameBytes[rest[i]] {
		i++
	}
	if i == begin || i == len(rest) || rest[i] != '>' || !nameByte(rest[begin], true) {
		return false
	}
	s.t.kind, s.t.name = kind, rest[begin:i]
	s.at += i + 1
	return true
}

// blanks passes over blanks, unless a self-closing tag is still to be closed: they stand
// behind its end.
func (s *scanner) blanks() {
	for s.pending == "" && s.at < len(s.in) && blank(s.in[s.at]) {
		s.at++
	}
}

func blank(c byte) bool { return c == '\n' || c == ' ' || c == '\t' || c == '\r' }

// plainly passes over a tag that is a name and nothing else, if it is there, be it
// behind blanks.
func (s *scanner) plainly(kind tokenKind, name string) bool {
	s.blanks()
	if s.pending != "" {
		return false
	}
	rest, ok := strings.CutPrefix(s.in[s.at:], "<")
	if kind == closeTag && ok {
		rest, ok = strings.CutPrefix(rest, "/")
	}
	if !ok || len(rest) <= len(name) || rest[:len(name)] != name || rest[len(name)] != '>' {
		return false
	}
	s.at = len(s.in) - len(rest) + len(name) + 1
	return true
}

// nameBytes has the bytes of a name behind the first one.
var nameBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = nameByte(byte(c), false)
	}
	return t
}()

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

func (s *scanner) legal(raw string) error {
	if s.lax || s.plain {
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
func (s *scanner) tag() error {
	s.at++
	t := &s.t
	*t = token{kind: openTag}
	if s.at < len(s.in) && s.in[s.at] == '/' {
		t.kind = closeTag
		s.at++
	}
	if t.name = s.name(); t.name == "" {
		return s.errorf("a tag must begin with a name")
	}
	for {
		apart := s.space()
		if s.at >= len(s.in) {
			return s.errorf("unclosed tag <%.40s", t.name)
		}
		switch c := s.in[s.at]; {
		case c == '>':
			s.at++
			return nil
		case c == '/' && t.kind == openTag && s.at+1 < len(s.in) && s.in[s.at+1] == '>':
			s.at += 2
			s.pending = t.name
			return nil
		case t.kind == openTag && apart && nameByte(c, true):
			if err := s.attribute(); err != nil {
				return err
			}
		default:
			return s.errorf("unexpected %q in tag <%.40s", c, t.name)
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
	for s.at < len(s.in) && blank(s.in[s.at]) {
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
