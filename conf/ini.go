package conf

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-ini/ini"
)

// This file is the only one that knows go-ini. The dialect of the original and
// that of go-ini differ in nearly every rule (comments, continuation, quotes,
// delimiters, line ends), so each file is first brought, by lines.go, into a form
// that has only one reading: one header or one key=value per line, with every
// character escaped that go-ini might take for something else. go-ini reads that
// form and keeps the sections, the keys and the rule that the last one wins; the
// places where they came from are kept beside it.

// Bounds of what is read. They are far beyond every real configuration and keep
// a wrong file from costing gigabytes or minutes.
const (
	maxFileSize = 16 << 20
	maxAllFiles = 32 << 20
	maxSections = 20_000  // ten thousand programs, and what else there is
	maxKeys     = 1_000   // of one section
	maxValue    = 1 << 20 // bytes; no program can be given a longer argument
	maxBadLines = 100     // reported one by one
	maxPlaces   = 100     // remembered of one key
	maxDoubts   = 100
)

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
}

// nearby is where the keys of a section are looked for, remembered for the next key.
type nearby struct {
	name  string
	known int         // sections then
	in    [5]*section // nil: there is none of that name
}

// around returns where keys of a section are looked for, in that order.
func (d *document) around(name string) *[5]*section {
	if n := &d.near; n.name != name || n.known != len(d.sections) {
		*n = nearby{name: name, known: len(d.sections)}
		for i, from := range [...]string{name, defaultsSections[0], defaultsSections[1], defaultSection, containerSection} {
			n.in[i] = d.sections[from]
		}
	}
	return &d.near.in
}

// section is what is known of a section beside its keys.
type section struct {
	name   string
	kind   *kind   // nil: nobody reads it
	origin *source // the file in which it first appeared
	at     place
	keys   map[string]*option

	parsed []*ini.Section // its parts, as go-ini has them in file
	file   *ini.File
}

// option is the provenance of one key of one section.
type option struct {
	key    string
	origin *source  // the file that set the value in effect
	places []place  // the lines that set it, in order; the last counts
	first  [1]place // where places begins: nearly every key is set once
	cuts   []cut    // where inline comments shortened the value
}

// at is the line that is in effect.
func (o *option) at() place { return o.places[len(o.places)-1] }

// cut is an inline comment behind a value.
type cut struct {
	at      place
	lines   int    // of the value, up to this one
	comment string // with its sign
}

// fileError is what makes a file unreadable. The text is the original's.
type fileError struct {
	text     string
	problems []Problem
	fatal    bool // nothing of the file can be trusted
}

func (e *fileError) Error() string { return e.text }

func newDocument() *document {
	return &document{sections: make(map[string]*section)}
}

// readAll reads a file whole, within bounds.
func (d *document) readAll(h *Host, name string) ([]byte, error) {
	r, err := h.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var read bytes.Buffer
	if f, ok := r.(fs.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() && st.Size() <= maxFileSize {
			read.Grow(int(st.Size()) + bytes.MinRead) // which it needs to see the end
		}
	}
	if _, err := read.ReadFrom(io.LimitReader(r, maxFileSize+1)); err != nil {
		return nil, err
	}
	data := read.Bytes()
	if d.size += len(data); len(data) > maxFileSize || d.size > maxAllFiles {
		return nil, &fileError{fatal: true, text: fmt.Sprintf(msgTooLarge, name, maxFileSize>>20, maxAllFiles>>20)}
	}
	return data, nil
}

// add reads the lines of one more file into the document.
func (d *document) add(src *source, data []byte) *fileError {
	d.files = append(d.files, src.name)
	if text, at := decodeError(data); at >= 0 {
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		return &fileError{fatal: true, text: text, problems: []Problem{{
			File: src.name, Line: line, Text: text,
			Hint: "save the file as UTF-8",
		}}}
	}
	// Editors of some systems put a byte-order mark before the text.
	if text, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); marked {
		data = text
		d.marks = append(d.marks, src)
	}

	b := &builder{d: d, src: src}
	scanLines(string(data), b.take)
	b.closeValue()
	return b.failure()
}

