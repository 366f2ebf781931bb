package ctl

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

func TestColoursOnATerminalThatHasThem(t *testing.T) {
	f := newFake(t, nil)
	painted := "cat" + strings.Repeat(" ", 30) + "\x1b[32mRUNNING\x1b[0m   pid 11, uptime 0:00:38\r\n" +
		"g:m1" + strings.Repeat(" ", 29) + "\x1b[33mSTARTING\x1b[0m  \r\n"
	for _, row := range []struct {
		name, term string
		env        []string
		painted    bool
	}{
		{"a terminal", "xterm", []string{"NO_COLOR="}, true},
		{"one whose user wants none", "xterm", []string{"NO_COLOR=1"}, false},
		{"a dumb one", "dumb", []string{"NO_COLOR="}, false},
		{"one without a name", "", []string{"NO_COLOR="}, false},
	} {
		v := newTerminalIn(t, row.env, unix.Winsize{Row: 24, Col: 80}, row.term, "-c", f.config, "status", "cat", "g:*")
		v.expect("uptime 1 day")
		v.end(0)
		if got := v.shown.String(); strings.HasPrefix(got, painted) != row.painted || strings.Contains(got, "\x1b") != row.painted {
			t.Errorf("%s: got %q", row.name, got)
		}
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if got := supervisorctl(t, "", "-c", f.config, "status"); got.out != statusTable {
		t.Errorf("no terminal: got %q", got.out)
	}
}

func TestAnUnknownStateIsShownPlain(t *testing.T) {
	var out strings.Builder
	s := &session{out: &out, terminal: true, colours: true}
	s.table([]api.ProcessInfo{{Name: "a", Group: "a", StateName: "\x1bODD", Description: "x"}})
	if want := "a" + strings.Repeat(" ", 32) + `\x1bODD   x` + "\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestErrorsCannotMoveTheCursor(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followProcessLog": fault(api.Failed, "\x1b[2Jbad")})
	v := newTerminal(t, "xterm", "-c", f.config, "tail", "-f", "\x1b]0;x")
	v.expect(`\x1b[2Jbad`)
	v.end(0)
	w := newTerminal(t, "xterm", "-c", "/no/\x1b[2J")
	w.expect(`could not find config file /no/\x1b[2J`)
	w.end(2)
	config := f.config + "2"
	if err := os.WriteFile(config, []byte("[supervisorctl]\nserverurl="+f.url+"\n[ctlplugin:\x1b[2J]\nsupervisor.ctl_factory=a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := newTerminal(t, "xterm", "-c", config, "pid")
	x.expect(`Warning: [ctlplugin:\x1b[2J]`)
	x.end(0)
	for _, v := range []*terminal{v, w, x} {
		if shown := v.shown.String(); strings.Contains(shown, "\x1b") {
			t.Errorf("got %q", shown)
		}
	}
}
