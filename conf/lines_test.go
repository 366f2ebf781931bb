package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// scanLines is scanSections of one string, without the cuts between sections.
func scanLines(text string, take func(lineEvent) bool) {
	s := lineScanner{take: take}
	s.scan(text)
}

// show renders what scanLines reports, one line an event.
func show(text string) string {
	var b strings.Builder
	scanLines(text, func(ev lineEvent) bool {
		switch ev.kind {
		case lineHeader:
			fmt.Fprintf(&b, "%d [%s]\n", ev.line, ev.name)
		case lineOption:
			fmt.Fprintf(&b, "%d %s=%q\n", ev.line, ev.name, ev.value)
		case lineMore:
			fmt.Fprintf(&b, "%d +%q\n", ev.line, ev.value)
		case lineBad:
			fmt.Fprintf(&b, "%d bad %q\n", ev.line, ev.raw)
		case lineHomeless:
			fmt.Fprintf(&b, "%d homeless\n", ev.line)
		}
		return true
	})
	return b.String()
}

// Each row is a point in which the dialect differs from that of go-ini.
func TestDialect(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a sign after white space starts a comment", "[a]\nk=x ;y\nl=x\t#y\nm=x;y#z", "1 [a]\n2 k=\"x\"\n3 l=\"x\"\n4 m=\"x;y#z\"\n"},
		{"quotes do not protect from comments", "[a]\nk=\"x ; y\"", "1 [a]\n2 k=\"\\\"x\"\n"},
		{"a sign right after the delimiter is text", "[a]\nk=;x\nl= ;x", "1 [a]\n2 k=\";x\"\n3 l=\"\"\n"},
		{"the first round of signs decides", "[a]\nk=x;y ;z #w", "1 [a]\n2 k=\"x;y ;z\"\n"},
		{"the leftmost sign of one round wins", "[a]\nk=x #y ;z", "1 [a]\n2 k=\"x\"\n"},
		{"a later sign of the same kind can be the comment", "[a]\nk=x;y;z ;w", "1 [a]\n2 k=\"x;y;z\"\n"},
		{"an indented comment line is a comment", "[a]\n  ; c\n  # c\nk=v", "1 [a]\n4 k=\"v\"\n"},
		{"quotes stay", "[a]\nk='v'\nl=\"v\"\nm=`v`\nn=\"\"\"v\"\"\"", "1 [a]\n2 k=\"'v'\"\n3 l=\"\\\"v\\\"\"\n4 m=\"`v`\"\n5 n=\"\\\"\\\"\\\"v\\\"\\\"\\\"\"\n"},
		{"a backslash at the end continues nothing", "[a]\nk=v\\\nl=w", "1 [a]\n2 k=\"v\\\\\"\n3 l=\"w\"\n"},
		{"a deeper line continues the value", "[a]\nk=v\n  w\n\tx=y\n [z]", "1 [a]\n2 k=\"v\"\n3 +\"w\"\n4 +\"x=y\"\n5 +\"[z]\"\n"},
		{"depth is measured from the key's own line", "[a]\n  k=v\n  l=w\n   x", "1 [a]\n2 k=\"v\"\n3 l=\"w\"\n4 +\"x\"\n"},
		{"a tab is one column", "[a]\n \t k=v\n    x\n\t\t\ty", "1 [a]\n2 k=\"v\"\n3 +\"x\"\n4 bad \"\\t\\t\\ty\"\n"},
		{"a value goes on after blank lines and comments", "[a]\nk=v\n\n; c\n x\n", "1 [a]\n2 k=\"v\"\n3 +\"\"\n5 +\"x\"\n"},
		{"a header closes the value", "[a]\nk=v\n[b]\n  l=w", "1 [a]\n2 k=\"v\"\n3 [b]\n4 l=\"w\"\n"},
		{"a header ends at the last bracket and the rest is ignored", "[a]b] c\n[ d ]\n[e];f", "1 [a]b]\n2 [ d ]\n3 [e]\n"},
		{"an unclosed header is a key", "[a]\n[program:x", "1 [a]\n2 [program=\"x\"\n"},
		{"empty brackets are no header", "[a]\n[]", "1 [a]\n2 bad \"[]\"\n"},
		{"the first of = and : ends the key", "[a]\nk: v=w\nl = v:w", "1 [a]\n2 k=\"v=w\"\n3 l=\"v:w\"\n"},
		{"keys are in lower case and keep inner blanks", "[a]\nMy Key = v", "1 [a]\n2 my key=\"v\"\n"},
		{"a key named minus is no counter", "[a]\n-=v", "1 [a]\n2 -=\"v\"\n"},
		{"without delimiter or key a line is bad", "[a]\nk\n=v\nrem x", "1 [a]\n2 bad \"k\\n\"\n3 bad \"=v\\n\"\n4 bad \"rem x\"\n"},
		{"a missing key ends the value, a missing delimiter does not", "[a]\nk=v\nx\n y\n=w\n z", "1 [a]\n2 k=\"v\"\n3 bad \"x\\n\"\n4 +\"y\"\n5 bad \"=w\\n\"\n6 bad \" z\"\n"},
		{"what stands before the first section is homeless", "\n; c\nk=v", "3 homeless\n"},
		{"every line end counts", "[a]\rk=v\r\nl=w\n\rm=x", "1 [a]\n2 k=\"v\"\n3 l=\"w\"\n4 +\"\"\n5 m=\"x\"\n"},
		{"white space is Unicode's and the ASCII separators", "[a]\nk\u00a0=\u3000v\x1f\u2003;c", "1 [a]\n2 k=\"v\"\n"},
		{"nothing is nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(tt.text); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestScanStopsWhenTold(t *testing.T) {
	n := 0
	scanLines("[a]\nk=v\nl=w\n", func(lineEvent) bool { n++; return false })
	if n != 1 {
		t.Errorf("got %d events after the first was refused", n)
	}
}

// What is kept of one section does not keep the text of the others.
func TestTheTextOfASectionIsAStringOfItsOwn(t *testing.T) {
	section := "[program:p]\ncommand=/usr/bin/worker --queue=mail --home=/srv\n  [more]\nuser=web\n"
	text := section + strings.Repeat("; [x]\n", 20) + section
	var ends []int
	for at := 0; at < len(text); {
		at += sectionEnd([]byte(text[at:]))
		ends = append(ends, at)
	}
	if want := []int{len(text) - len(section), len(text)}; !slices.Equal(ends, want) {
		t.Errorf("sections end at %d, want %d", ends, want)
	}
	var got, want []lineEvent
	scanSections([]byte(text), nil, func(ev lineEvent) bool { got = append(got, ev); return true })
	scanLines(text, func(ev lineEvent) bool { want = append(want, ev); return true })
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
