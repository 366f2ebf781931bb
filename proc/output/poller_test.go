package output

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/lacking"
)

// slowDisk is a sink that says that it does not wait, and does until it is let go.
type slowDisk struct {
	memory
	writing chan struct{} // receives when it has begun
	freed   chan struct{} // closed to let go
}

func (d *slowDisk) Prompt() bool { return true }

func (d *slowDisk) Write(p []byte, hurry <-chan struct{}) {
	select {
	case d.writing <- struct{}{}:
	default:
	}
	<-d.freed
	d.memory.Write(p, hurry)
}

// quick is a sink in memory that never waits.
type quick struct{ memory }

func (q *quick) Prompt() bool { return true }

// TestWhatWasToldOfAnotherPipeIsNotOurs has the kernel tell of a pipe that was closed, whose
// descriptor another one has since.
func TestWhatWasToldOfAnotherPipeIsNotOurs(t *testing.T) {
	poller := NewPoller()
	r, fd, err := poller.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var sink plain
	p := Start(r, Options{Sinks: []Sink{&sink}})
	old := p.end
	old.nth--
	old.arm()
	unix.Close(fd)
	// One that comes after that is told of after it.
	other, w, err := poller.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(w)
	drained := make(chan struct{})
	end := Start(other, Options{})
	within(t, "the other one ends", func() bool { return end.done.Load() == &ended })
	if p.done.Load() == &ended || p.state.Load() != armed {
		t.Error("it has heard of the end of the pipe before")
	}
	p.end.arm()
	within(t, "it ends", func() bool { return p.done.Load() == &ended })
	p.Drain(func() { close(drained) })
	wait(t, "it says so", drained)
}

// The kernel looks for text before it looks for writers, so what was written in between is
// there although it has told of the end alone.
func TestThePipeWhoseEndIsToldMayHoldALastLine(t *testing.T) {
	var sink plain
	p, w := apart(t, NewPoller(), &sink)
	p.state.Store(armed)
	say(t, w, "last")
	w.Close()
	event{pump: p, ended: true}.tell()
	within(t, "it ends", func() bool { return p.done.Load() == &ended })
	if got := sink.m.String(); got != "last" {
		t.Errorf("got %q, want the last line", got)
	}
}

// TestAPumpHearsOfWhatWasThereBefore has the kernel tell of a pipe before it has a pump.
func TestAPumpHearsOfWhatWasThereBefore(t *testing.T) {
	for name, text := range map[string]string{"text": "early", "its end": ""} {
		t.Run(name, func(t *testing.T) {
			poller := NewPoller()
			r, fd, err := poller.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := unix.Write(fd, []byte(text)); err != nil {
				t.Fatal(err)
			}
			unix.Close(fd)
			within(t, "the poller is told", func() bool {
				poller.mu.Lock()
				defer poller.mu.Unlock()
				return poller.slots[r.fd].early
			})
			var sink plain
			p := Start(r, Options{Sinks: []Sink{&sink}})
			within(t, "it ends", func() bool { return p.done.Load() == &ended })
			if got := sink.m.String(); got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		})
	}
}

func TestADiskThatHangsHoldsUpNobodyElse(t *testing.T) {
	const disks = 5 // each takes the lead away from somebody
	var held []*slowDisk
	var pumps []*Pump
	for i := range disks {
		d := &slowDisk{writing: make(chan struct{}, 1), freed: make(chan struct{})}
		p, w := start(t, Options{Sinks: []Sink{d}})
		say(t, w, fmt.Sprint(i))
		wait(t, "the disk is written to", d.writing)
		held, pumps = append(held, d), append(pumps, p)

		var other quick
		q, v := start(t, Options{Sinks: []Sink{&other}})
		say(t, v, "one")
		within(t, "another program's line comes through", func() bool { return other.String() == "one" })
		say(t, v, "two")
		within(t, "and its next one", func() bool { return other.String() == "onetwo" })
		drain(t, q)
	}
	for i, d := range held {
		close(d.freed)
		drain(t, pumps[i])
		if want := fmt.Sprint(i); d.String() != want {
			t.Errorf("disk %d has %q, want %q", i, d.String(), want)
		}
	}
}

func TestADiskThatHangsGoesOnWhereItWas(t *testing.T) {
	d := &slowDisk{writing: make(chan struct{}, 1), freed: make(chan struct{})}
	p, w := start(t, Options{Sinks: []Sink{d}})
	want := strings.Repeat("x", 3*chunk)
	written := make(chan error, 1)
	go func() {
		_, err := w.Write([]byte(want))
		written <- err
	}()
	wait(t, "the disk is written to", d.writing)
	within(t, "somebody else has taken the lead", func() bool { return testPoller.lead.state.Load() == replaced })
	close(d.freed)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	within(t, "all of it is there", func() bool { return d.String() == want })
	say(t, w, "and more")
	within(t, "and what comes later", func() bool { return d.String() == want+"and more" })
	if p.slow.Load() == 0 {
		t.Error("it would be waited for again")
	}
	for before := len(d.String()); p.slow.Load() > 0; before++ {
		say(t, w, "x")
		within(t, "a line comes through", func() bool { return len(d.String()) == before+1 && p.state.Load() == armed })
		if before > 2*slowFor+len(want) {
			break
		}
	}
	if left := p.slow.Load(); left > 0 {
		t.Errorf("it is not waited for %d times more, although it is slow no more", left)
	}
	drain(t, p)
}

