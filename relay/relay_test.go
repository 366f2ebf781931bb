package relay

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEveryEventIsTaken(t *testing.T) {
	const head = "ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:PROCESS_LOG_STDOUT len:"
	for _, row := range []struct {
		name, in string
		code     int
		out      string
		errs     string
	}{
		{"no event", "", 0, "READY\n", ""},
		{"one", head + "3\nabc", 0, "READY\nRESULT 2\nOKREADY\n", ""},
		{"none in it", head + "0\n", 0, "READY\nRESULT 2\nOKREADY\n", ""},
		{"characters, not bytes", head + "3\na\u00e9\u20ac" + head + "1\n\U0001f600" + head + "0\n", 0, "READY\n" + strings.Repeat("RESULT 2\nOKREADY\n", 3), ""},
		{"bytes that are no characters count each", head + "3\n\xff\xfe\x80" + head + "0\n", 0, "READY\n" + strings.Repeat("RESULT 2\nOKREADY\n", 2), ""},
		{"an event that looks like a header", head + "6\nlen:9\n", 0, "READY\nRESULT 2\nOKREADY\n", ""},
		{"the end within an event", head + "9\nabc", 0, "READY\n", ""},
		{"the end within a header", head, 0, "READY\n", ""},
		{"no length", "hello\n", 1, "READY\n", `no length of an event in "hello\n"`},
		{"a length that is none", "len:x\n", 1, "READY\n", "no length of an event"},
		{"a length below nothing", "len:-1\n", 1, "READY\n", "no length of an event"},
		{"a header without end", strings.Repeat("x", longestHeader+1), 1, "READY\n", "more than 65536 bytes"},
	} {
		for _, in := range []io.Reader{strings.NewReader(row.in), iotest.OneByteReader(strings.NewReader(row.in))} {
			var out, errs strings.Builder
			code := Main(in, &out, &errs)
			if code != row.code || out.String() != row.out || !strings.Contains(errs.String(), row.errs) || (row.errs == "") != (errs.Len() == 0) {
				t.Errorf("%s: exit status %d, stdout %q, stderr %q", row.name, code, out.String(), errs.String())
			}
		}
	}
}

func FuzzEventsAreBounded(f *testing.F) {
	for _, seed := range []string{"", "len:3\nabc", "len:99999999999999999999\n", "ver:3.0 len:1\n\xc3\xa9len:0\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var out strings.Builder
		Main(strings.NewReader(in), &out, io.Discard)
		answers := strings.TrimPrefix(out.String(), ready)
		if n := strings.Count(answers, taken+ready); answers != strings.Repeat(taken+ready, n) || n > strings.Count(in, "\n") {
			t.Errorf("%q: answered %q", in, answers)
		}
	})
}
