package output

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
)

// slowStream is a stream whose reader the test is: full or not, and written when
// the test says so.
type slowStream struct {
	*Stream
	got strings.Builder
}

func newSlowStream() *slowStream {
	s := &slowStream{}
	s.Stream = &Stream{running: true}
	s.write = s.got.Write
	return s
}

// stop has nobody read any more: the queue is full.
func (s *slowStream) stop() { s.unread = streamBound }

// read has everything read.
func (s *slowStream) read() {
	s.unread = 0
	s.relieve()
	s.run()
	s.running = true
}

func TestOutlet(t *testing.T) {
	json := func(o *Outlet) Sink {
		return newLines(o, conf.LineLog{Format: conf.LogJSON, Timestamps: conf.StampEpoch, MaxLine: 64})
	}
	for _, tt := range []struct {
		name  string
		max   int
		form  func(*Outlet) Sink // nil: raw
		wrote string             // "<": nobody reads, ">": all is read; a space is the end of a piece
		want  string
		lost  int64
	}{
		{"room for all", 0, nil, "a\n b\n", "a\nb\n", 0},
		{"nobody reads", 0, nil, "a\n < b\n c\nd\n > e\n", "a\n... 3 lines dropped\ne\n", 3},
		{"one line", 0, nil, "< b\n > e\n", "... 1 line dropped\ne\n", 1},
		{"nothing is said again", 0, nil, "< b\n >", "... 1 line dropped\n", 1},
		{"twice", 0, nil, "< b\n > c\n < d\n >", "... 1 line dropped\nc\n... 1 line dropped\n", 2},
		{"the rest of a line", 0, nil, "a < b c\nd\n > e\n", "a\n... 2 lines dropped\ne\n", 2},
		{"the beginning of a line", 0, nil, "< a > b\nc\n", "... 1 line dropped\nc\n", 1},
		{"the middle of a line", 0, nil, "a < b > c\nd\n", "a\n... 1 line dropped\nd\n", 1},
		{"the newest fit", 4, nil, "< a\n b\n >", "a\nb\n", 0},
		{"the newest of many", 4, nil, "< a\n b\n c\nd\n >", "... 2 lines dropped\nc\nd\n", 2},
		{"longer than what is kept", 4, nil, "< abcdef\n >", "... 1 line dropped\n", 1},
		{"longer than what is kept, and on", 4, nil, "< abcdef gh\ni\n >", "... 1 line dropped\ni\n", 1},
		{"a line that is kept goes on", 4, nil, "< ab > c\n", "abc\n", 0},
		{"in a form", 0, json, "a\n < b\nc\n > d\n", `{"time":1795339230.123,"group":"site","name":"web","channel":"stdout","line":"a"}
{"time":1795339230.123,"group":"site","name":"web","channel":"stdout","dropped":2,"line":"... 2 lines dropped"}
{"time":1795339230.123,"group":"site","name":"web","channel":"stdout","line":"d"}
`, 2},
		{"with a prefix", 0, func(o *Outlet) Sink { return newLines(o, lineLog(conf.LogPrefix)) }, "< b\n >", "web | ... 1 line dropped\n", 1},
		{"in logfmt", 0, func(o *Outlet) Sink { return newLines(o, lineLog(conf.LogFmt)) }, "< b\n >",
			"group=site name=web channel=stdout dropped=1 line=\"... 1 line dropped\"\n", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSlowStream()
			o := NewOutlet(s.Stream, tt.max)
			var sink Sink = o
			if tt.form != nil {
				sink = tt.form(o)
			}
			for p := range strings.SplitSeq(tt.wrote, " ") {
				switch p {
				case "<":
					s.stop()
				case ">":
					s.read()
				default:
					sink.Write([]byte(p), nil) // which never waits
				}
			}
			s.read()
			if s.got.String() != tt.want {
				t.Errorf("got\n%q, want\n%q", s.got.String(), tt.want)
			}
			if o.Dropped() != tt.lost {
				t.Errorf("%d lines dropped, want %d", o.Dropped(), tt.lost)
			}
		})
	}
}

