package ctl

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

const statusTable = "" +
	"cat                              RUNNING   pid 11, uptime 0:00:38\n" +
	"g:m1                             STARTING  \n" +
	"g:m2                             RUNNING   pid 13, uptime 1 day, 0:00:00\n" +
	"idle                             STOPPED   Not started\n"

func TestVerbs(t *testing.T) {
	f := newFake(t, nil)
	for _, row := range []struct {
		line string
		out  string
		exit int
	}{
		{"status", statusTable, 3},
		{"status all", statusTable, 3},
		{"status nope all", statusTable, 3},
		{"status cat", statusTable[:strings.Index(statusTable, "g:m1")], 0},
		{"status cat cat", strings.Repeat(statusTable[:strings.Index(statusTable, "g:m1")], 2), 0},
		{"status g:*", statusTable[strings.Index(statusTable, "g:m1"):strings.Index(statusTable, "idle")], 0},
		{"status g:", statusTable[strings.Index(statusTable, "g:m1"):strings.Index(statusTable, "idle")], 0},
		{"status g", "g: ERROR (no such process)\n", 4},
		{"status nope:*", "nope: ERROR (no such group)\n", 4},
		{"status nope idle", "nope: ERROR (no such process)\n" + statusTable[strings.Index(statusTable, "idle"):], 3},

		{"start", "Error: start requires a process name\n" + helpStart, 2},
		{"start web", "web: started\n", 0},
		{"start web:web", "web: started\n", 0},
		{"start cat", "cat: ERROR (already started)\n", 0},
		{"start nope", "nope: ERROR (no such process)\n", 1},
		{"start nofile", "nofile: ERROR (no such file)\n", 1},
		{"start noexec", "noexec: ERROR (file is not executable)\n", 1},
		{"start bad", "bad: ERROR (spawn error)\n", 7},
		{"start lost", "lost: ERROR (abnormal termination)\n", 7},
		{"start odd", "odd: ERROR (BAD_ARGUMENTS: odd)\n", 1},
		{"start nope:*", "nope: ERROR (no such group)\n", 2},
		{"start g:*", "g:m1: started\ng:m2: ERROR (FAILED: m2)\n", 1},
		{"start all", "g:m1: started\ng:m2: ERROR (FAILED: m2)\n", 1},
		{"start nope bad", "nope: ERROR (no such process)\nbad: ERROR (spawn error)\n", 7},
		{"start bad nope", "bad: ERROR (spawn error)\nnope: ERROR (no such process)\n", 1},
		{"start nope web", "nope: ERROR (no such process)\nweb: started\n", 1},
		{"start:cat", ":cat: started\n", 0},

		{"stop", "Error: stop requires a process name\n" + helpStop, 1},
		{"stop cat", "cat: stopped\n", 0},
		{"stop idle", "idle: ERROR (not running)\n", 0},
		{"stop nope", "nope: ERROR (no such process)\n", 1},
		{"stop broken", "FAILED: broken\n", 1},
		{"stop nope:*", "nope: ERROR (no such group)\n", 1},
		{"stop g:*", "g:m1: stopped\n", 0},
		{"stop all", "g:m1: stopped\nFAILED: m2\n", 1},

		{"restart", "Error: restart requires a process name\n" + helpRestart, 1},
		{"restart web", "web: stopped\nweb: started\n", 0},
		{"restart idle", "idle: ERROR (not running)\nidle: ERROR (NOT_RUNNING: idle)\n", 1},
		{"restart nope", "nope: ERROR (no such process)\nnope: ERROR (no such process)\n", 1},

		{"signal", "Error: signal requires a signal name and a process name\n" + helpSignal, 1},
		{"signal HUP", "Error: signal requires a signal name and a process name\n" + helpSignal, 1},
		{"signal HUP web", "web: signalled\n", 0},
		{"signal FOO cat", "cat: ERROR (bad signal name)\n", 1},
		{"signal HUP idle", "idle: ERROR (not running)\n", 7},
		{"signal HUP nope", "nope: ERROR (no such process)\n", 1},
		{"signal HUP nope:*", "nope: ERROR (no such group)\n", 1},
		{"signal HUP g:*", "g:m1: signalled\n", 0},
		{"signal HUP all", "g:m1: signalled\n", 0},

		{"clear", "Error: clear requires a process name\n" + helpClear, 1},
		{"clear cat", "cat: cleared\n", 0},
		{"clear nope", "nope: ERROR (no such process)\n", 1},
		{"clear broken", "broken: ERROR (failed)\n", 1},
		{"clear g:*", "g:*: ERROR (no such process)\n", 1},
		{"clear all", "g:m1: cleared\n", 0},

		{"tail", "Error: too few arguments\n" + helpTail, 1},
		{"tail -1 cat stdout more", "Error: too many arguments\n" + helpTail, 1},
		{"tail -f", "Error: tail requires process name\n", 1},
		{"tail cat foo", "Error: bad channel 'foo'\n", 1},
		{"tail cat stderr foo", "Error: bad channel 'foo'\n", 1},
		{"tail -x cat", "Error: bad argument -x\n", 1},
		{"tail - cat", "Error: bad argument -\n", 1},
		{"tail cat", "log from -1600\n", 0},
		{"tail -20 cat", "log from -20\n", 0},
		{"tail -0 cat", "log from 0\n", 0},
		{"tail --5 cat", "log from 5\n", 0},
		{"tail cat STDERR", "err log from -1600\n", 0},
		{"tail g:m1 stdout", "log from -1600\n", 0},
		{"tail nolog", "nolog: ERROR (no log file)\n", 1},
		{"tail nope", "nope: ERROR (no such process name)\n", 1},
		{"tail g:*", "g:*: ERROR (no such process name)\n", 1},
		{"tail unreadable", "unreadable: ERROR (unknown error reading log)\n", 1},

		{"maintail", "log from -1600\n", 0},
		{"maintail -10", "log from -10\n", 0},
		{"maintail 10", "Error: bad argument 10\n", 1},
		{"maintail -x", "Error: bad argument -x\n", 1},
		{"maintail -1 -2", "Error: too many arguments\n" + helpMaintail, 1},

		{"pid", "1234\n", 0},
		{"pid cat", "11\n", 0},
		{"pid cat idle", "11\n0\n", 7},
		{"pid all", "11\n0\n13\n0\n", 0},
		{"pid nope", "No such process nope\n", 1},
		{"pid g:*", "No such process g:*\n", 1},

		{"orphans", "7        g:cat                sleep\x1b 9\n8        unknown program      x\n", 0},
		{"orphans x", "Error: orphans accepts no arguments\n" + helpOrphans, 2},
		{"metrics", "# HELP a_total All.\n# TYPE a_total counter\na_total{process=\"x\\n\",group=\"g\"} 3\n", 0},
		{"metrics x", "Error: metrics accepts no arguments\n" + helpMetrics, 2},

		{"avail", "cat                              in use    auto      5:5\n" +
			"g:m1                             avail     manual    100:1\n", 0},
		{"avail x", "Error: avail accepts no arguments\n" + helpAvail, 1},
		{"reread", "cat: changed\ngone: disappeared\nnew: available\n", 0},
		{"reread x", "Error: reread accepts no arguments\n" + helpReread, 1},

		{"add", "", 0},
		{"add new cat2 nope", "new: added process group\nERROR: process group already active\nERROR: no such process/group: nope\n", 1},
		{"add cat2", "ERROR: process group already active\n", 0},
		{"remove", "", 0},
		{"remove idle g nope", "idle: removed process group\nERROR: process/group still running: g\nERROR: no such process/group: nope\n", 1},

		{"update", "gone: stopped\ngone: removed process group\ncat: stopped\ncat: updated process group\nnew: added process group\n", 0},
		{"update all", "gone: stopped\ngone: removed process group\ncat: stopped\ncat: updated process group\nnew: added process group\n", 0},
		{"update nope cat idle", "ERROR: no such group: nope\ncat: stopped\ncat: updated process group\n", 1},
		{"update idle", "", 0},

		{"reload", "Restarted supervisord\n", 0},
		{"reload web", "web: reloaded\n", 0},
		{"reload cat web", "cat: ERROR (not running)\nweb: reloaded\n", 7},
		{"shutdown", "Shut down\n", 0},
		{"shutdown x", "Error: shutdown accepts no arguments\n" + helpShutdown, 1},
		{"version", "4.3.0 test\n", 0},
		{"version x", "Error: version accepts no arguments\n" + helpVersion, 1},

		{"fg", "ERROR: no process name supplied\n" + helpFg, 1},
		{"fg cat idle", "ERROR: too many process names supplied\n", 1},
		{"fg nope", "ERROR: bad process name supplied\n", 1},
		{"fg g:*", "ERROR: bad process name supplied\n", 1},
		{"fg idle", "ERROR: process not running\n", 1},

		{"open " + f.url, statusTable, 0},
		{"open foo", "ERROR: url must be http:// or unix://\n", 1},
		{"open", "ERROR: url must be http:// or unix://\n", 1},
		{"open unix:///none/such", "unix:///none/such no such file\n", 0},

		{"quit", "\n", 0},
		{"exit now", "\n", 0},
		{"EOF", "\n", 0},
		{"", "", 0},
		{"   ", "", 0},
		{"foo", "*** Unknown syntax: foo\n", 1},
		{" foo  bar ", "*** Unknown syntax: foo  bar\n", 1},
		{"Status", "*** Unknown syntax: Status\n  did you mean status?\n", 1},
		{"!ls", "*** Unknown syntax: !ls\n", 1},
		{"-x", "*** Unknown syntax: -x\n", 1},
		{"help quit", helpQuit, 0},
		{"? quit", helpQuit, 0},
		{"?quit", helpQuit, 0},
		{"help help", helpHelp, 0},
		{"help nope", "*** No help on nope\n", 0},
		{"help EOF", "*** No help on EOF\n", 0},
		{"help add remove", "*** No help on add remove\n", 0},
	} {
		got := supervisorctl(t, "", "-c", f.config, "--", row.line)
		errs := ""
		if strings.HasSuffix(row.out, "no such file\n") {
			errs = "  there is no directory /none\n"
		}
		if got.out != row.out || got.errs != errs || got.exit != row.exit {
			t.Errorf("%q: exit %d, want %d\ngot:\n%s%s\nwant:\n%s", row.line, got.exit, row.exit, got.out, got.errs, row.out)
		}
	}
}

