package conf

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ini/ini"
)

// This file is the only one that knows go-ini. The dialect of the original and
// that of go-ini differ in nearly every rule (comments, continuation, quotes,
// delimiters, line ends), so each file is first brought, by lines.go, into a form
// that has only one reading: one header or one key=value per line, with every
// character escaped that go-ini might take for something else. Where a section
// stands in several pieces, or sets a key again, go-ini reads that form and merges
// it: the last one wins. Nearly all sections have nothing to merge, and a thousand
// of them are not written out and read again for that.

// defaultSection supplies keys to every other section.
const defaultSection = "DEFAULT"

// source is one file that was read.
type source struct {
	name string // as messages name it
	here string // its absolute directory

	included bool
}

// document is the merged result of every file.
type document struct {
	order     []string            // sections in order of first appearance
	sections  map[string]*section // with DEFAULT, if it is there
	size      int                 // bytes read so far
	added     int                 // texts added so far
	doubtful  []Problem
	container bool                      // the container profile was added
	original  bool                      // read as the original does, who knows none of our extensions
	marks     []*source                 // files that begin with a byte-order mark
	files     []string                  // in the order in which they were read
	wants     func(section string) bool // which sections are kept; nil: all

	plain      bytes.Buffer // what go-ini reads
	parsed     *ini.File    // what it made of it
	parsedSize int          // the length of plain then

	near nearby

	sectionRoom []section // for those to come: one allocation for many
	optionRoom  []option
}

// nearby is where the keys of a section are looked for, remembered for the next key.
type nearby struct {
	name  string
	known int         // files added then
	in    [5]*section // nil: there is none of that name
	marks uint64      // of all their keys
	given uint64      // of those of all but the first
}

// around returns where keys of a section are looked for, in that order.
func (d *document) around(name string) *nearby {
	n := &d.near
	if n.name == name && n.known == d.added {
		return n
	}
	if n.known != d.added {
		*n = nearby{known: d.added}
		for i, from := range [...]string{defaultsSections[0], defaultsSections[1], defaultSection, containerSection} {
			if n.in[1+i] = d.sections[from]; n.in[1+i] != nil {
				n.given |= n.in[1+i].marks
			}
		}
	}
	n.name, n.in[0], n.marks = name, d.sections[name], n.given
	if n.in[0] != nil {
		n.marks |= n.in[0].marks
	}
	return n
}

// section is one section with its keys.
type section struct {
	name   string
	kind   *kind   // nil: nobody reads it
	origin *source // the file in which it first appeared
	at     place

	first, last *option // its keys in the order of first appearance
	size        int     // how many
	marks       uint64  // those of its keys, and of what they are other spellings of
	byKey       map[string]*option

	merged bool           // there was something to merge, so go-ini has the values
	parsed []*ini.Section // its parts, as go-ini has them in file
	file   *ini.File
}

// fewKeys are looked through one after another.
const fewKeys = 16

// option returns a key of the section, spelt just so, or nil.
func (s *section) option(key string) *option {
	if s.marks&markOf(key) == 0 {
		return nil
	}
	if s.byKey != nil {
		return s.byKey[key]
	}
	for opt := s.first; opt != nil; opt = opt.next {
		if opt.key == key {
			return opt
		}
	}
	return nil
}

// markOf is one bit that depends on the key. Nearly every key that somebody asks for is
// not there, and that its bit is not there either says so at once.
func markOf(key string) uint64 {
	n := len(key)
	if n == 0 {
		return 1
	}
	return 1 << ((uint(n) + 7*uint(key[0]) + 11*uint(key[n/2]) + 13*uint(key[n-1])) % 64)
}

// append adds a key that is not there yet.
func (s *section) append(opt *option) {
	if s.last == nil {
		s.first = opt
	} else {
		s.last.next = opt
	}
	s.last = opt
	s.marks |= markOf(opt.key) | markOf(properKey(opt.key))
	if s.size++; s.size > fewKeys && s.byKey == nil {
		s.byKey = make(map[string]*option, 2*fewKeys)
		for o := s.first; o != nil; o = o.next {
			s.byKey[o.key] = o
		}
	} else if s.byKey != nil {
		s.byKey[opt.key] = opt
	}
}

// keys lists the keys, sorted.
func (s *section) keys() []string {
	keys := make([]string, 0, s.size)
	for opt := s.first; opt != nil; opt = opt.next {
		keys = append(keys, opt.key)
	}
	slices.Sort(keys)
	return keys
}

// option is one key of one section, and where it came from.
type option struct {
	key    string
	value  string   // the last one
	origin *source  // the file that set the value in effect
	places []place  // the lines that set it, in order; the last counts
	line   [1]place // where places begins: nearly every key is set once
	cuts   []cut    // where inline comments shortened the value
	next   *option  // of the section
}

// at is the line that is in effect.
func (o *option) at() place { return o.places[len(o.places)-1] }

// cut is an inline comment behind a value.
type cut struct {
	at      place
	lines   int    // of the value, up to this one
	comment string // with its sign
}

func newDocument() *document {
	return &document{sections: make(map[string]*section)}
}

// newSection and newOption make room for many at once.
func (d *document) newSection() *section {
	if len(d.sectionRoom) == 0 {
		d.sectionRoom = make([]section, roomFor(len(d.sections)))
	}
	s := &d.sectionRoom[0]
	d.sectionRoom = d.sectionRoom[1:]
	return s
}

func (d *document) newOption() *option {
	if len(d.optionRoom) == 0 {
		d.optionRoom = make([]option, 4*roomFor(len(d.sections)))
	}
	o := &d.optionRoom[0]
	d.optionRoom = d.optionRoom[1:]
	return o
}

