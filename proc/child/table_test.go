package child_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gosupervisor/proc/child"
)

func TestNoStatusOfQuickChildrenIsLost(t *testing.T) {
	r := newRig(t)
	const children = 200
	for i := range children {
		r.start(command("/bin/sh", "-c", fmt.Sprint("exit ", i%200)))
	}
	checkStatuses(t, r, children, 0)
}

func TestOrphansAreReapedWithoutTouchingStatuses(t *testing.T) {
	if err := child.Subreaper(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	const makers, each, children = 5, 1000, 100
	for range makers {
		spec := as(t, "orphaner", fmt.Sprint(each))
		spec.Argv[0] = "maker"
		r.Spawn(child.Job{Key: child.Key(1e6 + r.key), Prepare: func() (*child.Spec, error) { return &spec, nil }})
		for range children / makers {
			r.start(command("/bin/sh", "-c", fmt.Sprint("exit ", r.key)))
		}
	}
	checkStatuses(t, r, children, makers*each)
}

// checkStatuses waits until every child with key k <= children has exited with
// status k-1, every other child (key 1e6 and more) with 0, and orphans with 7;
// then nothing may be left to reap.
func checkStatuses(t *testing.T, r *rig, children, orphans int) {
	t.Helper()
	pids := map[child.Key]int{}
	var exited, reaped, others int
	for exited < children || reaped < orphans || others > 0 {
		e := r.next(t)
		switch e.what {
		case "started":
			pids[e.key] = e.pid
			if e.key >= 1e6 {
				others++
			}
		case "exited":
			if pids[e.key] != e.pid {
				t.Fatalf("%v: want pid %d", e, pids[e.key])
			}
			want := int(e.key) - 1
			if e.key >= 1e6 {
				want = 0
				others--
			} else {
				exited++
			}
			if child.ExitCode(e.ws) != want {
				t.Errorf("%v: want %d", e, want)
			}
		case "orphan":
			if child.ExitCode(e.ws) != 7 {
				t.Errorf("%v: want exit status 7", e)
			}
			reaped++
		default:
			t.Fatalf("got %v", e)
		}
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("there is something left to reap: %v", err)
	}
}

// A spawn does not have to wait until a flood of orphans is over.
func TestOrphansDoNotKeepASpawnWaiting(t *testing.T) {
	if err := child.Subreaper(); err != nil {
		t.Fatal(err)
	}
	const orphans = 2000
	first := make(chan struct{}, 1)
	r := &rig{recorder: &recorder{events: make(chan event, 1<<16)}}
	r.Table = child.NewTable(r.recorder)
	maker := as(t, "orphaner", fmt.Sprint(orphans))
	// All of them are dead before the table looks: the maker is left to be
	// reaped by hand, before Run.
	pid, err := syscall.ForkExec(maker.Path, maker.Argv, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	r.start(command("/bin/true"))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		r.Run(ctx)
		first <- struct{}{}
	}()
	defer func() {
		cancel()
		<-first
	}()
	before := 0
	for e := r.next(t); e.what != "started"; e = r.next(t) {
		before++
	}
	if before == 0 || before >= orphans/2 {
		t.Errorf("the spawn came after %d of %d orphans", before, orphans)
	}
	for n := before; n < orphans; {
		if e := r.next(t); e.what == "orphan" {
			n++
		}
	}
}

func TestStartedComesBeforeExitedAndTimesAgree(t *testing.T) {
	r := newRig(t)
	before := time.Now()
	r.start(command("/bin/true"))
	started, exited := r.next(t), r.next(t)
	if started.what != "started" || exited.what != "exited" || started.pid != exited.pid {
		t.Fatalf("got %v, then %v", started, exited)
	}
	if started.at.Before(before) || exited.at.Before(started.at) || time.Now().Before(exited.at) {
		t.Errorf("times are %v, %v, %v", before, started.at, exited.at)
	}
}

func TestRequestsAreServedInOrder(t *testing.T) {
	r := newRig(t)
	k := r.start(command("/bin/sleep", "1000"))
	seen := make(chan int, 1)
	r.Do(func() { seen <- len(r.events) })
	r.Signal(k, syscall.SIGTERM, false)
	if n := <-seen; n != 1 {
		t.Errorf("Do ran after %d events, want 1", n)
	}
	if e := r.until(t, "exited"); e.ws.Signal() != syscall.SIGTERM {
		t.Errorf("got %v", e)
	}
}

func TestTheNextIsPreparedWhileOneForks(t *testing.T) {
	const n = 4
	spec := command("/bin/sleep", "1000")
	for _, ahead := range []bool{true, false} {
		t.Run(fmt.Sprintf("ahead=%v", ahead), func(t *testing.T) {
			r := newRig(t)
			before := make(chan int, n)
			r.Do(func() { // so that all of them are there at once
				for k := range n {
					r.Spawn(child.Job{Key: child.Key(k + 1), Ahead: ahead, Prepare: func() (*child.Spec, error) {
						// What is prepared beside a fork may take its time: it holds up no news.
						for end := time.Now().Add(patience); ahead && len(r.events) < k && time.Now().Before(end); {
							time.Sleep(time.Millisecond)
						}
						before <- len(r.events)
						return &spec, nil
					}})
				}
			})
			for k := range n {
				if got := <-before; got != k {
					t.Errorf("child %d was prepared when %d had started, want %d", k+1, got, k)
				}
			}
			if ahead {
				flushed := make(chan int)
				r.Do(func() { flushed <- len(r.flushed) })
				if got := <-flushed; got < n-1 {
					t.Errorf("told %d times of %d starts, each of which was to be waited for", got, n)
				}
			}
			for k := range n {
				r.Signal(child.Key(k+1), syscall.SIGKILL, false)
			}
			for range n {
				r.until(t, "exited")
			}
		})
	}
}

func TestNothingIsPreparedWhileSomebodyIsReaped(t *testing.T) {
	const most = 64
	r := newRig(t)
	spec := command("/bin/true")
	var preparing atomic.Int32 // that are prepared and not forked
	r.onExit = func() {
		if preparing.Load() > 0 {
			t.Error("a child was reaped between the preparation of another and its fork")
		}
	}
	r.Do(func() {
		for k := range most {
			r.Spawn(child.Job{Key: child.Key(k + 1), Ahead: true, Prepare: func() (*child.Spec, error) {
				preparing.Add(1)
				s := spec
				s.Close = []child.File{closer(func() { preparing.Add(-1) })}
				return &s, nil
			}})
		}
	})
	for range most {
		r.until(t, "exited")
	}
}

// closer is a file of a child that hears when it is closed, which is after the fork.
type closer func()

func (c closer) Fd() uintptr  { return 0 }
func (c closer) Close() error { c(); return nil }

func TestStartsInARowAreToldOfTogether(t *testing.T) {
	r := newRig(t)
	const n = 6
	r.Do(func() {
		for range n {
			r.start(command("/bin/true"))
		}
	})
	for range n {
		r.until(t, "exited")
	}
	flushed := make(chan []int)
	r.Do(func() { flushed <- r.flushed })
	got := <-flushed
	if len(got) != 2 {
		t.Errorf("told %d times of %d starts in a row, want 2", len(got), n)
	}
}

// dead waits until a child of ours is, unless somebody waits for it first.
func dead(t testing.TB, pid int) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d does not die", pid)
		}
	}
}