func TestQuietPumpsHaveNoGoroutine(t *testing.T) {
	const pumps = 200
	p, w := start(t, Options{}) // the poller is made with the first
	w.Close()
	drain(t, p)
	before := runtime.NumGoroutine()
	sinks := make([]memory, pumps)
	for i := range sinks {
		_, w := start(t, Options{Sinks: []Sink{&sinks[i]}})
		say(t, w, "x")
	}
	for i := range sinks {
		within(t, "every pump has read", func() bool { return sinks[i].String() == "x" })
	}
	within(t, "none is left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestManyProgramsAtOnce has them write pieces of all sizes with pauses, and end at any
// moment: nothing is lost, doubled or out of order.
func TestManyProgramsAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for n := range 60 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			var log bytes.Buffer
			o := Options{Sinks: []Sink{&quick{}}}
			switch n % 3 {
			case 0:
				o.OnLog = func(p []byte) { log.Write(p) } // a goroutine each time
			case 1:
				o.Sinks = []Sink{&memory{}}
			}
			p, w := start(t, o)
			var want bytes.Buffer
			for line := 0; line < 300; {
				var piece bytes.Buffer
				for range 1 + random.IntN(1<<random.IntN(8)) {
					fmt.Fprintf(&piece, "%d %d\n", n, line)
					line++
				}
				want.Write(piece.Bytes())
				if _, err := w.Write(piece.Bytes()); err != nil {
					t.Error(err)
					return
				}
				for range random.IntN(20) {
					runtime.Gosched()
				}
			}
			done := make(chan struct{})
			if n%2 == 0 {
				w.Close()
			}
			p.Drain(func() { close(done) })
			<-done
			got := log.String()
			switch s := o.Sinks[0].(type) {
			case *memory:
				got = s.String()
			case *quick:
				got = s.String()
			}
			if got != want.String() {
				t.Errorf("program %d: %d bytes, want %d", n, len(got), want.Len())
			}
		})
	}
	all.Wait()
	within(t, "nobody is busy", func() bool { return testPoller.busy.Load() == 0 })
}

// holds returns how much the pipe of a pump can hold.
func holds(t *testing.T, w *os.File) int {
	t.Helper()
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	_ = raw.Control(func(fd uintptr) { n, err = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPipeGrowsWithItsProgram(t *testing.T) {
	p, w := start(t, Options{Sinks: []Sink{&quick{}}})
	if n := holds(t, w); n != chunk {
		lacking.Skip(t, fmt.Sprintf("pipes hold %d bytes here", n))
	}
	if _, err := unix.FcntlInt(uintptr(p.end.fd), unix.F_SETPIPE_SZ, largeChunk); err != nil {
		lacking.Skip(t, fmt.Sprintf("pipes cannot be made larger here: %v", err))
	}
	if _, err := unix.FcntlInt(uintptr(p.end.fd), unix.F_SETPIPE_SZ, chunk); err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte("x"), chunk)
	deadline := time.Now().Add(10 * time.Second)
	for holds(t, w) == chunk {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("it has not grown in ten seconds")
		}
	}
	if n := testPoller.large.Load(); n != 1 {
		t.Errorf("%d pipes count as large, want 1", n)
	}
	for holds(t, w) != chunk {
		say(t, w, "little")
		if time.Now().After(deadline) {
			t.Fatal("it has not become what it was in ten seconds")
		}
	}
	within(t, "it does not count any more", func() bool { return testPoller.large.Load() == 0 })
	drain(t, p)
}

func TestTheNumberOfLargePipesIsBounded(t *testing.T) {
	p := NewPoller()
	p.busy.Store(1)
	var flows []*flow
	for range largeMost + 10 {
		r, w, err := p.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer unix.Close(w)
		f := new(flow)
		for range fullsToGrow {
			f.note(*r, chunk, true)
		}
		flows = append(flows, f)
		if f.refused {
			lacking.Skip(t, "pipes cannot be made larger here")
		}
	}
	var large atomic.Int32
	for _, f := range flows {
		if f.large {
			large.Add(1)
		}
		f.release(End{poller: p})
	}
	if large.Load() != largeMost || p.large.Load() != 0 {
		t.Errorf("%d were large, want %d; then %d, want none", large.Load(), largeMost, p.large.Load())
	}
}

func TestAPipeThatMayNotGrowIsNotTriedAgain(t *testing.T) {
	r, w := pipe(t)
	r.Close()
	w.Close()
	e := End{poller: &Poller{}, fd: r.fd} // no pipe: refused
	e.poller.busy.Store(1)
	var f flow
	for range 2 * fullsToGrow {
		f.note(e, chunk, true)
	}
	if !f.refused || f.large || e.poller.large.Load() != 0 {
		t.Errorf("got %+v and %d large ones, want it refused and none", f, e.poller.large.Load())
	}
}

// TestAPipeGrowsHoweverLongOthersWereBusyBeforehand has more reads fill the chunk than the
// count of them can hold.
func TestAPipeGrowsHoweverLongOthersWereBusyBeforehand(t *testing.T) {
	p := NewPoller()
	r, w, err := p.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w)
	defer r.Close()
	var f flow
	p.busy.Store(2)
	for range 1<<15 + fullsToGrow {
		if f.note(*r, chunk, false); f.large {
			t.Fatalf("beside a busy one: %+v", f)
		}
	}
	p.busy.Store(1)
	f.note(*r, chunk, true)
	if f.refused {
		lacking.Skip(t, "pipes cannot be made larger here")
	}
	if !f.large {
		t.Errorf("alone: %+v, want it large", f)
	}
	f.release(*r)
}
