package output

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// idle returns a pump that waits for its program, to which so much was passed on.
func idle(bytes int64) *Pump {
	p := &Pump{hurry: make(chan struct{})}
	p.share.bytes = bytes
	p.state.Store(armed)
	return p
}

func TestWhatCountsOfARead(t *testing.T) {
	const full, half = chunk, chunk / 2
	type read struct {
		pump, n int
		bytes   int64
		wants   bool
	}
	for name, reads := range map[string][]read{
		"single lines are not counted":     {{0, trickle, 0, false}},
		"more than that is":                {{0, trickle + 1, trickle + 1, false}},
		"who was full wants":               {{0, gatherFull, gatherFull, true}},
		"not quite full":                   {{0, gatherFull - 1, gatherFull - 1, false}},
		"and no longer":                    {{0, full, full, true}, {0, half, full + half, false}},
		"nor with a line":                  {{0, full, full, true}, {0, 1, full + 1, false}},
		"and is not there twice":           {{0, full, full, true}, {0, full, 2 * full, true}},
		"who is late has some in hand":     {{0, 20 * full, 20 * full, true}, {0, full, 21 * full, true}, {1, full, 4*full + full, true}},
		"and who was quiet no more":        {{1, full, full, true}, {0, 40 * full, 40 * full, true}, {0, full, 41 * full, true}, {1, full, 24*full + full, true}},
		"who is before the others stays":   {{0, full, full, true}, {1, 20 * full, 20 * full, true}, {0, full, 2 * full, true}, {1, full, 21 * full, true}},
		"those that are near lose nothing": {{0, full, full, true}, {1, full, full, true}, {0, full, 2 * full, true}, {1, half, full + half, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var s shares
			pumps := []*Pump{idle(0), idle(0)}
			for i, r := range reads {
				p := pumps[r.pump]
				s.note(p, r.n)
				if p.share.bytes != r.bytes || p.share.wants.Load() != r.wants {
					t.Errorf("read %d: %d bytes, wants %v; want %d, %v", i, p.share.bytes, p.share.wants.Load(), r.bytes, r.wants)
				}
			}
			want := 0
			for _, p := range pumps {
				if p.share.wants.Load() {
					want++
				}
			}
			if len(s.all) != want || int(s.many.Load()) != want {
				t.Errorf("%d are listed, %d counted, want %d", len(s.all), s.many.Load(), want)
			}
			for _, p := range pumps {
				s.end(p)
			}
			if len(s.all) != 0 || s.many.Load() != 0 {
				t.Errorf("after their end %d are listed, %d counted", len(s.all), s.many.Load())
			}
		})
	}
}

func TestWhoHasGotAhead(t *testing.T) {
	for name, c := range map[string]struct {
		bytes int64
		state int32
		held  bool
		ahead bool
	}{
		"somebody is behind and may write": {0, armed, false, true},
		"he waits for the rest of a line":  {0, waiting, false, true},
		"he is read at the moment":         {0, running, false, false},
		"he was kicked":                    {0, kicked, false, false},
		"he is held himself":               {0, armed, true, false},
		"he is near":                       {1, armed, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, q := idle(shareAhead+1), idle(c.bytes)
			q.state.Store(c.state)
			q.share.held = c.held
			s := shares{all: []*Pump{p, q}}
			if got := s.ahead(p); got != c.ahead {
				t.Errorf("ahead: %v, want %v", got, c.ahead)
			}
			if s.ahead(q) {
				t.Error("the other one is ahead as well")
			}
		})
	}
}

// contest is a poller with somebody who wants and does not write.
func contest() (*Poller, *Pump) {
	poller := NewPoller()
	quiet := idle(0)
	quiet.share.wants.Store(true)
	poller.shares.all = []*Pump{quiet}
	poller.shares.many.Store(1)
	return poller, quiet
}