func TestWhoDiesBesideOneThatWasToldToIsNotForgotten(t *testing.T) {
	r := newRig(t)
	var pids [3]int
	for i := range pids {
		r.start(command("/bin/sleep", "1000"))
		pids[i] = r.until(t, "started").pid
	}
	// The second is told to end, is alive for as long as the table looks elsewhere, and
	// when it looks again all are dead: of three signals two are merged.
	r.Do(func() { syscall.Kill(pids[0], syscall.SIGKILL); syscall.Kill(pids[2], syscall.SIGKILL) })
	r.Signal(2, syscall.SIGKILL, false)
	r.Do(func() {
		for _, pid := range pids {
			dead(t, pid)
		}
	})
	gone := map[int]bool{}
	for range pids {
		gone[r.until(t, "exited").pid] = true
	}
	if len(gone) != len(pids) {
		t.Errorf("told of the end of %v, want that of %v", gone, pids)
	}
}

func TestADeathIsToldWhileThereIsMuchToStart(t *testing.T) {
	r := newRig(t)
	var pids [2]int
	for i := range pids {
		r.start(command("/bin/sleep", "1000"))
		pids[i] = r.until(t, "started").pid
	}
	const many = 1000 // of which none ends by itself, so that there is no other reason to look
	spec := command("/bin/sleep", "1000")
	r.Do(func() {
		r.Signal(1, syscall.SIGKILL, false)
		r.Do(func() {
			syscall.Kill(pids[1], syscall.SIGKILL)
			dead(t, pids[0])
			dead(t, pids[1])
		})
		for k := range child.Key(many) {
			r.Spawn(child.Job{Key: 100 + k, Prepare: func() (*child.Spec, error) { return &spec, nil }})
		}
	})
	started, gone := 0, 0
	for started < many || gone < len(pids) {
		switch e := r.next(t); e.what {
		case "started":
			started++
		case "exited":
			if gone++; gone == len(pids) && started == many {
				t.Errorf("the second death was told after all %d starts", many)
			}
		}
	}
	for k := range child.Key(many) {
		r.Signal(100+k, syscall.SIGKILL, false)
	}
	for range many {
		r.until(t, "exited")
	}
}

