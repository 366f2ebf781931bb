package ctl

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
)

// noon is when the events of these tests happen.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 5_000_000, time.Local)

func someEvents() []api.Event {
	at := func(e api.Event) api.Event { e.When = noon.UnixMilli(); return e }
	return []api.Event{
		at(api.Event{Serial: 11, Type: "PROCESS_STATE_STARTING", Group: "g", Name: "m1", From: "STOPPED", Reason: "asked by start"}),
		at(api.Event{Serial: 12, Type: "PROCESS_STATE_RUNNING", Group: "cat", Name: "cat", From: "STARTING", PID: 11}),
		at(api.Event{Serial: 13, Type: "PROCESS_GROUP_ADDED", Group: "g\x1b[2J"}),
		at(api.Event{Serial: 14, Type: "REMOTE_COMMUNICATION", Remote: "deploy", Data: api.Bytes("two\nlines\n")}),
		at(api.Event{Serial: 15, Type: "PROCESS_LOG_STDOUT", Group: "cat", Name: "cat", PID: 11, Channel: api.Stdout, Data: api.Bytes("\xff\x1b]0;x\n"), Whole: 300000}),
		at(api.Event{Serial: 16, Type: "TICK_5", Tick: 1795363445}),
		at(api.Event{Serial: 17, Type: "LISTENER_OVERFLOW", Group: "ear", Dropped: 7}),
		at(api.Event{Serial: 18, Type: "SUPERVISOR_STATE_CHANGE_STOPPING"}),
	}
}

const shownEvents = `2026-11-22 12:00:00.005 PROCESS_STATE_STARTING g:m1 from STOPPED: asked by start
2026-11-22 12:00:00.005 PROCESS_STATE_RUNNING cat from STARTING pid 11
2026-11-22 12:00:00.005 PROCESS_GROUP_ADDED g\x1b[2J
2026-11-22 12:00:00.005 REMOTE_COMMUNICATION deploy: two\x0alines
2026-11-22 12:00:00.005 PROCESS_LOG_STDOUT cat pid 11: \xff\x1b]0;x ... (300000 bytes in all)
2026-11-22 12:00:00.005 TICK_5 1795363445
2026-11-22 12:00:00.005 LISTENER_OVERFLOW ear 7 lost so far
2026-11-22 12:00:00.005 SUPERVISOR_STATE_CHANGE_STOPPING
`

// asked keeps the parameters of the last question.
func asked(into *string, answer any) func(map[string]any) any {
	return func(p map[string]any) any {
		text, _ := json.Marshal(p)
		*into = string(text)
		return answer
	}
}

func TestEventsThatAreKept(t *testing.T) {
	var question string
	list := api.EventList{Serial: 18, Oldest: 11, Gap: &api.Gap{From: 3, To: 10}, Events: someEvents()}
	f := newFake(t, map[string]any{"supervisor.getEvents": asked(&question, list)})
	gap := "==> events 3 to 10 are not there any more <==\n"
	for _, row := range []struct {
		line, question string
		want           outcomeOf
	}{
		{"events", `{"since":0}`, outcomeOf{shownEvents, "", 0}},
		{"events all", `{"since":0}`, outcomeOf{shownEvents, "", 0}},
		{"events --since=2", `{"since":2}`, outcomeOf{gap + shownEvents, "", 0}},
		{"events --type=process_state,Tick_5 cat g:", `{"names":["cat","g:*"],"since":0,"types":["PROCESS_STATE","TICK_5"]}`, outcomeOf{shownEvents, "", 0}},
		{"events nosuch", `{"names":["nosuch"],"since":0}`, outcomeOf{shownEvents, "nosuch: there is no such process now\n", 0}},
	} {
		if got := supervisorctl(t, "", "-c", f.config, row.line); got != row.want || question != row.question {
			t.Errorf("%s: asked %s, got %+v", row.line, question, got)
		}
	}
	reply := oneReply(t, "events", supervisorctl(t, "", "-c", f.config, "events --json nosuch"))
	var back api.EventList
	if err := json.Unmarshal(reply["result"], &back); err != nil || len(back.Events) != len(list.Events) || *back.Gap != *list.Gap {
		t.Errorf("got %s, %v", reply["result"], err)
	}
	for line, want := range map[string]string{
		"events --since=x":  "Error: bad value 'x' of --since\n  it must be the serial of an event, or 0 for all that are kept\n",
		"events --since=-1": "Error: bad value '-1' of --since\n  it must be the serial of an event, or 0 for all that are kept\n",
		"events --type=,":   "Error: bad value ',' of --type\n  it must be types of events with commas between them, such as PROCESS_STATE,TICK_60\n",
	} {
		if got := supervisorctl(t, "", "-c", f.config, line); got != (outcomeOf{want, "", 2}) {
			t.Errorf("%s: got %+v", line, got)
		}
	}
	f.set("supervisor.getEvents", &api.Fault{Code: api.IncorrectParameters, Detail: `there is no event type "X"`, Hint: "did you mean TICK?"})
	if got := supervisorctl(t, "", "-c", f.config, "events --type=X"); got.exit != 1 || !strings.Contains(got.out, `there is no event type "X"`) ||
		!strings.Contains(got.out+got.errs, "did you mean TICK?") {
		t.Errorf("got %+v", got)
	}
}

