package client

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/xmlrpc"
)

func TestEventsAreFollowed(t *testing.T) {
	url := listen(t, answering(map[string]string{
		"supervisor.followEvents": `{"id":ID,"data":{"open":{"serial":4,"oldest":2,"pid":7,"identifier":"x"}}}` + "\n" +
			`{"id":ID,"data":{"gap":{"from":1,"to":1}}}` + "\n" +
			`{"id":ID,"data":{"serial":5,"when":1.5,"type":"TICK_5","tick":5}}` + "\n" + `{"id":ID,"result":true}`,
		"supervisor.getEvents":     `{"id":ID,"result":{"serial":5,"oldest":5,"events":[{"serial":5,"when":1.5,"type":"TICK_5","tick":5}]}}`,
		"supervisor.getEventPools": `{"id":ID,"result":[{"name":"ear","dropped":7}]}`,
	}))
	c := newClient(t, url, Options{})
	var got []string
	err := c.FollowEvents(t.Context(), EventsQuery{Since: -1}, func(r api.EventRecord) error {
		switch {
		case r.Open != nil:
			got = append(got, fmt.Sprintf("open %+v", *r.Open))
		case r.Gap != nil:
			got = append(got, fmt.Sprintf("gap %+v", *r.Gap))
		default:
			got = append(got, fmt.Sprintf("%d %d %s", r.Event.Serial, r.Event.When, r.Event.Type))
		}
		return nil
	})
	want := []string{"open {Serial:4 Oldest:2 PID:7 Identifier:x}", "gap {From:1 To:1}", "5 1500 TICK_5"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	broken := errors.New("broken")
	if err := c.FollowEvents(t.Context(), EventsQuery{}, func(api.EventRecord) error { return broken }); !strings.Contains(fmt.Sprint(err), "broken") {
		t.Errorf("got %v", err)
	}
	if list, err := c.Events(t.Context(), EventsQuery{}); err != nil || len(list.Events) != 1 || list.Serial != 5 {
		t.Errorf("got %+v, %v", list, err)
	}
	if pools, err := c.EventPools(t.Context()); err != nil || len(pools) != 1 || pools[0].Dropped != 7 {
		t.Errorf("got %+v, %v", pools, err)
	}
}

func TestARecordThatIsNone(t *testing.T) {
	url := listen(t, answering(map[string]string{"supervisor.followEvents": `{"id":ID,"data":{"serial":"x"}}`}))
	err := newClient(t, url, Options{}).FollowEvents(t.Context(), EventsQuery{}, func(api.EventRecord) error { return nil })
	if !errors.Is(err, ErrNotSupervisor) {
		t.Errorf("got %v", err)
	}
}

func TestTheOriginalHasNoEvents(t *testing.T) {
	h := http.NewServeMux()
	h.HandleFunc("POST /RPC2", func(w http.ResponseWriter, r *http.Request) {
		call, err := decodeCall(r.Body)
		if err != nil {
			t.Errorf("call: %v", err)
		}
		b := xmlrpc.EncodeFault(1, "UNKNOWN_METHOD")
		if call.Method == versionMethod {
			b, _ = encodeResponse("3.0")
		}
		w.Write(b)
	})
	h.HandleFunc("/ndjson", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "bad", http.StatusBadRequest) })
	c := newClient(t, serveHTTP(t, h), Options{})
	err := c.FollowEvents(t.Context(), EventsQuery{}, func(api.EventRecord) error { return nil })
	if api.AsFault(err).Code != api.UnknownMethod {
		t.Errorf("got %v", err)
	}
	if _, err := c.Events(t.Context(), EventsQuery{}); api.AsFault(err).Code != api.UnknownMethod {
		t.Errorf("got %v", err)
	}
}