func TestNobodyIsForgottenBehindABatch(t *testing.T) {
	r := newRig(t)
	const n = 600 // more than two batches
	pids := map[child.Key]int{}
	for range n + 2 {
		k := r.start(command("/bin/sleep", "1000"))
		pids[k] = r.until(t, "started").pid
	}
	const first, second = n + 1, n + 2 // those that are told to end
	exits := 0
	r.onExit = func() {
		if exits++; exits == n/2 {
			// The time to look at all has come, that is done in batches, and now there is one
			// more of those that are waited for by name.
			syscall.Kill(pids[second], syscall.SIGKILL)
			dead(t, pids[second])
		}
	}
	r.Do(func() {
		r.Signal(second, syscall.SIGWINCH, false)
		r.Signal(first, syscall.SIGKILL, false)
		r.Do(func() {
			for k := child.Key(1); k <= n; k++ {
				syscall.Kill(pids[k], syscall.SIGKILL)
			}
			for _, k := range []child.Key{1, n, first} {
				dead(t, pids[k])
			}
		})
	})
	for range n + 2 {
		r.until(t, "exited")
	}
}

func TestSignalsThatEndNobodyDoNotHideADeath(t *testing.T) {
	r := newRig(t)
	const deaf = 8 // more than are asked for one by one
	for range deaf {
		r.start(command("/bin/sleep", "1000"))
		r.until(t, "started")
	}
	k := r.start(command("/bin/sleep", "1000"))
	pid := r.until(t, "started").pid
	for range 3 {
		for i := range deaf {
			r.Signal(child.Key(i+1), syscall.SIGWINCH, false)
		}
	}
	synced := make(chan struct{})
	r.Do(func() { close(synced) })
	<-synced
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for e := r.next(t); ; e = r.next(t) {
		if e.what == "exited" && e.key == k {
			break
		}
	}
	for i := range deaf {
		r.Signal(child.Key(i+1), syscall.SIGKILL, false)
	}
	for range deaf {
		r.until(t, "exited")
	}
}

func TestTheErrorOfPrepareIsTheFailure(t *testing.T) {
	r := newRig(t)
	want := errors.New("not today")
	r.Spawn(child.Job{Key: 1, Prepare: func() (*child.Spec, error) { return nil, want }})
	if e := r.next(t); e.what != "failed" || e.err != want {
		t.Errorf("got %v", e)
	}
}

func TestAKeyHasOneChildAtATime(t *testing.T) {
	r := newRig(t)
	spec := command("/bin/sleep", "1000")
	job := child.Job{Key: 1, Prepare: func() (*child.Spec, error) { return &spec, nil }}
	r.Spawn(job)
	r.Spawn(job)
	if e := r.next(t); e.what != "started" {
		t.Fatalf("got %v", e)
	}
	var failure *child.SpawnError
	if e := r.next(t); !errors.As(e.err, &failure) || failure.Stage != child.StageKey {
		t.Fatalf("got %v", e)
	}
	r.Signal(1, syscall.SIGKILL, false)
	r.until(t, "exited")
	spec = command("/bin/true")
	r.Spawn(job)
	r.until(t, "exited")
}

func TestSpawnsLeakNoDescriptors(t *testing.T) {
	r := newRig(t)
	r.run(t, command("/bin/true"))
	before := openDescriptors(t)
	dir := t.TempDir()
	for i := range 500 {
		spec := command("/bin/true")
		switch {
		case i%20 == 0:
			spec.Umask = 0o022
		case i%20 == 10:
			spec.Dir = dir + "/nowhere"
		}
		rd, w := pipe(t)
		spec.Stdout, spec.Close = w, []child.File{w}
		r.start(spec)
		r.until(t, "exited")
		if err := rd.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// openDescriptors counts them.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
