package ctl

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gosupervisor/ctl/api"
)

func piece(name, text string) api.LogPiece {
	group, process := splitName(name)
	return api.LogPiece{Group: group, Name: process, Channel: api.Stdout, Data: api.Bytes(text)}
}

// stderrPiece is a piece of the error output.
func stderrPiece(name, text string) api.LogPiece {
	p := piece(name, text)
	p.Channel = api.Stderr
	return p
}

func faultPiece(name, fault string) api.LogPiece {
	p := piece(name, "")
	p.Fault = fault
	return p
}

func missedPiece(name string, n int64) api.LogPiece {
	p := piece(name, "")
	p.Missed = n
	return p
}

func TestLogsMergesLines(t *testing.T) {
	for _, row := range []struct {
		name   string
		pieces []api.LogPiece
		want   string
	}{
		{"nothing", nil, ""},
		{"lines of two", []api.LogPiece{piece("cat", "one\ntwo\n"), piece("g:m1", "three\n")}, "cat  | one\ncat  | two\ng:m1 | three\n"},
		{"a line in two pieces, and another in between", []api.LogPiece{piece("cat", "on"), piece("g:m1", "three\n"), piece("cat", "e\n")},
			"g:m1 | three\ncat  | one\n"},
		{"both outputs of one, each with half a line", []api.LogPiece{piece("cat", "on"), stderrPiece("cat", "tw"), piece("cat", "e\n"), stderrPiece("cat", "o\n")},
			"cat  | one\ncat  | two\n"},
		{"a line without an end", []api.LogPiece{piece("cat", "one\ntw"), piece("g:m1", "three\n")}, "cat  | one\ng:m1 | three\ncat  | tw\n"},
		{"empty lines", []api.LogPiece{piece("cat", "\n\n")}, "cat  | \ncat  | \n"},
		{"a gap", []api.LogPiece{piece("cat", "on"), missedPiece("cat", 17), piece("cat", "two\n")},
			"cat  | on\ncat  | ==> 17 bytes missed <==\ncat  | two\n"},
		{"any bytes at all", []api.LogPiece{piece("cat", "caf\xe9\x1b[2J\r\n")}, "cat  | caf\xe9\x1b[2J\r\n"},
		{"a log that is only open", []api.LogPiece{piece("cat", ""), faultPiece("g:m1", "NO_FILE")}, ""},
		{"a process that nobody knew", []api.LogPiece{piece("g:longer", "one\n")}, "g:longer | one\n"},
		{"a character in two pieces", []api.LogPiece{piece("cat", "caf\xc3"), piece("cat", "\xa9\n")}, "cat  | café\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, map[string]any{"supervisor.followLogs": row.pieces,
				"supervisor.getAllProcessInfo": []api.ProcessInfo{{Name: "cat", Group: "cat"}, {Name: "m1", Group: "g"}}})
			if row.pieces == nil {
				f.set("supervisor.followLogs", ending{})
			}
			if got := supervisorctl(t, "", "-c", f.config, "logs"); got.out != row.want || got.exit != 0 || got.errs != "" {
				t.Errorf("exit %d, got %q and %q, want %q", got.exit, got.out, got.errs, row.want)
			}
		})
	}
}

func TestALineThatNeverEndsIsShownInParts(t *testing.T) {
	long := strings.Repeat("é", longestLine) // twice as many bytes
	f := newFake(t, map[string]any{"supervisor.followLogs": []api.LogPiece{piece("cat", "x"+long[:99_999]), piece("cat", long[99_999:]+"\n")}})
	got := supervisorctl(t, "", "-c", f.config, "logs", "cat")
	var text strings.Builder
	for line := range strings.Lines(got.out) {
		line, ok := strings.CutPrefix(line, "cat | ")
		if !ok || len(line) > longestLine+1 || strings.ContainsRune(line, '\ufffd') {
			t.Fatalf("a line of %d bytes, %.20q", len(line), line)
		}
		text.WriteString(strings.TrimSuffix(line, "\n"))
	}
	if text.String() != "x"+long {
		t.Errorf("got %d bytes, want %d", text.Len(), len(long)+1)
	}
}