func TestAnOriginalTellsOfNoEvents(t *testing.T) {
	f := newFake(t, nil)
	for _, line := range []string{"events", "events -f", "events --pools", "status -w"} {
		if got := supervisorctl(t, "", "-c", f.config, line); got != (outcomeOf{textNoEvents + "\n", "", 1}) {
			t.Errorf("%s: got %+v", line, got)
		}
	}
}

// lives answers followEvents: each call is the next life of a server.
func lives(t *testing.T, each ...func(p map[string]any, emit func(any)) any) streaming {
	var n atomic.Int32
	return func(p map[string]any, emit func(any)) any {
		i := int(n.Add(1)) - 1
		if i >= len(each) {
			t.Errorf("life %d", i)
			return fault(api.Failed, "too many lives")
		}
		return each[i](p, emit)
	}
}

func TestEventsAreFollowedOverTheEndOfAServer(t *testing.T) {
	events := someEvents()
	var since []any
	f := newFake(t, map[string]any{"supervisor.followEvents": lives(t,
		func(p map[string]any, emit func(any)) any {
			since = append(since, p["since"])
			emit(api.EventRecord{Open: &api.EventsOpen{Serial: 10, Oldest: 1, PID: 7}})
			return true // nothing has happened in it
		},
		func(p map[string]any, emit func(any)) any {
			since = append(since, p["since"])
			emit(api.EventRecord{Open: &api.EventsOpen{Serial: 10, Oldest: 1, PID: 7}})
			emit(api.EventRecord{Event: &events[0]})
			emit(api.EventRecord{Event: &events[1]})
			return true
		},
		func(p map[string]any, emit func(any)) any {
			since = append(since, p["since"])
			emit(api.EventRecord{Open: &api.EventsOpen{Serial: 40, Oldest: 30, PID: 8}})
			emit(api.EventRecord{Gap: &api.Gap{From: 13, To: 29}})
			emit(api.EventRecord{Event: &events[5]})
			return fault(api.Failed, "enough")
		},
	)})
	got := supervisorctl(t, "", "-c", f.config, "events -f")
	lines := strings.SplitAfter(shownEvents, "\n")
	back := func(pid int) string {
		return fmt.Sprintf("supervisord has ended; waiting for it to come back\nsupervisord is back, with pid %d\n", pid)
	}
	want := outcomeOf{lines[0] + lines[1] + "==> events 13 to 29 are not there any more <==\n" + lines[5] + "error: FAILED: enough\n", back(7) + back(8), 1}
	if got != want || fmt.Sprint(since) != "[-1 10 12]" {
		t.Errorf("asked since %v, got %+v", since, got)
	}
}

