package core

import (
	"slices"
	"strings"

	"gosupervisor/ctl/api"
)

// watcher is a client of a world that follows events.
type watcher struct {
	req     api.FollowEvents
	asked   RequestID // the Follow or More that has no answer yet; 0: none
	from    uint64    // it wants events after this serial
	last    uint64    // the last one that it got
	seen    map[uint64]bool
	gaps    []api.Gap
	witness bool // it takes everything at once
}

// watchTypes and watchNames are what watchers ask for; the first of each is
// nothing.
var (
	watchTypes = [][]string{nil, {"PROCESS_STATE"}, {"PROCESS_LOG", "TICK_5"}, {"EVENT"}, {"process_group", "REMOTE_COMMUNICATION"}, {"TICK_60", "PROCESS_COMMUNICATION_STDERR"}}
	watchNames = [][]string{nil, {"always"}, {"g:*", "ear"}, {"g:a", "retry"}}
)

// watch lets a client begin, go on, or stop to follow events.
func (w *world) watch(s *source) {
	w.t.Helper()
	what := s.next(8)
	if what == 0 || len(w.watchers) < 2 {
		since := int64(s.next(64)) - 1
		w.begin(api.FollowEvents{Since: since, Types: watchTypes[s.next(len(watchTypes))], Names: watchNames[s.next(len(watchNames))]}, false)
		return
	}
	id := w.watching[s.next(len(w.watching))]
	one := w.watchers[id]
	switch {
	case one.witness:
	case what == 1:
		delete(w.watchers, id)
		w.watching = slices.DeleteFunc(w.watching, func(have RequestID) bool { return have == id })
		w.give(Unfollow{Follower: id})
	case one.asked == 0:
		w.askMore(id)
	}
}

// begin makes a watcher.
func (w *world) begin(r api.FollowEvents, witness bool) {
	w.t.Helper()
	w.lastReq++
	one := &watcher{req: r, asked: w.lastReq, seen: map[uint64]bool{}, witness: witness}
	if one.from = uint64(max(r.Since, 0)); r.Since < 0 || uint64(r.Since) > w.core.chronicle.newest {
		one.from = w.core.chronicle.newest
	}
	w.watchers[w.lastReq] = one
	w.watching = append(w.watching, w.lastReq)
	w.give(Follow{ID: w.lastReq, Req: r})
}

// askMore asks for more.
func (w *world) askMore(id RequestID) {
	w.t.Helper()
	w.lastReq++
	w.watchers[id].asked = w.lastReq
	w.give(More{ID: w.lastReq, Follower: id})
}

// heardBatch takes an answer to a watcher; it returns false if it is none.
func (w *world) heardBatch(r Reply) bool {
	w.t.Helper()
	for _, one := range w.watchers {
		if one.asked != r.ID {
			continue
		}
		one.asked = 0
		b, ok := r.Value.(api.EventBatch)
		if !ok {
			w.fail("a watcher got %+v", r)
		}
		if b.Gap != nil {
			if b.Gap.From > b.Gap.To || one.witness {
				w.fail("the gap %+v", *b.Gap)
			}
			one.gaps = append(one.gaps, *b.Gap)
		}
		for _, e := range b.Events {
			if e.Serial <= one.last {
				w.fail("event %d after %d", e.Serial, one.last)
			}
			one.last, one.seen[e.Serial] = e.Serial, true
			if one.witness {
				w.happened = append(w.happened, entry{Event: e, members: w.membersAt(e)})
			}
		}
		if b.Open == nil && b.Gap == nil && len(b.Events) == 0 {
			w.fail("an answer without anything in it")
		}
		return true
	}
	return false
}

// checkWatchers checks that who has just got an answer, or waits for one, has
// every event that it asked for, or knows that it has not.
func (w *world) checkWatchers(effects []Effect) {
	w.t.Helper()
	if len(w.watching) == 0 {
		return
	}
	for _, id := range slices.Clone(w.watching) {
		if one := w.watchers[id]; one.witness && one.asked == 0 && w.left == 0 {
			w.askMore(id)
		}
	}
	if len(effects) == 0 {
		return
	}
	for _, e := range effects {
		if r, ok := e.(Reply); ok {
			if _, ok := r.Value.(api.EventBatch); ok {
				for _, one := range w.watchers {
					w.checkWatcher(one)
				}
				return
			}
		}
	}
}

func (w *world) checkWatcher(one *watcher) {
	w.t.Helper()
	for i := range w.happened {
		e := &w.happened[i]
		missed := slices.ContainsFunc(one.gaps, func(g api.Gap) bool { return g.From <= e.Serial && e.Serial <= g.To })
		wanted := asksFor(one.req, e)
		switch {
		case one.seen[e.Serial] && !wanted:
			w.fail("event %d (%s of %s:%s) for one who wants %+v", e.Serial, e.Type, e.Group, e.Name, one.req)
		case wanted && !one.seen[e.Serial] && !missed && e.Serial > one.from && e.Serial <= one.last:
			w.fail("event %d (%s of %s:%s) is withheld from one who wants %+v and got %d", e.Serial, e.Type, e.Group, e.Name, one.req, one.last)
		}
	}
	if one.asked == 0 {
		return
	}
	for i := range w.happened {
		if e := &w.happened[i]; e.Serial > max(one.last, one.from) && asksFor(one.req, e) &&
			!slices.ContainsFunc(one.gaps, func(g api.Gap) bool { return g.From <= e.Serial && e.Serial <= g.To }) {
			w.fail("event %d is there, and one who wants %+v waits", e.Serial, one.req)
		}
	}
}

// membersAt returns the members of the group that an event concerns as a whole.
func (w *world) membersAt(e api.Event) (members []string) {
	w.core.chronicle.after(e.Serial-1, func(kept *entry) bool {
		members = kept.members
		return false
	})
	if whole := e.Group != "" && e.Name == ""; whole != (members != nil) {
		w.fail("event %d (%s of %s:%s) concerns %q", e.Serial, e.Type, e.Group, e.Name, members)
	}
	return members
}

// asksFor says it in another way than the code does.
func asksFor(r api.FollowEvents, e *entry) bool {
	ordinary := !strings.HasPrefix(e.Type, "TICK") && !strings.HasPrefix(e.Type, "PROCESS_LOG") && !strings.HasPrefix(e.Type, "PROCESS_COMM")
	typed := len(r.Types) == 0 && ordinary
	for _, t := range r.Types {
		typed = typed || strings.HasPrefix(e.Type, strings.ToUpper(t)) || t == "EVENT"
	}
	named := len(r.Names) == 0
	for _, name := range r.Names {
		group, process, both := strings.Cut(name, ":")
		if !both {
			process = group
		}
		named = named || e.Group == group && (process == "*" || slices.Contains(append(e.members, e.Name), process))
	}
	return typed && named
}
