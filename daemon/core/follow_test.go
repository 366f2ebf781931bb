package core

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// idle returns a supervisor without programs.
func idle(t testing.TB) *Core {
	t.Helper()
	cfg, err := loadText("[supervisord]\n")
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg, Options{PID: 1})
}

// answer steps the core and returns its one reply to a request.
func answer(t testing.TB, c *Core, id RequestID, in Input) Reply {
	t.Helper()
	for _, e := range c.Step(0, birth, in) {
		if r, ok := e.(Reply); ok && r.ID == id {
			return r
		}
	}
	t.Fatalf("no reply to %+v", in)
	return Reply{}
}

func batchOf(t testing.TB, r Reply) api.EventBatch {
	t.Helper()
	b, ok := r.Value.(api.EventBatch)
	if !ok {
		t.Fatalf("got %+v", r)
	}
	return b
}

func TestAFollowerGetsBatchesOfBoundedSize(t *testing.T) {
	for _, tt := range []struct {
		name  string
		data  int
		most  int
		total int
	}{
		{"many small events", 1, batchEvents, 1000},
		{"large events", 100 << 10, 3, 10},
		{"events too large for a batch", api.MaxEventData + 10, 1, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := idle(t)
			batchOf(t, answer(t, c, 1, Follow{ID: 1, Req: api.FollowEvents{Since: -1}}))
			for i := range tt.total {
				data := strings.Repeat("x", tt.data)
				c.Step(0, birth, Request{ID: 2, Req: api.SendRemoteCommEvent{Type: fmt.Sprint(i), Data: data}})
			}
			next := 0
			for next < tt.total {
				b := batchOf(t, answer(t, c, 3, More{ID: 3, Follower: 1}))
				if n := len(b.Events); n == 0 || n > tt.most || b.Gap != nil {
					t.Fatalf("%d events, gap %v", n, b.Gap)
				}
				for _, e := range b.Events {
					if e.Remote != fmt.Sprint(next) {
						t.Fatalf("got event %s, want %d", e.Remote, next)
					}
					next++
				}
			}
		})
	}
}

func TestAChronicleIsBounded(t *testing.T) {
	h := NewChronicle(1)
	dropped := 0
	for i := range 3 * api.HistoryEvents {
		e := entry{Event: api.Event{Type: "REMOTE_COMMUNICATION", Data: bytes.Repeat([]byte("x"), i%5000)}}
		h.number(&e)
		h.keep(&e, func(*entry) { dropped++ })
		l := &h.lanes[0]
		if l.count > api.HistoryEvents || l.bytes > api.HistoryBytes || len(l.ring) > api.HistoryEvents {
			t.Fatalf("%d events in %d places, %d bytes", l.count, len(l.ring), l.bytes)
		}
	}
	var got []uint64
	sum := 0
	h.after(0, func(e *entry) bool {
		got = append(got, e.Serial)
		sum += e.size()
		return true
	})
	if l := &h.lanes[0]; len(got)+dropped != 3*api.HistoryEvents || sum != l.bytes || got[0] != h.oldest() || got[0] != h.lost[ordinary]+1 ||
		got[len(got)-1] != h.newest || !slices.IsSorted(got) {
		t.Errorf("%d events from %d to %d, %d dropped, %d of %d bytes", len(got), got[0], got[len(got)-1], dropped, sum, l.bytes)
	}
}

func TestDataThatIsTooLongIsCutForFollowersAlone(t *testing.T) {
	cfg, err := loadText("[supervisord]\n[eventlistener:ear]\ncommand=/bin/x\nevents=REMOTE_COMMUNICATION\nstartsecs=0\n")
	if err != nil {
		t.Fatal(err)
	}
	c := New(cfg, Options{})
	data := strings.Repeat("x", api.MaxEventData+7)
	for _, in := range []Input{Boot{}, Spawned{Proc: 1, PID: 7}, Heard{Proc: 1, Data: []byte("READY\n")}} {
		c.Step(0, birth, in)
	}
	sent := false
	for _, e := range c.Step(0, birth, Request{ID: 1, Req: api.SendRemoteCommEvent{Data: data}}) {
		if send, ok := e.(SendEvent); ok {
			sent = bytes.HasSuffix(send.Data, []byte("\ntype:\n"+data))
		}
	}
	if !sent {
		t.Error("the listener does not get all of it")
	}
	past := answer(t, c, 2, Request{ID: 2, Req: api.GetEvents{Types: []string{"REMOTE_COMMUNICATION"}}}).Value.(api.EventList)
	if e := past.Events[0]; len(e.Data) != api.MaxEventData || e.Whole != len(data) {
		t.Errorf("%d bytes are kept of %d", len(e.Data), e.Whole)
	}
}

