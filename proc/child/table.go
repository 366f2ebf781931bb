package child

import (
	"context"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// The table alternates between its two kinds of work in batches, so that
// neither a flood of orphans nor one of requests keeps the other waiting.
const (
	reapBatch = 256 // a few hundred microseconds
	mailBatch = 16  // spawns cost most: a few milliseconds

	// So many starts in a row are told of together, which is a millisecond or two.
	startedBatch = 4

	// To wait for any child the kernel goes through all of them, to the first that is
	// dead. One of ten thousand that are ended in turn is found in no time if it is asked
	// for by name. Signals of two deaths may have come as one, so the others are looked at
	// all the same, at the latest after this time.
	lookLate = 10 * time.Millisecond
	askMost  = 4 // so many are asked for that are alive, before all are looked at
)

// Key says for whom a child runs. The caller chooses it; 0 is not a key.
type Key uint64

// Job is a request to spawn. Begin, if there is one, and then Prepare run before the fork:
// Prepare resolves the command and opens what the child needs. Its error goes to
// Observer.Failed as it is.
type Job struct {
	Key     Key
	Begin   func()
	Prepare func() (*Spec, error)

	// Ahead says that Prepare may run in a goroutine of its own, after those of the jobs
	// before it, while their children are forked and told of as Started. So it touches
	// nothing that Begin or Started do. While Failed is called nothing is prepared.
	Ahead bool
}

// Observer hears what became of children. Its methods are called on the
// table's goroutine, in the order in which things happened, and must return
// soon: while one runs nothing is spawned, signalled or reaped.
type Observer interface {
	// Started says that the child exists. It has executed its program, or
	// will soon, or will exit with 127 if it cannot; a signal reaches the
	// program whatever it is.
	Started(k Key, pid int, at time.Time)
	// Flush says that no more starts follow at once, so that whoever waits to hear of
	// the last ones must not wait any longer.
	Flush()
	// Born says that a child has become what its Spec asks for, with what it had to
	// do without, or that it cannot. It comes after Started and before Exited, for
	// every child of a Spec that is Refusable, unless that is killed before, and for
	// some others.
	Born(k Key, r Report)
	// Failed says that there is no child: Prepare's error or a *SpawnError.
	Failed(k Key, err error)
	// Exited says that the child was reaped, at the given moment.
	Exited(k Key, pid int, ws syscall.WaitStatus, at time.Time)
	// Orphan says that a process was reaped which this table did not start.
	Orphan(pid int, ws syscall.WaitStatus)
	// SignalGone says that nobody was there to take a signal (ESRCH).
	SignalGone(k Key, err error)
	// SignalFailed says that a signal could not be sent for another reason.
	SignalFailed(k Key, sig syscall.Signal, err error)
	// WaitFailed says that waiting for children failed in an unknown way.
	WaitFailed(err error)
}

// Table holds the children. Run must run for anything to happen; the other
// methods may be called from any goroutine, before Run and after it as well.
type Table struct {
	observer Observer
	bell     *bell // of the deaths, and of the mailbox
	mail     *mailbox
	overdue  atomic.Bool // all are to be looked at now

	// The rest belongs to Run's goroutine.
	pids   map[Key]int
	keys   map[int]Key
	births map[int]*birth // children that have yet to execute their program

	asked []int       // pids that were told to end, the last of them last; some may be gone
	late  *time.Timer // runs while owed, and no longer
	owed  bool        // not all were looked at since somebody has died

	launcher  launcher
	flying    []*flight    // children on their way to their programs, the oldest first
	hangar    []*flight    // that no child uses; nil until there are several to start
	preparing *preparation // of a row of jobs; nil: none is under way
	untold    int          // starts since the last Flush
}

// birth is a child between the fork and its program. A signal would now hit our
// own binary, so it waits; but for SIGKILL, which means the same to every
// program and must reach one that hangs.
type birth struct {
	signals []func()
	report  chan Report // holds the one report, which comes with the end of the birth
}

// NewTable returns a table without children. From the first one on SIGCHLD is noticed, by
// whichever runs: one at a time, since it waits for everybody's children.
func NewTable(o Observer) *Table {
	t := &Table{
		observer: o,
		bell:     newBell(),
		pids:     make(map[Key]int),
		keys:     make(map[int]Key),
		births:   make(map[int]*birth),
	}
	t.mail = &mailbox{ring: t.bell.ring}
	t.late = time.NewTimer(0)
	t.late.Stop()
	return t
}

// Spawn queues the start of a child. Started or Failed follows, exactly one of
// them.
func (t *Table) Spawn(j Job) { t.mail.put(letter{spawn: &j}) }

// Signal queues a signal to the child of k, or to the process group that it
// was made the leader of. If the child is gone, SignalGone follows.
func (t *Table) Signal(k Key, sig syscall.Signal, group bool) {
	t.SignalThen(k, sig, group, nil)
}

// SignalThen is Signal, and tells done, in place of SignalFailed, how it went,
// on the table's goroutine and when it is known: nil also when the child was
// gone.
func (t *Table) SignalThen(k Key, sig syscall.Signal, group bool, done func(error)) {
	if done == nil {
		done = func(err error) {
			if err != nil {
				t.observer.SignalFailed(k, sig, err)
			}
		}
	}
	t.Do(func() { t.kill(k, sig, group, done) })
}

// Do queues f to be called on the table's goroutine.
func (t *Table) Do(f func()) { t.mail.put(letter{do: f}) }

// Run forks, signals and reaps until ctx is done; it can run only once. What is
// still queued then is dropped, and children that are still alive stay alive.
func (t *Table) Run(ctx context.Context) {
	defer t.bell.free()
	go t.ringLate(ctx)
	_ = t.launcher.pad.reserve() // early: its numbers are to be low; a fork tries again
	defer t.closePads()

	var jobs []letter
	dead := true  // children from before an exec may have died already
	more := false // there was more than one batch of them
	defer t.late.Stop()
	for ctx.Err() == nil {
		if t.bell.died() { // before the look, so that nobody who dies meanwhile is forgotten
			dead = true
		}
		if t.overdue.Swap(false) {
			t.owed, more, dead = false, true, true
		}
		if dead {
			more = t.reapSome(more)
			dead = more
		}
		if len(jobs) == 0 {
			jobs = t.mail.take()
		}
		// Between batches somebody may be reaped.
		batch := jobs[:min(mailBatch, len(jobs))]
		jobs = jobs[len(batch):]
		t.work(batch)
		clear(batch)
		if !dead && len(jobs) == 0 {
			t.bell.sleep()
		}
	}
}

// work does what is in one batch of letters.
func (t *Table) work(batch []letter) {
	for len(batch) > 0 {
		if do := batch[0].do; do != nil {
			do()
			batch = batch[1:]
			continue
		}
		row := batch
		if n := slices.IndexFunc(batch, func(l letter) bool { return l.spawn == nil }); n >= 0 {
			row = batch[:n]
		}
		t.spawnRow(row)
		batch = batch[len(row):]
	}
}

// ringLate wakes the table when its time has come: to look at all, or to end.
func (t *Table) ringLate(ctx context.Context) {
	defer t.bell.ring()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.late.C:
			t.overdue.Store(true)
			t.bell.ring()
		}
	}
}

