package ctl

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gosupervisor/ctl/api"
)

func reached(group, name, state string) api.WaitResult {
	return api.WaitResult{Name: name, Group: group, Status: api.Success, Description: "OK", StateName: state, Reason: "stayed up for startsecs 1s"}
}

func TestWait(t *testing.T) {
	var asked atomic.Value
	results := map[string][]api.WaitResult{
		"cat":              {reached("cat", "cat", "RUNNING")},
		"g:* nope":         {reached("g", "m1", "RUNNING"), reached("g", "m2", "RUNNING"), {Name: "nope", Status: api.BadName, Description: "BAD_NAME: nope"}},
		"cat:* g:* idle:*": {reached("cat", "cat", "EXITED")},
		"lost": {{Name: "lost", Group: "lost", Status: api.AbnormalTermination, Description: "ABNORMAL_TERMINATION: lost is FATAL and will not be running by itself",
			StateName: "FATAL", Reason: "gave up after 3 \x1b[2Jretries"}},
		"gone": {{Name: "gone", Group: "gone", Status: api.BadName, Description: "BAD_NAME: gone was removed", StateName: "STOPPED", Reason: "asked by stop"}},
	}
	f := newFake(t, map[string]any{"supervisor.waitProcess": func(p map[string]any) any {
		names := strings.Trim(fmt.Sprint(p["name"]), "[]")
		asked.Store(names + " " + p["for"].(string))
		if names == "down" {
			return fault(api.ShutdownState, "")
		}
		return results[names]
	}})
	for _, row := range []struct {
		line, asked, out string
		exit             int
	}{
		{"wait", "", "Error: wait requires a process name\n" + helpWait, 2},
		{"wait cat", "cat running", "cat: running\n", 0},
		{"wait cat --for=stopped", "cat stopped", "cat: stopped\n", 0},
		{"wait --for fatal cat", "cat fatal", "cat: fatal\n", 0},
		{"wait --for fatl cat", "", "Error: bad value 'fatl' of --for\n  did you mean fatal?\n", 2},
		{"wait g:* nope", "g:* nope running", "g:m1: running\ng:m2: running\nnope: ERROR (no such process)\n", 1},
		{"wait g:m1 all --for=exited", "cat:* g:* idle:* exited", "cat: exited\n", 0},
		{"wait lost", "lost running", "lost: ERROR (FATAL: gave up after 3 \x1b[2Jretries; it will not be running by itself)\n", 1},
		{"wait lost --for=exited", "lost exited", "lost: ERROR (FATAL: gave up after 3 \x1b[2Jretries; it will not exit by itself)\n", 1},
		{"wait gone", "gone running", "gone: ERROR (it was removed)\n", 1},
		{"wait down", "down running", "ERROR: supervisor shutting down\n", 1},
		{`wait cat --json`, "cat running", `{"result":[{"name":"cat","group":"cat","status":80,"description":"OK","statename":"RUNNING","reason":"stayed up for startsecs 1s"}]}` + "\n", 0},
	} {
		asked.Store("")
		got := supervisorctl(t, "", "-c", f.config, row.line)
		if got.out != row.out || got.errs != "" || got.exit != row.exit || asked.Load() != row.asked {
			t.Errorf("%s: exit %d, asked %q, got %q and %q, want %q", row.line, got.exit, asked.Load(), got.out, got.errs, row.out)
		}
	}
}

