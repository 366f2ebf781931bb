package output

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWhenAPipeMayFill(t *testing.T) {
	type read struct {
		times  int // 0: once
		n      int
		after  time.Duration
		waited bool
		fill   bool // what the last of them is to tell
	}
	const late = gatherSoon
	soon, small := late-1, 2000
	flood := read{times: gatherAfter, n: small, after: soon, fill: true}
	for name, reads := range map[string][]read{
		"not yet":                            {{times: gatherAfter - 1, n: small, after: soon}},
		"many in a row":                      {flood},
		"a kilobyte does not wait":           {{times: 100, n: trickle, after: soon}, {n: trickle + 1, after: soon, fill: true}},
		"one came late":                      {{times: gatherAfter - 1, n: small, after: soon}, {n: small, after: late}, {times: gatherAfter - 1, n: small, after: soon}},
		"nothing was there":                  {{times: gatherAfter - 1, n: small, after: soon}, {n: 0, after: soon}, {times: gatherAfter - 1, n: small, after: soon}},
		"enough has come":                    {flood, {n: gatherBelow, after: soon}, {n: gatherBelow - 1, after: soon, fill: true}},
		"it has filled, however late":        {flood, {n: trickle + 1, after: time.Hour, waited: true, fill: true}},
		"it has not filled":                  {flood, {n: trickle, after: soon, waited: true}, {n: small, after: soon}},
		"nothing has come":                   {flood, {n: 0, after: soon, waited: true}, {n: small, after: soon}},
		"it did not wait, and is late":       {flood, {n: small, after: late}, {n: small, after: soon}},
		"almost full":                        {flood, {n: gatherFull - 1, after: soon, waited: true}, {n: small, after: soon, fill: true}},
		"full: not again for a while":        {flood, {n: gatherFull, after: soon, waited: true}, {times: gatherNot + gatherAfter - 1, n: small, after: soon}},
		"full: again then":                   {flood, {n: gatherFull, after: soon, waited: true}, {times: gatherNot + gatherAfter, n: small, after: soon, fill: true}},
		"full: late reads do not shorten it": {flood, {n: gatherFull, after: soon, waited: true}, {n: small, after: late}, {times: gatherAfter, n: small, after: soon}},
	} {
		t.Run(name, func(t *testing.T) {
			var g gather
			now := time.Duration(0)
			for i, r := range reads {
				fill := false
				for range max(r.times, 1) {
					now += r.after
					g.waited = r.waited
					fill = g.note(r.n, now)
				}
				if fill != r.fill {
					t.Fatalf("row %d: told %v, want %v; %+v", i, fill, r.fill, g)
				}
			}
		})
	}
}

// flooded is a pump alone on a poller, and what its program has written.
type flooded struct {
	poller  *Poller
	pump    *Pump
	w       *os.File
	sink    memory
	written bytes.Buffer
	apart   atomic.Bool // the poller was told to forget the pipe
}

func newFlooded(t *testing.T) *flooded {
	f := &flooded{poller: NewPoller()}
	f.poller.ctl = func(epoll, op, fd int, event *unix.EpollEvent) error {
		if op == unix.EPOLL_CTL_DEL {
			f.apart.Store(true)
		}
		return unix.EpollCtl(epoll, op, fd, event)
	}
	r, fd, err := f.poller.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f.w = os.NewFile(uintptr(fd), "child's output")
	t.Cleanup(func() {
		f.w.Close()
		f.sink.mu.Lock()
		defer f.sink.mu.Unlock()
		f.written, f.sink.text = bytes.Buffer{}, bytes.Buffer{} // the poller stays, and holds f
	})
	f.pump = Start(r, Options{Sinks: []Sink{&f.sink}})
	return f
}

// lines writes n more lines.
func (f *flooded) lines(t *testing.T, n int) {
	t.Helper()
	for range n {
		line := fmt.Sprintf("%0100d\n", f.written.Len())
		f.written.WriteString(line)
		say(t, f.w, line)
	}
}

// length is how much it was given.
func (m *memory) length() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Len()
}

// all waits until everything has come.
func (f *flooded) all(t *testing.T) {
	t.Helper()
	within(t, "all that was written has come", func() bool { return f.sink.length() >= f.written.Len() })
	if f.sink.String() != f.written.String() {
		t.Errorf("it is not what was written:\n%.300s", strings.TrimPrefix(f.sink.String(), f.written.String()))
	}
}

