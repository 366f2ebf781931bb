package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// event is a record of the stream of events.
type event struct {
	Serial uint64
	Type   string
	Group  string
	Name   string
	From   string `json:"from_state"`
	PID    int
	Reason string
	Data   string
	Tick   int64
	Open   *struct {
		Serial, Oldest uint64
		PID            int
	}
	Gap *struct{ From, To uint64 }
}

// dataLines reads what supervisorctl --json has printed of a stream.
func dataLines(t testing.TB, text string) (records []event) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") || !strings.HasPrefix(line, `{"data":`) {
			continue // it is being written, or the end
		}
		var r struct{ Data event }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		records = append(records, r.Data)
	}
	return records
}

// toldWords makes words of events: the type and the name, or gap and open.
func toldWords(records []event) (words []string) {
	for _, r := range records {
		switch {
		case r.Open != nil:
			words = append(words, "open")
		case r.Gap != nil:
			words = append(words, "gap")
		default:
			words = append(words, strings.TrimSpace(r.Type+" "+r.Name))
		}
	}
	return words
}

// begin starts supervisorctl with arguments and lets it run.
func (s *sup) begin(args ...string) *follower {
	s.t.Helper()
	f := &follower{s: s, cmd: s.ctlCommand(args...), out: &buffer{}}
	f.cmd.Stdout, f.cmd.Stderr = f.out, f.out
	if err := f.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = f.cmd.Process.Kill(); _ = f.cmd.Wait() })
	return f
}

// waitWords waits until the stream of f ends with these words.
func (f *follower) waitWords(want ...string) []event {
	f.s.t.Helper()
	var records []event
	until(f.s.t, fmt.Sprintf("the stream tells %q", want), func() (string, bool) {
		records = dataLines(f.s.t, f.out.String())
		got := toldWords(records)
		return strings.Join(got, "\n"), len(got) >= len(want) && slices.Equal(got[len(got)-len(want):], want)
	})
	return records
}

