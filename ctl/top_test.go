package ctl

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

func ptr[T any](v T) *T { return &v }

// someUsage answers getAllProcessUsage: at each look half a second has passed, in
// which cat has worked for a tenth, and m1 not at all.
func someUsage() func(map[string]any) any {
	var looks atomic.Int32
	return func(map[string]any) any {
		n := float64(looks.Add(1))
		return []api.ProcessUsage{
			{Name: "cat", Group: "cat", State: 20, StateName: "RUNNING", PID: 11, Uptime: 100 + n/2, Starts: 3, Restarts: 2,
				CPUSeconds: ptr(7 + n/10), RSS: ptr(int64(3 << 20)), FDs: ptr(9), Threads: ptr(2), Processes: ptr(2)},
			{Name: "idle", Group: "idle", State: 0, StateName: "STOPPED"},
			{Name: "m1", Group: "g\x1b", State: 20, StateName: "RUNNING", PID: 13, Uptime: 93784, Starts: 1,
				CPUSeconds: ptr(0.0), RSS: ptr(int64(200 << 20)), FDs: nil, Threads: ptr(1), Processes: ptr(1)},
		}
	}
}

func TestTopOnce(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.getAllProcessUsage": someUsage()})
	title := "NAME      STATE    PID  CPU%   RSS  FDS  THR  PROC      UPTIME  RESTARTS\n"
	cat := "cat       RUNNING   11  20.0  3.0M    9    2     2     0:01:"
	idle := "idle      STOPPED    -     -     -    -    -     -           -         0\n"
	m1 := `g\x1b:m1  RUNNING   13   0.0  200M    -    1     1  1d 2:03:04         0` + "\n"
	short := "NAME  STATE    PID  CPU%  RSS  FDS  THR  PROC  UPTIME  RESTARTS\nidle  STOPPED    -     -    -    -    -     -       -         0\n"
	for _, row := range []struct {
		line string
		want []string // in order; between them is a time
		exit int
	}{
		{"top --interval=0.2", []string{title + cat, "         2\n" + idle + m1}, 0},
		{"top -n --interval=0.2", []string{title + cat, "         2\n" + idle + m1}, 0},
		{"top --interval=0.2 idle nope", []string{"nope: ERROR (no such process)\n" + short, ""}, 1},
		{"top --interval=0.2 nope", []string{"nope: ERROR (no such process)\n", ""}, 1},
		{"top --interval=0.2 all", []string{title + cat, "         2\n" + idle + m1}, 0},
		{"top --interval=x", []string{"Error: bad value 'x' of --interval\n", "more than nothing\n"}, 2},
	} {
		got := supervisorctl(t, "", "-c", f.config, row.line)
		if !strings.HasPrefix(got.out, row.want[0]) || !strings.HasSuffix(got.out, row.want[1]) || got.exit != row.exit || got.errs != "" {
			t.Errorf("%s: exit %d, got %q\n%s\nwant %q", row.line, got.exit, got.errs, got.out, row.want)
		}
	}
	var rows []usageRow
	reply := oneReply(t, "top", supervisorctl(t, "", "-c", f.config, "top --interval=0.2 --json idle cat"))
	if err := json.Unmarshal(reply["result"], &rows); err != nil || len(rows) != 2 {
		t.Fatalf("got %s, %v", reply["result"], err)
	}
	if c := rows[0].CPUPercent; c == nil || *c < 19.9 || *c > 20.1 || *rows[0].RSS != 3<<20 || rows[1].CPUPercent != nil || rows[1].FDs != nil {
		t.Errorf("got %s", reply["result"])
	}
	if got := supervisorctl(t, "", "-c", f.config, "top --timeout=0.05"); got.exit != exitTimeout {
		t.Errorf("got %+v", got)
	}
}

