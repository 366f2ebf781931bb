package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// standard is what encoding/json makes of a value.
func standard(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// everything has each character that is written in a form of its own, and bytes
// that are none.
func everything() string {
	var b strings.Builder
	for r := range rune(0x100) {
		b.WriteRune(r)
	}
	b.WriteString("<&>\u2027\u2028\u2029\u202a\ufffd\U0001f600 caf\xc3 \xff\x80")
	return b.String()
}

func TestStringsAreWrittenAsTheStandardLibraryWritesThem(t *testing.T) {
	for _, s := range []string{"", "web", everything(), "\xff", "a\xe2\x80", "\u2028"} {
		if got, want := string(AppendString([]byte("x"), s)), "x"+standard(t, s); got != want {
			t.Errorf("%q:\n got %s\nwant %s", s, got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add(everything())
	f.Fuzz(func(t *testing.T, s string) {
		got := string(AppendString(nil, s))
		if want := standard(t, s); got != want {
			t.Fatalf("%q:\n got %s\nwant %s", s, got, want)
		}
		var want string
		if err := json.Unmarshal([]byte(got), &want); err != nil {
			t.Fatal(err)
		}
		sc := NewScanner(got)
		if back := sc.String(); !sc.End() || back != want {
			t.Errorf("%s was read as %q", got, back)
		}
	})
}

func TestScannerReadsWhatIsUsual(t *testing.T) {
	s := NewScanner(` { "a" : "x\ty" , "b":-12,"c":[true ,false],"d":{"e":[ ],"f":null,"g":1.5e+3} } `)
	s.Open('{')
	for _, want := range []string{"a", "b", "c", "d"} {
		if !s.Next('}') || s.Key() != want {
			t.Fatalf("%s is not the next", want)
		}
		switch want {
		case "a":
			if got := s.String(); got != "x\ty" {
				t.Errorf("a is %q", got)
			}
		case "b":
			if got := s.Int(); got != -12 {
				t.Errorf("b is %d", got)
			}
		case "c":
			var got []bool
			for s.Open('['); s.Next(']'); {
				got = append(got, s.Bool())
			}
			if len(got) != 2 || !got[0] || got[1] {
				t.Errorf("c is %v", got)
			}
		case "d":
			from, to := s.Skip()
			if got := s.text[from:to]; got != `{"e":[ ],"f":null,"g":1.5e+3}` {
				t.Errorf("d is %s", got)
			}
		}
	}
	if s.Next('}') || !s.End() {
		t.Error("there is more")
	}
}

func TestScannerGivesUp(t *testing.T) {
	skip := func(s *Scanner) { s.Skip() }
	tests := []struct {
		name, text string
		read       func(*Scanner)
	}{
		{"at nothing", "", skip},
		{"at half a string", `"x`, skip},
		{"at half an escape", `"x\`, skip},
		{"at an escape that is none", `"\x"`, skip},
		{"at an escape that is none, to be read", `"\x"`, func(s *Scanner) { _ = s.String() }},
		{"at a line end in a string", "\"\n\"", skip},
		{"at a comma too many", `[1,]`, skip},
		{"at a comma too early", `[,1]`, skip},
		{"at a comma too few", `[1 2]`, skip},
		{"at an array that does not end", `[1`, skip},
		{"at an object that does not end", `{"a":1`, skip},
		{"at a member without a name", `{1:2}`, skip},
		{"at a name with escapes", `{"\u0061":2}`, skip},
		{"at a colon too few", `{"a" 1}`, skip},
		{"at a zero too many", `01`, skip},
		{"at half a fraction", `1.`, skip},
		{"at half an exponent", `1e+`, skip},
		{"at a sign alone", `-`, skip},
		{"at half a word", `tru`, skip},
		{"at another word", `nul1`, skip},
		{"at what lies too deep", strings.Repeat("[", deepest+1) + strings.Repeat("]", deepest+1), skip},
		{"at a fraction for a whole number", `1.0`, func(s *Scanner) { s.Int() }},
		{"at an exponent for a whole number", `1e2`, func(s *Scanner) { s.Int() }},
		{"at a number that is too long", `1234567890123456789`, func(s *Scanner) { s.Int() }},
		{"at a string for a number", `"1"`, func(s *Scanner) { s.Int() }},
		{"at a number for a string", `1`, func(s *Scanner) { _ = s.String() }},
		{"at null for a boolean", `null`, func(s *Scanner) { s.Bool() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewScanner(tt.text)
			if tt.read(&s); s.End() {
				t.Errorf("%s was read", tt.text)
			}
		})
	}
}

// FuzzScanner holds what is skipped against encoding/json: it is JSON, and what
// is rare alone is not skipped.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e-7,"\ud800\n",null,true,{}]}`, `[[]]`, `[1,]`, `{"a":1,}`, `"\u12"`, `00`, ` 1 `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		s := NewScanner(text)
		s.Skip()
		valid := json.Valid([]byte(text))
		if s.End() && !valid {
			t.Errorf("%q was skipped", text)
		}
		rare := strings.Count(text, "[")+strings.Count(text, "{") >= deepest || strings.Contains(text, `\`)
		if valid && !rare && !s.End() {
			t.Errorf("%q was not skipped", text)
		}
		var want int64
		n := NewScanner(text)
		if got := n.Int(); n.End() && (json.Unmarshal([]byte(text), &want) != nil || got != want) {
			t.Errorf("%q was read as %d instead of %d", text, got, want)
		}
	})
}
