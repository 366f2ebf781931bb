package serve

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// eventSession is the conversation about events that the reference shows.
var eventSession = session{title: "Follow events, and begin with what happened after one that is known:", steps: []step{
	{say: `{"id":"ev","method":"supervisor.followEvents","params":{"since":1767323000000002,"names":["web"]}}`, events: []api.EventBatch{
		{Open: &api.EventsOpen{Serial: 1767323000000031, Oldest: 1767323000000009, PID: 42, Identifier: "supervisor"},
			Gap: &api.Gap{From: 1767323000000003, To: 1767323000000008}, Events: sampleEvents[:2]},
		{Events: sampleEvents[2:3]},
	}, hear: 5},
	{say: `{"id":2,"method":"system.cancel","params":{"id":"ev"}}`, hear: 2},
}}

// sampleEvents has an event of each form.
var sampleEvents = []api.Event{
	{Serial: 1767323000000030, When: 1767323045120, Type: "PROCESS_STATE_STARTING", Group: "web", Name: "web", From: "STOPPED"},
	{Serial: 1767323000000031, When: 1767323046121, Type: "PROCESS_STATE_RUNNING", Group: "web", Name: "web", From: "STARTING", PID: 4711},
	{Serial: 1767323000000036, When: 1767323083007, Type: "PROCESS_STATE_EXITED", Group: "web", Name: "web", From: "RUNNING", PID: 4711,
		Reason: "exited with status 1, not expected", Ended: true, Exit: 1},
	{Type: "REMOTE_COMMUNICATION", Remote: "deploy", Data: api.Bytes("done")},
	{Type: "PROCESS_LOG_STDOUT", Group: "web", Name: "web", PID: 1, Channel: api.Stdout, Data: api.Bytes("text"), Whole: 1 << 20},
	{Type: "TICK_5", Tick: 1767323045},
	{Type: "LISTENER_OVERFLOW", Group: "ear", Dropped: 7},
}

const eventsPart = `## Events

A record of [followEvents](#supervisorfolloweventssince-types-names-stream) is an object of one of three forms:

* ` + "`{\"open\":{...}}`" + `, EventsOpen: the first record.
* ` + "`{\"gap\":{...}}`" + `, Gap: of the events with these serials, and of the kinds asked for, some may be missing: they are older than
  what is kept, or this reader was too slow for them, or they are of a supervisor before this one. What is still there of
  them follows. Without a gap nothing that was asked for is missing, whatever is left out between two serials.
* an event: ` + "`serial`, `when`, `type`" + `, and what the type has.

Serials rise, in one supervisor and, as they begin with its clock in microseconds, from one to the next. So a reader that
passes the last one that it has seen as ` + "`since`" + ` misses nothing in silence, whatever happened meanwhile. They are not the serials
that event listeners see. ` + "`when`" + ` is in seconds, with thousandths.

| Type | What it has |
|---|---|
| PROCESS_STATE_STARTING, _BACKOFF | ` + "`group`, `name`, `from_state`, `tries`" + ` |
| PROCESS_STATE_RUNNING, _STOPPING, _STOPPED | ` + "`group`, `name`, `from_state`, `pid`" + ` |
| PROCESS_STATE_EXITED | ` + "`group`, `name`, `from_state`, `pid`, `expected`: true or false" + ` |
| PROCESS_STATE_FATAL, _UNKNOWN | ` + "`group`, `name`, `from_state`" + ` |
| any PROCESS_STATE, where it is known | ` + "`reason`" + `: how the child ended, or why there is none; ` + "`exitstatus`" + `: of a child that has ended, -1 for a signal |
| PROCESS_GROUP_ADDED, _REMOVED | ` + "`group`" + ` |
| SUPERVISOR_STATE_CHANGE_RUNNING, _STOPPING | |
| REMOTE_COMMUNICATION | ` + "`remote_type`, `data`" + ` |
| PROCESS_LOG_STDOUT, _STDERR; PROCESS_COMMUNICATION_STDOUT, _STDERR | ` + "`group`, `name`, `pid`, `channel`, `data`" + ` |
| LISTENER_UNKNOWN | ` + "`group`, `name`, `reason`" + `: a listener gets no events any more |
| LISTENER_OVERFLOW | ` + "`group`, `dropped`" + `: so many events has this pool lost since it was added; told once a second |
| TICK_5, TICK_60, TICK_3600 | ` + "`tick`" + `: seconds, a multiple of the period |

Data of more than %d bytes is cut, and ` + "`data_bytes`" + ` says how many there were. The last %d events are kept, as far as they take no
more than %d MiB; of PROCESS_LOG, PROCESS_COMMUNICATION and TICK the last %d, and %d MiB, and only while somebody follows them. Those of
output come only from programs with ` + "`stdout_events_enabled`" + ` and the like, as for event listeners. LISTENER, which is not for
listeners, is both of its types, and EVENT is everything.

`

