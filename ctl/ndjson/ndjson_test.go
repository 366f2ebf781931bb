package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseRequest(t *testing.T) {
	tests := []struct {
		name, line         string
		id, method, params string
	}{
		{"in full", `{"id":1,"method":"m","params":{"a":1}}`, "1", "m", `{"a":1}`},
		{"by position", `{"id":"x","method":"m","params":[1]}`, `"x"`, "m", `[1]`},
		{"without an id", `{"method":"m"}`, "", "m", ""},
		{"without parameters", `{"id":null,"method":"m","params":null}`, "null", "m", ""},
		{"with blanks", ` { "id" : 2 , "method" : "m" } `, "2", "m", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, e := ParseRequest([]byte(tt.line))
			if e != nil {
				t.Fatal(e)
			}
			if string(r.ID) != tt.id || r.Method != tt.method || string(r.Params) != tt.params {
				t.Errorf("got %s %s %s", r.ID, r.Method, r.Params)
			}
		})
	}
}

func TestParseRequestSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name, line  string
		code        int
		message, id string
	}{
		{"no JSON", `{"id":1,,}`, CodeBadJSON, "BAD_JSON: at byte 9: invalid character ',' looking for beginning of object key string", ""},
		{"half a line", `{"id":1,"meth`, CodeBadJSON, "BAD_JSON: at byte 13: unexpected end of JSON input", ""},
		{"two values", `{} {}`, CodeBadJSON, "BAD_JSON: at byte 4: invalid character '{' after top-level value", ""},
		{"not UTF-8", "{\"id\":\"\xff\"}", CodeBadJSON, "BAD_JSON: byte 8 is not UTF-8", ""},
		{"an array", `[1]`, CodeBadRequest, "BAD_REQUEST: the line must hold an object, not an array", ""},
		{"a string", `"x"`, CodeBadRequest, "BAD_REQUEST: the line must hold an object, not a string", ""},
		{"a number", `1`, CodeBadRequest, "BAD_REQUEST: the line must hold an object, not a number", ""},
		{"null", `null`, CodeBadRequest, "BAD_REQUEST: the line must hold an object, not null", ""},
		{"no method", `{"id":7}`, CodeBadRequest, "BAD_REQUEST: method is missing", "7"},
		{"a method that is no text", `{"id":7,"method":true}`, CodeBadRequest, "BAD_REQUEST: method must be a string, not a boolean", "7"},
		{"an id that is no scalar", `{"id":[7],"method":"m"}`, CodeBadRequest, "BAD_REQUEST: id must be a string, a number or null, not an array", ""},
		{"params that are a scalar", `{"id":7,"method":"m","params":"x"}`, CodeBadRequest, "BAD_REQUEST: params must be an object or an array, not a string", "7"},
		{"a member too many", `{"id":7,"method":"m","param":{}}`, CodeBadRequest, `BAD_REQUEST: unknown member "param"`, "7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, e := ParseRequest([]byte(tt.line))
			if e == nil {
				t.Fatal("no error")
			}
			if e.Code != tt.code || e.Message != tt.message || string(r.ID) != tt.id {
				t.Errorf("got %d %q id %s", e.Code, e.Message, r.ID)
			}
		})
	}
}