func TestAWaitThatTakesTooLongSaysWhereEachOneIs(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.waitProcess": pieces{}})
	want := "cat: running\ng:m1: ERROR (timed out after 50ms; it is STARTING)\ng:m2: running\nnope: ERROR (no such process)\n"
	if got := supervisorctl(t, "", "-c", f.config, "wait --timeout=50ms cat g:* nope"); got.out != want || got.exit != exitTimeout {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
	// What has got there by then is no failure.
	if got := supervisorctl(t, "", "-c", f.config, "wait --timeout=50ms cat"); got.out != "cat: running\n" || got.exit != 0 {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
	reply := oneReply(t, "wait", supervisorctl(t, "", "-c", f.config, "wait --timeout=50ms --json g:m1"))
	if got := string(reply["result"]); got != `[{"name":"m1","group":"g","status":601,"description":"timed out after 50ms","statename":"STARTING","reason":""}]` {
		t.Errorf("got %s", got)
	}
	f.set("supervisor.getAllProcessInfo", fault(api.Failed, "no"))
	if got := supervisorctl(t, "", "-c", f.config, "wait --timeout=50ms cat"); !strings.HasPrefix(got.out, "error: timed out after 50ms") || got.exit != exitTimeout {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
}

func TestAnOriginalIsAskedAgainAndAgain(t *testing.T) {
	var looks atomic.Int32
	f := newFake(t, map[string]any{"supervisor.waitProcess": nil, "supervisor.getAllProcessInfo": func(map[string]any) any {
		state := "STARTING"
		if looks.Add(1) > 2 {
			state = "RUNNING"
		}
		return []api.ProcessInfo{{Name: "a", Group: "a", StateName: state}, {Name: "b", Group: "b", StateName: "FATAL", SpawnErr: "no luck"}}
	}})
	want := "a: running\nb: ERROR (FATAL: no luck; it will not be running by itself)\n"
	if got := supervisorctl(t, "", "-c", f.config, "wait a b"); got.out != want || got.exit != 1 || looks.Load() != 3 {
		t.Errorf("exit %d after %d looks, got %q", got.exit, looks.Load(), got.out)
	}
	looks.Store(-100)
	if got := supervisorctl(t, "", "-c", f.config, "wait a --timeout=0.1"); got.exit != exitTimeout || got.out != "a: ERROR (timed out after 100ms; it is STARTING)\n" {
		t.Errorf("exit %d, got %q", got.exit, got.out)
	}
}

func TestLooksAreJudged(t *testing.T) {
	const never = -1
	for _, row := range []struct {
		goal   api.Goal
		states string // one each second; - for none
		over   int    // at which of them it is
		status api.Code
	}{
		{api.GoalRunning, "STOPPED STARTING RUNNING", 2, api.Success},
		{api.GoalRunning, "BACKOFF FATAL", 1, api.AbnormalTermination},
		{api.GoalRunning, "UNKNOWN", 0, api.AbnormalTermination},
		{api.GoalRunning, "EXITED EXITED EXITED STARTING EXITED EXITED EXITED EXITED", 7, api.AbnormalTermination},
		{api.GoalRunning, "STOPPED STOPPED STOPPED STOPPED STOPPED", never, 0},
		{api.GoalRunning, "STARTING -", 1, api.BadName},
		{api.GoalStopped, "RUNNING STOPPING STOPPED", 2, api.Success},
		{api.GoalStopped, "FATAL", 0, api.Success},
		{api.GoalStopped, "EXITED EXITED STARTING EXITED EXITED EXITED", never, 0},
		{api.GoalStopped, "EXITED EXITED EXITED EXITED", 3, api.Success},
		{api.GoalStopped, "STOPPING UNKNOWN", 1, api.AbnormalTermination},
		{api.GoalExited, "RUNNING EXITED", 1, api.Success},
		{api.GoalExited, "RUNNING STOPPING STOPPED STARTING FATAL", 4, api.AbnormalTermination},
		{api.GoalFatal, "RUNNING BACKOFF FATAL", 2, api.Success},
		{api.GoalFatal, "EXITED EXITED EXITED EXITED", 3, api.AbnormalTermination},
	} {
		p, over := newPoll([]string{"x"}, row.goal), never
		now := time.Unix(1000, 0)
		for i, state := range strings.Fields(row.states) {
			var all []api.ProcessInfo
			if state != "-" {
				all = append(all, api.ProcessInfo{Name: "x", Group: "x", StateName: state})
			}
			if p.look(now, all) {
				over = i
				break
			}
			now = now.Add(time.Second)
		}
		if over != row.over || p.results[0].Status != row.status {
			t.Errorf("%s, %s: over at %d with %v", row.goal, row.states, over, p.results)
		}
	}
	p := newPoll([]string{"g:*", "g:a", "none"}, api.GoalRunning)
	p.look(time.Time{}, []api.ProcessInfo{{Name: "a", Group: "g"}, {Name: "b", Group: "g"}})
	var names []string
	for _, r := range p.results {
		names = append(names, r.Group+":"+r.Name)
	}
	if want := []string{"g:a", "g:b", ":none"}; !slices.Equal(names, want) || !reflect.DeepEqual(p.results[2].Status, api.BadName) {
		t.Errorf("got %v", p.results)
	}
}