func renderEvents() string {
	return fmt.Sprintf(eventsPart, api.MaxEventData, api.HistoryEvents, api.HistoryBytes>>20, api.OutputEvents, api.OutputBytes>>20)
}

func TestTheReferenceKnowsEveryMemberOfAnEvent(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sampleEvents {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("%s is not in the reference", name)
			}
		}
	}
	for _, name := range append(conf.EventTypes(), api.FollowedTypes()...) {
		family, rest := name[:strings.LastIndexByte("_"+name, '_')], name[strings.LastIndexByte(name, '_')+1:]
		if family != "" && !strings.Contains(string(text), name) && !strings.Contains(string(text), "_"+rest) {
			t.Errorf("%s is not in the reference", name)
		}
	}
}

func TestEventsAreStreamed(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(`{"id":1,"method":"supervisor.followEvents","params":{"since":7,"types":["TICK"],"names":["a","b:*"]}}` + "\n")
	if got := within(t, "it is followed", r.fake.follows); got != "events after 7 of [TICK] for [a b:*]" {
		t.Error(got)
	}
	r.fake.batches <- api.EventBatch{Open: &api.EventsOpen{Serial: 9, Oldest: 8, PID: 1}}
	r.fake.batches <- api.EventBatch{}
	r.fake.batches <- api.EventBatch{Gap: &api.Gap{From: 8, To: 9}, Events: sampleEvents[4:6]}
	for _, want := range []string{
		`{"id":1,"data":{"open":{"serial":9,"oldest":8,"pid":1,"identifier":""}}}`,
		`{"id":1,"data":{"gap":{"from":8,"to":9}}}`,
		`{"id":1,"data":{"serial":0,"when":0.000,"type":"PROCESS_LOG_STDOUT","group":"web","name":"web","pid":1,"channel":"stdout","data":"text","data_bytes":1048576}}`,
		`{"id":1,"data":{"serial":0,"when":0.000,"type":"TICK_5","tick":1767323045}}`,
	} {
		if got := k.hear(); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	k.expect(`{"id":2,"method":"supervisor.getPID"}`, `{"id":2,"result":42}`)
	close(r.fake.batches)
	if got := k.hear(); got != `{"id":1,"result":true}` {
		t.Error(got)
	}
}

func TestAStreamOfEventsFails(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.expect(`{"id":1,"method":"supervisor.followEvents","params":{"types":["nosuch"]}}`,
		`{"id":1,"error":{"code":2,"name":"INCORRECT_PARAMETERS","message":"INCORRECT_PARAMETERS: nosuch"}}`)
	k.expect(`{"id":1,"method":"supervisor.followEvents","params":{"types":["broken"]}}`,
		`{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: internal error"}}`)
	r.logged("Following a log raised an unexpected exception: boom")
	k.expect(`{"id":1,"method":"supervisor.followEvents","params":{"types":7}}`,
		`{"id":1,"error":{"code":2,"name":"INCORRECT_PARAMETERS","message":"INCORRECT_PARAMETERS: types must be a string or an array of strings, not 7"}}`)
}

func TestAStreamOfEventsEndsWithItsClientOrByItsWish(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Heartbeat: time.Millisecond})
	k := r.dial()
	k.say(`{"id":1,"method":"supervisor.followEvents"}` + "\n")
	within(t, "it is followed", r.fake.follows)
	k.say(`{"id":2,"method":"system.cancel","params":{"id":1}}` + "\n")
	for range 2 {
		if got := k.hear(); !strings.HasSuffix(got, `"result":true}`) {
			t.Error(got)
		}
	}
	within(t, "it has ended", r.fake.follows)
	k.say(`{"id":1,"method":"supervisor.followEvents"}` + "\n")
	within(t, "it is followed", r.fake.follows)
	_ = k.conn.Close()
	within(t, "it has ended", r.fake.follows)
}

// What is last to happen is told after the server has begun to close.
func TestAStreamOfEventsOutlivesTheBeginningOfTheEnd(t *testing.T) {
	r := standard(t)
	k := r.dial()
	k.say(`{"id":1,"method":"supervisor.followEvents"}` + "\n")
	within(t, "it is followed", r.fake.follows)
	shut := make(chan struct{})
	go func() { r.shutdown(patience); close(shut) }()
	<-r.server.closing.Done()
	r.fake.batches <- api.EventBatch{Events: sampleEvents[5:6]}
	close(r.fake.batches)
	if got := k.hear(); !strings.Contains(got, "TICK_5") {
		t.Error(got)
	}
	if got := k.hear(); got != `{"id":1,"result":true}` {
		t.Error(got)
	}
	within(t, "the server ends", shut)
}