// roomFor is a number of sections to make room for beside those that are there.
func roomFor(sections int) int { return max(4, min(sections, 64)) }

// merge gives go-ini what a section has so far, because there is more of it to come.
func (d *document) merge(s *section) {
	if s.merged {
		return
	}
	s.merged = true
	d.writeHeader(s)
	for opt := s.first; opt != nil; opt = opt.next {
		d.writeOption(opt)
	}
}

func (d *document) writeHeader(s *section) {
	for _, part := range [...]string{"[", escape(s.name), "]\n"} {
		d.plain.WriteString(part)
	}
}

func (d *document) writeOption(opt *option) {
	for _, part := range [...]string{escape(opt.key), "=", escape(opt.value), "\n"} {
		d.plain.WriteString(part)
	}
}

// parse lets go-ini read what was collected.
func (d *document) parse() error {
	if d.parsed != nil && d.parsedSize == d.plain.Len() {
		return nil
	}
	f, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation:      true,
		IgnoreInlineComment:     true,
		PreserveSurroundedQuote: true,
		KeyValueDelimiters:      "=",
		// A section name with a dot would otherwise inherit from the part
		// before it. No name contains this character once it is escaped.
		ChildSectionDelimiter: "\x00",
		// It looks through all sections for each one otherwise. We look through
		// those of one name, the last one first.
		AllowNonUniqueSections: true,
	}, d.plain.Bytes())
	if err != nil {
		return fmt.Errorf("bug: the plain form of the configuration is not readable: %v", err)
	}
	f.BlockMode = false
	d.parsed, d.parsedSize = f, d.plain.Len()
	return nil
}

// has says whether there is such a section; DEFAULT is none.
func (d *document) has(name string) bool {
	return name != defaultSection && d.sections[name] != nil
}

// lookup finds a key in a section or, failing that, in those that supply keys to
// it, and where it was set.
func (d *document) lookup(name, key string) (value string, opt *option, in *section, found bool) {
	if opt, in = d.find(name, key); opt == nil {
		return "", nil, nil, false
	}
	return d.valueOf(in, opt), opt, in, true
}

// find is lookup for somebody who does not need the value.
func (d *document) find(name, key string) (*option, *section) {
	near := d.around(name)
	if near.marks&markOf(key) == 0 {
		return nil, nil
	}
	for _, in := range near.in {
		if in == nil {
			continue
		}
		if opt := in.spelt(key); opt != nil && d.supplies(in.name, name, key) {
			return opt, in
		}
	}
	return nil, nil
}

// supplies says whether a key of section from counts for section to. A listener
// may not redirect its stderr, so a default for programs is none for it.
func (d *document) supplies(from, to, key string) bool {
	if from == to || from == defaultSection {
		return true
	}
	if from == containerSection {
		return d.inContainer(to, key)
	}
	sec := d.sections[to]
	if d.original || sec == nil || !sec.kind.runs() {
		return false
	}
	return sec.kind.word != "eventlistener" || key != "redirect_stderr"
}

func (d *document) value(section, key string) string {
	if in := d.sections[section]; in != nil {
		if opt := in.option(key); opt != nil {
			return d.valueOf(in, opt)
		}
	}
	return ""
}

func (d *document) valueOf(in *section, opt *option) string {
	if !in.merged {
		return opt.value
	}
	return d.mergedValue(in, escape(opt.key))
}

func (d *document) mergedValue(in *section, key string) string {
	if in.file != d.parsed {
		in.file, in.parsed = d.parsed, d.parts(in.name)
	}
	for i := len(in.parsed) - 1; i >= 0; i-- {
		if k, err := in.parsed[i].GetKey(key); err == nil {
			return unescape(k.Value())
		}
	}
	return ""
}

// keysOf lists the keys that a section shows, those of DEFAULT included: DEFAULT's
// first, each in the order of first appearance.
func (d *document) keysOf(name string) []string {
	var keys []string
	defaults, sec := d.sections[defaultSection], d.sections[name]
	if defaults != nil {
		for opt := defaults.first; opt != nil; opt = opt.next {
			keys = append(keys, opt.key)
		}
	}
	if sec != nil && sec != defaults {
		for opt := sec.first; opt != nil; opt = opt.next {
			if defaults == nil || defaults.option(opt.key) == nil {
				keys = append(keys, opt.key)
			}
		}
	}
	return keys
}

// parts are the pieces of a section, one for each header.
func (d *document) parts(name string) []*ini.Section {
	parts, err := d.parsed.SectionsByName(escape(name))
	if err != nil {
		return nil // there is none
	}
	return parts
}

// special are the characters that mean something to go-ini, or to escape.
const special = "%=:#;[]\"'`\\-"

const hexDigits = "0123456789ABCDEF"

// escape writes s so that go-ini takes it for one word of plain text.
func escape(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = !mustEscape(s, i)
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4 + 8)
	for i := 0; i < len(s); i++ {
		if mustEscape(s, i) {
			b.WriteByte('%')
			b.WriteByte(hexDigits[s[i]>>4])
			b.WriteByte(hexDigits[s[i]&15])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// mustEscape covers all beyond ASCII too, because some of it is white space,
// and a blank only at either end.
func mustEscape(s string, i int) bool {
	c := s[i]
	if c == ' ' {
		return i == 0 || i == len(s)-1
	}
	return c < ' ' || c >= 0x7f || isSpecial[c]
}

var isSpecial = func() (is [0x7f]bool) {
	for i := range len(special) {
		is[special[i]] = true
	}
	return is
}()

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteByte(byte(strings.IndexByte(hexDigits, s[i+1])<<4 | strings.IndexByte(hexDigits, s[i+2])))
			i += 2
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