// reapSome collects who was told to end and has, if there is anybody, or else, and if all are
// being gone through already, one batch of whoever is dead. It tells whether to go through all,
// who may be dead.
func (t *Table) reapSome(all bool) bool {
	found := 0
	if !all {
		found = t.reapAsked()
	}
	if found == 0 {
		return t.reap()
	}
	if !t.owed {
		t.owed = true
		t.late.Reset(lookLate)
	}
	return found == reapBatch
}

// reapAsked waits for one batch of those that were told to end, and tells how many have. In a
// shutdown that is the last one, as each is told when the one before it is gone; where many
// were told at once, the first of them die first. Who lives on is found by going through all.
func (t *Table) reapAsked() (found int) {
	for found < reapBatch && len(t.asked) > 0 {
		dead, gone := t.collect(len(t.asked) - 1)
		if dead {
			found++
		} else if !gone {
			break
		}
	}
	for alive := 0; found == 0 && alive < askMost && len(t.asked) > 1; {
		dead, gone := t.collect(0)
		if dead {
			found++
		} else if !gone {
			t.asked = slices.Delete(t.asked, 0, 1)
			alive++
		}
	}
	return found
}

// collect waits for the i-th of those that were told to end. It tells whether that is dead
// now, and whether it is no longer one of them, which may have been known before.
func (t *Table) collect(i int) (dead, gone bool) {
	pid := t.asked[i]
	if _, ours := t.keys[pid]; ours {
		var ws syscall.WaitStatus
		got, err := waitNow(pid, &ws)
		if err != nil || got == 0 || !ws.Exited() && !ws.Signaled() {
			return false, false
		}
		dead = true
		defer t.bury(pid, ws)
	}
	t.asked = slices.Delete(t.asked, i, i+1)
	return dead, true
}

