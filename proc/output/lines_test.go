package output

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
)

// at is the time of the lines in these tests.
var at = time.Date(2026, 11, 22, 10, 20, 30, 123456789, time.FixedZone("", 3600))

// lineLog is a configuration with a limit that tests can reach.
func lineLog(f conf.LogFormat) conf.LineLog {
	return conf.LineLog{Format: f, Prefix: "web |", Timestamps: conf.StampNone, MaxLine: 64, PartialMS: 200}
}

func newLines(to Sink, c conf.LineLog) *Lines {
	l := NewLines(to, c, "site", "web", "stdout")
	l.now = func() time.Time { return at }
	return l
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 64)
	const j = `{"group":"site","name":"web","channel":"stdout",`
	const f = `group=site name=web channel=stdout `
	stamped := func(f conf.LogFormat, s conf.LogTimestamps) conf.LineLog {
		c := lineLog(f)
		c.Timestamps = s
		return c
	}
	for _, tt := range []struct {
		name  string
		conf  conf.LineLog
		wrote []string // "!": the part that waits is flushed
		want  []string
	}{
		{"a prefix", lineLog(conf.LogPrefix), []string{"a\nb\n"}, []string{"web | a", "web | b"}},
		{"an empty line", lineLog(conf.LogPrefix), []string{"\n"}, []string{"web | "}},
		{"pieces of a line", lineLog(conf.LogPrefix), []string{"a", "b", "c\nd", "\n"}, []string{"web | abc", "web | d"}},
		{"the last line without its end", lineLog(conf.LogPrefix), []string{"a\nb"}, []string{"web | a", "web | b"}},
		{"bytes as they are", lineLog(conf.LogPrefix), []string{"\xff\x1b[1m\r\x00\n"}, []string{"web | \xff\x1b[1m\r\x00"}},
		{"no prefix", conf.LineLog{Format: conf.LogPrefix, Timestamps: conf.StampNone, MaxLine: 64}, []string{"a\n"}, []string{"a"}},
		{"the longest line", lineLog(conf.LogPrefix), []string{long + "\n"}, []string{"web | " + long}},
		{"the longest line, its end alone", lineLog(conf.LogPrefix), []string{long, "\n"}, []string{"web | " + long}},
		{"a longer line", lineLog(conf.LogPrefix), []string{long + "y\nz\n"}, []string{"web | " + long + ` \`, "web | y", "web | z"}},
		{"a much longer line, in pieces", lineLog(conf.LogPrefix), []string{"x", long + long, "y"},
			[]string{"web | " + long + ` \`, "web | " + long + ` \`, "web | xy"}},
		{"a character is not cut", lineLog(conf.LogPrefix), []string{long[1:] + "äö\n"}, []string{"web | " + long[1:] + ` \`, "web | äö"}},
		{"what is no character is", lineLog(conf.LogPrefix), []string{strings.Repeat("\x80", 65) + "\n"},
			[]string{"web | " + strings.Repeat("\x80", 64) + ` \`, "web | \x80"}},
		{"a question", lineLog(conf.LogPrefix), []string{"name? ", "!", "joe\n"}, []string{`web | name?  \`, "web | joe"}},
		{"a question and nothing more", lineLog(conf.LogPrefix), []string{"name? ", "!"}, []string{`web | name?  \`}},
		{"a question and its newline", lineLog(conf.LogPrefix), []string{"name? ", "!", "\n"}, []string{`web | name?  \`, "web | "}},
		{"half a character waits", lineLog(conf.LogPrefix), []string{"a\xc3", "!", "\xa4\n"}, []string{`web | a \`, "web | ä"}},
		{"but not for ever", lineLog(conf.LogPrefix), []string{"\xc3", "!", "\n"}, []string{"web | \xc3 \\", "web | "}},
		{"nothing to flush", lineLog(conf.LogPrefix), []string{"a\n", "!"}, []string{"web | a"}},
		{"a prefix behind the time", stamped(conf.LogPrefix, conf.StampRFC3339), []string{"a\nb\n"},
			[]string{"2026-11-22T09:20:30.123456Z web | a", "2026-11-22T09:20:30.123456Z web | b"}},

		{"json", lineLog(conf.LogJSON), []string{"a\n"}, []string{j + `"line":"a"}`}},
		{"escapes in json", lineLog(conf.LogJSON), []string{"\"\\\t\r\x1b\x7f\x00ä\u009b\u2028\n"},
			[]string{j + `"line":"\"\\\t\r\u001b\u007f\u0000ä\u009b` + "\u2028" + `"}`}},
		{"no text in json", lineLog(conf.LogJSON), []string{"caf\xe9\n"}, []string{j + `"line":"caf\ufffd","base64":"Y2Fm6Q=="}`}},
		{"the replacement character itself", lineLog(conf.LogJSON), []string{"\ufffd\n"}, []string{j + `"line":"` + "\ufffd" + `"}`}},
		{"parts in json", lineLog(conf.LogJSON), []string{long + "y\n"}, []string{j + `"partial":true,"line":"` + long + `"}`, j + `"line":"y"}`}},
		{"the time in json", stamped(conf.LogJSON, conf.StampRFC3339), []string{"a\n"}, []string{`{"time":"2026-11-22T09:20:30.123456Z",` + j[1:] + `"line":"a"}`}},
		{"seconds in json", stamped(conf.LogJSON, conf.StampEpoch), []string{"a\n"}, []string{`{"time":1795339230.123,` + j[1:] + `"line":"a"}`}},

		{"logfmt", lineLog(conf.LogFmt), []string{"a b\n"}, []string{f + `line="a b"`}},
		{"escapes in logfmt", lineLog(conf.LogFmt), []string{"\"\\\t\r\x1b\x7fä\u009b\xff\n"}, []string{f + `line="\"\\\t\r\x1b\x7fä\u009b\xff"`}},
		{"parts in logfmt", lineLog(conf.LogFmt), []string{"a", "!", "b\n"}, []string{f + `partial=true line="a"`, f + `line="b"`}},
		{"a part and nothing more in json", lineLog(conf.LogJSON), []string{"a", "!"}, []string{j + `"partial":true,"line":"a"}`, j + `"line":""}`}},
		{"a part and nothing more in logfmt", lineLog(conf.LogFmt), []string{"a", "!"}, []string{f + `partial=true line="a"`, f + `line=""`}},
		{"the time in logfmt", stamped(conf.LogFmt, conf.StampEpoch), []string{"a\n"}, []string{`time=1795339230.123 ` + f + `line="a"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got memory
			l := newLines(&got, tt.conf)
			for _, p := range tt.wrote {
				if p == "!" {
					l.Flush(Urgent)
				} else {
					l.Write([]byte(p), Urgent)
				}
			}
			l.End()
			l.End() // the next run of the program: nothing is left of this one
			if want := strings.Join(tt.want, "\n") + "\n"; got.String() != want {
				t.Errorf("got\n%q, want\n%q", got.String(), want)
			}
		})
	}
}

