package ctl

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

func TestALongActionShowsHowFarItIs(t *testing.T) {
	release := make(chan bool)
	slow := func(answer any) any {
		return func(map[string]any) any { <-release; return answer }
	}
	f := newFake(t, nil)
	done := f.answer("supervisor.startAllProcesses")
	f.set("supervisor.startAllProcesses", slow(done))
	f.set("supervisor.stopProcess", slow(true))
	f.set("supervisor.updateGroup", slow(api.GroupChange{Name: "gone", Change: api.Removed, Whole: true}))
	f.set("supervisor.stopProcessGroup", slow(f.answer("supervisor.startProcessGroup").(func(map[string]any) any)(nil)))
	for _, row := range []struct {
		line  string
		steps []string // each is shown, and then an answer let go
		last  string
	}{
		{"start all", []string{"\r\x1b[K2 of 4 running, waiting for g:m1"}, "FAILED: m2)\r\n"},
		{"stop cat g:*", []string{"\r\x1b[K0 of 3 stopped, waiting for g:m1", "\r\x1b[K0 of 3 stopped, waiting for g:m1"}, "FAILED: m2\r\n"},
		{"update gone cat", []string{"\r\x1b[Kupdate of gone (1 of 2)", "\r\x1b[Kupdate of cat (2 of 2)"}, "cat: removed process group\r\n"},
	} {
		v := newTerminal(t, "xterm", append([]string{"-c", f.config}, strings.Fields(row.line)...)...)
		for _, step := range row.steps {
			v.expect(step)
			release <- true
			v.expect("\r\x1b[K")
		}
		v.expect(row.last)
		v.cmd.Wait()
	}
}

func TestAnInterruptTakesTheLineAway(t *testing.T) {
	f := newFake(t, nil)
	release := make(chan bool)
	f.set("supervisor.startAllProcesses", func(map[string]any) any { <-release; return true })
	t.Cleanup(func() { close(release) })
	v := newTerminal(t, "xterm", "-c", f.config, "start", "all")
	v.expect("2 of 4 running, waiting for g:m1")
	v.cmd.Process.Signal(unix.SIGINT)
	v.expect("\r\x1b[K")
	v.end(-1) // of the signal, as whoever started us is to see
	if shown := v.shown.String(); !strings.HasSuffix(shown, "\r\x1b[K") {
		t.Errorf("it ends with a line: %q", shown)
	}
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	for name, row := range map[string]struct {
		s    *session
		want bool
	}{
		"a terminal":    {&session{sketches: true}, true},
		"none":          {&session{}, false},
		"one with JSON": {&session{sketches: true, replies: &replies{}}, false},
	} {
		end := row.s.showProgress(nil)
		if got := row.s.progress != nil; got != row.want {
			t.Errorf("%s: shown: %v", name, got)
		}
		if end(); row.s.progress != nil {
			t.Errorf("%s: it does not end", name)
		}
	}
	for name, want := range map[string]bool{"": false, "dumb": false, "xterm": true} {
		if got := smart(func(string) string { return name }); got != want {
			t.Errorf("TERM=%s: %v", name, got)
		}
	}
}

func TestSketch(t *testing.T) {
	all := []api.ProcessInfo{
		{Name: "a", Group: "a", StateName: "RUNNING"}, {Name: "b", Group: "b", StateName: "BACKOFF"},
		{Name: "1", Group: "g", StateName: "STARTING"}, {Name: "2", Group: "g", StateName: "FATAL"}, {Name: "c", Group: "c", StateName: "STOPPING"},
	}
	for _, row := range []struct {
		goal  *goal
		names string
		want  string
	}{
		{goalRunning, "all", "1 of 5 running, waiting for b, g:1, c"},
		{goalRunning, "a g:*", "1 of 3 running, waiting for g:1"},
		{goalRunning, "a g:2", "1 of 2 running"},
		{goalStopped, "g: c", "1 of 3 stopped, waiting for g:1, c"},
		{goalStopped, "nope", "0 of 0 stopped"},
	} {
		if got := row.goal.sketch(all, strings.Fields(row.names)); got != row.want {
			t.Errorf("%s %s: got %q, want %q", row.goal.word, row.names, got, row.want)
		}
	}
	for names, want := range map[string]bool{"": false, "a": false, "a:b": false, "a b": true, "a:*": true, "a:": true, "all": true} {
		if got := isMany(strings.Fields(names)); got != want {
			t.Errorf("%q: many is %v", names, got)
		}
	}
}

func TestALineIsCutToTheScreen(t *testing.T) {
	for _, row := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 5, ""}, {"abcde", 5, "abcde"}, {"abcdef", 5, "ab..."}, {"abcdef", 3, "..."}, {"abc", 1, "."}, {"abc", 0, ""},
		{"ä日本", 6, "ä日本"}, {"ä日本x", 6, "ä..."}, {"日本語", 5, "日..."},
	} {
		if got := cutWidth(row.text, row.columns); got != row.want || !utf8.ValidString(got) {
			t.Errorf("%q in %d: got %q, want %q", row.text, row.columns, got, row.want)
		}
	}
	if got := screenWidth(&strings.Builder{}); got != 80 {
		t.Errorf("what is no terminal has %d columns", got)
	}
}