func TestAPipeThatCouldFillIsWatchedAgain(t *testing.T) {
	f := newFlooded(t)
	f.lines(t, 1)
	f.all(t)
	// As after many reads that came soon after one another.
	within(t, "the pump rests", func() bool { return f.pump.state.CompareAndSwap(armed, running) })
	f.pump.fill = true
	f.pump.wake()
	within(t, "the pipe can fill", f.apart.Load)
	f.lines(t, 1000)
	f.all(t)
	for range 2 {
		within(t, "the pump rests", func() bool { return f.pump.state.Load() == armed })
		f.lines(t, 1)
		f.all(t)
	}
	within(t, "it rests again", func() bool { return f.pump.state.Load() == armed })
	drain(t, f.pump)
	within(t, "nobody is busy", func() bool { return f.poller.busy.Load() == 0 })
}

func TestNobodyWaitsForAPipeToFillBesideOthers(t *testing.T) {
	f := newFlooded(t)
	f.poller.busy.Add(1)
	f.lines(t, 10_000)
	f.all(t)
	if f.apart.Load() {
		t.Error("the pump has let its pipe fill while another one had something to read")
	}
	drain(t, f.pump)
}

// refusing returns a poller that has no room to watch a pipe again, so often, and counts how
// often it was asked.
func refusing(times int32, lookAgain time.Duration) (p *Poller, asked *atomic.Int32) {
	p, asked = NewPoller(), new(atomic.Int32)
	p.lookAgain = lookAgain
	p.ctl = func(epoll, op, fd int, event *unix.EpollEvent) error {
		if op == unix.EPOLL_CTL_ADD && asked.Add(1) <= times {
			return unix.ENOSPC
		}
		return unix.EpollCtl(epoll, op, fd, event)
	}
	return p, asked
}

func TestNoRoomToWatchAPipeAgain(t *testing.T) {
	poller, asked := refusing(3, 10*time.Millisecond)
	var sink memory
	p, w := apart(t, poller, &sink)
	say(t, w, "one\n")
	poller.busy.Add(1)
	go p.run()
	within(t, "it is asked again", func() bool { return asked.Load() >= 2 })
	say(t, w, "two\n")
	within(t, "what is written meanwhile comes", func() bool { return sink.String() == "one\ntwo\n" })
	within(t, "it rests once there is room", func() bool { return p.state.Load() == armed })
	say(t, w, "three\n")
	within(t, "and hears of more", func() bool { return sink.String() == "one\ntwo\nthree\n" })
	drain(t, p)
	within(t, "nobody is busy", func() bool { return poller.busy.Load() == 0 })
}

func TestADeadChildDoesNotWaitForRoom(t *testing.T) {
	poller, asked := refusing(1<<30, time.Hour)
	var sink memory
	p, w := apart(t, poller, &sink)
	say(t, w, "one\n")
	poller.busy.Add(1)
	go p.run()
	within(t, "the kernel has refused", func() bool { return asked.Load() > 0 })
	within(t, "who waits for room is not busy", func() bool { return poller.busy.Load() == 0 })
	say(t, w, "two\n")
	drain(t, p)
	if sink.String() != "one\ntwo\n" || asked.Load() != 1 {
		t.Errorf("got %q, and the kernel was asked %d times in an hour; want both lines and once", sink.String(), asked.Load())
	}
}

func TestWhoHoldsALineBackIsNotBusy(t *testing.T) {
	poller, _ := refusing(0, time.Hour)
	p, w := apart(t, poller, &late{hold: time.Hour})
	say(t, w, "prompt> ")
	poller.busy.Add(1)
	go p.run()
	within(t, "it waits", func() bool { return p.state.Load() == waiting && poller.busy.Load() == 0 })
	drain(t, p)
	within(t, "nobody is busy", func() bool { return poller.busy.Load() == 0 })
}

// late is a sink that holds back all that it is given, for an hour or what hold says.
type late struct {
	memory
	hold    time.Duration
	due     time.Time
	flushed chan struct{}
}