func TestLinesQuoteNames(t *testing.T) {
	for _, tt := range []struct {
		format conf.LogFormat
		want   string
	}{
		{conf.LogJSON, `{"group":"a \"b\"\n","name":"","channel":"stderr","line":"x"}`},
		{conf.LogFmt, `group="a \"b\"\n" name="" channel=stderr line="x"`},
	} {
		var got memory
		NewLines(&got, lineLog(tt.format), "a \"b\"\n", "", "stderr").Write([]byte("x\n"), Urgent)
		if got.String() != tt.want+"\n" {
			t.Errorf("got %s, want %s", got.String(), tt.want)
		}
	}
}

func TestLinesAreDueFromTheirFirstByteOn(t *testing.T) {
	c := lineLog(conf.LogPrefix)
	now := at
	l := newLines(&memory{}, c)
	l.now = func() time.Time { return now }
	check := func(what string, want time.Time) {
		t.Helper()
		if got := l.Due(); !got.Equal(want) {
			t.Errorf("%s: due %v, want %v", what, got, want)
		}
	}
	check("at first", time.Time{})
	l.Write([]byte("a\nb"), Urgent)
	first := at.Add(200 * time.Millisecond)
	check("with a part", first)
	now = at.Add(time.Millisecond)
	l.Write([]byte("c"), Urgent)
	check("with more of it", first)
	l.Write([]byte("\nd"), Urgent)
	check("with another", now.Add(200*time.Millisecond))
	l.Flush(Urgent)
	check("after the flush", time.Time{})
	l.conf.PartialMS = 0
	l.Write([]byte("e"), Urgent)
	check("when nothing is to be flushed", time.Time{})
}

