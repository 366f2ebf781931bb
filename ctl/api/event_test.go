package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestEventsComeThroughJSON(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    Event
		want string
	}{
		{"no tries are told", Event{Serial: 1, When: 5, Type: "PROCESS_STATE_STARTING", Group: "g", Name: "n", From: "STOPPED"},
			`{"serial":1,"when":0.005,"type":"PROCESS_STATE_STARTING","group":"g","name":"n","from_state":"STOPPED","tries":0}`},
		{"tries of a backoff that is no exit", Event{Serial: 1, Type: "PROCESS_STATE_BACKOFF", Group: "g", Name: "n", From: "STARTING", Tries: 2, Reason: "no such file"},
			`{"serial":1,"when":0.000,"type":"PROCESS_STATE_BACKOFF","group":"g","name":"n","from_state":"STARTING","tries":2,"reason":"no such file"}`},
		{"a signal", Event{Serial: 1, When: 1795359600123, Type: "PROCESS_STATE_EXITED", Group: "g", Name: "n", From: "RUNNING", PID: 3, Reason: "terminated by SIGKILL", Ended: true, Exit: -1},
			`{"serial":1,"when":1795359600.123,"type":"PROCESS_STATE_EXITED","group":"g","name":"n","from_state":"RUNNING","pid":3,"expected":false,"exitstatus":-1,"reason":"terminated by SIGKILL"}`},
		{"an exit with zero", Event{Type: "PROCESS_STATE_EXITED", Group: "g", Name: "n", From: "RUNNING", PID: 3, Expected: true, Ended: true},
			`{"serial":0,"when":0.000,"type":"PROCESS_STATE_EXITED","group":"g","name":"n","from_state":"RUNNING","pid":3,"expected":true,"exitstatus":0}`},
		{"nobody to stop", Event{Type: "PROCESS_STATE_STOPPED", Group: "g", Name: "n", From: "BACKOFF"},
			`{"serial":0,"when":0.000,"type":"PROCESS_STATE_STOPPED","group":"g","name":"n","from_state":"BACKOFF","pid":0}`},
		{"a group", Event{Type: "PROCESS_GROUP_ADDED", Group: "a<b>"}, `{"serial":0,"when":0.000,"type":"PROCESS_GROUP_ADDED","group":"a<b>"}`},
		{"a message without type and text", Event{Type: "REMOTE_COMMUNICATION", Data: Bytes{}}, `{"serial":0,"when":0.000,"type":"REMOTE_COMMUNICATION","remote_type":"","data":""}`},
		{"output that is no text", Event{Type: "PROCESS_LOG_STDERR", Group: "g", Name: "n", PID: 3, Channel: Stderr, Data: Bytes("\xff"), Whole: 7},
			`{"serial":0,"when":0.000,"type":"PROCESS_LOG_STDERR","group":"g","name":"n","pid":3,"channel":"stderr","data":{"base64":"/w=="},"data_bytes":7}`},
		{"a tick", Event{Serial: 1 << 52, Type: "TICK_5", Tick: 5}, `{"serial":4503599627370496,"when":0.000,"type":"TICK_5","tick":5}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := tt.e.MarshalJSON()
			if err != nil || string(text) != tt.want {
				t.Errorf("got %s, %v\nwant %s", text, err, tt.want)
			}
			var r EventRecord
			if err := json.Unmarshal(text, &r); err != nil || r.Open != nil || r.Gap != nil || !reflect.DeepEqual(*r.Event, tt.e) {
				t.Errorf("it comes back as %+v, %v", r, err)
			}
		})
	}
}

func TestRecordsComeThroughJSONInOrder(t *testing.T) {
	b := EventBatch{Open: &EventsOpen{Serial: 3, Oldest: 2, PID: 7, Identifier: "x"}, Gap: &Gap{1, 2}, Events: []Event{{Serial: 3, Type: "TICK_5", Tick: 5}}}
	var lines []string
	for _, r := range b.Records() {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back EventRecord
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("%s comes back as %+v, %v", text, back, err)
		}
		lines = append(lines, string(text))
	}
	want := `{"open":{"serial":3,"oldest":2,"pid":7,"identifier":"x"}}
{"gap":{"from":1,"to":2}}
{"serial":3,"when":0.000,"type":"TICK_5","tick":5}`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
	var bad EventRecord
	for _, text := range []string{`[]`, `{"gap":7}`, `{"serial":"x"}`, `{"serial":1,"when":"x"}`, `{}`} {
		if err := json.Unmarshal([]byte(text), &bad); err == nil {
			t.Errorf("%s is no record", text)
		}
	}
}

func TestArgumentsOfEvents(t *testing.T) {
	m, _ := Lookup("supervisor.followEvents")
	for _, tt := range []struct {
		params, fault string
		want          Request
	}{
		{``, "", FollowEvents{-1, nil, nil}},
		{`{"since":"7"}`, "", FollowEvents{7, nil, nil}},
		{`{"types":["a","b"],"names":[]}`, "", FollowEvents{-1, []string{"a", "b"}, nil}},
		{`{"types":null}`, "", FollowEvents{-1, nil, nil}},
		{`[5,["a"],["b"]]`, "", FollowEvents{5, []string{"a"}, []string{"b"}}},
		{`{"names":"a"}`, "", FollowEvents{-1, nil, []string{"a"}}},
		{`{"types":["a",7]}`, "INCORRECT_PARAMETERS: types must be a string or an array of strings, not an array", nil},
	} {
		got, f := m.BindJSON(json.RawMessage(tt.params))
		if f != nil && f.Text() != tt.fault || f == nil && tt.fault != "" || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v", tt.params, got, f)
		}
	}
}
