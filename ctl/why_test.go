package ctl

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

// someExplanations answer explainProcess for a few processes.
func someExplanations(t *testing.T) func(p map[string]any) any {
	at := func(text string) float64 {
		when, err := time.ParseInLocation("2006-01-02 15:04:05.000", text, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		return float64(when.UnixMilli()) / 1000
	}
	known := map[string]api.Explanation{
		"cat": {
			Name: "cat", Group: "cat", StateName: "BACKOFF", Description: "Exited too quickly", Command: "/bin/cat \x1b[2J",
			Start: int64(at("2026-11-22 15:00:02.000")), Starts: 3, Restarts: 2, Tries: 2, StartRetries: 3, WaitsFor: "retry 2 of 3, in 1.4s",
			NextStart: at("2026-11-22 15:00:05.000"),
			LastExit:  &api.Exit{Time: at("2026-11-22 15:00:03.250"), PID: 12, Status: -1, Signal: "SIGKILL", Ran: 1.234, Text: "killed by SIGKILL"},
			History: []api.Transition{
				{Time: at("2026-11-22 15:00:00.001"), From: "STOPPED", To: "STARTING", Reason: "autostart"},
				{Time: at("2026-11-22 15:00:03.250"), From: "STARTING", To: "BACKOFF", PID: 12, Reason: "killed by \x07"},
			},
			Stdout: api.LogTail{Logfile: "/var/log/c\x1bat.log", Lines: []api.Bytes{api.Bytes("one"), api.Bytes("\x1b[31mtwo\t\xff\u009b")}},
			Stderr: api.LogTail{Note: "redirect_stderr: it goes to stdout"},
		},
		"g:m1": {Name: "m1", Group: "g", StateName: "RUNNING", Description: "pid 13, uptime 0:00:10", Start: int64(at("2026-11-22 15:00:02.000")), Starts: 1},
		"g:m2": {Name: "m2", Group: "g", StateName: "STOPPED", Description: "Not started", WaitsFor: "a start; none comes by itself",
			LastExit: &api.Exit{Time: at("2026-11-22 15:00:03.250"), PID: 14, Expected: true, Ran: 7265, Text: "exited with status 0"}},
	}
	return func(p map[string]any) any {
		name, _ := p["name"].(string)
		x, ok := known[name]
		if !ok {
			return fault(api.BadName, name)
		}
		if lines, _ := p["lines"].(float64); int(lines) < len(x.Stdout.Lines) {
			x.Stdout.Lines = x.Stdout.Lines[len(x.Stdout.Lines)-int(lines):]
		}
		return x
	}
}

const (
	whyCat = `cat  BACKOFF  Exited too quickly
  command     /bin/cat \x1b[2J
  waits for   retry 2 of 3, in 1.4s
  next start  2026-11-22 15:00:05
  started     3 times, 2 of them unasked; last at 2026-11-22 15:00:02
  last exit   2026-11-22 15:00:03, pid 12: killed by SIGKILL after 1.23s, not expected
history
  2026-11-22 15:00:00.001  STOPPED  -> STARTING  autostart
  2026-11-22 15:00:03.250  STARTING -> BACKOFF   killed by \x07
stdout, /var/log/c\x1bat.log
  one
  \x1b[31mtwo	\xff\u009b
stderr: redirect_stderr: it goes to stdout
`
	whyM1 = `g:m1  RUNNING  pid 13, uptime 0:00:10
  started     2026-11-22 15:00:02
stdout: nothing
stderr: nothing
`
	whyM2 = `g:m2  STOPPED  Not started
  waits for   a start; none comes by itself
  last exit   2026-11-22 15:00:03, pid 14: exited with status 0 after 2h1m5s, expected
stdout: nothing
stderr: nothing
`
)

func TestWhy(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.explainProcess": someExplanations(t)})
	nope := "nope: ERROR (no such process)\n"
	for line, want := range map[string]outcomeOf{
		"why":                    {"Error: why requires a process name\n" + helpWhy, "", 2},
		"why cat":                {whyCat, "", 0},
		"why --lines=1 cat":      {strings.Replace(whyCat, "  one\n", "", 1), "", 0},
		"why g:*":                {whyM1 + "\n" + whyM2, "", 0},
		"why g:m2 nope g:m1":     {whyM2 + "\n" + nope + "\n" + whyM1, "", 1},
		"why nope:* nope":        {"nope:*: ERROR (no such process)\n\n" + nope, "", 1},
		"why all":                {whyCat + "\n" + whyM1 + "\n" + whyM2 + "\nidle: ERROR (no such process)\n", "", 1},
		"why cat --lines=x":      {"Error: bad value 'x' of --lines\n  it must be a whole number, such as 20\n", "", 2},
		"why cat --josn --lines": {"Error: bad argument --josn\n  did you mean --json?\n", "", 2},
	} {
		if got := supervisorctl(t, "", "-c", f.config, line); got != want {
			t.Errorf("%s: exit %d, got %q\n%s\nwant %d\n%s", line, got.exit, got.errs, got.out, want.exit, want.out)
		}
	}
	reply := oneReply(t, "why", supervisorctl(t, "", "-c", f.config, "why --json cat nope"))
	var got []api.Explanation
	if err := json.Unmarshal(reply["result"], &got); err != nil || len(got) != 2 || got[1].Name != "nope" {
		t.Fatalf("got %s, %v", reply["result"], err)
	}
	if want := f.answer("supervisor.explainProcess").(func(map[string]any) any)(map[string]any{"name": "cat", "lines": 10.0}); !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v\nwant %+v", got[0], want)
	}
}

