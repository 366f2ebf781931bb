package child_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
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
	for _, c := range []struct {
		name  string
		alone bool
		want  []int // children that had started when each was prepared
	}{
		{"beside", false, []int{0, 0, 1, 2}},
		{"alone", true, []int{0, 1, 2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			before := make(chan int, len(c.want))
			spec := command("/bin/sleep", "1000")
			r.Do(func() { // so that all of them are there at once
				for i := range c.want {
					r.Spawn(child.Job{Key: child.Key(i + 1), Alone: c.alone, Prepare: func() (*child.Spec, error) {
						before <- len(r.events)
						return &spec, nil
					}})
				}
			})
			for i, want := range c.want {
				if got := <-before; got != want {
					t.Errorf("child %d was prepared when %d had started, want %d", i+1, got, want)
				}
			}
			for i := range c.want {
				r.Signal(child.Key(i+1), syscall.SIGKILL, false)
			}
			for range c.want {
				r.until(t, "exited")
			}
		})
	}
}

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

func TestWhatIsPreparedIsNotLostAtTheEnd(t *testing.T) {
	r := &recorder{events: make(chan event, 64)}
	table := child.NewTable(r)
	ctx, cancel := context.WithCancel(context.Background())
	spec := command("/bin/true")
	job := func(k child.Key) child.Job {
		return child.Job{Key: k, Prepare: func() (*child.Spec, error) {
			null, err := os.Open(os.DevNull)
			if err != nil {
				return nil, err
			}
			s := spec
			s.Stdin, s.Close = null, []child.File{null}
			if k == 17 {
				cancel() // the one before it, which is forked now, is the last of a batch
			}
			return &s, nil
		}}
	}
	for k := child.Key(1); k <= 17; k++ {
		table.Spawn(job(k))
	}
	table.Run(ctx)
	ends := map[child.Key]string{}
	for len(r.events) > 0 {
		if e := <-r.events; e.what == "failed" || e.what == "started" {
			ends[e.key] += e.what
		}
	}
	if ends[16] != "started" || ends[17] != "failed" {
		t.Errorf("the last two: %q and %q, want started and failed", ends[16], ends[17])
	}
	for k := child.Key(1); k <= 16; k++ {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
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
