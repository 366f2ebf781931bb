package core

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// kid is what the kernel knows of a slot.
type kid struct {
	forking bool
	pid     int // 0: no child
	reaped  bool
	unsure  bool // it may yet be refused
	doomed  bool // a signal that ends it is on its way
}

// world is a supervisor among people and a kernel that do as they like, within
// what they can do.
type world struct {
	t       testing.TB
	core    *Core
	twin    *Core // gets the same inputs and has to do the same
	configs []*conf.Config
	now     proc.Instant
	trace   []string

	kids    map[ProcID]*kid
	procs   map[ProcID]*process
	leaving map[ProcID]bool // before the step, those that an update is to drop
	order   []ProcID        // every slot that there ever was
	lastPID int

	lastReq  RequestID
	open     map[RequestID]bool // requests without a reply
	canceled map[RequestID]bool

	checks  []Check
	loads   []RequestID
	signals []Signal // of requests, not answered yet
	tries   []TrySockets
	errands map[ProcID]bool // whether they were killed
	left    int

	held    map[ProcID]holds
	records map[ProcID]*Record // as somebody has them who hears of changes alone

	watchers map[RequestID]*watcher
	watching []RequestID // their keys, as they came
	happened []entry     // what the witness has seen, with the members of groups as they were
}

func newWorld(t testing.TB, configs []*conf.Config) *world {
	o := Options{Version: "4.3.0", PID: 1}
	return &world{
		t: t, core: New(configs[0], o), twin: New(configs[0], o), configs: configs,
		kids: map[ProcID]*kid{}, procs: map[ProcID]*process{}, leaving: map[ProcID]bool{}, errands: map[ProcID]bool{}, open: map[RequestID]bool{}, canceled: map[RequestID]bool{},
		watchers: map[RequestID]*watcher{}, held: map[ProcID]holds{}, records: map[ProcID]*Record{},
	}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	from := max(0, len(w.trace)-40)
	for _, line := range w.trace[from:] {
		w.t.Log(line[:min(len(line), 300)])
	}
	w.t.Fatalf(format, args...)
}

// give steps the core and holds its effects against the world.
func (w *world) give(in Input) {
	w.t.Helper()
	w.trace = append(w.trace, fmt.Sprintf("%v %T%+v", w.now, in, in))
	before := w.slots()
	effects := w.core.Step(w.now, birth.Add(w.now), in)
	if again := w.twin.Step(w.now, birth.Add(w.now), in); !reflect.DeepEqual(effects, again) {
		w.fail("the same inputs, other effects:\n%+v\n%+v", effects, again)
	}
	for _, e := range effects {
		w.trace = append(w.trace, fmt.Sprintf("    %T%+v", e, e))
		w.take(e)
	}
	w.checkUpdates(effects, before)
	w.checkRoom()
	w.checkWaits()
	w.checkRecords()
	w.checkHistories()
	w.checkWatchers(slices.Clone(effects)) // there will be others
	if at, ok := w.core.NextDue(); ok && at < w.now {
		w.fail("a deadline is left in the past: %v", at)
	}
	clear(w.leaving)
	for id, p := range w.core.procs {
		k := w.kids[id]
		if p.leaving {
			w.leaving[id] = true
		}
		if p.m.PID != k.pid || p.m.Reaped != k.reaped {
			w.fail("process %d is said to be pid %d, reaped %v; it is %+v", id, p.m.PID, p.m.Reaped, *k)
		}
		if p.m.State == proc.Running && k.unsure {
			w.fail("process %d runs, and nobody knows whether it can", id)
		}
		if at := p.m.State; at != proc.Unknown && at.IsStopped() && (k.pid != 0 || k.forking) {
			w.fail("process %d is %v and has a child", id, at)
		}
	}
}

// checkWaits checks that whoever still waits has reason to, and that nobody who
// waits is forgotten.
func (w *world) checkWaits() {
	w.t.Helper()
	open := map[*wait]int{}
	for _, p := range w.core.procs {
		at := p.m.State
		settled := at == proc.Fatal || at == proc.Unknown || at == proc.Exited && (!p.m.Armed || w.core.run != RunRunning)
		for _, a := range p.awaited {
			open[a.wait]++
			there := map[api.Goal]bool{api.GoalRunning: at == proc.Running, api.GoalExited: at == proc.Exited, api.GoalStopped: at == proc.Stopped}
			if settled || there[a.wait.goal] {
				w.fail("%s is %v, and somebody still waits until it is %s", p.conf.Name, at, a.wait.goal)
			}
		}
	}
	results := 0
	for id, wt := range w.core.waits {
		results += len(wt.results)
		if wt.open != open[wt] || wt.open == 0 || wt.request != id {
			w.fail("request %d waits for %d processes, and %d know of it", id, wt.open, open[wt])
		}
		if w.core.run != RunRunning && wt.goal != api.GoalStopped {
			w.fail("request %d waits until something is %s, and the supervisor is on its way out", id, wt.goal)
		}
		delete(open, wt)
	}
	if len(open) > 0 || results != w.core.awaited {
		w.fail("processes know of %d waits that are over; of %d results %d are counted", len(open), results, w.core.awaited)
	}
}