func TestFollowedEventsInJSON(t *testing.T) {
	events := someEvents()
	f := newFake(t, map[string]any{"supervisor.followEvents": lives(t, func(_ map[string]any, emit func(any)) any {
		emit(api.EventRecord{Open: &api.EventsOpen{Serial: 10, Oldest: 1, PID: 7, Identifier: "x"}})
		emit(api.EventRecord{Gap: &api.Gap{From: 3, To: 4}})
		emit(api.EventRecord{Event: &events[5]})
		return fault(api.Failed, "enough")
	})})
	got := supervisorctl(t, "", "-c", f.config, "events --json -f --since 2")
	want := `{"data":{"open":{"serial":10,"oldest":1,"pid":7,"identifier":"x"}}}
{"data":{"gap":{"from":3,"to":4}}}
{"data":{"serial":16,"when":` + fmt.Sprintf("%d.005", noon.Unix()) + `,"type":"TICK_5","tick":1795363445}}
{"error":{"code":30,"name":"FAILED","message":"FAILED: enough"}}
`
	if got != (outcomeOf{want, "", 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestFollowingEndsInTime(t *testing.T) {
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	f := newFake(t, map[string]any{"supervisor.followEvents": streaming(func(_ map[string]any, emit func(any)) any {
		emit(api.EventRecord{Open: &api.EventsOpen{Serial: 10, PID: 7}})
		<-released
		return true
	})})
	for _, line := range []string{"events -f --timeout=0.1", "status -w --timeout=0.1"} {
		if got := supervisorctl(t, "", "-c", f.config, line); got.exit != exitTimeout || !strings.HasSuffix(got.out, "error: timed out after 100ms; what the server has begun goes on\n") {
			t.Errorf("%s: got %+v", line, got)
		}
	}
}

func TestEventPoolsAreShown(t *testing.T) {
	pools := []api.EventPool{
		{Name: "ear", BufferSize: 10, BufferPolicy: "grow:50", Limit: 50, Buffered: 3, Delivered: 1234, Rejected: 5, Dropped: 6,
			Listeners: []api.PoolListener{{Name: "0", StateName: "RUNNING", Listener: "BUSY"}, {Name: "1", StateName: "RUNNING", Listener: "BUSY"}, {Name: "2", StateName: "STOPPED", Listener: "READY"}}},
		{Name: "m\x1bil", BufferPolicy: "block", Limit: 4106, Holding: true, Listeners: []api.PoolListener{{StateName: "RUNNING", Listener: "BUSY", Deaf: true}}},
	}
	f := newFake(t, map[string]any{"supervisor.getEventPools": pools})
	title := "POOL     LISTENERS          BUFFERED  ROOM  POLICY           DELIVERED  REJECTED  DROPPED\n"
	ear := "ear      2 BUSY, 1 STOPPED  3         50    grow:50          1234       5         6\n"
	mail := `m\x1bil  1 DEAF             0         4106  block (holding)  0          0         0` + "\n"
	if got := supervisorctl(t, "", "-c", f.config, "events --pools"); got != (outcomeOf{title + ear + mail, "", 0}) {
		t.Errorf("got %+v", got)
	}
	reply := oneReply(t, "pools", supervisorctl(t, "", "-c", f.config, "events --pools --json ear nosuch"))
	var back []api.EventPool
	if err := json.Unmarshal(reply["result"], &back); err != nil || len(back) != 1 || back[0].Dropped != 6 {
		t.Errorf("got %s", reply["result"])
	}
}

// changing is a server whose processes are another table at each event.
func changing(t *testing.T) (f *fake, emit func(...api.Event), end func(any)) {
	events, ends := make(chan api.Event), make(chan any)
	made := make(chan struct{}) // f is there
	defer func() { close(made) }()
	t.Cleanup(func() { close(events) })
	f = newFake(t, map[string]any{"supervisor.followEvents": streaming(func(p map[string]any, emit func(any)) any {
		question, _ := json.Marshal(p)
		<-made
		f.set("asked", string(question))
		emit(api.EventRecord{Open: &api.EventsOpen{Serial: 10, PID: 7}})
		for {
			select {
			case e, ok := <-events:
				if !ok {
					return true
				}
				emit(api.EventRecord{Event: &e})
			case how := <-ends:
				return how
			}
		}
	})})
	return f, func(all ...api.Event) {
		for _, e := range all {
			events <- e
		}
	}, func(how any) { ends <- how }
}

func TestStatusGoesOnLineByLine(t *testing.T) {
	f, emit, end := changing(t)
	done := make(chan outcomeOf)
	go func() { done <- supervisorctl(t, "", "-c", f.config, "status -w cat g:*") }()
	emit(
		api.Event{Serial: 11, Type: "PROCESS_STATE_STOPPING", Group: "cat", Name: "cat", From: "RUNNING", PID: 11, Reason: "asked by stop"},
		api.Event{Serial: 13, Type: "PROCESS_STATE_RUNNING", Group: "g", Name: "m1", From: "STARTING", PID: 21},
		api.Event{Serial: 14, Type: "PROCESS_GROUP_REMOVED", Group: "g"},
		api.Event{Serial: 16, Type: "SUPERVISOR_STATE_CHANGE_STOPPING"},
	)
	end(fault(api.Failed, "enough"))
	want := `cat                              RUNNING   pid 11, uptime 0:00:38
g:m1                             STARTING  
g:m2                             RUNNING   pid 13, uptime 1 day, 0:00:00
cat                              STOPPING  asked by stop
g:m1                             RUNNING   pid 21, uptime 0:00:00
g:*                              REMOVED   
error: FAILED: enough
`
	if got := <-done; got != (outcomeOf{want, "", 1}) {
		t.Errorf("got %+v", got)
	}
	if got := f.answer("asked"); got != `{"names":["cat","g:*"],"since":-1,"types":["PROCESS_STATE","PROCESS_GROUP","SUPERVISOR_STATE_CHANGE"]}` {
		t.Errorf("asked %s", got)
	}
}

func TestALiveStatusKeepsTheOrderOfItsNames(t *testing.T) {
	process := func(state string) []api.ProcessInfo {
		return []api.ProcessInfo{{Name: "a", Group: "a", StateName: state}, {Name: "b", Group: "b", StateName: "FATAL"}, {Name: "c", Group: "c", StateName: "STOPPED"}}
	}
	f, emit, end := changing(t)
	f.set("supervisor.getAllProcessInfo", process("RUNNING"))
	v := newTerminal(t, "xterm", "-c", f.config, "status", "-w", "c", "a")
	v.expect("1 STOPPED, 1 RUNNING")
	f.set("supervisor.getAllProcessInfo", process("EXITED"))
	emit(api.Event{Serial: 11, Type: "PROCESS_STATE_EXITED", Group: "a", Name: "a"})
	v.expect("1 STOPPED, 1 EXITED")
	v.typeIn("q")
	v.end(0)
	end(true)

	f, _, end = changing(t)
	f.set("supervisor.getAllProcessInfo", process("RUNNING"))
	looked := make(chan outcomeOf)
	go func() { looked <- supervisorctl(t, "", "-c", f.config, "status -w c a") }()
	end(fault(api.Failed, "enough"))
	if got := <-looked; !strings.HasPrefix(got.out, "c  ") || !strings.Contains(got.out, "\na  ") || strings.Contains(got.out, "\nb  ") {
		t.Errorf("line by line: got %q", got.out)
	}
}

func TestStatusGoesOnInJSON(t *testing.T) {
	f, emit, end := changing(t)
	f.set("supervisor.getAllProcessInfo", []api.ProcessInfo{{Name: "a", Group: "a", StateName: "RUNNING"}, {Name: "b", Group: "b", StateName: "RUNNING"}})
	looked := make(chan outcomeOf)
	go func() { looked <- supervisorctl(t, "", "-c", f.config, "status -w --json a") }()
	emit(api.Event{Serial: 11, Type: "PROCESS_STATE_FATAL"})
	end(fault(api.Failed, "enough"))
	got := <-looked
	lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
	if len(lines) < 2 || got.exit != 1 || got.errs != "" {
		t.Fatalf("got %+v", got)
	}
	for _, line := range lines[:len(lines)-1] {
		var reply struct{ Data []api.ProcessInfo }
		if err := json.Unmarshal([]byte(line), &reply); err != nil || len(reply.Data) != 1 || reply.Data[0].Name != "a" {
			t.Errorf("got %s, %v", line, err)
		}
	}
}

func TestStatusOnAScreen(t *testing.T) {
	f, emit, end := changing(t)
	process := func(state string) []api.ProcessInfo {
		return []api.ProcessInfo{
			{Name: "cat", Group: "cat", StateName: state, PID: 11, Start: 1000, Now: 1000 + 86399, Description: "as it was"},
			{Name: "m\x1b[2J", Group: "g", StateName: "STOPPED", Description: "Not started"},
		}
	}
	f.set("supervisor.getAllProcessInfo", process("RUNNING"))
	v := newTerminal(t, "xterm", "-c", f.config, "status", "-w")
	v.expect("\x1b[?1049h")
	v.expect("1 RUNNING, 1 STOPPED")
	v.expect("live; press q to quit")
	v.expect("cat  ")
	v.expect("pid 11, uptime 23:59:59")
	v.expect(`g:m\x1b[2J`)
	v.expect("pid 11, uptime 1 day, 0:00:0") // the clock goes on, and nobody is asked
	f.set("supervisor.getAllProcessInfo", process("EXITED"))
	emit(api.Event{Serial: 11, Type: "PROCESS_STATE_EXITED", Group: "cat", Name: "cat"})
	v.expect("1 EXITED, 1 STOPPED")
	v.expect("as it was")
	unix.IoctlSetWinsize(int(v.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 4, Col: 30})
	v.expect("live; press q to quit")
	v.expect("(2 more; a larger terminal ...")
	f.set("supervisor.getAllProcessInfo", fault(api.ShutdownState, ""))
	emit(api.Event{Serial: 12, Type: "SUPERVISOR_STATE_CHANGE_STOPPING"})
	unix.IoctlSetWinsize(int(v.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	v.expect(textShuttingDown)
	end(true)
	v.expect("supervisord has ended; waiting for it to come back")
	f.set("supervisor.getAllProcessInfo", process("FATAL"))
	v.expect("1 FATAL, 1 STOPPED") // it is back
	v.typeIn("xq")
	v.expect("\x1b[?25h\x1b[?1049l")
	v.end(0)
}

func TestALiveStatusInTheShell(t *testing.T) {
	f, _, _ := changing(t)
	v := newTerminal(t, "xterm", "-c", f.config)
	v.expect("sup> ")
	v.typeIn("status -w cat\r")
	v.expect("1 RUNNING")
	v.typeIn("q")
	v.expect("\x1b[?1049l")
	v.expect("sup> ")
	v.typeIn("pid\r")
	v.expect("1234")
	v.typeIn("quit\r")
	v.end(0)
}

func TestALiveStatusGivesTheScreenBack(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(v *terminal)
		exit int
	}{
		"Ctrl-C":  {func(v *terminal) { v.typeIn("\x03") }, 0},
		"an INT":  {func(v *terminal) { v.cmd.Process.Signal(syscall.SIGINT) }, 0},
		"a TERM":  {func(v *terminal) { v.cmd.Process.Signal(syscall.SIGTERM) }, exitGeneric},
		"no time": {func(*terminal) {}, exitTimeout},
	} {
		f, _, _ := changing(t)
		args := []string{"-c", f.config, "status", "--watch"}
		if name == "no time" {
			args = append(args, "--timeout=1")
		}
		v := newTerminal(t, "xterm", args...)
		before, err := unix.IoctlGetTermios(int(v.slave.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		v.expect("press q to quit")
		row.end(v)
		v.expect("\x1b[?25h\x1b[?1049l")
		v.end(row.exit)
		after, err := unix.IoctlGetTermios(int(v.slave.Fd()), unix.TCGETS)
		if err != nil || before.Lflag != after.Lflag && after.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != unix.ICANON|unix.ECHO|unix.ISIG {
			t.Errorf("%s: the terminal is another one: %v", name, err)
		}
	}
}