func TestTopWithoutMeasures(t *testing.T) {
	blind := []api.ProcessUsage{{Name: "a", Group: "a", StateName: "RUNNING", PID: 5, Uptime: 3}}
	f := newFake(t, map[string]any{"supervisor.getAllProcessUsage": blind})
	table := "NAME  STATE    PID  CPU%  RSS  FDS  THR  PROC   UPTIME  RESTARTS\na     RUNNING    5     -    -    -    -     -  0:00:03         "
	if got, want := supervisorctl(t, "", "-c", f.config, "top --interval=0.2"), (outcomeOf{table + "0\n", textNotMeasured + "\n", 0}); got != want {
		t.Errorf("got %+v", got)
	}
	original := newFake(t, map[string]any{"supervisor.getAllProcessUsage": nil, "supervisor.getAllProcessInfo": []api.ProcessInfo{{Name: "a", Group: "a", StateName: "RUNNING", PID: 5, Start: 100, Now: 103}}})
	if got, want := supervisorctl(t, "", "-c", original.config, "top --interval=0.2"), (outcomeOf{table + "-\n", textNotMeasured + "\n", 0}); got != want {
		t.Errorf("an original: got %+v", got)
	}
}

func TestPercent(t *testing.T) {
	at := func(pid int, uptime, cpu float64) api.ProcessUsage {
		return api.ProcessUsage{PID: pid, Uptime: uptime, CPUSeconds: &cpu}
	}
	for name, row := range map[string]struct {
		before, now api.ProcessUsage
		want        *float64
	}{
		"two looks":                          {at(1, 10, 5), at(1, 12, 6), ptr(50.0)},
		"several processors":                 {at(1, 10, 5), at(1, 11, 8), ptr(300.0)},
		"started since":                      {at(1, 10, 5), at(2, 4, 1), ptr(25.0)},
		"the first look":                     {api.ProcessUsage{}, at(2, 4, 1), ptr(25.0)},
		"a descendant took its time with it": {at(1, 10, 5), at(1, 12, 4), ptr(0.0)},
		"not known":                          {at(1, 10, 5), api.ProcessUsage{PID: 1, Uptime: 12}, nil},
		"not known before":                   {api.ProcessUsage{PID: 1, Uptime: 2}, at(1, 4, 1), ptr(25.0)},
		"just born":                          {api.ProcessUsage{}, at(1, 0, 0), nil},
	} {
		got := percent(row.before, row.now)
		if (got == nil) != (row.want == nil) || got != nil && *got != *row.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestSortingOfTop(t *testing.T) {
	rows := usageRows(nil, []api.ProcessUsage{
		{Name: "a", Group: "a", Uptime: 1, Restarts: 1},
		{Name: "b", Group: "b", Uptime: 10, CPUSeconds: ptr(1.0), RSS: ptr(int64(5)), FDs: ptr(1), Threads: ptr(7), Processes: ptr(1), State: 20},
		{Name: "c", Group: "c", Uptime: 10, CPUSeconds: ptr(5.0), RSS: ptr(int64(5)), FDs: ptr(3), Threads: ptr(8), Processes: ptr(2), State: 200, Restarts: 9},
	})
	for key, want := range map[byte]string{'c': "cba", 'm': "bca", 'f': "cba", 't': "cba", 'p': "cba", 'u': "bca", 'r': "cab", 'n': "abc", 's': "cba"} {
		i := slices.IndexFunc(usageKeys(), func(k usageKey) bool { return k.key == key })
		if i < 0 {
			t.Fatalf("no key %c", key)
		}
		sortUsage(rows, usageKeys()[i])
		var got string
		for _, r := range rows {
			got += r.Name
		}
		if got != want {
			t.Errorf("%c: got %s, want %s", key, got, want)
		}
	}
}

func TestSizesAndTimes(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.0K", 10 << 10: "10K", 999 << 10: "999K", 1000 << 10: "1.0M", 1536 << 20: "1.5G", 1 << 62: "4.0E"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for secs, want := range map[float64]string{0: "0:00:00", 59.9: "0:00:59", 3600: "1:00:00", 86400: "1d 0:00:00"} {
		if got := uptimeOf(secs); got != want {
			t.Errorf("%v: got %s, want %s", secs, got, want)
		}
	}
}

func TestTopOnAScreen(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.getAllProcessUsage": someUsage()})
	v := newTerminal(t, "xterm", "-c", f.config, "top", "--interval=0.2")
	v.expect("\x1b[?1049h")
	v.expect("2 of 3 running, CPU ")
	v.expect("sorted by CPU%; press c m f t p u r n s for another column, q to quit")
	v.expect("CPU 20.0%")
	v.expect("cat  ")
	v.expect(`g\x1b:m1`)
	v.expect("idle  ")
	v.typeIn("m")
	v.expect("sorted by RSS;")
	v.expect(`g\x1b:m1`)
	v.expect("cat  ")
	v.typeIn("xN\x1bn") // keys that mean nothing, and one that does
	v.expect("sorted by NAME;")
	answer := f.answer("supervisor.getAllProcessUsage")
	f.set("supervisor.getAllProcessUsage", fault(api.Failed, "no \x1b[2J"))
	v.expect(`FAILED: no \x1b[2J`)
	v.expect(`g\x1b:m1`) // it still shows what it knows
	f.set("supervisor.getAllProcessUsage", answer)
	v.expect("sorted by NAME;")
	unix.IoctlSetWinsize(int(v.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 20})
	v.expect("2 of 3 running, C...")
	v.typeIn("q")
	v.expect("\x1b[?25h\x1b[?1049l")
	v.end(0)
}

func TestTheScreenIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(v *terminal){
		"Ctrl-C":   func(v *terminal) { v.typeIn("\x03") },
		"a TERM":   func(v *terminal) { v.cmd.Process.Signal(syscall.SIGTERM) },
		"no time":  func(*terminal) {},
		"a hangup": func(v *terminal) { v.cmd.Process.Signal(syscall.SIGHUP) },
	} {
		f := newFake(t, map[string]any{"supervisor.getAllProcessUsage": someUsage()})
		args, exit := []string{"-c", f.config, "top"}, map[string]int{"Ctrl-C": 0, "no time": exitTimeout}
		if name == "no time" {
			args = append(args, "--timeout=1")
		}
		v := newTerminal(t, "xterm", args...)
		v.expect("sorted by")
		end(v)
		want, ok := exit[name]
		if !ok {
			want = exitGeneric
		}
		v.expect("\x1b[?25h\x1b[?1049l")
		v.end(want)
	}
}