func TestWhoDoesNotWriteIsWaitedForOnce(t *testing.T) {
	poller, quiet := contest()
	r, fd, err := poller.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer unix.Close(fd)
	p := idle(shareAhead + 1)
	p.end = *r
	p.state.Store(running)
	s := &poller.shares
	other := idle(shareAhead + 1)
	other.end = *r
	other.share.held = true
	other.state.Store(kicked) // a kick more changes nothing
	s.held = []*Pump{other}
	if s.hold(p) {
		t.Fatal("somebody else is to kick it, and nobody will")
	}
	if quiet.share.wants.Load() || len(s.all) != 0 {
		t.Error("who does not write still wants")
	}
	if s.keeps || len(s.held) != 0 || other.share.held {
		t.Errorf("it keeps on: %v, or %d are held", s.keeps, len(s.held))
	}
}

func TestHowLongOneIsWaitedFor(t *testing.T) {
	type look struct {
		reads uint
		after time.Duration
		over  bool
	}
	again := look{1, shareFor - 1, false}
	for name, looks := range map[string][]look{
		"not yet":                  {{0, shareFor - 1, false}},
		"nobody was read":          {{0, shareFor, true}},
		"somebody was":             {{1, shareFor, false}, again, {1, 1, true}},
		"all the time":             {{1, shareMost - 1, false}, {2, 1, true}},
		"in time, and then no one": {{1, 1, false}, again, {1, 1, true}},
	} {
		t.Run(name, func(t *testing.T) {
			const begin = time.Hour
			v := vigil{begin: begin, since: begin}
			now := time.Duration(begin)
			for i, l := range looks {
				now += l.after
				if got := v.over(l.reads, now); got != l.over {
					t.Errorf("look %d: over %v, want %v", i, got, l.over)
				}
			}
		})
	}
}

// TestReadsOfOthersDoNotCount: only those that want are waited for.
func TestReadsOfOthersDoNotCount(t *testing.T) {
	var s shares
	p := idle(0)
	for i, read := range []struct {
		n     int
		reads uint
	}{{chunk / 2, 0}, {chunk, 0}, {chunk, 1}, {chunk / 2, 2}, {chunk / 2, 2}} {
		s.note(p, read.n)
		if s.reads != read.reads {
			t.Errorf("read %d: %d are counted, want %d", i, s.reads, read.reads)
		}
	}
}

// TestNobodyElseProlongsAWait has others be read all the time, who want less than they could
// have, or as much.
func TestNobodyElseProlongsAWait(t *testing.T) {
	for _, n := range []int{chunk / 2, chunk} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			poller, quiet := contest()
			r, fd, err := poller.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer unix.Close(fd)
			p, other := idle(shareAhead+1), idle(0)
			p.end = *r
			p.state.Store(running)
			other.state.Store(running)
			s := &poller.shares
			stop, held := make(chan struct{}), make(chan struct{})
			var group sync.WaitGroup
			group.Go(func() {
				for !hurried(stop) {
					s.note(other, n)
					runtime.Gosched()
				}
			})
			go func() {
				s.hold(p)
				close(held)
			}()
			wait(t, "it need not wait any longer", held)
			close(stop)
			group.Wait()
			if quiet.share.wants.Load() || quiet.share.bytes != p.share.bytes {
				t.Errorf("who was waited for wants: %v, and has %d bytes", quiet.share.wants.Load(), quiet.share.bytes)
			}
		})
	}
}

func TestWhoIsDeadDoesNotWaitForOthers(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		t.Run(fmt.Sprintf("another one keeps %v", keeps), func(t *testing.T) {
			poller, quiet := contest()
			poller.shares.keeps = keeps
			p := idle(shareAhead + 1)
			p.end.poller = poller
			p.state.Store(running)
			close(p.hurry)
			if poller.shares.hold(p) {
				t.Error("it is held")
			}
			if p.state.Load() != running || len(poller.shares.held) != 0 {
				t.Error("it does not run")
			}
			if !quiet.share.wants.Load() {
				t.Error("it has waited")
			}
		})
	}
}

