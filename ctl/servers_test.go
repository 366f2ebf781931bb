package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// several is two servers, and one that is not there.
type several struct {
	a, b *fake
	none string
	fill func(string) string // A, B and NONE, padded, for their labels
}

func newSeveral(t *testing.T) *several {
	long := []api.ProcessInfo{
		{Name: "a_name_of_more_than_thirty_characters", Group: "g", StateName: "RUNNING", PID: 5, Description: "pid 5"},
		{Name: "x", Group: "x", StateName: "RUNNING", Description: "pid 6"},
	}
	v := &several{a: newFake(t, nil), b: newFake(t, map[string]any{"supervisor.getAllProcessInfo": long, "supervisor.getPID": 77}), none: "unix:///nowhere/s"}
	width := max(len(v.a.url), len(v.b.url), len(v.none))
	pad := func(url string) string { return fmt.Sprintf("%-*s", width, url) }
	v.fill = strings.NewReplacer("NONE", pad(v.none), "A|", pad(v.a.url), "B|", pad(v.b.url)).Replace
	return v
}

func (v *several) run(t *testing.T, stdin string, urls []string, args ...string) outcomeOf {
	t.Helper()
	all := []string{"-c", v.a.config}
	for _, url := range urls {
		all = append(all, "-s", url)
	}
	return supervisorctl(t, stdin, append(all, args...)...)
}

func TestOneStatusOfSeveralServers(t *testing.T) {
	v := newSeveral(t)
	both := []string{v.a.url, v.b.url}
	got := v.run(t, "", both, "status")
	want := v.fill(`A|  cat                                       RUNNING   pid 11, uptime 0:00:38
A|  g:m1                                      STARTING  ` + `
A|  g:m2                                      RUNNING   pid 13, uptime 1 day, 0:00:00
A|  idle                                      STOPPED   Not started
B|  g:a_name_of_more_than_thirty_characters   RUNNING   pid 5
B|  x                                         RUNNING   pid 6
`)
	if got.out != want || got.errs != "" || got.exit != 3 {
		t.Errorf("exit %d, got\n%s%s\nwant\n%s", got.exit, got.out, got.errs, want)
	}
}

func TestSeveralServers(t *testing.T) {
	v := newSeveral(t)
	all := []string{v.none, v.a.url, v.b.url}
	missing := "NONE  " + v.none + " no such file\n"
	for _, row := range []struct {
		line, out, errs string
		exit            int
	}{
		{"pid", missing + "A|  1234\nB|  77\n", "NONE    there is no directory /nowhere\n", 7},
		{"version", missing + "A|  4.3.0 test\nB|  4.3.0 test\n", "NONE    there is no directory /nowhere\n", 7},
		{"status x nosuch", missing + `A|  x: ERROR (no such process)
A|  nosuch: ERROR (no such process)
B|  nosuch: ERROR (no such process)
B|  x                                RUNNING   pid 6
`, "NONE    there is no directory /nowhere\n", 4},
		{"tail cat", missing + "A|  log from -1600\nB|  log from -1600\n", "NONE    there is no directory /nowhere\n", 7},
		{"stop cat idle", missing + "A|  cat: stopped\nA|  idle: ERROR (not running)\nB|  cat: stopped\nB|  idle: ERROR (not running)\n", "NONE    there is no directory /nowhere\n", 7},
		{"reread", "NONE  error: " + v.none + " no such file\nA|  cat: changed\nA|  gone: disappeared\nA|  new: available\nB|  cat: changed\nB|  gone: disappeared\nB|  new: available\n", "NONE    there is no directory /nowhere\n", 1},
		{"shutdown", "NONE  ERROR: " + v.none + " no such file (already shut down?)\nA|  Shut down\nB|  Shut down\n", "NONE    there is no directory /nowhere\n", 1},
		{"fg cat", "Error: fg works with one server at a time\n  give one -s, or turn to one of them with open URL\n", "", 1},
		{"help quit", helpQuit, "", 0},
		{"nope", "*** Unknown syntax: nope\n", "", 1},
		{"open " + v.a.url, statusTable, "", 0},
		{"start --nope", "Error: bad argument --nope\n  did you mean --json?\n", "", 1},
	} {
		got := v.run(t, "", all, row.line)
		if row.line == "start --nope" {
			row.out, _, _ = strings.Cut(got.out, "\n  ")
			if row.out != "Error: bad argument --nope" || got.exit != 1 {
				t.Errorf("%s: exit %d, got %q", row.line, got.exit, got.out)
			}
			continue
		}
		if got.out != v.fill(row.out) || got.errs != v.fill(row.errs) || got.exit != row.exit {
			t.Errorf("%s: exit %d, want %d, got\n%s%s\nwant\n%s%s", row.line, got.exit, row.exit, got.out, got.errs, v.fill(row.out), v.fill(row.errs))
		}
	}
}

