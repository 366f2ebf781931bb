package child_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gosupervisor/lacking"
	"gosupervisor/proc/child"
)

// Each way of hearing of deaths has a process of its own: there is one handler.
func TestDeathsAndMailWakeTheTable(t *testing.T) {
	for _, way := range []string{"poller", "channel"} {
		t.Run(way, func(t *testing.T) {
			if way == "poller" && runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
				lacking.Skip(t, "no assembly for this processor")
			}
			r := newRig(t)
			if got := r.run(t, as(t, "deaths", way)); strings.TrimSpace(got.out) != way || child.ExitCode(got.ws) != 0 {
				t.Errorf("it rang by %q, want %q; %s%v", got.out, way, got.err, got.ws)
			}
		})
	}
}

// deathsHost ends children of tables that sleep, that work, and that come one after the other.
func deathsHost(args []string) {
	if args[0] == "channel" {
		child.NoHandler()
	}
	for range 2 { // the second table hears of deaths as the first one does
		r := &rig{recorder: &recorder{events: make(chan event, 100)}}
		r.Table = child.NewTable(r.recorder)
		early := r.start(command("/bin/sleep", "1000")) // before anybody can be woken
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { r.Run(ctx); close(ended) }()
		r.kill(early, false)
		for i := range 20 {
			r.kill(r.start(command("/bin/sleep", "1000")), i%2 == 0)
		}
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			fail("the end of the context wakes nobody")
		}
	}
	fmt.Println(child.NewBell().RingsBy())
}

// kill ends a child that starts, by hand: while the table sleeps, or has something to do
// until it is dead. Then there is nobody to wait for.
func (r *rig) kill(k child.Key, busy bool) {
	e := r.within("started", k)
	if busy {
		r.Do(func() {
			must(syscall.Kill(e.pid, syscall.SIGKILL))
			for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.pid)); err != nil || strings.Contains(string(stat), ") Z ") {
					return
				}
			}
		})
	} else {
		must(syscall.Kill(e.pid, syscall.SIGKILL))
	}
	r.within("exited", k)
}

// within is the next event, which is that.
func (r *rig) within(what string, k child.Key) event {
	select {
	case e := <-r.events:
		if e.what != what || e.key != k {
			fail(fmt.Sprintf("got %v, want %s of %d", e, what, k))
		}
		return e
	case <-time.After(patience):
		fail(fmt.Sprintf("nobody hears that %d has %s", k, what))
	}
	return event{}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func TestSleepTakesWhatHasRung(t *testing.T) {
	b := child.NewBell()
	defer b.Free()
	if b.Rang() {
		b.Sleep() // a table that has ended
	}
	b.Ring()
	b.Ring()
	if !b.Rang() {
		t.Error("it has rung, and nobody would wake up")
	}
	b.Sleep()
	if b.Rang() {
		t.Error("nobody could sleep any more")
	}
}

func TestTheSignalOfADeathRingsAllBells(t *testing.T) {
	awake := make(chan struct{})
	for range 3 {
		b := child.NewBell()
		defer b.Free()
		go func() {
			for !b.Died() { // an old ring may come first
				b.Sleep()
			}
			awake <- struct{}{}
		}()
	}
	for end := time.Now().Add(patience); asleep() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of 3 sleep", asleep())
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGCHLD); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		select {
		case <-awake:
		case <-time.After(patience):
			t.Fatal("somebody does not wake up")
		}
	}
}

// asleep is how many goroutines wait for a bell.
func asleep() (n int) {
	stacks := make([]byte, 1<<20)
	for one := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		head, _, _ := strings.Cut(one, "\n")
		if strings.Contains(one, "(*bell).sleep") && (strings.Contains(head, "[IO wait") || strings.Contains(head, "[chan receive")) {
			n++
		}
	}
	return n
}

// A table that wakes up must not take from another one what that was to wake up for.
func TestTablesBesideOneAnotherAreRungForByName(t *testing.T) {
	const tables = 3
	var ends []chan struct{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all [tables]*child.Table
	for i := range all {
		all[i] = child.NewTable(&recorder{events: make(chan event, 100)})
		end := make(chan struct{})
		ends = append(ends, end)
		go func() { all[i].Run(ctx); close(end) }()
	}
	for round := range 300 {
		var called sync.WaitGroup
		for _, table := range all {
			called.Add(1)
			table.Do(called.Done)
		}
		done := make(chan struct{})
		go func() { called.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("round %d: a table sleeps on its mail", round)
		}
	}
	cancel()
	for _, end := range ends {
		select {
		case <-end:
		case <-time.After(patience):
			t.Fatal("a table sleeps on the end of its context")
		}
	}
}