// checkRecords checks that nothing that is told of a process has changed without
// notice.
func (w *world) checkRecords() {
	w.t.Helper()
	changes := w.core.Changes(true)
	for _, r := range changes.Records {
		w.records[r.Proc] = r
	}
	if changes.Others {
		w.records = map[ProcID]*Record{}
	}
	known := len(w.records) > 0
	for _, r := range w.core.Records() {
		switch have := w.records[r.Proc]; {
		case !known:
			w.records[r.Proc] = r
		case have == nil || !reflect.DeepEqual(have, r):
			w.fail("%+v is known as %+v", r, have)
		}
	}
	if known && len(w.records) != len(w.core.procs) {
		w.fail("%d processes are known, and there are %d", len(w.records), len(w.core.procs))
	}
}

// checkHistories checks that the transitions that a process remembers follow from
// one another and lead to where it is.
func (w *world) checkHistories() {
	w.t.Helper()
	for id, p := range w.core.procs {
		at := proc.Stopped
		if n := len(p.history.records); n > historySize || p.history.restarts > p.history.starts {
			w.fail("process %d remembers %d transitions and %d restarts of %d starts", id, n, p.history.restarts, p.history.starts)
		} else if n == historySize {
			at = proc.State(p.history.records[p.history.oldest].from)
		}
		p.history.each(func(r *record) {
			if r.why == 0 || p.reason(r) == "" || proc.State(r.from) != at {
				w.fail("process %d was %v and remembers %+v", id, at, *r)
			}
			at = proc.State(r.to)
		})
		if at != p.m.State {
			w.fail("process %d is %v and remembers that it is %v", id, p.m.State, at)
		}
	}
}

// take performs one effect in the world.
func (w *world) take(e Effect) {
	w.t.Helper()
	switch e := e.(type) {
	case AddProcesses:
		for _, id := range e.Procs {
			if w.kids[id] != nil {
				w.fail("slot %d was given twice", id)
			}
			w.kids[id] = &kid{}
			w.order = append(w.order, id)
			w.procs[id] = w.core.procs[id]
		}
	case RemoveProcesses:
		for _, id := range e.Procs {
			if w.held[id] != (holds{}) {
				w.fail("slot %d is removed and held", id)
			}
			if k := w.kids[id]; w.procs[id].m.State != proc.Unknown && (k.forking || k.pid != 0) {
				w.fail("slot %d is removed with a child: %+v", id, *k)
			}
		}
	case Spawn:
		k := w.kids[e.Proc]
		switch {
		case k == nil:
			w.fail("a spawn for no slot")
		case k.forking || k.pid != 0:
			w.fail("a second child for slot %d: %+v", e.Proc, *k)
		case w.core.run != RunRunning:
			w.fail("a spawn while the supervisor shuts down")
		case w.leaving[e.Proc]:
			w.fail("a spawn for slot %d, which is to be dropped", e.Proc)
		}
		k.forking = true
	case Signal:
		k := w.kids[e.Proc]
		if k == nil || k.pid == 0 || (k.reaped && e.Request == 0) {
			w.fail("a signal without a child: %+v", e)
		}
		if e.Request == 0 {
			k.doomed = true
		} else {
			w.signals = append(w.signals, e)
		}
	case SendEvent:
		if k := w.kids[e.Proc]; k == nil || k.pid == 0 || k.reaped {
			w.fail("an event for nobody: %+v", e)
		}
	case Hold:
		w.hold(e)
	case Check:
		w.checks = append(w.checks, e)
	case TrySockets:
		w.tries = append(w.tries, e)
	case RunHook:
		if _, twice := w.errands[e.Errand]; twice || w.kids[e.Errand] != nil {
			w.fail("a number was given twice: %d", e.Errand)
		}
		if w.count(func(r *errand) bool { return r.hook != nil }) > 4+len(w.configs) || !json.Valid(e.Input) || e.Environ["SUPERVISOR_EVENT"] == "" {
			w.fail("beside %d others: %+v", len(w.errands), e)
		}
		w.errands[e.Errand] = false
	case RunCommand:
		if _, twice := w.errands[e.Errand]; twice || w.kids[e.Errand] != nil {
			w.fail("a number was given twice: %d", e.Errand)
		}
		mine := w.core.errands[e.Errand]
		same := w.count(func(r *errand) bool {
			return r.proc == mine.proc && r.hook == nil && r.verb == mine.verb && r.late == ""
		})
		if k := w.kids[mine.proc.id]; e.Command == "" || e.PID == 0 || k.pid != e.PID || same != 1 {
			w.fail("one of %d commands for a process that is %+v: %+v", same, *k, e)
		}
		w.errands[e.Errand] = false
	case KillErrand:
		if _, running := w.errands[e.Errand]; !running {
			w.fail("a command is killed that does not run: %d", e.Errand)
		}
		w.errands[e.Errand] = true
	case LoadConfig:
		w.loads = append(w.loads, e.ID)
	case Reply:
		if w.heardBatch(e) {
			return
		}
		w.answered(e.ID)
		if (e.Value == nil) == (e.Fault == nil) {
			w.fail("a reply has a value or a fault: %+v", e)
		}
	case Perform:
		w.answered(e.ID)
	case Leave:
		w.leave()
	}
}