// builder turns the lines of one file into the plain form.
type builder struct {
	d        *document
	src      *source
	sec      *section
	skip     bool // nobody wants the section that is open, which is not sec
	opt      *option
	value    []string // lines of the open option
	bad      []lineEvent
	badCount int
	homeless *lineEvent
	excess   *Problem
}

func (b *builder) take(ev lineEvent) bool {
	switch ev.kind {
	case lineHeader:
		b.closeValue()
		b.openSection(ev)
	case lineOption:
		b.closeValue()
		if !b.skip {
			b.openOption(ev)
		}
	case lineMore:
		if b.opt == nil {
			break // the line before was bad
		}
		b.value = append(b.value, ev.value)
		b.noteCut(ev)
	case lineHomeless:
		// Nothing after it can be trusted: the original stops here too.
		first := ev // and not each line is to be on the heap for its sake
		b.homeless = &first
		return false
	case lineBad:
		b.closeValue()
		if b.badCount++; len(b.bad) < maxBadLines {
			b.bad = append(b.bad, ev)
		}
	}
	return b.excess == nil
}

// doubt notes what was probably not meant as it was written.
func (b *builder) doubt(ev lineEvent, format string, args ...any) {
	if len(b.d.doubtful) < maxDoubts {
		b.d.doubtful = append(b.d.doubtful, Problem{File: b.src.name, Line: ev.line, Text: fmt.Sprintf(format, args...)})
	}
}

// noteCut remembers that a comment ended the line that was just added to the
// value.
func (b *builder) noteCut(ev lineEvent) {
	if ev.comment != "" && len(b.opt.cuts) < maxPlaces {
		b.opt.cuts = append(b.opt.cuts, cut{b.at(ev), len(b.value), ev.comment})
	}
}

func (b *builder) at(ev lineEvent) place { return place{b.src.name, ev.line} }

func (b *builder) openSection(ev lineEvent) {
	b.opt = nil
	if b.skip = b.d.wants != nil && !b.d.wants(ev.name); b.skip {
		if len(b.d.order) < maxSections {
			b.d.order = append(b.d.order, ev.name) // it may have been meant to be another
		}
		return
	}
	if b.src.included && ev.name == "include" {
		b.doubt(ev, "an included file includes nothing itself: this [include] is ignored")
	}
	b.sec = b.d.sections[ev.name]
	if b.sec == nil {
		if len(b.d.sections) == maxSections {
			b.excess = &Problem{File: b.src.name, Line: ev.line, Text: fmt.Sprintf(msgManySections, maxSections)}
			return
		}
		b.sec = &section{name: ev.name, kind: kindOf(ev.name), origin: b.src, at: b.at(ev), keys: make(map[string]*option)}
		b.d.sections[ev.name] = b.sec
		if ev.name != defaultSection {
			b.d.order = append(b.d.order, ev.name)
		}
	}
	for _, part := range [...]string{"[", escape(ev.name), "]\n"} {
		b.d.plain.WriteString(part)
	}
}

func (b *builder) openOption(ev lineEvent) {
	if strings.HasPrefix(ev.name, "[") {
		b.doubt(ev, "%q is no section header, because it has no closing bracket; it was read as a key of [%s]",
			trim(ev.raw), b.sec.name)
	}
	b.opt = b.sec.keys[ev.name]
	if b.opt == nil {
		if len(b.sec.keys) == maxKeys {
			b.excess = &Problem{File: b.src.name, Line: ev.line, Section: b.sec.name, Text: fmt.Sprintf(msgManyKeys, maxKeys, b.sec.name)}
			return
		}
		b.opt = &option{key: ev.name}
		b.opt.places = b.opt.first[:0]
		b.sec.keys[ev.name] = b.opt
	}
	b.opt.origin = b.src
	b.opt.cuts = nil
	if n := len(b.opt.places); n == maxPlaces {
		b.opt.places = b.opt.places[:n-1]
	}
	b.opt.places = append(b.opt.places, b.at(ev))
	b.value = append(b.value, ev.value)
	b.noteCut(ev)
}