// reap collects one batch of dead children, and tells whether there may be
// more.
func (t *Table) reap() bool {
	for range reapBatch {
		var ws syscall.WaitStatus
		pid, err := waitNow(-1, &ws)
		switch {
		case err == syscall.ECHILD || pid == 0 && err == nil:
			if t.owed {
				t.owed = false
				t.late.Stop()
			}
			return false
		case err != nil:
			t.observer.WaitFailed(err)
			return false
		}
		if !ws.Exited() && !ws.Signaled() {
			continue // stopped under a tracer, not dead
		}
		t.bury(pid, ws)
	}
	return true
}

// waitNow is wait4 for who is dead already. It does not block, so the runtime need not hear of
// it, which would wake its monitor.
func waitNow(pid int, ws *syscall.WaitStatus) (int, error) {
	for {
		r, _, errno := syscall.RawSyscall6(syscall.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(ws)), syscall.WNOHANG, 0, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
		case syscall.EINTR:
		default:
			return -1, errno
		}
	}
}

// bury forgets a reaped child and tells of it.
func (t *Table) bury(pid int, ws syscall.WaitStatus) {
	k, ours := t.keys[pid]
	if !ours {
		t.observer.Orphan(pid, ws)
		return
	}
	delete(t.keys, pid)
	delete(t.pids, k)
	if b := t.births[pid]; b != nil {
		// It is dead, so the pipe that it reports through has ended.
		t.born(k, pid, <-b.report)
	}
	t.observer.Exited(k, pid, ws, time.Now())
}

// await has born called when executed ends.
func (t *Table) await(k Key, pid int, executed *os.File) {
	b := &birth{report: make(chan Report, 1)}
	t.births[pid] = b
	go func() {
		r := readReport(executed)
		_ = executed.Close()
		b.report <- r
		t.Do(func() {
			if t.births[pid] == b {
				t.born(k, pid, r)
			}
		})
	}()
}

// born passes on what a child reports of its way to its program, and sends the
// signals that came in that time. If it died there, they find nobody.
func (t *Table) born(k Key, pid int, r Report) {
	b := t.births[pid]
	delete(t.births, pid)
	if !r.empty() {
		t.observer.Born(k, r)
	}
	for _, send := range b.signals {
		send()
	}
}

// kill sends a signal. The pid is ours as long as it is in the table, even if
// the child is dead by now, so the signal cannot hit a stranger.
func (t *Table) kill(k Key, sig syscall.Signal, group bool, done func(error)) {
	pid, alive := t.pids[k]
	if !alive {
		t.observer.SignalGone(k, syscall.ESRCH)
		done(nil)
		return
	}
	if b := t.births[pid]; b != nil && sig != syscall.SIGKILL {
		b.signals = append(b.signals, func() { t.kill(k, sig, group, done) })
		return
	}
	if group {
		pid = -pid
	}
	err := syscall.Kill(pid, sig)
	if err == syscall.ESRCH {
		t.observer.SignalGone(k, err)
		err = nil
	} else if err == nil {
		t.expect(max(pid, -pid))
	}
	done(err)
}

// expect notes that a child was sent a signal, so that it may be dead soon.
func (t *Table) expect(pid int) {
	if len(t.asked) >= 2*len(t.keys)+askMost {
		// Who is there twice, or no more, takes half of it at least.
		slices.Sort(t.asked)
		t.asked = slices.DeleteFunc(slices.Compact(t.asked), func(p int) bool { _, ours := t.keys[p]; return !ours })
	}
	t.asked = append(t.asked, pid)
}
