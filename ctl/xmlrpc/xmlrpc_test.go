package xmlrpc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func call(method, params string) string {
	return "<?xml version='1.0'?>\n<methodCall>\n<methodName>" + method + "</methodName>\n" + params + "</methodCall>\n"
}

func one(value string) string {
	return call("m", "<params><param>"+value+"</param></params>")
}

func TestDecodeCall(t *testing.T) {
	tests := []struct {
		name, in string
		want     []any
	}{
		{"no params", call("m", ""), nil},
		{"empty params", call("m", "<params>\n</params>"), []any{}},
		{"self-closing params", call("m", "<params/>"), []any{}},
		{"an int", one("<value><int> 5 </int></value>"), []any{int64(5)}},
		{"an i4", one("<value><i4>-5</i4></value>"), []any{int64(-5)}},
		{"a boolean", one("<value><boolean>1</boolean></value>"), []any{true}},
		{"a string", one("<value><string> a&amp;b&#60;&#x41; </string></value>"), []any{" a&b<A "}},
		{"untyped text", one("<value>x y</value>"), []any{"x y"}},
		{"untyped nothing", one("<value/>"), []any{""}},
		{"an empty string", one("<value><string/></value>"), []any{""}},
		{"CDATA and a comment", one("<value><string>a<![CDATA[<&>]]><!-- no -->b</string></value>"), []any{"a<&>b"}},
		{"a double", one("<value><double>-1.5e3</double></value>"), []any{-1500.0}},
		{"a date", one("<value><dateTime.iso8601>20260101T00:00:00</dateTime.iso8601></value>"), []any{"20260101T00:00:00"}},
		{"base64", one("<value><base64>w6k=\n</base64></value>"), []any{"é"}},
		{"base64 that is no text", one("<value><base64>/w==</base64></value>"), []any{"\uFFFD"}},
		{"an array", one("<value><array><data><value>a</value>\n<value><int>1</int></value></data></array></value>"), []any{[]any{"a", int64(1)}}},
		{"a struct", one("<value><struct><member><name>n</name><value>v</value></member></struct></value>"), []any{map[string]any{"n": "v"}}},
		{"attributes and blanks", one("<value a='1' b = \"2>\"><string >x</string ></value>"), []any{"x"}},
		{"line ends", one("<value>a\r\nb\rc&#13;</value>"), []any{"a\nb\nc\r"}},
		{"a byte order mark", "\xef\xbb\xbf" + one("<value>é</value>"), []any{"é"}},
		{"latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?><methodCall><methodName>m</methodName><params><param><value>\xe9</value></param></params></methodCall>", []any{"é"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeCall([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got.Method != "m" || !reflect.DeepEqual(got.Params, tt.want) {
				t.Errorf("got %#v, want %#v", got.Params, tt.want)
			}
		})
	}
}

func TestDecodeCallRefuses(t *testing.T) {
	deep := strings.Repeat("<value><array><data>", 100) + strings.Repeat("</data></array></value>", 100)
	tests := []struct{ name, in, want string }{
		{"nothing", "", "unexpected end"},
		{"garbage", "x", "unexpected text"},
		{"no method", "<methodCall></methodCall>", "no method name"},
		{"an empty method", "<methodCall><methodName> </methodName></methodCall>", "no method name"},
		{"another root", "<methodResponse/>", "unexpected <methodResponse>"},
		{"half a document", "<methodCall><methodName>m", "unexpected end"},
		{"half a tag", "<methodCall><methodName", "unclosed tag"},
		{"crossed tags", "<methodCall><methodName>m</methodCall></methodName>", "unexpected </methodCall>"},
		{"two roots", call("m", "") + "<x/>", "unexpected <x>"},
		{"a document type", "<!DOCTYPE x [<!ENTITY a 'b'>]>" + call("m", ""), "document types are not supported"},
		{"an unknown entity", one("<value>&a;</value>"), "unknown entity &a"},
		{"a bare ampersand", one("<value>a & b</value>"), "unknown entity"},
		{"a forbidden character", one("<value>\x1b</value>"), "U+001B is not allowed"},
		{"a forbidden reference", one("<value>&#0;</value>"), "unknown entity"},
		{"a huge reference", one("<value>&#99999999999;</value>"), "unknown entity"},
		{"bytes that are no text", one("<value>\xff</value>"), "not UTF-8"},
		{"another encoding", "<?xml version='1.0' encoding='utf-16'?>" + call("m", ""), "encoding"},
		{"nil", one("<value><nil/></value>"), "unknown type <nil>"},
		{"i8", one("<value><i8>1</i8></value>"), "unknown type <i8>"},
		{"an int that is none", one("<value><int>x</int></value>"), "is no int"},
		{"a boolean that is none", one("<value><boolean>true</boolean></value>"), "is no boolean"},
		{"a double that is none", one("<value><double>x</double></value>"), "is no double"},
		{"base64 that is none", one("<value><base64>?</base64></value>"), "is no base64"},
		{"text beside a type", one("<value>x<int>1</int></value>"), "unexpected <int>"},
		{"two types", one("<value><int>1</int><int>1</int></value>"), "unexpected <int>"},
		{"a value in params", call("m", "<params><value>x</value></params>"), "unexpected <value>"},
		{"a member without a name", one("<value><struct><member><value>v</value></member></struct></value>"), "unexpected <value>"},
		{"an unclosed comment", "<!-- ", "unclosed <!--"},
		{"values too deep", one(deep), "too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeCall([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ...%s...", err, tt.want)
			}
		})
	}
}

