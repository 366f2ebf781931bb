package conf

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

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

// fileError is what makes a file unreadable. The text is the original's.
type fileError struct {
	text     string
	problems []Problem
	fatal    bool // nothing of the file can be trusted
}

func (e *fileError) Error() string { return e.text }

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
	d.added++
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
	scanSections(data, &b.skip, b.take)
	b.closeValue()
	return b.failure()
}

// builder adds the lines of one file to the sections of a document, and to the plain form of
// those that go-ini has to merge.
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
		b.sec = b.d.newSection()
		b.sec.name, b.sec.kind, b.sec.origin, b.sec.at = ev.name, kindOf(ev.name), b.src, b.at(ev)
		b.d.sections[ev.name] = b.sec
		if ev.name != defaultSection {
			b.d.order = append(b.d.order, ev.name)
		}
		return
	}
	b.d.merge(b.sec)
	b.d.writeHeader(b.sec)
}

func (b *builder) openOption(ev lineEvent) {
	if strings.HasPrefix(ev.name, "[") {
		b.doubt(ev, "%q is no section header, because it has no closing bracket; it was read as a key of [%s]",
			trim(ev.raw), b.sec.name)
	}
	b.opt = b.sec.option(ev.name)
	if b.opt != nil {
		b.d.merge(b.sec)
	} else {
		if b.sec.size == maxKeys {
			b.excess = &Problem{File: b.src.name, Line: ev.line, Section: b.sec.name, Text: fmt.Sprintf(msgManyKeys, maxKeys, b.sec.name)}
			return
		}
		b.opt = b.d.newOption()
		b.opt.key = ev.name
		b.opt.places = b.opt.line[:0]
		b.sec.append(b.opt)
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

// closeValue gives the open option its value, now that its last line is known.
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
		if b.opt.value = value; b.sec.merged {
			b.d.writeOption(b.opt)
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

// newSource names a file and finds its directory.
func newSource(h *Host, name string) *source {
	return &source{name: name, here: path.Dir(h.abs(name))}
}
