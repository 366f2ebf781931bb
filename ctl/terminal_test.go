package ctl

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// hostile is text that clears a screen, rings, begins a sequence in one byte of
// another kind, turns what follows around, and deletes.
const hostile = "x\x1b[2J\x07\u009b1m\u202e\u2066\x7f"

// hostileWorld is a server whose every text is hostile.
func hostileWorld() map[string]any {
	refuses := &ndjson.Error{Code: 30, Name: "FAILED" + hostile, Message: "FAILED: " + hostile, Hint: hostile}
	p := api.ProcessInfo{Name: "n" + hostile, Group: "g" + hostile, StateName: "RUNNING" + hostile, PID: 1, Description: hostile}
	done := []api.Status{{Name: p.Name, Group: p.Group, Status: api.Success, Description: hostile}, {Name: p.Name, Group: p.Group, Status: 77, Description: hostile}}
	return map[string]any{
		"supervisor.getSupervisorVersion": hostile,
		"supervisor.getAllProcessInfo":    []api.ProcessInfo{p, {Name: "cat", Group: "cat", StateName: hostile}},
		"supervisor.getProcessInfo":       p,
		"supervisor.getAllConfigInfo":     []api.ConfigInfo{{Name: p.Name, Group: p.Group, Command: hostile}},
		"supervisor.startProcess":         refuses,
		"supervisor.stopProcess":          refuses,
		"supervisor.reloadProcess":        refuses,
		"supervisor.signalProcess":        refuses,
		"supervisor.clearProcessLogs":     refuses,
		"supervisor.addProcessGroup":      refuses,
		"supervisor.removeProcessGroup":   refuses,
		"supervisor.shutdown":             refuses,
		"supervisor.restart":              refuses,
		"supervisor.readProcessStdoutLog": refuses,
		"supervisor.startAllProcesses":    done,
		"supervisor.stopAllProcesses":     done,
		"supervisor.reloadConfig":         api.Reread{Added: []string{hostile}, Changed: []string{hostile}, Removed: []string{hostile}},
		"supervisor.getMetrics": []api.Metric{{Name: "a_total", Help: hostile, Type: api.Counter,
			Samples: []api.Sample{{Labels: api.Labels{{Name: "process", Value: hostile}}, Value: 3}}}},
		"supervisor.explainProcess": api.Explanation{Name: p.Name, Group: p.Group, StateName: hostile, Description: hostile, Command: hostile,
			WaitsFor: hostile, LastExit: &api.Exit{Text: hostile, PID: 2}, History: []api.Transition{{From: hostile, To: hostile, Reason: hostile}},
			Stdout: api.LogTail{Logfile: hostile, Lines: []api.Bytes{api.Bytes(hostile)}}, Stderr: api.LogTail{Logfile: hostile, Note: hostile}},
		"supervisor.waitProcess":        []api.WaitResult{{Name: p.Name, Group: p.Group, Status: api.Failed, Description: hostile, StateName: hostile, Reason: hostile}},
		"supervisor.getAllProcessUsage": []api.ProcessUsage{{Name: p.Name, Group: p.Group, StateName: hostile}},
		"supervisor.getOrphans":         []api.OrphanInfo{{PID: 7, Command: hostile, Name: p.Name, Group: p.Group}},
		"supervisor.getEvents":          api.EventList{Events: []api.Event{{Type: hostile, Group: p.Group, Name: p.Name, From: hostile, Reason: hostile}}},
		"supervisor.getEventPools":      []api.EventPool{{Name: hostile, BufferPolicy: hostile, Listeners: []api.PoolListener{{StateName: hostile}}}},
		"supervisor.followLogs":         []api.LogPiece{{Group: p.Group, Name: p.Name, Channel: api.Stdout, Data: api.Bytes(hostile + "\n")}},
	}
}

// TestNoTextOfAServerControlsTheTerminal but the logs that tail shows as they are.
func TestNoTextOfAServerControlsTheTerminal(t *testing.T) {
	f := newFake(t, hostileWorld())
	for _, line := range []string{
		"status", "status " + hostile, "start a", "start all", "stop a", "stop all", "restart a", "reload a", "signal HUP a", "clear a", "add a", "remove a",
		"shutdown", "reload", "pid a", "version", "avail", "reread", "update --dry-run", "tail cat", "why a", "why all", "wait a", "top", "orphans", "events",
		"events --pools", "metrics", "logs", "open unix:///" + hostile, "help " + hostile, hostile, "wait --for=" + hostile, "status --json", "metrics --json", "fg a",
	} {
		v := newTerminalIn(t, []string{"NO_COLOR=1"}, unix.Winsize{Row: 24, Col: 200}, "dumb", "-c", f.config, "--", line)
		_ = v.cmd.Wait()
		if _, err := v.slave.WriteString("the end"); err != nil {
			t.Fatal(err)
		}
		v.expect("the end")
		shown := strings.TrimSuffix(v.shown.String(), "the end")
		if shown == "" {
			t.Errorf("%q: nothing is shown", line)
		}
		for _, bad := range []string{"\x1b", "\x07", "\u009b", "\u202e", "\u2066", "\x7f"} {
			if strings.Contains(shown, bad) {
				t.Errorf("%q: %q reaches the terminal: %q", line, bad, shown)
			}
		}
	}
}

func TestNoNameThatCannotBeTypedIsOffered(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.getAllProcessInfo": []api.ProcessInfo{
		{Name: "cat", Group: "cat"}, {Name: hostile, Group: hostile}, {Name: "a b", Group: "a b"}, {Name: "c\nd", Group: "c\nd"}, {Name: "n", Group: "g\t"}}})
	s := &session{url: f.url}
	if _, got, _ := s.complete("start ", 6); !slices.Equal(got, []string{"cat "}) {
		t.Errorf("in the shell: got %q", got)
	}
	if got := supervisorctl(t, "", "-c", f.config, hiddenNames, "processes"); got != (outcomeOf{"cat\n", "", 0}) {
		t.Errorf("to scripts: got %+v", got)
	}
}