func TestEncodeResponseIsWhatPythonWrites(t *testing.T) {
	type row struct {
		Name   string `json:"name"`
		Hidden string `json:"-"`
		On     bool   `json:"on"`
		Code   int
	}
	type code int
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"text", "a<b>&\"c", "<value><string>a&lt;b&gt;&amp;\"c</string></value>\n"},
		{"text that XML cannot carry", "\x1b[0m\x00\xff\uFFFF", "<value><string>\uFFFD[0m\uFFFD\uFFFD\uFFFD</string></value>\n"},
		{"line ends", "a\tb\r\n", "<value><string>a\tb&#13;\n</string></value>\n"},
		{"a cut character", []byte("caf\xc3"), "<value><string>caf\uFFFD</string></value>\n"},
		{"a number", 7, "<value><int>7</int></value>\n"},
		{"a named number", code(80), "<value><int>80</int></value>\n"},
		{"a number too large", int64(3 << 30), "<value><int>2147483647</int></value>\n"},
		{"a number far too large", uint64(math.MaxUint64), "<value><int>2147483647</int></value>\n"},
		{"a number too small", int64(math.MinInt64), "<value><int>-2147483648</int></value>\n"},
		{"a boolean", true, "<value><boolean>1</boolean></value>\n"},
		{"a double", 1.5, "<value><double>1.5</double></value>\n"},
		{"a list", []any{"a", 1}, "<value><array><data>\n<value><string>a</string></value>\n<value><int>1</int></value>\n</data></array></value>\n"},
		{"an empty list", []string(nil), "<value><array><data>\n</data></array></value>\n"},
		{"a map", map[string]any{"b": 1, "a": false}, "<value><struct>\n<member>\n<name>a</name>\n<value><boolean>0</boolean></value>\n</member>\n" +
			"<member>\n<name>b</name>\n<value><int>1</int></value>\n</member>\n</struct></value>\n"},
		{"a struct in the order of its fields", &row{Name: "x", Code: 1}, "<value><struct>\n<member>\n<name>name</name>\n<value><string>x</string></value>\n</member>\n" +
			"<member>\n<name>on</name>\n<value><boolean>0</boolean></value>\n</member>\n<member>\n<name>Code</name>\n<value><int>1</int></value>\n</member>\n</struct></value>\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := encodeResponse(tt.v)
			want := "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n" + tt.want + "</param>\n</params>\n</methodResponse>\n"
			if err != nil || string(got) != want {
				t.Errorf("got %s, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestEncodeFaultIsWhatPythonWrites(t *testing.T) {
	want := "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>1</int></value>\n</member>\n" +
		"<member>\n<name>faultString</name>\n<value><string>UNKNOWN_METHOD</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n"
	if got := string(EncodeFault(1, "UNKNOWN_METHOD")); got != want {
		t.Errorf("got %s", got)
	}
}

func TestEncodeRefusesWhatHasNoForm(t *testing.T) {
	for name, v := range map[string]any{"nil": nil, "a channel": make(chan int), "not a number": math.NaN(), "a map of numbers": map[int]int{},
		"a nil in a list": []any{nil}, "a nil in a map": map[string]any{"a": nil}, "a nil in a struct": struct{ A any }{}} {
		t.Run(name, func(t *testing.T) {
			if got, err := encodeResponse(v); err == nil {
				t.Errorf("got %s", got)
			}
			if _, err := EncodeCall("m", v); err == nil {
				t.Error("a call took it")
			}
		})
	}
}

func TestCallsAndResponsesSurviveTheWire(t *testing.T) {
	values := []any{"x <&> \r\n é", int64(-1), true, 2.5, []any{int64(1), []any{}}, map[string]any{"a": map[string]any{"b": "c"}}}
	body, err := EncodeCall("supervisor.x", values...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeCall(body)
	if err != nil || got.Method != "supervisor.x" || !reflect.DeepEqual(got.Params, values) {
		t.Errorf("got %#v, %v", got, err)
	}
	for _, v := range values {
		body, _ := encodeResponse(v)
		if got, err := DecodeResponse(bytes.NewReader(body), MaxBody); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("got %#v, %v, want %#v", got, err, v)
		}
	}
}

func TestDecodeResponse(t *testing.T) {
	_, err := DecodeResponse(bytes.NewReader(EncodeFault(10, "BAD_NAME: x")), MaxBody)
	var f *Fault
	if !errors.As(err, &f) || f.Code != 10 || f.Text != "BAD_NAME: x" {
		t.Errorf("got %v", err)
	}
	wrap := func(s string) string { return "<methodResponse>" + s + "</methodResponse>" }
	param := func(s string) string { return wrap("<params><param>" + s + "</param></params>") }
	raw := param("<value><string>\x1b[0m\xff</string></value>")
	if v, err := DecodeResponse(strings.NewReader(raw), MaxBody); err != nil || v != "\x1b[0m\uFFFD" {
		t.Errorf("got %q, %v for what the original sends raw", v, err)
	}
	if v, err := DecodeResponse(strings.NewReader(param("<value><array><data><value><nil/></value><value><i8>5000000000</i8></value></data></array></value>")), MaxBody); err != nil ||
		!reflect.DeepEqual(v, []any{nil, int64(5000000000)}) {
		t.Errorf("got %#v, %v", v, err)
	}
	for _, bad := range []string{"", wrap(""), wrap("<params/>"), wrap("<fault><value>x</value></fault>"), wrap("<x/>"), param("<value>x</value>") + "y"} {
		if v, err := DecodeResponse(strings.NewReader(bad), MaxBody); err == nil {
			t.Errorf("%q is taken for the response %v", bad, v)
		}
	}
}

func FuzzDecodeCall(f *testing.F) {
	for _, s := range []string{call("m", ""), one("<value><array><data><value>a</value></data></array></value>"), one("<value><![CDATA[x]]>&#65;</value>"),
		"<?xml version='1.0' encoding='latin1'?><methodCall a='\xe9'/>", "<methodCall><!", "<?xml", "<a/", "<methodCall><methodName/><params/></methodCall>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := DecodeCall(in)
		_, _ = DecodeResponse(bytes.NewReader(in), 1<<16)
		if slow, same := withoutQuickWays(in); same {
			other, otherErr := DecodeCall(slow)
			if (err == nil) != (otherErr == nil) || !reflect.DeepEqual(c, other) {
				t.Errorf("%q is %+v, %v, but %q is %+v, %v", in, c, err, slow, other, otherErr)
			}
		}
		if err != nil {
			return
		}
		body, err := EncodeCall(c.Method, c.Params...)
		if err != nil {
			return // an infinite double: it can be read but not written
		}
		again, err := DecodeCall(body)
		if err != nil || again.Method != c.Method || len(again.Params) != len(c.Params) {
			t.Errorf("%q became %q: %v", in, body, err)
		}
	})
}

var bareTag = regexp.MustCompile(`<(/?[^<>/!?\s]+)>`)

// withoutQuickWays returns a document that means the same, but in which no tag is a name
// and nothing else, and no text stands in one piece. It does not know about comments and
// the like: with same false the document has some.
func withoutQuickWays(in []byte) (slow []byte, same bool) {
	if bytes.Contains(in, []byte("<!")) || bytes.Contains(in, []byte("<?")) {
		return nil, false
	}
	return bareTag.ReplaceAll(in, []byte("<!----><$1 >")), true
}

// escaped is what stands for a text, one character after another.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text { // what is no UTF-8 is U+FFFD to range, too
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '\r':
			b.WriteString("&#13;")
		case !legalRune(r):
			b.WriteRune('\ufffd')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func FuzzEscape(f *testing.F) {
	var all strings.Builder
	for c := range 256 {
		all.WriteByte(byte(c))
	}
	f.Add(all.String())
	f.Add("plain & <b>\r\n\x7f caf\xc3\xa9\ufffe\U0001f600 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range []any{text, []byte(text)} {
			got, err := encodeResponse(v)
			want := declaration + "<methodResponse>\n<params>\n<param>\n<value><string>" + escaped(text) + "</string></value>\n</param>\n</params>\n</methodResponse>\n"
			if err != nil || string(got) != want {
				t.Fatalf("%T %q:\n got %q, %v\nwant %q", v, text, got, err, want)
			}
		}
	})
}