func TestThereAreNoMoreThanSoManyFollowers(t *testing.T) {
	c := idle(t)
	for i := range RequestID(api.MaxFollowers) {
		batchOf(t, answer(t, c, i+1, Follow{ID: i + 1}))
	}
	if r := answer(t, c, 5000, Follow{ID: 5000}); r.Fault == nil || r.Fault.Code != api.Failed {
		t.Errorf("got %+v", r)
	}
	c.Step(0, birth, Unfollow{Follower: 3})
	batchOf(t, answer(t, c, 5001, Follow{ID: 5001}))
}

func TestWhatIsLeftCanBeHadAfterTheEnd(t *testing.T) {
	c := idle(t)
	batchOf(t, answer(t, c, 1, Follow{ID: 1, Req: api.FollowEvents{Since: -1}}))
	if b, more := c.Rest(1); more {
		t.Errorf("got %+v", b)
	}
	c.Step(0, birth, OSSignal{Signal: 15})
	b, more := c.Rest(1)
	if !more || len(b.Events) != 1 || b.Events[0].Type != "SUPERVISOR_STATE_CHANGE_STOPPING" {
		t.Errorf("got %+v", b)
	}
	if _, more := c.Rest(1); more {
		t.Error("it comes twice")
	}
	if _, more := c.Rest(2); more {
		t.Error("nobody has something left")
	}
}

func TestEveryTypeThatListenersCanNameCanBeFollowed(t *testing.T) {
	for _, name := range conf.EventTypes() {
		f, fault := newFilter([]string{strings.ToLower(name)}, nil)
		if fault != nil || len(f.types) == 0 {
			t.Errorf("%s: %v, %v", name, f.types, fault)
		}
		if p := (&pool{types: map[string]bool{name: true}}); true {
			for _, one := range eventNames() {
				if p.wants(one) != f.types[one] {
					t.Errorf("%s: a listener gets %s: %v", name, one, p.wants(one))
				}
			}
		}
	}
	for _, name := range []string{"PROCESS", "STATE", "", "_", "PROCESS_STATE_", "EVENTS"} {
		if _, fault := newFilter([]string{name}, nil); fault == nil || fault.Hint == "" {
			t.Errorf("%q: %v", name, fault)
		}
	}
}

// Events that nobody follows cost no more than being kept.
func BenchmarkPublish(b *testing.B) {
	for _, followers := range []RequestID{0, 10} {
		b.Run(fmt.Sprintf("%d followers", followers), func(b *testing.B) {
			c := idle(b)
			for i := range followers {
				c.Step(0, birth, Follow{ID: i + 1, Req: api.FollowEvents{Since: -1}})
			}
			for b.Loop() {
				c.publish(api.Event{Type: "PROCESS_STATE_RUNNING", Group: "x", Name: "x", From: "STARTING", PID: 7})
			}
		})
	}
}

// TestAGroupConcernsItsProcessesAlone asks for a process that a group has, and for one
// that it has not, while the group goes and comes and when it is gone.
func TestAGroupConcernsItsProcessesAlone(t *testing.T) {
	cfg, err := loadText("[supervisord]\n[program:y]\ncommand=/bin/y\nautostart=false\n[group:g]\nprograms=y\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"g:y":      {"PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED"},
		"g:*":      {"PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED"},
		"g:nosuch": nil,
		"h:y":      nil,
		"y":        nil,
	} {
		c := New(cfg, Options{PID: 1})
		c.Step(0, birth, Boot{})
		batchOf(t, answer(t, c, 1, Follow{ID: 1, Req: api.FollowEvents{Since: 0, Names: []string{name}}}))
		c.Step(0, birth, Request{ID: 2, Req: api.RemoveProcessGroup{Name: "g"}})
		var got []string
		list := answer(t, c, 3, Request{ID: 3, Req: api.GetEvents{Names: []string{name}}}).Value.(api.EventList)
		for _, e := range list.Events {
			got = append(got, e.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if f := c.followers[1]; f.fresh != (want != nil) {
			t.Errorf("%s: a stream has something to tell: %v", name, f.fresh)
		}
	}
}
