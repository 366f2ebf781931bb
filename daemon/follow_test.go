package daemon

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// reader follows the events of a supervisor. It takes a batch when it is told to.
type reader struct {
	t       *testing.T
	batches chan api.EventBatch
	ended   chan error
}

func (s *supervisor) followEvents(ctx context.Context, r api.FollowEvents) *reader {
	f := &reader{t: s.t, batches: make(chan api.EventBatch), ended: make(chan error, 1)}
	go func() {
		f.ended <- s.Follow(ctx, r, func(piece any) error {
			select {
			case f.batches <- piece.(api.EventBatch):
				return nil
			case <-s.t.Context().Done():
				return s.t.Context().Err()
			}
		})
	}()
	return f
}

func (f *reader) next() api.EventBatch {
	f.t.Helper()
	select {
	case b := <-f.batches:
		return b
	case err := <-f.ended:
		f.t.Fatalf("the stream has ended: %v", err)
	case <-time.After(patience):
		f.t.Fatal("no events come")
	}
	return api.EventBatch{}
}

func types(events []api.Event) (names []string) {
	for _, e := range events {
		names = append(names, e.Type+" "+e.Name)
	}
	return names
}

func TestEventsAreFollowedUntilTheVeryEnd(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	pid := s.waitFor("cat", "RUNNING").PID
	f := s.followEvents(t.Context(), api.FollowEvents{Since: 0})
	first := f.next()
	want := []string{"PROCESS_GROUP_ADDED ", "SUPERVISOR_STATE_CHANGE_RUNNING ", "PROCESS_STATE_STARTING cat", "PROCESS_STATE_RUNNING cat"}
	if got := types(first.Events); first.Open == nil || first.Gap != nil || !slices.Equal(got, want) || first.Events[3].PID != pid {
		t.Fatalf("got %+v", first)
	}
	s.call(api.Shutdown{})
	select {
	case <-s.done: // the supervisor has ended, and the reader has read nothing of it
	case <-time.After(patience):
		t.Fatal("a reader that does not read keeps the supervisor")
	}
	var got []string
	for {
		select {
		case b := <-f.batches:
			got = append(got, types(b.Events)...)
			continue
		case err := <-f.ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("the stream does not end")
		}
		break
	}
	want = []string{"SUPERVISOR_STATE_CHANGE_STOPPING ", "PROCESS_STATE_STOPPING cat", "PROCESS_STATE_STOPPED cat"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestASlowReaderHoldsUpNobodyAndLearnsWhatItMissed(t *testing.T) {
	const many = 10_000
	s := supervise(t, "")
	slow := s.followEvents(t.Context(), api.FollowEvents{Since: -1})
	fast := s.followEvents(t.Context(), api.FollowEvents{Since: -1})
	opened := slow.next().Open.Serial
	fast.next()
	for sent, got := 0, 0; got < many; {
		for ; sent < min(got+1000, many); sent++ {
			s.call(api.SendRemoteCommEvent{Type: "count", Data: fmt.Sprint(sent)})
		}
		b := fast.next()
		if b.Gap != nil {
			t.Fatalf("the fast one has missed %+v", b.Gap)
		}
		for _, e := range b.Events {
			if string(e.Data) != fmt.Sprint(got) {
				t.Fatalf("event %d is %q", got, e.Data)
			}
			got++
		}
	}
	next := opened + 1
	for missed := uint64(0); next <= opened+many; {
		b := slow.next()
		if b.Gap != nil {
			if missed > 0 || b.Gap.From != next {
				t.Fatalf("gap %+v, expected event %d", *b.Gap, next)
			}
			missed = b.Gap.To - b.Gap.From + 1
			next = b.Gap.To + 1
		}
		for _, e := range b.Events {
			if e.Serial != next {
				t.Fatalf("got event %d, want %d", e.Serial, next)
			}
			next++
		}
		if missed == 0 && len(b.Events) == 0 {
			t.Fatal("an empty batch")
		}
	}
}

func TestAFollowerThatGoesLeavesNothingBehind(t *testing.T) {
	s := supervise(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	f := s.followEvents(ctx, api.FollowEvents{Since: -1, Types: []string{"TICK"}})
	f.next()
	look := func() (due bool, calls int) {
		looked := make(chan bool)
		s.inbox.post(message{do: func() {
			_, due = s.core.NextDue()
			calls = len(s.calls)
			close(looked)
		}})
		<-looked
		return due, calls
	}
	if due, _ := look(); !due {
		t.Error("nothing ticks for it")
	}
	cancel()
	if err := <-f.ended; err == nil {
		t.Error("it does not say that it was cancelled")
	}
	eventually(t, "no timer and no call are left", func() bool {
		due, calls := look()
		return !due && calls == 0
	})
}

func TestSerialsGoOnFromProcessToProcess(t *testing.T) {
	before, after := newPast(time.Unix(1_795_359_600, 0)), newPast(time.Unix(1_795_359_601, 0))
	c := core.New(supervise(t, "").cfg, core.Options{Chronicle: before.chronicle})
	d := core.New(supervise(t, "").cfg, core.Options{Chronicle: after.chronicle})
	first := func(c *core.Core) uint64 {
		fx := c.Step(0, time.Unix(0, 0), core.Request{ID: 1, Req: api.SendRemoteCommEvent{}})
		_ = fx
		for _, e := range c.Step(0, time.Unix(0, 0), core.Request{ID: 2, Req: api.GetEvents{}}) {
			if r, ok := e.(core.Reply); ok {
				return r.Value.(api.EventList).Serial
			}
		}
		return 0
	}
	if a, b := first(c), first(d); a != 1_795_359_600_000_000 || b <= a {
		t.Errorf("%d, then %d", a, b)
	}
}