func TestTopInTheShellAndOnADumbTerminal(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.getAllProcessUsage": someUsage()})
	v := newTerminal(t, "xterm", "-c", f.config)
	v.expect("sup> ")
	v.typeIn("top\r")
	v.expect("sorted by")
	v.typeIn("q")
	v.expect("\x1b[?1049l")
	v.expect("sup> ")
	v.typeIn("version\r")
	v.expect("4.3.0 test")
	v.typeIn("quit\r")
	v.end(0)
	w := newTerminal(t, "dumb", "-c", f.config, "top", "--interval=0.2")
	w.expect("cat ")
	w.end(0)
	if shown := w.shown.String(); strings.Contains(shown, "\x1b") {
		t.Errorf("a dumb terminal was told %q", shown)
	}
}

func TestCutPainted(t *testing.T) {
	for _, row := range []struct {
		line    string
		columns int
		want    string
	}{
		{"abcdef", 5, "ab..."},
		{"a\x1b[32mb\x1b[0mc", 3, "a\x1b[32mb\x1b[0mc"},
		{"a\x1b[32mbcdef\x1b[0mg", 5, "a\x1b[32mb...\x1b[0m"},
		{"\x1b[31mab\x1b[0mcdef", 5, "\x1b[31mab\x1b[0m...\x1b[0m"},
		{"\x1b[31mabcde\x1b[0m", 5, "\x1b[31mabcde\x1b[0m"},
	} {
		if got := cutPainted(row.line, row.columns); got != row.want {
			t.Errorf("%q in %d: got %q, want %q", row.line, row.columns, got, row.want)
		}
	}
}