// One reader follows a program through its life, a reload and the death of the
// supervisor, and knows at each moment whether it has missed something.
func TestEventsAreFollowedThroughRestarts(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no events over its socket")
	s := newSup(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n").start()
	s.waitState("cat", "RUNNING")
	past := dataLines(t, `{"data":`+strings.TrimSuffix(s.ctl("events", "--json").out, "\n")+"}\n")
	if len(past) != 1 {
		t.Fatalf("no result: %v", past)
	}
	f := s.begin("events", "-f", "--json", "--since=0")
	f.waitWords("open", "PROCESS_GROUP_ADDED", "SUPERVISOR_STATE_CHANGE_RUNNING", "PROCESS_STATE_STARTING cat", "PROCESS_STATE_RUNNING cat")
	s.ctl("stop", "cat")
	s.ctl("start", "cat")
	records := f.waitWords("PROCESS_STATE_STOPPING cat", "PROCESS_STATE_STOPPED cat", "PROCESS_STATE_STARTING cat", "PROCESS_STATE_RUNNING cat")
	if last := records[len(records)-1]; last.PID != s.waitPID("cat") || last.From != "STARTING" || last.Reason == "" {
		t.Errorf("got %+v", last)
	}
	pid := s.pid
	s.signal(syscall.SIGHUP)
	records = f.waitWords("SUPERVISOR_STATE_CHANGE_STOPPING", "PROCESS_STATE_STOPPING cat", "PROCESS_STATE_STOPPED cat", "open",
		"PROCESS_GROUP_ADDED", "SUPERVISOR_STATE_CHANGE_RUNNING", "PROCESS_STATE_STARTING cat", "PROCESS_STATE_RUNNING cat")
	for i, r := range slices.DeleteFunc(slices.Clone(records), func(r event) bool { return r.Open != nil }) {
		if want := records[1].Serial + uint64(i); r.Serial != want {
			t.Errorf("event %d has the serial %d, want %d", i, r.Serial, want)
		}
	}
	s.waitState("cat", "RUNNING")

	s.signal(syscall.SIGKILL)
	s.waitGone()
	s.start()
	records = f.waitWords("open", "gap", "PROCESS_GROUP_ADDED", "SUPERVISOR_STATE_CHANGE_RUNNING", "PROCESS_STATE_STARTING cat", "PROCESS_STATE_RUNNING cat")
	before, open, gap, after := records[len(records)-7], records[len(records)-6].Open, records[len(records)-5].Gap, records[len(records)-4]
	if open.PID == pid || gap.From != before.Serial+1 || gap.To != after.Serial-1 || after.Serial <= before.Serial {
		t.Errorf("%+v, then %+v, %+v and %+v", before, *open, *gap, after)
	}
	f.interrupt()
	if text := f.out.String(); strings.Contains(text, "\"error\"") || !strings.HasSuffix(text, "{\"result\":true}\n") {
		t.Errorf("it ends with %s", tail(text))
	}
	s.terminate()
}

func TestEventsForPeople(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no events over its socket")
	s := newSup(t, `[program:talk]
command=TESTPROG words OUT:hello
startsecs=0
stdout_events_enabled=true
autostart=false
[program:other]
command=/bin/cat
startsecs=0
`).start()
	s.waitState("other", "RUNNING")
	f := s.begin("events", "-f", "--type=PROCESS_STATE,process_log", "talk", "nosuch")
	f.want("^nosuch: there is no such process now$")
	clock := s.begin("events", "-f", "--type=TICK_5")
	s.ctl("start", "talk")
	const when = `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} `
	f.want(when + `PROCESS_STATE_STARTING talk from STOPPED: asked by start$`)
	f.want(when + `PROCESS_STATE_RUNNING talk from STARTING pid \d+: started, and startsecs is 0$`)
	f.want(when + `PROCESS_LOG_STDOUT talk pid \d+: hello$`)
	s.must(0, "PROCESS_STATE_RUNNING other", "events", "other")
	s.must(1, "did you mean PROCESS_STATE?", "events", "--type=PROCES_STATE")
	clock.want(when + `TICK_5 \d+[05]$`)
	clock.interrupt()
	s.signal(syscall.SIGHUP)
	f.want("^supervisord has ended; waiting for it to come back$")
	f.want("^supervisord is back, with pid " + strconv.Itoa(s.pid) + "$")
	f.interrupt()
	s.terminate()
}

// A reader that does not read holds up nobody, and is told what it missed.
func TestASlowReaderOfEvents(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no events over its socket")
	const many = 20_000
	s := newSup(t, "[program:cat]\ncommand=/bin/cat\nautostart=false\n").start()
	slow := s.dial()
	slow.send(`{"id":1,"method":"supervisor.followEvents","params":{"types":["REMOTE_COMMUNICATION"]}}`)
	var r event
	unpack := func() event {
		t.Helper()
		answer := slow.receive()
		r = event{}
		if err := json.Unmarshal(answer.Data, &r); err != nil {
			t.Fatalf("%s: %v", answer.Data, err)
		}
		return r
	}
	next := unpack().Open.Serial + 1
	for i := 0; i < many; i += 500 {
		s.remote("n", i, 500) // each is answered, whatever the reader does
	}
	s.healthy()
	last, missed := next+many-1, uint64(0)
	for next <= last {
		switch unpack(); {
		case r.Gap != nil:
			if missed += r.Gap.To - r.Gap.From + 1; r.Gap.From != next {
				t.Fatalf("gap %+v, and event %d was next", *r.Gap, next)
			}
			next = r.Gap.To + 1
		case r.Serial != next || r.Type != "REMOTE_COMMUNICATION":
			t.Fatalf("event %d, %s; want %d", r.Serial, r.Type, next)
		default:
			next++
		}
	}
	if missed == 0 {
		t.Error("nothing was missed, so nothing was tested")
	}
	if mb := s.peakMemory(); mb > 80 {
		t.Errorf("the daemon has used %d MiB", mb)
	}
	s.terminate()
}

// A reader that is there at the end is told all of it, over both protocols.
func TestTheEndIsToldToTheEnd(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no events over its socket")
	s := newSup(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\nnumprocs=30\nprocess_name=%(process_num)d\n").start()
	s.waitState("cat:29", "RUNNING")
	w := s.dial()
	w.send(`{"id":1,"method":"supervisor.followEvents","params":{"types":["PROCESS_STATE_STOPPED"]}}`)
	w.receive()
	resp, err := s.overSocket().Post("http://localhost/ndjson", "", strings.NewReader(`{"id":1,"method":"supervisor.followEvents","params":{"types":"PROCESS_STATE_STOPPED"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.terminate()
	for range 30 {
		if r := w.receive(); r.Data == nil {
			t.Fatalf("got %+v", r)
		}
	}
	if r := w.receive(); string(r.Result) != "true" {
		t.Errorf("got %+v", r)
	}
	body, err := io.ReadAll(resp.Body)
	if n := strings.Count(string(body), "PROCESS_STATE_STOPPED"); err != nil || n != 30 || !strings.HasSuffix(string(body), `"result":true}`+"\n") {
		t.Errorf("over HTTP: %d events, %v, %s", n, err, tail(string(body)))
	}
}

func TestStatusIsLive(t *testing.T) {
	t.Parallel()
	oursOnly(t, "its status is not live")
	s := newSup(t, `[program:cat]
command=/bin/cat
startsecs=0
[program:job]
command=/bin/sh -c "read x; exit 3"
startsecs=0
autorestart=false
`).start()
	s.waitState("job", "RUNNING")
	s.waitState("cat", "RUNNING")
	v := onTerminal(t, nil, program("supervisorctl"), "-c", s.conf, "status", "-w")
	v.expect("2 RUNNING", "live; press q to quit", "cat ", "RUNNING", "uptime 0:00:", "job ", "RUNNING")
	s.ctl("stop", "cat")
	v.expect("1 STOPPED, 1 RUNNING", "cat ", "STOPPED")
	v.resize(40)
	v.expect("live; press q to quit")
	s.dial().call("supervisor.sendProcessStdin", `{"name":"job","chars":"\n"}`, new(bool))
	v.expect("1 STOPPED, 1 EXITED", "EXITED")
	s.signal(syscall.SIGHUP)
	v.expect("waiting for", "2 RUNNING")
	v.typeIn("q")
	v.expect("\x1b[?1049l")
	v.end(0)

	lines := s.begin("status", "-w", "cat")
	lines.want(`^cat  +RUNNING   pid \d+, uptime \d:\d\d:\d\d$`)
	s.ctl("restart", "all")
	lines.want(`(?s)^cat  +STOPPING  asked by stop$.*^cat  +STOPPED   killed by SIGTERM$.*^cat  +STARTING  asked by start$.*^cat  +RUNNING   pid \d+, uptime 0:00:00$`)
	if text := lines.out.String(); strings.Contains(text, "job") {
		t.Errorf("shown:\n%s", text)
	}
	lines.interrupt()
	s.terminate()
}