// TestALineThatNeverEndsIsNotWaitedFor when its beginning was dropped.
func TestALineThatNeverEndsIsNotWaitedFor(t *testing.T) {
	s := newSlowStream()
	o := NewOutlet(s.Stream, 0)
	s.stop()
	o.Write([]byte("x"), nil)
	s.read()
	for range 3 {
		o.Write([]byte(strings.Repeat("y", feedPiece)), nil)
	}
	s.read()
	if got := strings.Count(s.got.String(), "y"); got < feedPiece {
		t.Errorf("%d bytes of it came through", got)
	}
}

// checkOutlet writes numbered lines in pieces to an outlet whose reader comes and
// goes, and checks that each line is there as a whole, or was begun before it was
// dropped, or is counted, all in their order.
func checkOutlet(t *testing.T, max int, cuts []byte) {
	t.Helper()
	s := newSlowStream()
	o := NewOutlet(s.Stream, max)
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "%03d%s.\n", i, strings.Repeat("x", i%9))
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	for rest := text.String(); rest != ""; {
		cut := byte(255)
		if len(cuts) > 0 {
			cut, cuts = cuts[0], cuts[1:]
		}
		switch cut % 8 {
		case 0:
			s.stop()
		case 1:
			s.read()
		default:
			n := min(int(cut/8)+1, len(rest))
			o.Write([]byte(rest[:n]), nil)
			rest = rest[n:]
		}
	}
	s.read()
	next := 0 // the number of the line that is to come
	begun := false
	for line := range strings.Lines(s.got.String()) {
		line = strings.TrimSuffix(line, "\n")
		var n int
		if _, err := fmt.Sscanf(line, "... %d line", &n); err == nil {
			if begun {
				n-- // that one is counted, too
			}
			next, begun = next+n, false
			continue
		}
		if begun || next >= len(lines) || !strings.HasPrefix(lines[next], line) {
			t.Fatalf("line %q, where %d is to come, in\n%s", line, next, s.got.String())
		}
		begun = line != lines[next]
		next++
	}
	if next != len(lines) || begun {
		t.Fatalf("%d lines are accounted for, of %d, in\n%s", next, len(lines), s.got.String())
	}
	if int(o.Dropped()) > len(lines) {
		t.Errorf("%d lines were dropped", o.Dropped())
	}
}

func TestOutletAccountsForEveryLine(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		cuts := make([]byte, rng.IntN(200))
		for i := range cuts {
			cuts[i] = byte(rng.Uint32())
		}
		checkOutlet(t, []int{0, 1, 10, 40, 1000}[rng.IntN(5)], cuts)
	}
}

func FuzzOutlet(f *testing.F) {
	f.Add(uint16(0), []byte{10, 0, 11, 30, 1, 40})
	f.Add(uint16(30), []byte{0, 255, 255, 12, 1, 10, 0, 10, 1})
	f.Fuzz(func(t *testing.T, max uint16, cuts []byte) { checkOutlet(t, int(max), cuts) })
}

// TestAnOutletNeverWaits for a reader, and Flush waits for what it owes.
func TestAnOutletNeverWaits(t *testing.T) {
	for _, max := range []int{0, 1000} {
		r, fd := blockingPipe(t)
		stream := NewStream(fd)
		o := NewOutlet(stream, max)
		const lines = 40000 // far more than fits
		for i := range lines {
			o.Write(fmt.Appendf(nil, "%08d %s\n", i, strings.Repeat("x", 90)), nil)
		}
		if o.Dropped() == 0 {
			t.Fatal("nothing was dropped")
		}
		flushed := make(chan error, 1)
		go func() { flushed <- stream.Flush(t.Context()) }()
		next := 0
		input := bufio.NewScanner(r)
		told := false
		for next < lines && input.Scan() {
			var n int
			if _, err := fmt.Sscanf(input.Text(), "... %d lines dropped", &n); err == nil {
				next, told = next+n, true
				continue
			}
			if _, err := fmt.Sscanf(input.Text(), "%08d x", &n); err != nil || n != next {
				t.Fatalf("line %q, where %d is to come", input.Text(), next)
			}
			next++
		}
		if !told || next != lines {
			t.Errorf("%d of %d lines are accounted for", next, lines)
		}
		select {
		case err := <-flushed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("Flush waits for something else")
		}
	}
}