func TestJSONOfSeveralServers(t *testing.T) {
	v := newSeveral(t)
	for line, want := range map[string]string{
		"pid --json": `{"server":"NONE","error":{"code":603,"name":"NO_SOCKET","message":"NO_SOCKET: NONE no such file","hint":"there is no directory /nowhere"}}
{"server":"A","result":1234}
{"server":"B","result":77}
`,
		"stop idle --json": `{"server":"NONE","error":{"code":603,"name":"NO_SOCKET","message":"NO_SOCKET: NONE no such file","hint":"there is no directory /nowhere"}}
{"server":"A","result":[{"name":"idle","group":"idle","status":70,"description":"NOT_RUNNING: idle"}]}
{"server":"B","result":[{"name":"idle","group":"idle","status":70,"description":"NOT_RUNNING: idle"}]}
`,
		"fg x --json":      `{"error":{"code":600,"name":"BAD_USAGE","message":"BAD_USAGE: fg works with one server at a time","hint":"give one -s, or turn to one of them with open URL"}}` + "\n",
		"help quit --json": "",
	} {
		got := v.run(t, "", []string{v.none, v.a.url, v.b.url}, line)
		want = strings.NewReplacer("NONE", v.none, `"A"`, `"`+v.a.url+`"`, `"B"`, `"`+v.b.url+`"`).Replace(want)
		if want != "" && got.out != want || got.errs != "" {
			t.Errorf("%s: got\n%s%s\nwant\n%s", line, got.out, got.errs, want)
		}
		for text := range strings.Lines(got.out) {
			if !json.Valid([]byte(text)) {
				t.Errorf("%s: no JSON: %s", line, text)
			}
		}
	}
	for _, f := range []*fake{v.a, v.b} {
		f.set("supervisor.followProcessLog", ending{"some words\n"})
	}
	for _, args := range [][]string{{"status", "--json"}, {"--", "tail -f cat --json"}} {
		got := v.run(t, "", []string{v.a.url, v.b.url}, args...)
		servers := map[string]int{}
		for text := range strings.Lines(got.out) {
			var reply struct{ Server string }
			if err := json.Unmarshal([]byte(text), &reply); err != nil {
				t.Errorf("%q: %v in %s", args, err, text)
			}
			servers[reply.Server]++
		}
		if len(servers) != 2 || servers[v.a.url] == 0 || servers[v.b.url] == 0 {
			t.Errorf("%q: got\n%s", args, got.out)
		}
	}
}

func TestLinesOfSeveralStreamsStayWhole(t *testing.T) {
	v := newSeveral(t)
	streams := map[*fake][]string{v.a: {"one\ntw", "o\n", "end"}, v.b: {"three\n", "four\n"}}
	for f, texts := range streams {
		f.set("supervisor.followProcessLog", ending(texts))
	}
	got := v.run(t, "", []string{v.a.url, v.b.url}, "tail", "-f", "cat")
	for url, want := range map[string][]string{
		v.a.url: {textPressCtrlC, "one", "two", "end"}, v.b.url: {textPressCtrlC, "three", "four"},
	} {
		var lines []string
		for line := range strings.Lines(got.out) {
			if text, ok := strings.CutPrefix(line, url); ok {
				lines = append(lines, strings.TrimLeft(strings.TrimSuffix(text, "\n"), " "))
			}
		}
		if !slices.Equal(lines, want) {
			t.Errorf("%s: got %q, want %q", url, lines, want)
		}
	}
}

