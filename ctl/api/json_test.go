package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// standardJSON is what encoding/json makes of a value.
func standardJSON(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// odd fills every field of a description, each with something else.
func odd(t testing.TB, text string, n int64) (p ProcessInfo) {
	t.Helper()
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fmt.Sprint(i, text))
		case reflect.Int, reflect.Int64:
			f.SetInt(n + int64(i))
		default:
			t.Fatalf("a field of kind %v", f.Kind())
		}
	}
	return p
}

func TestRepliesAreWrittenAsTheStandardLibraryWritesThem(t *testing.T) {
	for _, v := range []any{
		true, false, 42, -1, "caf\u00e9 \"<>\"\n\xff", StateInfo{StateCode: -1, StateName: "SHUTDOWN"},
		ProcessInfo{}, odd(t, "\\\u2028<", 1), []ProcessInfo{}, []ProcessInfo{odd(t, "a", -5), {}, odd(t, "", 1<<40)},
	} {
		got, ok := AppendJSON([]byte("x"), v)
		if want := "x" + string(standardJSON(t, v)); !ok || string(got) != want {
			t.Errorf("%T:\n got %s\nwant %s", v, got, want)
		}
	}
	for _, v := range []any{nil, 1.5, []ProcessInfo(nil), []Status{}, TailChunk{}} {
		if got, ok := AppendJSON([]byte("x"), v); ok || string(got) != "x" {
			t.Errorf("%T was written: %s", v, got)
		}
	}
}

func FuzzProcessInfo(f *testing.F) {
	f.Add("web", int64(4711))
	f.Add("\x00\xff\"\\\u2029", int64(-1<<62))
	f.Fuzz(func(t *testing.T, text string, n int64) {
		list := []ProcessInfo{odd(t, text, n), odd(t, "", 0)}
		line, _ := AppendJSON(nil, list)
		if want := standardJSON(t, list); !bytes.Equal(line, want) {
			t.Fatalf("\n got %s\nwant %s", line, want)
		}
		var want []ProcessInfo
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if got, err := UnmarshalProcesses(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %+v, %v", line, got, err)
		}
	})
}

func FuzzUnmarshalProcesses(f *testing.F) {
	whole := string(standardJSON(f, []ProcessInfo{odd(f, "x", 1)}))
	for _, s := range []string{whole, strings.ToUpper(whole), `[]`, `null`, `[null]`, `[{"name":"a","name":null}]`, `[{"pid":1.5}]`, `[{"more":[1]}]`, `[{}] x`, "[{\"name\":\"\xff\"}]", `{}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want []ProcessInfo
		failed := json.Unmarshal(text, &want)
		got, err := UnmarshalProcesses(text)
		if fmt.Sprint(err) != fmt.Sprint(failed) || !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %#v, %v instead of %#v, %v", text, got, err, want, failed)
		}
		var one ProcessInfo
		failed = json.Unmarshal(text, &one)
		if got, err := UnmarshalProcess(text); fmt.Sprint(err) != fmt.Sprint(failed) || got != one {
			t.Errorf("%q became %#v, %v instead of %#v, %v", text, got, err, one, failed)
		}
	})
}

func TestUsualParametersAreReadWithoutReflection(t *testing.T) {
	tests := []struct {
		method, params string
		want           []any
	}{
		{"supervisor.getProcessInfo", `{"name":"web"}`, []any{"web"}},
		{"supervisor.startProcess", `{ "wait" : false , "name" : "a\nb" }`, []any{"a\nb", false}},
		{"supervisor.startProcess", `{"name":"web"}`, []any{"web", true}},
		{"supervisor.readLog", `{"offset":-10,"length":0}`, []any{int64(-10), int64(0)}},
		{"supervisor.getState", `{}`, []any{}},
	}
	for _, tt := range tests {
		m, _ := Lookup(tt.method)
		if got, ok := m.usualArgs(json.RawMessage(tt.params)); !ok || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s: got %#v, %v", tt.method, tt.params, got, ok)
		}
	}
}

// thousandInfos are descriptions as a machine with many programs has them.
func thousandInfos() []ProcessInfo {
	list := make([]ProcessInfo, 1000)
	for i := range list {
		name := fmt.Sprintf("p%05d", i)
		list[i] = ProcessInfo{Name: name, Group: name, Start: 1767323045, Now: 1767323083, State: 20, StateName: "RUNNING",
			Logfile: "/var/log/" + name + ".log", StdoutLogfile: "/var/log/" + name + ".log", StderrLogfile: "/var/log/" + name + ".err",
			PID: 4711 + i, Description: "pid 4711, uptime 0:00:38"}
	}
	return list
}

func BenchmarkArgsJSON(b *testing.B) {
	m, _ := Lookup("supervisor.startProcess")
	params := json.RawMessage(`{"name":"web","wait":true}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, f := m.ArgsJSON(params); f != nil {
			b.Fatal(f)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	list := thousandInfos()
	buffer, _ := AppendJSON(nil, list)
	b.SetBytes(int64(len(buffer)))
	b.ReportAllocs()
	for b.Loop() {
		buffer, _ = AppendJSON(buffer[:0], list)
	}
}

func BenchmarkUnmarshalProcesses(b *testing.B) {
	text, _ := AppendJSON(nil, thousandInfos())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if list, err := UnmarshalProcesses(text); err != nil || len(list) != 1000 {
			b.Fatal(err)
		}
	}
}

func TestALongDescriptionIsNotExpectedOfAll(t *testing.T) {
	all := make([]ProcessInfo, 1000)
	all[0].Logfile = strings.Repeat("x", 1<<20)
	b, ok := AppendJSON(nil, all)
	if !ok || cap(b) > 8<<20 {
		t.Errorf("a list of %d bytes was given room for %d", len(b), cap(b))
	}
}