// TestAQuestionIsShownWhileItsProgramWaits and nothing else happens.
func TestAQuestionIsShownWhileItsProgramWaits(t *testing.T) {
	var got memory
	c := lineLog(conf.LogPrefix)
	c.PartialMS = 1
	p, w := start(t, Options{Sinks: []Sink{NewLines(&got, c, "g", "n", "stdout")}})
	want := ""
	for _, question := range []string{"name? ", "age? "} {
		say(t, w, question)
		want += "web | " + question + " \\\n"
		within(t, "the question is shown", func() bool { return got.String() == want })
	}
	say(t, w, "bye\nrest")
	drain(t, p)
	// The rest may have waited long enough to be flushed.
	if want += "web | bye\nweb | rest\n"; got.String() != want && got.String() != strings.Replace(want, "rest\n", "rest \\\nweb | \n", 1) {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// TestAHeldLineDoesNotHoldUpTheDrain although its time has not come.
func TestAHeldLineDoesNotHoldUpTheDrain(t *testing.T) {
	for range 200 {
		var got memory
		c := lineLog(conf.LogPrefix)
		c.PartialMS = 60_000
		p, w := start(t, Options{Sinks: []Sink{NewLines(&got, c, "g", "n", "stdout")}})
		say(t, w, "last words")
		drain(t, p)
		if got.String() != "web | last words\n" {
			t.Fatalf("got %q", got.String())
		}
	}
}

// TestLinesOfManyAreNeverMixed on their way through one stream, whatever the pipe
// takes at once.
func TestLinesOfManyAreNeverMixed(t *testing.T) {
	r, fd := blockingPipe(t)
	stream := NewStream(fd)
	const programs, lines = 4, 3000
	var pumps []*Pump
	for i := range programs {
		c := lineLog(conf.LogPrefix)
		// However long the second half of a line takes to come.
		c.Prefix, c.MaxLine, c.PartialMS = fmt.Sprintf("p%d |", i), 1<<20, 600_000
		p, w := start(t, Options{Sinks: []Sink{NewLines(stream, c, "g", "n", "stdout")}})
		pumps = append(pumps, p)
		go func() {
			var b bytes.Buffer
			for n := range lines {
				fmt.Fprintf(&b, "%d %s\n", n, strings.Repeat(strconv.Itoa(i), n%300))
				for b.Len() > 100+n%77 {
					_, _ = w.Write(b.Next(100 + n%77))
				}
			}
			_, _ = w.Write(b.Bytes())
			w.Close()
		}()
	}
	next := make([]int, programs)
	buffered := make([]byte, 0, 1<<20)
	for total := 0; total < programs*lines; {
		chunk := make([]byte, 7001)
		n, err := r.Read(chunk)
		if err != nil {
			t.Fatal(err)
		}
		buffered = append(buffered, chunk[:n]...)
		for {
			line, rest, found := bytes.Cut(buffered, []byte("\n"))
			if !found {
				break
			}
			buffered = rest
			total++
			var i, n int
			if _, err := fmt.Sscanf(string(line), "p%d | %d", &i, &n); err != nil || i >= programs || n != next[i] ||
				string(line) != fmt.Sprintf("p%d | %d %s", i, n, strings.Repeat(strconv.Itoa(i), n%300)) {
				t.Fatalf("line %d is %q", total, line)
			}
			next[i]++
		}
	}
	for _, p := range pumps {
		drain(t, p)
	}
}

// TestLinesTakeNoMemoryOfTheirOwn once there are buffers. (The race detector has
// a pool forget some of them.)
func TestLinesTakeNoMemoryOfTheirOwn(t *testing.T) {
	text := []byte(strings.Repeat("a line \"of\" some length\n", 100) + "and a part")
	for _, f := range []conf.LogFormat{conf.LogPrefix, conf.LogJSON, conf.LogFmt} {
		c := lineLog(f)
		c.Timestamps = conf.StampRFC3339
		l := NewLines(nowhere{}, c, "g", "n", "stdout")
		l.Write(text, Urgent)
		if n := testing.AllocsPerRun(200, func() { l.Write(text, Urgent) }); n > 20 {
			t.Errorf("%s: %v allocations for a hundred lines", f, n)
		}
		l.End()
		if l.held != nil {
			t.Errorf("%s: a buffer is kept", f)
		}
	}
}

type nowhere struct{}

func (nowhere) Write([]byte, <-chan struct{}) {}

// parsed takes lines of a format apart: the text of each part, and whether it
// goes on.
func parsed(t *testing.T, f conf.LogFormat, text string) (parts []string, goesOn []bool) {
	t.Helper()
	if text == "" {
		return nil, nil
	}
	if !strings.HasSuffix(text, "\n") {
		t.Fatalf("the last line has no end: %q", text)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		part, more := "", false
		switch f {
		case conf.LogJSON:
			var o struct {
				Line    *string
				Base64  []byte
				Partial bool
				Group   string
			}
			if err := json.Unmarshal([]byte(line), &o); err != nil || o.Line == nil || o.Group != "site" {
				t.Fatalf("%v: %q", err, line)
			}
			if part, more = *o.Line, o.Partial; o.Base64 != nil {
				if strings.ToValidUTF8(string(o.Base64), "\ufffd") == "" {
					t.Fatalf("no bytes: %q", line)
				}
				part = string(o.Base64)
			}
		case conf.LogFmt:
			head, quoted, found := strings.Cut(line, "line=")
			text, err := strconv.Unquote(quoted)
			if !found || err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			part, more = text, strings.Contains(head, "partial=true ")
		}
		parts, goesOn = append(parts, part), append(goesOn, more)
	}
	return parts, goesOn
}

// FuzzLines checks that the lines do not depend on the pieces in which they come,
// and that every byte can be had back, also when parts are flushed.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb"), []byte{1, 2}, uint8(0))
	f.Add([]byte(strings.Repeat("äöü", 60)+"\n\n"), []byte{7}, uint8(1))
	f.Add([]byte(strings.Repeat("\xf0\x9f\x98\x80", 40)+"\xff\x00\x1b\"\\\n"), []byte{63, 1, 64}, uint8(3))
	f.Add([]byte(strings.Repeat("x", 64)+"\n"+strings.Repeat("y", 65)+"\n"), []byte{64}, uint8(2))
	f.Fuzz(func(t *testing.T, text, cuts []byte, flush uint8) {
		for _, format := range []conf.LogFormat{conf.LogPrefix, conf.LogJSON, conf.LogFmt} {
			write := func(flush uint8, cuts []byte) string {
				var got memory
				l := newLines(&got, lineLog(format))
				rest := text
				for i := 0; len(cuts) > 0 && len(rest) > 0; i++ {
					n := min(int(cuts[i%len(cuts)])+1, len(rest))
					l.Write(bytes.Clone(rest[:n]), Urgent)
					if rest = rest[n:]; flush > 0 && i%int(flush) == 0 {
						l.Flush(Urgent)
					}
				}
				l.Write(rest, Urgent)
				l.End()
				return got.String()
			}
			whole := write(0, nil)
			if pieces := write(0, cuts); pieces != whole {
				t.Fatalf("%s: in pieces\n%q, as a whole\n%q", format, pieces, whole)
			}
			if format == conf.LogPrefix {
				continue // not to be taken apart: a line may end as a part does
			}
			for _, out := range []string{whole, write(flush, cuts)} {
				parts, goesOn := parsed(t, format, out)
				var back strings.Builder
				for i, part := range parts {
					if len(part) > 64 {
						t.Fatalf("%s: a part of %d bytes", format, len(part))
					}
					if back.WriteString(part); !goesOn[i] {
						back.WriteByte('\n')
					}
				}
				want := string(text)
				if want != "" && !strings.HasSuffix(want, "\n") {
					want += "\n"
				}
				if back.String() != want {
					t.Fatalf("%s: got back\n%q, want\n%q", format, back.String(), want)
				}
			}
		}
	})
}

func TestBase64IsThatOfTheWholeLine(t *testing.T) {
	line := []byte("\xff and more \xfe")
	got := string(appendLine(nil, line))
	if want := `"base64":"` + base64.StdEncoding.EncodeToString(line) + `"`; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want %s at its end", got, want)
	}
}