func TestTheShellWithSeveralServers(t *testing.T) {
	v := newSeveral(t)
	got := v.run(t, "shutdown\nn\ny\npid\nopen "+v.b.url+"\npid\n", []string{v.a.url, v.b.url})
	_, after, _ := strings.Cut(got.out, "sup> ")
	want := v.fill("A|  " + textAskShutdown + "B|  " + textAskShutdown + "B|  Shut down\nsup> A|  1234\nB|  77\nsup> ")
	rest, ok := strings.CutPrefix(after, want)
	if !ok || !strings.HasSuffix(rest, "sup> 77\nsup> \n") || got.exit != 0 {
		t.Errorf("got\n%q\nwant\n%q", after, want)
	}
}

func TestALoginForOneOfSeveralServers(t *testing.T) {
	v := newSeveral(t)
	v.b.set("supervisor.getVersion", ndjson.NewError(ndjson.CodeUnauthorized, "", ""))
	both := []string{v.a.url, v.b.url}
	got := v.run(t, "", both, "pid")
	want := v.fill("A|  1234\nB|  " + textUnauthorized + "\n")
	if got.out != want || got.exit != 1 || !strings.Contains(got.errs, "none were given") {
		t.Errorf("exit %d, got %q and %q, want %q", got.exit, got.out, got.errs, want)
	}
}

func TestTheSameServerTwiceIsOne(t *testing.T) {
	f := newFake(t, nil)
	if got := supervisorctl(t, "", "-c", f.config, "-s", f.url, "-s", f.url, "pid"); got.out != "1234\n" || got.exit != 0 {
		t.Errorf("got %q, %q", got.out, got.errs)
	}
	if got := supervisorctl(t, "", "-c", f.config, "-s", f.url, "-s", "foo", "pid"); got.exit != 2 || !strings.HasPrefix(got.errs, "Error: invalid value for -s 'foo'") {
		t.Errorf("got %q, %q", got.out, got.errs)
	}
}

func TestEveryVerbIsPlacedAmongServers(t *testing.T) {
	known := map[string]bool{"fg": true, "top": true} // those that are alone
	for _, v := range verbs() {
		if spreads(v.name) == alone && !known[v.name] {
			t.Errorf("%s is refused with several servers: give it its place in servers.go", v.name)
		}
	}
}

func TestLabelledLines(t *testing.T) {
	for name, row := range map[string]struct {
		writes []string
		want   string
	}{
		"whole lines":            {[]string{"a\nb\n"}, "> a\n> b\n"},
		"lines in pieces":        {[]string{"a", "b\nc", "\n"}, "> ab\n> c\n"},
		"a line without an end":  {[]string{"a\nb"}, "> a\n> b\n"},
		"empty lines":            {[]string{"\n\n"}, "> \n> \n"},
		"nothing":                {nil, ""},
		"control characters":     {[]string{"\x1b[2J\tx\n"}, "> \\x1b[2J\tx\n"},
		"a line that never ends": {[]string{strings.Repeat("x", longestLine+1), "y\n"}, "> " + strings.Repeat("x", longestLine+1) + "\n> y\n"},
	} {
		var out bytes.Buffer
		l := &labelled{to: &out, label: "> ", clean: true}
		for _, text := range row.writes {
			if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("%s: wrote %d, %v", name, n, err)
			}
		}
		l.flush()
		if out.String() != row.want {
			t.Errorf("%s: got %.100q, want %.100q", name, out.String(), row.want)
		}
	}
	closed, _ := os.CreateTemp(t.TempDir(), "")
	closed.Close()
	if _, err := (&labelled{to: closed}).Write([]byte("x\n")); err == nil {
		t.Error("a broken pipe goes unseen")
	}
}