// closeValue writes the open option, now that its last line is known.
func (b *builder) closeValue() {
	if b.opt != nil && len(b.value) > 0 {
		value := b.value[0]
		if len(b.value) > 1 {
			value = strings.Join(b.value, "\n")
		}
		value = trimRight(value)
		if len(value) > maxValue && b.excess == nil {
			at := b.opt.places[len(b.opt.places)-1]
			b.excess = &Problem{File: at.file, Line: at.line, Section: b.sec.name, Key: b.opt.key,
				Text: fmt.Sprintf(msgLongValue, b.opt.key, b.sec.name, maxValue>>10)}
		}
		for _, part := range [...]string{escape(b.opt.key), "=", escape(value), "\n"} {
			b.d.plain.WriteString(part)
		}
	}
	b.opt, b.value = nil, b.value[:0]
}

// failure words what was wrong with the file, if anything was.
func (b *builder) failure() *fileError {
	switch {
	case b.excess != nil:
		return &fileError{fatal: true, text: b.excess.Text, problems: []Problem{*b.excess}}
	case b.homeless != nil:
		ev := b.homeless
		e := &fileError{fatal: true, text: fmt.Sprintf(msgNoHeaders, repr(b.src.name), ev.line, repr(ev.raw))}
		e.problems = append(e.problems, Problem{
			File: b.src.name, Line: ev.line,
			Text: fmt.Sprintf("%q stands before the first section", trim(ev.raw)),
			Hint: "begin the file with a section such as [supervisord]",
		})
		return e
	case b.badCount > 0:
		var text strings.Builder
		fmt.Fprintf(&text, msgParsing, repr(b.src.name))
		e := &fileError{}
		for _, ev := range b.bad {
			fmt.Fprintf(&text, msgParsingLine, ev.line, repr(ev.raw))
			e.problems = append(e.problems, badLine(b.src, ev))
		}
		if more := b.badCount - len(b.bad); more > 0 {
			fmt.Fprintf(&text, "\n\t... and %d more", more)
		}
		e.text = text.String()
		return e
	}
	return nil
}

func badLine(src *source, ev lineEvent) Problem {
	p := Problem{File: src.name, Line: ev.line, Text: fmt.Sprintf("%q is neither a section, a key with a value, nor a comment", trim(ev.raw))}
	first, _, _ := strings.Cut(ev.value, " ")
	switch {
	case strings.HasPrefix(ev.value, "=") || strings.HasPrefix(ev.value, ":"):
		p.Hint = "the key is missing"
	case nearest(strings.ToLower(first), allKeys()) != "":
		p.Hint = fmt.Sprintf("write %s=...", nearest(strings.ToLower(first), allKeys()))
	case strings.HasPrefix(ev.value, "//"), strings.EqualFold(first, "rem"):
		p.Hint = "begin a comment with ; or #"
	default:
		p.Hint = "a key needs = or : before its value; a further line of a value must be indented deeper than its key"
	}
	return p
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
	return d.valueIn(in, opt.key), opt, in, true
}

// find is lookup for somebody who does not need the value.
func (d *document) find(name, key string) (*option, *section) {
	for _, in := range d.around(name) {
		if in == nil || !d.supplies(in.name, name, key) {
			continue
		}
		if opt := in.spelt(key); opt != nil {
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
		return d.valueIn(in, key)
	}
	return ""
}

func (d *document) valueIn(in *section, key string) string {
	if in.file != d.parsed {
		in.file, in.parsed = d.parsed, d.parts(in.name)
	}
	key = escape(key)
	for _, part := range slices.Backward(in.parsed) {
		if k, err := part.GetKey(key); err == nil {
			return unescape(k.Value())
		}
	}
	return ""
}

// keysOf lists the keys that a section shows, those of DEFAULT included: DEFAULT's
// first, each in the order of first appearance.
func (d *document) keysOf(name string) []string {
	var keys []string
	seen := make(map[string]bool)
	for _, n := range [...]string{defaultSection, name} {
		for _, part := range d.parts(n) {
			for _, k := range part.KeyStrings() {
				if k = unescape(k); !seen[k] {
					seen[k] = true
					keys = append(keys, k)
				}
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

// newSource names a file and finds its directory.
func newSource(h *Host, name string) *source {
	return &source{name: name, here: path.Dir(h.abs(name))}
}