func TestStructsInStructsAreWrittenWithTheirOwnNames(t *testing.T) {
	type inner struct {
		X any `json:"x"`
	}
	type outer struct {
		A      inner `json:"a"`
		hidden int
		B      []inner `json:"b,omitempty"`
		Left   int     `json:"-"`
		C      *inner
	}
	value := outer{A: inner{1}, hidden: 1, B: []inner{{"y"}, {true}}, C: &inner{[]byte("z")}}
	body, err := encodeResponse([]any{value, value, inner{2}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeResponse(bytes.NewReader(body), MaxBody)
	one := map[string]any{"a": map[string]any{"x": int64(1)}, "b": []any{map[string]any{"x": "y"}, map[string]any{"x": true}}, "C": map[string]any{"x": "z"}}
	if want := []any{one, one, map[string]any{"x": int64(2)}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
	for name, v := range map[string]any{"nothing cannot be sent": []any{nil}, "*xmlrpc.inner cannot be sent": []*inner{nil}} {
		if _, err := encodeResponse(v); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func FuzzEncodeIsWellFormed(f *testing.F) {
	f.Add([]byte("a\x00\xff\r<"), int64(5))
	f.Fuzz(func(t *testing.T, text []byte, n int64) {
		body, err := encodeResponse(map[string]any{string(text): text, "n": n})
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(body))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%q: %v", body, err)
			}
		}
		if _, err := DecodeResponse(bytes.NewReader(body), MaxBody); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func BenchmarkDecodeCall(b *testing.B) {
	body, _ := EncodeCall("supervisor.startProcess", "web", true)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeCall(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeResponse(b *testing.B) {
	type row struct {
		Name  string `json:"name"`
		State int    `json:"state"`
	}
	rows := make([]row, 1000)
	for i := range rows {
		rows[i] = row{"a name of a usual length", 20}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encodeResponse(rows); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLongValuesAreWrittenInPieces(t *testing.T) {
	long := strings.Repeat("é<\xff\x80\x80\x80\x80\r日", piece) // a cut falls into every part of it
	for name, v := range map[string]any{
		"text":            long,
		"bytes":           []byte(long),
		"bytes in a list": []any{[]byte(long), long, map[string]any{"x": long}},
	} {
		t.Run(name, func(t *testing.T) {
			var pieces []string
			err := WriteResponse(writerFunc(func(p []byte) (int, error) {
				if len(p) > piece+256 {
					t.Fatalf("%d bytes at once", len(p))
				}
				pieces = append(pieces, string(p))
				return len(p), nil
			}), v)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(pieces, "")
			short, size, err := ResponseSize(nil, v)
			if err != nil || size != int64(len(got)) || short != nil {
				t.Errorf("%d bytes were told, %v, and %d written; %d at once", size, err, len(got), len(short))
			}
			unit := "é&lt;" + strings.Repeat("\uFFFD", 5) + "&#13;日"
			want := strings.Repeat(unit, piece)
			if n := strings.Count(got, want); n == 0 || strings.ReplaceAll(strings.ReplaceAll(got, want, ""), "\uFFFD", "") != strings.ReplaceAll(got, want, "") {
				t.Errorf("the text is not whole")
			}
		})
	}
	t.Run("a writer that fails", func(t *testing.T) {
		calls := 0
		err := WriteResponse(writerFunc(func([]byte) (int, error) { calls++; return 0, io.ErrClosedPipe }), long)
		if !errors.Is(err, io.ErrClosedPipe) || calls != 1 {
			t.Errorf("got %v after %d calls", err, calls)
		}
	})
	t.Run("what cannot be sent", func(t *testing.T) {
		if _, n, err := ResponseSize(nil, []any{make(chan int)}); err == nil {
			t.Errorf("got %d bytes", n)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestShortResponsesAreGivenAtOnce(t *testing.T) {
	scratch := make([]byte, 0, piece)
	for _, v := range []any{5, "a<b", []any{"x", map[string]any{"y": "z"}}, strings.Repeat("x", piece/2)} {
		want, err := encodeResponse(v)
		if err != nil {
			t.Fatal(err)
		}
		short, size, err := ResponseSize(scratch, v)
		if err != nil || string(short) != string(want) || size != int64(len(want)) || &short[0] != &scratch[:1][0] {
			t.Errorf("got %.100q, %d, %v, want %.100q", short, size, err, want)
		}
	}
}

// TestStructsTakeNoAllocationForEachField is what makes long lists cheap.
func TestStructsTakeNoAllocationForEachField(t *testing.T) {
	type row struct {
		Name   string `json:"name"`
		Number int64  `json:"number"`
		Logs   []byte `json:"logs"`
		Hidden int    `json:"-"`
	}
	rows := make([]row, 50)
	for i := range rows {
		rows[i] = row{Name: strings.Repeat("a longer name & ", 4), Number: 1 << 40, Logs: []byte("some words")}
	}
	var v any = rows
	scratch := make([]byte, 0, piece)
	n := testing.AllocsPerRun(10, func() {
		if short, _, err := ResponseSize(scratch, v); err != nil || short == nil {
			t.Fatal(err)
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for 50 rows", n)
	}
}

// encodeResponse returns a methodResponse with one value.
func encodeResponse(v any) ([]byte, error) {
	var out bytes.Buffer
	if err := WriteResponse(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