func TestWhatLogsAsksFor(t *testing.T) {
	for line, want := range map[string]string{
		"logs":                         `{"follow":false,"lines":10}`,
		"logs all":                     `{"follow":false,"lines":10}`,
		"logs cat all":                 `{"follow":false,"lines":10}`,
		"logs cat":                     `{"follow":false,"lines":10,"names":["cat"]}`,
		"logs g:* cat -n 5":            `{"follow":false,"lines":5,"names":["g:*","cat"]}`,
		"logs -n5 g: --stderr":         `{"channel":"stderr","follow":false,"lines":5,"names":["g:*"]}`,
		"logs --lines=0 --stdout g:m1": `{"channel":"stdout","follow":false,"lines":0,"names":["g:m1"]}`,
	} {
		asked := make(chan string, 1)
		f := newFake(t, map[string]any{"supervisor.followLogs": func(p map[string]any) any {
			b, _ := json.Marshal(p)
			asked <- string(b)
			return ending{}
		}})
		if got := supervisorctl(t, "", "-c", f.config, line); got.exit != 0 || got.out != "" {
			t.Errorf("%s: exit %d, got %q", line, got.exit, got.out)
		}
		if got := <-asked; got != want {
			t.Errorf("%s: asked for %s, want %s", line, got, want)
		}
	}
}

func TestLogsThatCannotBeShown(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLogs": []api.LogPiece{
		piece("cat", "fine\n"), faultPiece("g:m1", "NO_FILE"), faultPiece("g:m2", "FAILED: no"), stderrPiece("g:m2", ""), faultPiece("idle", "FAILED: input/output error"),
	}})
	for _, row := range []struct {
		line, out string
		exit      int
	}{
		{"logs", "cat  | fine\n", 0},
		{"logs g:*", "cat  | fine\n", 0},
		{"logs g:m1 g:m2", "cat  | fine\ng:m1: ERROR (no log file)\n", 1},
		{"logs idle", "cat  | fine\nidle: ERROR (unknown error reading log)\n", 1},
		{"logs nope cat", "nope: ERROR (no such process)\ncat | fine\n", 1},
		{"logs nope:* nope", "nope: ERROR (no such group)\nnope: ERROR (no such process)\n", 1},
		{"logs --stdout --stderr", "Error: --stdout and --stderr exclude each other\n", 2},
		{"logs -x cat", "Error: bad argument -x\n  " + listingOf("logs") + "\n", 2},
		{"logs -20 cat", "Error: bad argument -20\n  did you mean -n 20?\n", 2},
		{"logs -- -x", "-x: ERROR (no such process)\n", 1},
		{"logs -n x", "Error: bad value 'x' of --lines\n  it must be a whole number, such as 20\n", 2},
	} {
		if got := supervisorctl(t, "", "-c", f.config, row.line); got.out != row.out || got.exit != row.exit {
			t.Errorf("%s: exit %d, got %q, want %q", row.line, got.exit, got.out, row.out)
		}
	}
}

func TestLogsInJSON(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLogs": []api.LogPiece{
		piece("cat", "one\ntw"), missedPiece("cat", 5), piece("cat", "caf\xe9\n"), stderrPiece("g:m1", "é\n"), faultPiece("g:m2", "NO_FILE")}})
	got := supervisorctl(t, "", "-c", f.config, "logs", "cat", "g:m1", "g:m2", "--json")
	want := `{"data":{"group":"cat","name":"cat","channel":"stdout","data":"one\n"}}
{"data":{"group":"cat","name":"cat","channel":"stdout","data":"tw"}}
{"data":{"group":"cat","name":"cat","channel":"stdout","missed":5}}
{"data":{"group":"cat","name":"cat","channel":"stdout","data":{"base64":"Y2Fm6Qo="}}}
{"data":{"group":"g","name":"m1","channel":"stderr","data":"é\n"}}
{"error":{"code":20,"name":"NO_FILE","message":"NO_FILE"}}
`
	if got.out != want || got.exit != 1 {
		t.Errorf("exit %d, got\n%swant\n%s", got.exit, got.out, want)
	}
}

func TestCtrlCEndsLogs(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLogs": []api.LogPiece{piece("cat", "one\nhalf")}})
	for line, want := range map[string]string{
		"logs -f":     "cat  | one\ncat  | half\n", // after a while without its end
		"logs -f cat": "cat | one\ncat | half\n",
	} {
		in, _ := pipe(t)
		var out watched
		code := make(chan int)
		go func() { code <- run("supervisorctl", []string{"-c", f.config, line}, in, &out, io.Discard) }()
		out.await(t, "half\n")
		interrupt()
		if got := <-code; got != 0 || out.String() != want {
			t.Errorf("%s: exit %d, got %q, want %q", line, got, out.String(), want)
		}
	}
}