func TestArgumentsAreJoined(t *testing.T) {
	f := newFake(t, nil)
	for _, args := range [][]string{{"stop", "cat", "web"}, {"stop cat web"}, {"stop", "cat web"}} {
		got := supervisorctl(t, "", append([]string{"-c", f.config}, args...)...)
		if want := "cat: stopped\nweb: stopped\n"; got.out != want || got.exit != 0 {
			t.Errorf("%q: got %q, exit %d", args, got.out, got.exit)
		}
	}
}

func TestAnswersThatAreNoneOfTheUsual(t *testing.T) {
	down := fault(api.ShutdownState, "")
	all := map[string]any{}
	for method := range world(nil) {
		all[method] = down
	}
	unreadable := map[string]any{"supervisor.reloadConfig": fault(api.CantReread, "bad (file: 'x')")}
	older := map[string]any{"supervisor.getVersion": "2.0"}
	foreign := map[string]any{"supervisor.getVersion": fault(api.UnknownMethod, "")}
	locked := map[string]any{"supervisor.getVersion": ndjson.NewError(ndjson.CodeUnauthorized, "", "")}
	stuck := map[string]any{"supervisor.stopProcessGroup": []api.Status{{Name: "gone", Group: "gone", Status: api.Failed}}}
	weird := map[string]any{"supervisor.reloadConfig": fault(api.Failed, "what"), "supervisor.addProcessGroup": fault(api.Failed, "no"),
		"supervisor.removeProcessGroup": fault(api.Failed, "no")}
	nothing := map[string]any{"supervisor.reloadConfig": api.Reread{}, "supervisor.stopProcessGroup": []api.Status{}, "supervisor.startProcessGroup": []api.Status{}}
	for _, row := range []struct {
		name string
		over map[string]any
		line string
		out  string
		exit int
	}{
		{"shutting down", all, "status", "error: SHUTDOWN_STATE\n", 1},
		{"shutting down", all, "avail", "ERROR: supervisor shutting down\n", 1},
		{"shutting down", all, "reread", "ERROR: supervisor shutting down\n", 1},
		{"shutting down", all, "update", "ERROR: already shutting down\n", 1},
		{"shutting down", all, "reload", "ERROR: already shutting down\n", 1},
		{"shutting down", all, "shutdown", "ERROR: already shutting down\n", 0},
		{"shutting down", all, "add a", "ERROR: shutting down\n", 1},
		{"shutting down", all, "remove a", "error: SHUTDOWN_STATE\n", 1},
		{"unreadable configuration", unreadable, "reread", "ERROR: CANT_REREAD: bad (file: 'x')\n", 1},
		{"unreadable configuration", unreadable, "update", "ERROR: CANT_REREAD: bad (file: 'x')\n", 1},
		{"other version", older, "status", "Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, but the remote version is 2.0.\n", 4},
		{"other version", older, "pid", "Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, but the remote version is 2.0.\n", 5},
		{"no interface", foreign, "status", textNoNamespace + "\n", 4},
		{"no interface", foreign, "pid", textNoNamespace + "\n", 3},
		{"no login", locked, "status", "Server requires authentication\n", 1},
		{"no login", locked, "reread", "Server requires authentication\n", 1},
		{"a group that does not stop", stuck, "update gone", "gone: stopped\ngone: has problems; not removing\n", 1},
		{"an odd fault", weird, "reread", "error: FAILED: what\n", 1},
		{"an odd fault", weird, "add x", "error: FAILED: no\n", 1},
		{"an odd fault", weird, "remove x", "error: FAILED: no\n", 1},
		{"nothing to do", nothing, "reread", "No config updates to processes\n", 0},
		{"nothing to do", nothing, "update", "", 0},
		{"nothing to do", nothing, "stop g:*", "", 0},
		{"nothing to do", nothing, "start g:*", "", 0},
	} {
		f := newFake(t, row.over)
		got := supervisorctl(t, "", "-c", f.config, row.line)
		if got.out != row.out || got.exit != row.exit {
			t.Errorf("%s, %s: exit %d, want %d\ngot:  %q\nwant: %q", row.name, row.line, got.exit, row.exit, got.out, row.out)
		}
	}
}