func TestRepliesSurviveTheWire(t *testing.T) {
	id := json.RawMessage(`"a<b"`)
	result, err := EncodeResult(id, map[string]any{"x": "<&>"})
	if err != nil || string(result) != `{"id":"a<b","result":{"x":"<&>"}}`+"\n" {
		t.Fatalf("got %s, %v", result, err)
	}
	data, _ := EncodeData(nil, "two\nlines")
	failure, _ := EncodeError(id, &Error{Code: 10, Name: "BAD_NAME", Message: "BAD_NAME: x"})
	tests := []struct {
		name  string
		line  []byte
		check func(Reply) bool
	}{
		{"a result", result, func(r Reply) bool {
			return r.Final() && string(r.ID) == string(id) && string(r.Result) == `{"x":"<&>"}`
		}},
		{"data", data, func(r Reply) bool {
			return !r.Final() && string(r.ID) == "null" && string(r.Data) == `"two\nlines"`
		}},
		{"an error", failure, func(r Reply) bool { return r.Final() && r.Error != nil && r.Error.Code == 10 && r.Error.Hint == "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if bytes.Count(tt.line, []byte("\n")) != 1 || tt.line[len(tt.line)-1] != '\n' {
				t.Errorf("%q is no line", tt.line)
			}
			r, err := ParseReply(tt.line)
			if err != nil || !tt.check(r) {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	for _, bad := range []string{`{"id":1}`, `x`, `[]`, `{"error":5}`} {
		if _, err := ParseReply([]byte(bad)); err == nil {
			t.Errorf("%s is taken for a reply", bad)
		}
	}
}

func TestReaderSplitsLines(t *testing.T) {
	long := strings.Repeat("x", 100)
	tests := []struct {
		name, in string
		want     []string // "!" is a line that is too long
	}{
		{"nothing", "", nil},
		{"blank lines are nothing", "\n\r\n  \n", nil},
		{"lines", "a\nb\r\n", []string{"a", "b"}},
		{"the last line may lack its newline", "a\nb", []string{"a", "b"}},
		{"the longest line", long[:10] + "\n", []string{long[:10]}},
		{"one byte more", long[:11] + "\nb\n", []string{"!", "b"}},
		{"much more", strings.Repeat(long, 100) + "\nb\n", []string{"!", "b"}},
		{"too long and cut off", long, []string{"!"}},
		{"two that are too long", long + "\n" + long + "\nb", []string{"!", "!", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				r := NewReader(in, 10)
				var got []string
				for {
					line, err := r.Line()
					if errors.Is(err, ErrLineTooLong) {
						got = append(got, "!")
						continue
					}
					if err != nil {
						if err != io.EOF {
							t.Fatal(err)
						}
						break
					}
					got = append(got, string(line))
				}
				if strings.Join(got, "|") != strings.Join(tt.want, "|") {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

func TestReaderTellsOfATooLongLineBeforeItEnds(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() { _, _ = pw.Write(bytes.Repeat([]byte("x"), 8<<10)) }()
	if _, err := NewReader(pr, 1000).Line(); !errors.Is(err, ErrLineTooLong) {
		t.Errorf("got %v", err)
	}
}

func TestReaderKeepsNoLargeBuffer(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("x", 1<<20)+"\nb\n"), 1<<20)
	for _, want := range []int{1 << 20, 1} {
		if line, err := r.Line(); err != nil || len(line) != want {
			t.Fatalf("got %d bytes, %v", len(line), err)
		}
	}
	if cap(r.line) > keepLine {
		t.Errorf("the reader holds %d bytes", cap(r.line))
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	if _, err := NewReader(iotest.ErrReader(broken), 10).Line(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestUsualRequestsAreParsedWithoutReflection(t *testing.T) {
	for _, line := range []string{
		`{"id":1,"method":"supervisor.getState"}`,
		`{"method":"m","params":{"name":"web","wait":true,"n":-5},"id":"x"}`,
		` { "id" : null , "method" : "m" , "params" : [ "a\n", [], {} ] } `,
	} {
		if r, ok := usualRequest([]byte(line)); !ok || r.Method == "" {
			t.Errorf("%s is not: %+v", line, r)
		}
	}
}

func TestReaderIsReadyWhenALineIsThere(t *testing.T) {
	pieces := []struct {
		text  string
		lines int // that are ready after it
	}{{"one", 0}, {" is\n", 1}, {"two\nthree\nfo", 2}, {"ur\n\r\n \n", 1}, {"\n", 0}, {strings.Repeat("x", 70) + "\n", 1}, {"five\n", 1}}
	var in bytes.Buffer
	r := NewReader(&in, 64)
	for _, p := range pieces {
		in.WriteString(p.text)
		_, _ = r.in.Peek(r.in.Buffered() + len(p.text)) // what a read would have brought
		for n := 0; ; n++ {
			if !r.Ready() {
				if n != p.lines {
					t.Errorf("%d lines are ready after %q, want %d", n, p.text, p.lines)
				}
				break
			}
			if _, err := r.Line(); err != nil && !errors.Is(err, ErrLineTooLong) {
				t.Fatal(err)
			}
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{`{"id":1,"method":"m","params":{}}`, `{"id":"\ud800","method":"m"}`, `[`, `{"id":1e999}`, "\xff", `{"method":"m","method":5}`} {
		f.Add([]byte(s))
	}
	for _, s := range []string{`{"id":"a","method":"m","params":[{"x":[null,-1.5]}],"id":2}`, `{"id":1,"method":""}`, `{"method":"\u006d","params":null}`, ` {"id" : true,"method":"m"}	`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if usual, ok := usualRequest(line); ok {
			if want, e := anyRequest(line); e != nil || !reflect.DeepEqual(usual, want) {
				t.Fatalf("%q is %+v to one and %+v, %v to the other", line, usual, want, e)
			}
		}
		r, e := ParseRequest(line)
		if e != nil {
			if _, err := EncodeError(r.ID, e); err != nil {
				t.Errorf("the error cannot be answered: %v", err)
			}
			return
		}
		again, err := EncodeRequest(r.ID, r.Method, r.Params)
		if err != nil {
			t.Fatal(err)
		}
		if second, e := ParseRequest(again); e != nil || second.Method != r.Method {
			t.Errorf("%s became %s: %v", line, again, e)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"))
	f.Add(bytes.Repeat([]byte("x"), 9000))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in), 64)
		for {
			line, err := r.Line()
			if len(line) > 64 {
				t.Fatalf("line of %d bytes", len(line))
			}
			if err != nil && !errors.Is(err, ErrLineTooLong) {
				return
			}
		}
	})
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"id":1,"result":true}`))
	f.Add([]byte(`{"id":1,"error":{"code":"x"}}`))
	f.Add([]byte(`{"id":"x","data":{"a":[1,"\u00e9"]}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if usual, ok := usualReply(line); ok {
			if want, err := anyReply(line); err != nil || !reflect.DeepEqual(usual, want) {
				t.Fatalf("%q is %+v to one and %+v, %v to the other", line, usual, want, err)
			}
		}
		if r, err := ParseReply(line); err == nil && r.Result == nil && r.Data == nil && r.Error == nil {
			t.Error("an empty reply")
		}
	})
}

func BenchmarkParseRequest(b *testing.B) {
	line := []byte(`{"id":1,"method":"supervisor.startProcess","params":{"name":"web","wait":true}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, e := ParseRequest(line); e != nil {
			b.Fatal(e)
		}
	}
}

func BenchmarkParseReply(b *testing.B) {
	line, err := EncodeResult(json.RawMessage("2"), make([]map[string]any, 1000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseReply(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeResult(b *testing.B) {
	type row struct {
		Name  string `json:"name"`
		State int    `json:"state"`
	}
	rows := make([]row, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeResult(json.RawMessage("1"), rows); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheBufferOfAnOrdinaryLineIsKept(t *testing.T) {
	line := strings.Repeat("x", 12_000) + "\n"
	r := NewReader(strings.NewReader(strings.Repeat(line, 50)), MaxLine)
	read := func() {
		if got, err := r.Line(); err != nil || len(got) != len(line)-1 {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	read()
	if n := testing.AllocsPerRun(40, read); n > 0 {
		t.Errorf("%v allocations for each line", n)
	}
}