func TestLogsEndsWhenNothingCanCome(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLogs": []api.LogPiece{faultPiece("cat", "NO_FILE")}})
	got := supervisorctl(t, "", "-c", f.config, "logs", "-f", "cat")
	if got.out != "cat: ERROR (no log file)\n" || got.exit != 1 {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
}

func TestLogsTellsThatTheServerLeft(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLogs": ending{}})
	got := supervisorctl(t, "", "-c", f.config, "logs", "-f")
	if got.out != "error: "+f.url+" connection lost: it has ended the stream\n" || got.exit != 1 {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
}

func TestLogsIsTimed(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLogs": []api.LogPiece{piece("cat", "one\n")}})
	got := supervisorctl(t, "", "-c", f.config, "logs", "-f", "--timeout=0.3")
	if got.exit != exitTimeout || !strings.HasSuffix(got.out, "error: timed out after 300ms; what the server has begun goes on\n") {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
}

func TestWhatATerminalIsShown(t *testing.T) {
	for _, row := range []struct{ name, line, colours, plain string }{
		{"text", "plain é\ttext", "plain é\ttext", "plain é\ttext"},
		{"colours, which end with the line", "a \x1b[1;31mred\x1b[m \x1b[38:5:1mword", "a \x1b[1;31mred\x1b[m \x1b[38:5:1mword\x1b[0m", "a red word"},
		{"what clears and moves", "\x1b[2J\x1b[1;1Hx\x1b[3A", `\x1b[2J\x1b[1;1Hx\x1b[3A`, `\x1b[2J\x1b[1;1Hx\x1b[3A`},
		{"a title, and what is said back", "\x1b]0;title\x07\x1b[6n\x1bc", `\x1b]0;title\x07\x1b[6n\x1bc`, `\x1b]0;title\x07\x1b[6n\x1bc`},
		{"eight bits", "\u009b2J\u0085", `\u009b2J\u0085`, `\u009b2J\u0085`},
		{"no text", "caf\xe9", `caf\xe9`, `caf\xe9`},
		{"the end of a line on Windows", "text\r", "text", "text"},
		{"a line that is written over", "10%\r20%\b", `10%\x0d20%\x08`, `10%\x0d20%\x08`},
		{"half a sequence", "x\x1b[31", `x\x1b[31`, `x\x1b[31`},
	} {
		if got := harmless(row.line, true); got != row.colours {
			t.Errorf("%s: got %q, want %q", row.name, got, row.colours)
		}
		if got := harmless(row.line, false); got != row.plain {
			t.Errorf("%s, without colours: got %q, want %q", row.name, got, row.plain)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("a \x1b[31mb\x1b[2Jc\xff\r")
	f.Fuzz(func(t *testing.T, line string) {
		for _, colours := range []bool{false, true} {
			got := harmless(line, colours)
			for i, r := range sgr().ReplaceAllString(got, "") {
				if r < 0x20 && r != '\t' || r >= 0x7f && r <= 0x9f {
					t.Fatalf("%q shows %q at %d", line, got, i)
				}
			}
		}
	})
}

func TestNamesAreColouredAndPadded(t *testing.T) {
	var out strings.Builder
	m := newMerger(&session{out: &out, terminal: true, colours: true})
	m.introduce("a")
	m.introduce("web\x1b[2J")
	m.add(piece("a", "\x1b[31mred\n"), time.Now())
	m.add(piece("web\x1b[2J", "plain\n"), time.Now())
	want := fmt.Sprintf("\x1b[36ma%s |\x1b[0m \x1b[31mred\x1b[0m\n\x1b[33mweb\\x1b[2J |\x1b[0m plain\n", strings.Repeat(" ", len(`web\x1b[2J`)-1))
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestTailOfWhatIsKeptInMemory(t *testing.T) {
	f := newFake(t, nil)
	for line, want := range map[string]string{
		"tail kept":            "stdout of 1600 bytes\n",
		"tail -20 kept stderr": "stderr of 20 bytes\n",
		"tail -0 kept":         "stdout of 9223372036854775808 bytes\n",
		"tail --5 kept":        "kept: ERROR (no log file)\n",
		"tail nolog":           "nolog: ERROR (no log file)\n",
	} {
		got := supervisorctl(t, "", "-c", f.config, line)
		if got.out != want || (got.exit == 0) != strings.HasSuffix(want, "bytes\n") {
			t.Errorf("%s: exit %d, got %q, want %q", line, got.exit, got.out, want)
		}
	}
}