// TestWhoIsHeldIsKicked has one that is ahead wait for one that does.
func TestWhoIsHeldIsKicked(t *testing.T) {
	for _, dead := range []bool{false, true} {
		t.Run(fmt.Sprintf("its program is dead %v", dead), func(t *testing.T) {
			poller, _ := contest()
			s := &poller.shares
			r, fd, err := poller.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			w := os.NewFile(uintptr(fd), "child's output")
			defer w.Close()
			var sink memory
			p := Start(r, Options{Sinks: []Sink{&sink}})
			s.mu.Lock()
			s.keeps = true
			p.share.bytes = shareAhead + 1
			s.mu.Unlock()
			text := strings.Repeat("a line\n", chunk/8)
			say(t, w, text)
			within(t, "it is held", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return p.share.held && p.state.Load() == armed })
			if read := sink.length(); read > len(text) {
				t.Fatalf("it has read %d bytes of %d", read, len(text))
			}
			say(t, w, "and another one\n")
			if dead {
				drain(t, p)
			} else {
				s.mu.Lock()
				s.keeps = false
				s.kick(func(*Pump) bool { return true })
				s.mu.Unlock()
				within(t, "it goes on", func() bool { return sink.length() == len(text)+len("and another one\n") })
				drain(t, p)
			}
			if got := sink.String(); got != text+"and another one\n" {
				t.Errorf("it ends with %.100q", strings.TrimPrefix(got, text))
			}
			within(t, "nobody is busy", func() bool { return poller.busy.Load() == 0 })
		})
	}
}

// stuck is a sink that hangs from some length on until it is let go.
type stuck struct {
	memory
	from int
	hang chan struct{}
}

func (s *stuck) Write(p []byte, h <-chan struct{}) {
	s.memory.Write(p, h)
	if s.length() >= s.from {
		<-s.hang
	}
}

// TestFloodsBesideOneAnother has programs write as much as they can beside one that is held up
// by its log, one that was quiet since it had much, and one that dies.
func TestFloodsBesideOneAnother(t *testing.T) {
	const floods, size = 4, 2 << 20
	poller := NewPoller()
	var pumps []*Pump
	open := func(o Options) *os.File {
		r, fd, err := poller.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		w := os.NewFile(uintptr(fd), "child's output")
		t.Cleanup(func() { w.Close() })
		pumps = append(pumps, Start(r, o))
		return w
	}
	line := strings.Repeat("x", 4095) + "\n"
	hung := &stuck{from: 3 * chunk, hang: make(chan struct{})}
	var quiet memory
	slow, silent := open(Options{Sinks: []Sink{hung}}), open(Options{Sinks: []Sink{&quiet}})
	var group sync.WaitGroup
	write := func(w *os.File, n int, last func()) {
		group.Go(func() {
			for range n / len(line) {
				if _, err := w.WriteString(line); err != nil {
					t.Error(err)
					return
				}
			}
			last()
		})
	}
	var left atomic.Int32
	left.Store(floods)
	done := make(chan struct{})
	write(slow, size, func() {})
	write(silent, 4*chunk, func() {})
	sinks := make([]memory, floods)
	for i := range sinks {
		w := open(Options{Sinks: []Sink{&sinks[i]}})
		p := pumps[len(pumps)-1]
		write(w, size, func() {
			if i == 0 {
				w.Close() // the end of the file, without a word of its death
			}
			p.Drain(func() {
				if left.Add(-1) == 0 {
					close(done)
				}
			})
		})
	}
	wait(t, "all that flood have ended", done)
	for i := range sinks {
		if got := sinks[i].length(); got != size {
			t.Errorf("%d: %d bytes, want %d", i, got, size)
		}
	}
	close(hung.hang)
	group.Wait()
	for _, p := range pumps[:2] {
		drain(t, p)
	}
	if hung.length() != size || quiet.length() != 4*chunk {
		t.Errorf("who was held up has %d bytes, want %d, and who was quiet %d, want %d", hung.length(), size, quiet.length(), 4*chunk)
	}
	within(t, "nobody is busy", func() bool { return poller.busy.Load() == 0 })
	s := &poller.shares
	within(t, "nobody is held", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return !s.keeps && len(s.held) == 0 })
	if len(s.all) != 0 || s.many.Load() != 0 {
		t.Errorf("%d still want, %d are counted", len(s.all), s.many.Load())
	}
}