// count counts commands that run.
func (w *world) count(which func(*errand) bool) (n int) {
	for _, r := range w.core.errands {
		if which(r) {
			n++
		}
	}
	return n
}

// hold holds an output, or lets go of it.
func (w *world) hold(e Hold) {
	w.t.Helper()
	h, i := w.held[e.Proc], slices.Index(channels[:], e.Channel)
	if w.kids[e.Proc] == nil || h[i] == e.On {
		w.fail("it was so before, or there is none: %+v", e)
	}
	h[i] = e.On
	w.held[e.Proc] = h
}

// checkRoom checks that no pool has more than it may, and that nobody is held
// who is about to end or on whom a pool may wait, or without need.
func (w *world) checkRoom() {
	w.t.Helper()
	needy := false
	for _, pl := range w.core.pools {
		if len(pl.queue) > pl.limit() {
			w.fail("pool %s has %d events, and room for %d", pl.group.conf.Name, len(pl.queue), pl.limit())
		}
		needy = needy || pl.policy == conf.BlockSource && len(pl.queue) > pl.size/2
	}
	for id, h := range w.held {
		k := w.kids[id]
		if p := w.core.procs[id]; h != (holds{}) && (!needy || p == nil || p.hears != nil || k.reaped || k.doomed || w.core.run != RunRunning) {
			w.fail("slot %d is held, %+v", id, *k)
		}
	}
}

// slots returns the slots by group and name.
func (w *world) slots() map[[2]string]ProcID {
	slots := map[[2]string]ProcID{}
	for id, p := range w.core.procs {
		slots[[2]string{p.group.conf.Name, p.conf.Name}] = id
	}
	return slots
}

// checkUpdates checks that the updates of a step have done what they say, and
// nothing else. Of those that follow one another at once only the last could be
// held against what there is now, so they are left out.
func (w *world) checkUpdates(effects []Effect, before map[[2]string]ProcID) {
	w.t.Helper()
	done := map[string][]api.GroupChange{}
	for _, e := range effects {
		if r, ok := e.(Reply); ok {
			if change, ok := r.Value.(api.GroupChange); ok {
				done[change.Name] = append(done[change.Name], change)
			}
		}
	}
	now := w.slots()
	for _, changes := range done {
		if len(changes) == 1 {
			w.checkUpdate(changes[0], before, now)
		}
	}
}

func (w *world) checkUpdate(done api.GroupChange, before, now map[[2]string]ProcID) {
	w.t.Helper()
	if strings.HasPrefix(done.Name, "hook:") {
		some := slices.ContainsFunc(w.core.hooks, func(k *hook) bool { return conf.HookSection(k.conf.Name) == done.Name })
		if some == (done.Change == api.Removed) {
			w.fail("%s is said to be %s", done.Name, done.Change)
		}
		return
	}
	if g := w.core.findGroup(done.Name); (g == nil) != (done.Change == api.Removed) && done.Change != api.Unchanged {
		w.fail("%s is said to be %s", done.Name, done.Change)
	}
	for _, m := range done.Members {
		name := [2]string{done.Name, m.Name}
		was, is := before[name], now[name]
		switch {
		case m.Change == api.Removed && (was == 0 || is != 0), m.Change == api.Added && is == 0,
			m.Change == api.Changed && (was == 0 || is == 0 || was == is), m.Change == api.Unchanged && (was == is) == done.Whole:
			w.fail("%v is said to be %s; it was slot %d and is slot %d", name, m.Change, was, is)
		}
	}
}

func (w *world) answered(id RequestID) {
	w.t.Helper()
	if !w.open[id] && !w.canceled[id] {
		w.fail("request %d has a second reply, or was never made", id)
	}
	delete(w.open, id)
	delete(w.canceled, id)
}

// leave checks that nothing runs any more and that nobody was forgotten.
func (w *world) leave() {
	w.t.Helper()
	if w.left++; w.left > 1 {
		w.fail("left twice")
	}
	for id, killed := range w.errands {
		if !killed {
			w.fail("left while errand %d goes on", id)
		}
	}
	for id, k := range w.kids {
		if p := w.core.procs[id]; p != nil && p.m.State != proc.Unknown && (k.forking || k.pid != 0) {
			w.fail("left while slot %d has a child: %+v", id, *k)
		}
	}
	pending := map[RequestID]bool{}
	for _, c := range w.checks {
		if j := w.core.jobs[c.Job]; j != nil {
			pending[j.request] = true
		}
	}
	for _, id := range w.loads {
		pending[id] = true
	}
	for _, e := range w.tries {
		pending[e.ID] = true
	}
	for _, s := range w.signals {
		pending[s.Request] = true
	}
	for id := range w.open {
		if !pending[id] {
			w.fail("left, and request %d has no reply", id)
		}
	}
}