func (l *late) Write(p []byte, hurry <-chan struct{}) {
	l.memory.Write(p, hurry)
	l.due = time.Now().Add(l.hold)
}
func (l *late) Due() time.Time { return l.due }
func (l *late) Flush(<-chan struct{}) {
	l.due = time.Time{}
	select {
	case l.flushed <- struct{}{}:
	default:
	}
}

func TestWhatIsHeldBackIsDueAlsoWithoutRoom(t *testing.T) {
	p, _ := refusing(1<<30, time.Hour)
	sink := &late{hold: 20 * time.Millisecond, flushed: make(chan struct{}, 1)}
	pump, w := apart(t, p, sink)
	say(t, w, "prompt> ")
	p.busy.Add(1)
	go pump.run()
	wait(t, "what is held back goes on", sink.flushed)
	drain(t, pump)
}

// apart returns a pump that runs nowhere, whose pipe is not watched.
func apart(t *testing.T, poller *Poller, sink Sink) (*Pump, *os.File) {
	t.Helper()
	if err := poller.start(); err != nil {
		t.Fatal(err)
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(fds[1]), "child's output")
	t.Cleanup(func() { w.Close() })
	p := &Pump{o: Options{Sinks: []Sink{sink}}, end: *poller.end(fds[0]), hurry: make(chan struct{}), apart: true}
	if h, ok := sink.(Holder); ok {
		p.holder, p.woken = h, make(chan struct{}, 1)
	}
	p.end.take(p)
	return p, w
}

func TestLinger(t *testing.T) {
	p := NewPoller()
	r, fd, err := p.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := os.NewFile(uintptr(fd), "child's output")
	defer w.Close()
	// Signals come to a thread that waits, and end nothing.
	const d = 50 * time.Millisecond
	runtime.LockOSThread()
	thread, over := unix.Gettid(), make(chan struct{})
	go func() {
		every := time.NewTicker(time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-over:
				return
			case <-every.C:
				_ = unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)
			}
		}
	}()
	begin := time.Now()
	p.linger(d)
	took := time.Since(begin)
	close(over)
	runtime.UnlockOSThread()
	if took < d {
		t.Errorf("nothing came, and it waited for %v, want %v or more", took, d)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.linger(time.Hour)
	}()
	// The leader is not to take it away before.
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, r.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(r.fd), Pad: r.nth}); err != nil {
		t.Fatal(err)
	}
	say(t, w, "line\n")
	wait(t, "who lets a pipe fill hears of another one", ended)
}

func TestTurn(t *testing.T) {
	for name, row := range map[string]struct{ fill, others, waits bool }{
		"the pipe may fill":     {fill: true, waits: true},
		"it need not":           {},
		"others have something": {fill: true, others: true},
	} {
		t.Run(name, func(t *testing.T) {
			poller := NewPoller()
			forgotten := 0
			poller.ctl = func(_, op, _ int, _ *unix.EpollEvent) error {
				forgotten++
				return nil
			}
			p, _ := apart(t, poller, &memory{})
			p.apart, p.fill = false, row.fill
			poller.busy.Store(1)
			if row.others {
				poller.busy.Store(2)
			}
			begin := time.Now()
			p.turn()
			if took := time.Since(begin); row.waits && took < gatherFor {
				t.Errorf("it has waited for %v, want %v or more", took, gatherFor)
			}
			p.turn()
			if p.gather.waited != row.waits || p.apart != row.waits || (forgotten == 1) != row.waits {
				t.Errorf("waited %v, apart %v, forgotten %d times; want %v", p.gather.waited, p.apart, forgotten, row.waits)
			}
		})
	}
}

func TestALargePipeNeedNotFill(t *testing.T) {
	for _, large := range []bool{false, true} {
		p, w := apart(t, NewPoller(), &memory{})
		p.flow.large = large
		p.gather = gather{soon: gatherAfter, waited: true}
		say(t, w, strings.Repeat("x", 2*trickle))
		if n, more := p.read(); n != 2*trickle || !more || p.fill == large {
			t.Errorf("large %v: read %d, more %v, fill %v", large, n, more, p.fill)
		}
	}
}

func TestThePipeFillsAfterTheLeaderHasRead(t *testing.T) {
	p, w := apart(t, NewPoller(), &memory{})
	p.end.poller.busy.Store(1)
	p.fill = true
	w.Close() // so that run ends after the first read
	p.run()
	if !p.gather.waited {
		t.Error("it has read first")
	}
}