func TestWhyOfAnOriginal(t *testing.T) {
	when := time.Date(2026, 11, 22, 15, 0, 0, 0, time.Local).Unix()
	processes := map[string]api.ProcessInfo{
		"up":      {Name: "up", Group: "up", StateName: "RUNNING", PID: 5, Description: "pid 5, uptime 0:00:01", Start: when, Stop: when - 10, StdoutLogfile: "/out.log"},
		"ended":   {Name: "ended", Group: "ended", StateName: "EXITED", Description: "Nov 22 03:00 PM", Start: when, Stop: when + 10, ExitStatus: 3},
		"killed":  {Name: "killed", Group: "killed", StateName: "STOPPED", Start: when, Stop: when + 10, ExitStatus: -1},
		"nothing": {Name: "nothing", Group: "nothing", StateName: "STOPPED", Description: "Not started"},
	}
	f := newFake(t, map[string]any{
		"supervisor.explainProcess": nil,
		"supervisor.getProcessInfo": func(p map[string]any) any {
			if info, ok := processes[p["name"].(string)]; ok {
				return info
			}
			return fault(api.BadName, p["name"].(string))
		},
		"supervisor.readProcessStdoutLog": func(p map[string]any) any {
			if p["offset"] != -16384.0 || p["length"] != 0.0 {
				t.Errorf("asked for %v", p)
			}
			switch p["name"] {
			case "up":
				return strings.Repeat("x", 16<<10-4) + "\na\nb"
			case "nothing":
				return ""
			}
			return fault(api.NoFile, "")
		},
		"supervisor.readProcessStderrLog": fault(api.Failed, "denied"),
	})
	none := "stdout: not to be had: NO_FILE\nstderr: not to be had: FAILED: denied\n" + textWhyReduced + "\n"
	for line, want := range map[string]outcomeOf{
		"why up": {"up  RUNNING  pid 5, uptime 0:00:01\n  started     2026-11-22 15:00:00\n  last exit   2026-11-22 14:59:50\n" +
			"stdout, /out.log\n  a\n  b\nstderr: not to be had: FAILED: denied\n" + textWhyReduced + "\n", "", 0},
		"why ended":   {"ended  EXITED  Nov 22 03:00 PM\n  started     2026-11-22 15:00:00\n  last exit   2026-11-22 15:00:10: exited with status 3\n" + none, "", 0},
		"why killed":  {"killed  STOPPED\n  started     2026-11-22 15:00:00\n  last exit   2026-11-22 15:00:10: killed by a signal\n" + none, "", 0},
		"why nothing": {"nothing  STOPPED  Not started\nstdout: nothing\nstderr: not to be had: FAILED: denied\n" + textWhyReduced + "\n", "", 0},
		"why nope":    {"nope: ERROR (no such process)\n", "", 1},
	} {
		if got := supervisorctl(t, "", "-c", f.config, line); got != want {
			t.Errorf("%s: exit %d, got\n%s%s\nwant\n%s", line, got.exit, got.out, got.errs, want.out)
		}
	}
	reply := oneReply(t, "why", supervisorctl(t, "", "-c", f.config, "why --json killed nothing"))
	var got []reduced
	if err := json.Unmarshal(reply["result"], &got); err != nil || len(got) != 2 {
		t.Fatalf("got %s, %v", reply["result"], err)
	}
	if e := got[0].LastExit; e == nil || e.Status != -1 || len(got[0].Unknown) != len(unknownMembers)+5 || len(got[1].Unknown) != len(unknownMembers) {
		t.Errorf("got %+v", got)
	}
}

func TestWhyOnATerminal(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.explainProcess": someExplanations(t)})
	v := newTerminalIn(t, []string{"NO_COLOR="}, unix.Winsize{Row: 24, Col: 80}, "xterm", "-c", f.config, "why", "cat")
	v.expect("cat  \x1b[33mBACKOFF\x1b[0m  Exited too quickly")
	v.expect(`/bin/cat \x1b[2J`)
	v.expect("STOPPED  -> \x1b[33mSTARTING\x1b[0m  autostart")
	v.expect("-> \x1b[33mBACKOFF\x1b[0m   killed by")
	v.expect(`\x1b[31mtwo`)
	v.end(0)
}