func TestWithoutAServer(t *testing.T) {
	url := "unix://" + t.TempDir() + "/s.sock"
	missing := url + " no such file\n"
	plain := t.TempDir() + "/plain"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := "unix://" + plain + " refused connection\n"
	config := t.TempDir() + "/ctl.conf"
	if err := os.WriteFile(config, []byte("[supervisorctl]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		url, line, out string
		exit           int
	}{
		{url, "status", missing, 4},
		{"unix://" + plain, "status", refused, 4},
		{"unix://" + plain, "start x", refused, 4},
		{"unix://" + plain, "shutdown", "ERROR: unix://" + plain + " refused connection (already shut down?)\n", 1},
		{url, "shutdown", "ERROR: " + url + " no such file (already shut down?)\n", 1},
		{url, "add", "", 0},
		{url, "version x", "Error: version accepts no arguments\n" + helpVersion, 1},
		{"ftp://x", "status", "error: serverurl ftp://x unknown protocol: use unix://PATH, http://HOST:PORT or https://HOST\n", 1},
		{url, "help quit", helpQuit, 0},
	} {
		got := supervisorctl(t, "", "-c", config, "-s", row.url, row.line)
		if got.out != row.out || got.exit != row.exit {
			t.Errorf("%s: exit %d, want %d\ngot:  %q\nwant: %q", row.line, got.exit, row.exit, got.out, row.out)
		}
	}
	for _, line := range []string{"start", "stop x", "restart", "signal", "tail", "tail -f x", "maintail", "clear", "fg", "pid", "version"} {
		if got := supervisorctl(t, "", "-c", config, "-s", url, line); got.out != missing || got.exit != 7 {
			t.Errorf("%s: got %q, exit %d", line, got.out, got.exit)
		}
	}
	for _, line := range []string{"avail", "reread", "update", "reload", "add x", "remove x"} {
		if got := supervisorctl(t, "", "-c", config, "-s", url, line); got.out != "error: "+missing || got.exit != 1 {
			t.Errorf("%s: got %q, exit %d", line, got.out, got.exit)
		}
	}
}

func TestHelpListsEveryVerb(t *testing.T) {
	want := `
default commands (type help <topic>):
=====================================
add    exit      open  reload  restart   start   tail   
avail  fg        pid   remove  shutdown  status  update 
clear  maintail  quit  reread  signal    stop    version

`
	for _, line := range []string{"help", "?", " ? "} {
		got := supervisorctl(t, "", "-c", newFake(t, nil).config, line)
		own, ok := strings.CutPrefix(got.out, want+"more commands (type help <topic>):\n==================================\n")
		if !ok || !slices.Equal(strings.Fields(own), listed(ownVerbs())) || !strings.HasSuffix(own, "\n\n") || got.exit != 0 {
			t.Errorf("%q: got\n%s", line, got.out)
		}
	}
	for _, table := range [][]verb{classicVerbs(), ownVerbs(), verbs()} {
		for i, v := range table {
			if i > 0 && table[i-1].name >= v.name {
				t.Errorf("%s stands after %s", v.name, table[i-1].name)
			}
		}
	}
	for _, v := range verbs() {
		if v.help != "" && !strings.HasPrefix(v.help, v.name) {
			t.Errorf("the help of %s begins with %.20q", v.name, v.help)
		}
		for _, line := range strings.Split(strings.TrimRight(v.help, "\n"), "\n") {
			if !strings.Contains(line, "\t") && !slices.Contains([]string{"Ex:", ""}, line) && !strings.HasPrefix(line, "tail [") && !strings.HasPrefix(line, "Note:") {
				t.Errorf("the help of %s has a line without a tab: %q", v.name, line)
			}
		}
	}
}

func TestColumns(t *testing.T) {
	for name, row := range map[string]struct {
		words []string
		want  string
	}{
		"nothing":             {nil, ""},
		"one word":            {[]string{"a"}, "a\n"},
		"one row":             {[]string{"a", "bb"}, "a  bb\n"},
		"words of one column": {[]string{strings.Repeat("x", 60), strings.Repeat("y", 50)}, strings.Repeat("x", 60) + "\n" + strings.Repeat("y", 50) + strings.Repeat(" ", 10) + "\n"},
		"a word too long":     {[]string{strings.Repeat("x", 90)}, strings.Repeat("x", 90) + "\n"},
		"a short last column": {[]string{strings.Repeat("a", 30), strings.Repeat("b", 30), strings.Repeat("c", 30)},
			strings.Repeat("a", 30) + "  " + strings.Repeat("c", 30) + "\n" + strings.Repeat("b", 30) + "\n"},
	} {
		if got := columns(row.words); got != row.want {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func TestControlCharactersDoNotReachATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain näme 日本":    "plain näme 日本",
		"a\x1b[31mb":       `a\x1b[31mb`,
		"a\nb\tc\x00":      `a\x0ab\x09c\x00`,
		"del\x7f":          `del\x7f`,
		"c1\u009b":         `c1\u009b`,
		"arabic\u061cmark": `arabic\u061cmark`,
		"broken\xff":       `broken\xff`,
		"replaced\uFFFD":   "replaced\uFFFD",
	} {
		if got := visible(text, ""); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	var out strings.Builder
	s := &session{out: &out, terminal: true}
	s.table([]api.ProcessInfo{{Name: "\x1bX", Group: "g\n", StateName: "FATAL", Description: "can't find \x07"}})
	s.printf("two\nlines\t%s", s.name("\r"))
	want := `g\x0a:\x1bX` + strings.Repeat(" ", 22) + `FATAL     can't find \x07` + "\ntwo\nlines\t\\x0d\n"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	out.Reset()
	s.report(stopOutcomes, api.Status{Name: "a\n", Group: "a\n", Status: api.Failed, Description: "FAILED: no\nmore"})
	s.report(stopOutcomes, api.Status{Name: "a\n", Group: "a\n", Status: api.SpawnError, Description: "no\rmore"})
	if got, want := out.String(), `FAILED: no\x0amore`+"\n"+`a\x0a: ERROR (no\x0dmore)`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	out.Reset()
	s.terminal = false
	s.printf("%s", s.name("\x1b"))
	if out.String() != "\x1b\n" {
		t.Errorf("a file gets what there is: got %q", out.String())
	}
}

func TestALongNameWidensTheTable(t *testing.T) {
	long := strings.Repeat("n", 62)
	var out strings.Builder
	(&session{out: &out}).table([]api.ProcessInfo{{Name: long, Group: long, StateName: "RUNNING", Description: "x"}})
	if want := long + "   RUNNING   x\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
