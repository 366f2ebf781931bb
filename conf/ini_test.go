package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func parseText(t *testing.T, files ...string) *document {
	t.Helper()
	d := newDocument()
	for i, text := range files {
		src := &source{name: fmt.Sprintf("f%d", i), here: fmt.Sprintf("/d%d", i), included: i > 0}
		if e := d.add(src, []byte(text)); e != nil {
			t.Fatal(e)
		}
	}
	if err := d.parse(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEverythingSurvivesThePlainForm(t *testing.T) {
	for _, v := range []string{
		"", "v", " v", "a=b", "a:b", "#x", ";x", "[x]", `"x"`, "'x'", "`x`", `"""x"""`, `x\`, "%", "%41", "a\nb\n\nc",
		"\ufeffx", "é", "\u00a0x\u00a0", "a\x00b", "-", "%(x)s", "a\tb", "x ; y", "x # y",
	} {
		if got := unescape(escape(v)); got != v {
			t.Errorf("escape %q came back as %q", v, got)
		}
		d := newDocument()
		sec := &section{name: "s" + v}
		sec.append(&option{key: "k" + v, value: v})
		d.sections["s"+v] = sec
		d.merge(sec)
		sec.first.value = "not asked for"
		if err := d.parse(); err != nil {
			t.Errorf("%q: %v", v, err)
			continue
		}
		if got := d.value("s"+v, "k"+v); got != v {
			t.Errorf("value %q was read back as %q", v, got)
		}
	}
}

func TestSectionsAndKeysMerge(t *testing.T) {
	d := parseText(t,
		"[DEFAULT]\nx=default\ny=default\n[b]\nx=1\n[a]\nx=2\nX=3\n",
		"[a]\ny=4\n[c]\n[b]\nx=5\n")
	if want := []string{"b", "a", "c"}; !slices.Equal(d.order, want) {
		t.Errorf("sections are %q, want %q", d.order, want)
	}
	for _, tt := range []struct{ section, key, want, here string }{
		{"a", "x", "3", "/d0"}, {"a", "y", "4", "/d1"}, {"b", "x", "5", "/d1"},
		{"b", "y", "default", "/d0"}, {"c", "x", "default", "/d0"},
	} {
		value, opt, _, found := d.lookup(tt.section, tt.key)
		if !found || value != tt.want || opt.origin.here != tt.here {
			t.Errorf("[%s] %s is %q (%v), want %q", tt.section, tt.key, value, found, tt.want)
		}
	}
	if _, _, _, found := d.lookup("c", "z"); found {
		t.Error("a key that is nowhere was found")
	}
	if d.has(defaultSection) || !d.has("a") || d.has("z") {
		t.Error("has is wrong about DEFAULT, a or z")
	}
	if got, want := fmt.Sprint(d.sections["a"].option("x").places), "[{f0 7} {f0 8}]"; got != want {
		t.Errorf("x was set at %s, want %s", got, want)
	}
	if got, want := d.keysOf("a"), []string{"x", "y"}; !slices.Equal(got, want) {
		t.Errorf("a shows %q, want %q", got, want)
	}
}

func TestSectionNamesWithDotsInheritNothing(t *testing.T) {
	d := parseText(t, "[program:a]\nk=v\n[program:a.b]\nl=w\n")
	if v, _, _, found := d.lookup("program:a.b", "k"); found {
		t.Errorf("program:a.b has k=%q from program:a", v)
	}
}

func TestUnreadableFiles(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
		problems         int
	}{
		{"a key before any section", "\nfoo=bar\n", "File contains no section headers.\nfile: 'f', line: 2\n'foo=bar\\n'", 1},
		{"two bad lines", "[a]\nfoo\nk=v\nb\"ar", "Source contains parsing errors: 'f'\n\t[line  2]: 'foo\\n'\n\t[line  4]: 'b\"ar'", 2},
		{"a byte that starts nothing", "[a]\nk=\xff\n", "'utf-8' codec can't decode byte 0xff in position 6: invalid start byte", 1},
		{"a Latin-1 letter", "[a]\nk=\xe9\n", "'utf-8' codec can't decode byte 0xe9 in position 6: invalid continuation byte", 1},
		{"half a letter at the end", "[a]\nk=\xc3", "'utf-8' codec can't decode byte 0xc3 in position 6: unexpected end of data", 1},
		{"two thirds of a letter", "[a]\nk=\xe2\x82x", "'utf-8' codec can't decode bytes in position 6-7: invalid continuation byte", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newDocument().add(&source{name: "f"}, []byte(tt.text))
			if e == nil {
				t.Fatal("the file was accepted")
			}
			if e.Error() != tt.want || len(e.problems) != tt.problems {
				t.Errorf("got %q and %d problems,\nwant %q and %d", e.Error(), len(e.problems), tt.want, tt.problems)
			}
		})
	}
}

// Whatever is fed to the reader, it answers soon and says why it refused.
func TestExcessIsRefused(t *testing.T) {
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, text, want string }{
		{"a hundred thousand sections", many(100_000, "[program:%d]\n"), "more than 20000 sections"},
		{"a hundred thousand keys", "[a]\n" + many(100_000, "k%d=v\n"), "more than 1000 keys in [a]"},
		{"a value of two megabytes", "[a]\nk=" + strings.Repeat("x", 2<<20), "the value of k in [a] is longer than 1024 KiB"},
		{"a value of a million lines", "[a]\nk=" + strings.Repeat("v\n ", 1<<20), "the value of k in [a] is longer than 1024 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e *fileError
			cost := allocated(func() { e = newDocument().add(&source{name: "f"}, []byte(tt.text)) })
			if e == nil || e.text != tt.want || !e.fatal {
				t.Errorf("got %v, want %s", e, tt.want)
			}
			if most := uint64(256 * len(tt.text)); cost > most {
				t.Errorf("it took %d bytes in all, for %d", cost, len(tt.text))
			}
		})
	}
}

func TestManyBadLinesAreNotAllReported(t *testing.T) {
	e := newDocument().add(&source{name: "f"}, []byte("[a]\n"+strings.Repeat("x\n", 150)))
	if len(e.problems) != maxBadLines || !strings.HasSuffix(e.text, "\n\t... and 50 more") {
		t.Errorf("got %d problems, ending %q", len(e.problems), e.text[len(e.text)-40:])
	}
}

func TestTheMostThatIsAllowedIsReadSoon(t *testing.T) {
	var b strings.Builder
	for i := range maxSections {
		fmt.Fprintf(&b, "[program:%d]\ncommand=/bin/%d\n", i, i)
	}
	var d *document
	cost := allocated(func() { d = parseText(t, b.String()) })
	last := fmt.Sprint(maxSections - 1)
	if v, _, _, _ := d.lookup("program:"+last, "command"); v != "/bin/"+last {
		t.Errorf("the last command is %q", v)
	}
	if most := uint64(200 * b.Len()); cost > most {
		t.Errorf("it took %d bytes in all, for %d", cost, b.Len())
	}
}

func TestDoubtfulLinesAreNoted(t *testing.T) {
	d := parseText(t, "[a]\n[program:x\n", "[include]\nfiles=x\n")
	var got []string
	for _, n := range d.doubtful {
		got = append(got, n.String())
	}
	want := []string{
		`f0:2: "[program:x" is no section header, because it has no closing bracket; it was read as a key of [a]`,
		`f1:1: an included file includes nothing itself: this [include] is ignored`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
