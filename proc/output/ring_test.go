package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"gosupervisor/proc/logfile"
)

// everything is more than any ring holds.
var everything = logfile.Backlog{Bytes: 1 << 40}

func put(r *Ring, pieces ...string) *Ring {
	for _, p := range pieces {
		r.Write([]byte(p), Urgent)
	}
	return r
}

func TestARingShowsTheLastWholeLines(t *testing.T) {
	for _, tt := range []struct {
		name   string
		max    int
		pieces []string
		want   string
	}{
		{"nothing", 10, nil, ""},
		{"less than there is room for", 10, []string{"one\n", "two"}, "one\ntwo"},
		{"just what there is room for", 8, []string{"one\n", "two\n"}, "one\ntwo\n"},
		{"a line that lost its beginning is passed over", 8, []string{"one\n", "two\n", "3"}, "two\n3"},
		{"what was dropped ended a line", 8, []string{"one\n", "two\n", "six\n"}, "two\nsix\n"},
		{"a piece longer than the ring", 8, []string{"zero\none\ntwo\n"}, "one\ntwo\n"},
		{"a piece longer than the ring, cut in a line", 9, []string{"zero\none\ntwo\n"}, "one\ntwo\n"},
		{"a long piece onto what is there", 8, []string{"abc", "d\none\ntwo\n"}, "one\ntwo\n"},
		{"a piece as long as the ring after a line", 4, []string{"a\n", "one\n"}, "one\n"},
		{"a piece as long as the ring after half a line", 8, []string{"a", "ne\ntwo\n1"}, "two\n1"},
		{"a line longer than the ring is kept from where it fits", 8, []string{"0123456789\n"}, "3456789\n"},
		{"likewise when it has not ended", 8, []string{"01234", "56789"}, "23456789"},
		{"but not from within a character", 8, []string{"xxéééé"}, "éééé"},
		{"nor when that leaves less", 8, []string{"xxxéééé\n"}, "ééé\n"},
		{"what is no text is kept as it is", 4, []string{"xx\x80\x80\x80\x80"}, "\x80\x80\x80\x80"},
		{"round and round", 8, []string{"1\n", "22\n", "333\n", "4444\n", "5\n"}, "4444\n5\n"},
		{"empty lines", 4, []string{"\n\n\n\n\n\n"}, "\n\n\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := put(NewRing(tt.max), tt.pieces...)
			if got := string(r.Last(everything)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheEndOfARing(t *testing.T) {
	lines := func(n int64) logfile.Backlog { return logfile.Backlog{Lines: n} }
	for _, tt := range []struct {
		name string
		text string
		b    logfile.Backlog
		want string
	}{
		{"no bytes", "one\ntwo\n", logfile.Backlog{}, ""},
		{"a negative number of bytes", "one\ntwo\n", logfile.Backlog{Bytes: -1}, ""},
		{"some bytes, in the middle of a line", "one\ntwo\n", logfile.Backlog{Bytes: 6}, "e\ntwo\n"},
		{"a line", "one\ntwo\n", lines(1), "two\n"},
		{"a line that has not ended", "one\ntwo", lines(1), "two"},
		{"two, the last of which has not ended", "one\ntwo\nsi", lines(2), "two\nsi"},
		{"an empty line", "one\n\n", lines(1), "\n"},
		{"as many as there are", "one\ntwo\n", lines(2), "one\ntwo\n"},
		{"more than there are", "one\ntwo\n", lines(9), "one\ntwo\n"},
		{"from a ring that lost some", "loooooooooooong\none\ntwo\n", lines(9), "one\ntwo\n"},
		{"of none", "", lines(3), ""},
	} {
		// Shifted, the same text lies in the circle in another way each time.
		for shift := range 16 {
			t.Run(fmt.Sprintf("%s/%d", tt.name, shift), func(t *testing.T) {
				r := NewRing(16)
				put(r, strings.Repeat("x", shift))
				r.Clear()
				r.before = '\n' // as if nothing had been there
				put(r, tt.text)
				if got := string(r.Last(tt.b)); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
			t.Run(fmt.Sprintf("%s/circle %d", tt.name, shift), func(t *testing.T) {
				r := NewRing(16)
				put(r, strings.Repeat("x", 16), strings.Repeat("y", shift), "\n")
				r.drop(r.held)
				put(r, tt.text)
				if got := string(r.Last(tt.b)); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	}
}

func TestARingTakesNoMoreMemoryThanWasWritten(t *testing.T) {
	r := NewRing(64 << 10)
	if cap(r.buf) != 0 {
		t.Errorf("%d bytes for nothing", cap(r.buf))
	}
	put(r, "a line\n")
	if cap(r.buf) > 1<<10 {
		t.Errorf("%d bytes for one line", cap(r.buf))
	}
	for range 20_000 {
		put(r, "a line\n")
	}
	if cap(r.buf) != 64<<10 {
		t.Errorf("%d bytes when full", cap(r.buf))
	}
	r.Clear()
	if cap(r.buf) != 0 || len(r.Last(everything)) != 0 {
		t.Errorf("%d bytes after clearing", cap(r.buf))
	}
}

func TestAClearedRingBeginsWithTheNextLine(t *testing.T) {
	r := put(NewRing(100), "half a li")
	r.Clear()
	put(r, "ne\nnext\n")
	if got := string(r.Last(everything)); got != "next\n" {
		t.Errorf("got %q", got)
	}
}

func TestWritingToAFullRingAllocatesNothing(t *testing.T) {
	r := NewRing(4 << 10)
	line := []byte("a line of some length\n")
	for range 1000 {
		r.Write(line, Urgent)
	}
	if n := testing.AllocsPerRun(100, func() { r.Write(line, Urgent) }); n != 0 {
		t.Errorf("%v allocations a write", n)
	}
}

// followed runs a follower of r in a bubble.
type followed struct {
	text   strings.Builder
	ended  bool
	err    error
	cancel context.CancelFunc
	gate   chan struct{} // nil: it is as fast as can be; else it waits here before each piece
}

func follow(r *Ring, b logfile.Backlog, gate chan struct{}) *followed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &followed{cancel: cancel, gate: gate}
	go func() {
		f.err = r.Follow(ctx, b, func(p []byte) error {
			if f.gate != nil {
				<-f.gate
			}
			f.text.Write(p)
			return nil
		})
		f.ended = true
	}()
	synctest.Wait()
	return f
}

func (f *followed) want(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	if got := f.text.String(); got != want {
		t.Fatalf("followed %q, want %q", got, want)
	}
}

func TestAFollowerOfARingSeesTheEndAndWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := put(NewRing(100), "one\ntwo\n")
		f := follow(r, logfile.Backlog{Lines: 1}, nil)
		f.want(t, "two\n")
		put(r, "thr", "ee\n")
		f.want(t, "two\nthree\n")
		r.Clear()
		put(r, "four\n")
		f.want(t, "two\nthree\nfour\n")
		f.cancel()
		synctest.Wait()
		if !f.ended || !errors.Is(f.err, context.Canceled) || len(r.taps) != 0 {
			t.Errorf("ended %v, %v, %d taps", f.ended, f.err, len(r.taps))
		}
	})
}

func TestAFollowerOfAClosedRingEndsAfterItsLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing(100)
		gate := make(chan struct{})
		f := follow(r, everything, gate)
		put(r, "last words\n")
		r.Close()
		synctest.Wait()
		if f.ended {
			t.Fatal("it ended before it had everything")
		}
		close(gate)
		f.want(t, "last words\n")
		if !f.ended || f.err != nil {
			t.Errorf("ended %v, %v", f.ended, f.err)
		}
		again := follow(r, everything, nil)
		again.want(t, "last words\n")
		if !again.ended {
			t.Error("a new follower waits for what cannot come")
		}
	})
}

func TestASlowFollowerOfARingIsToldWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing(20)
		gate := make(chan struct{})
		f := follow(r, everything, gate)
		put(r, "one\nha")
		synctest.Wait() // it has taken this, and is held up
		put(r, "lf\n", strings.Repeat("lost\n", 10), "kept 1\nkept 2\n")
		close(gate)
		// 20 bytes are "\nlost\nkept 1\nkept 2\n"; half a line is passed over.
		f.want(t, "one\nha\n==> 48 bytes missed <==\nlost\nkept 1\nkept 2\n")
		f.cancel()
	})
}

func TestAFollowerStopsWhenItsReaderFails(t *testing.T) {
	broken := errors.New("broken")
	r := put(NewRing(10), "x")
	if err := r.Follow(t.Context(), everything, func([]byte) error { return broken }); err != broken {
		t.Errorf("got %v", err)
	}
	if len(r.taps) != 0 {
		t.Error("its tap is still there")
	}
}

func TestATapHearsWhatComesAfterTheBacklog(t *testing.T) {
	r := put(NewRing(100), "one\ntwo\n")
	var got []string
	last, stop := r.Tap(logfile.Backlog{Lines: 1}, func(p []byte) { got = append(got, string(p)) })
	put(r, "three\n", "fo")
	stop()
	put(r, "ur\n")
	if string(last) != "two\n" || len(got) != 2 || got[0] != "three\n" || got[1] != "fo" {
		t.Errorf("got %q and then %q", last, got)
	}
}

// TestNoByteIsLostOrDoubledBetweenBacklogAndLive has readers come while a writer
// writes numbered lines; each must see them without a gap.
func TestNoByteIsLostOrDoubledBetweenBacklogAndLive(t *testing.T) {
	const lines, readers = 3000, 20
	r := NewRing(1 << 20)
	results := make(chan error, readers)
	begun := make(chan struct{}, readers)
	for i := range readers {
		go func() {
			var text bytes.Buffer
			err := r.Follow(t.Context(), logfile.Backlog{Lines: int64(i)}, func(p []byte) error {
				text.Write(p)
				return nil
			})
			results <- errors.Join(err, consecutive(text.String(), lines))
		}()
		begun <- struct{}{}
	}
	for i := range lines {
		put(r, fmt.Sprintf("%d\n", i+1))
	}
	r.Close()
	for range readers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// consecutive wants numbered lines up to the last one, without a gap.
func consecutive(text string, last int) error {
	n := last + 1
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		return nil // it came after the end
	}
	for i := len(all) - 1; i >= 0; i-- {
		if n--; all[i] != fmt.Sprint(n) {
			return fmt.Errorf("line %d of %d is %q, want %d", i, len(all), all[i], n)
		}
	}
	return nil
}

func FuzzRing(f *testing.F) {
	f.Add(8, []byte("one\ntwo\n\x00three\n"), 3, int64(2))
	f.Add(5, []byte("é\né\xff\n"), 1, int64(1))
	f.Add(1, []byte("\n\n\n"), 2, int64(0))
	f.Fuzz(func(t *testing.T, size int, text []byte, step int, lines int64) {
		size, step = max(1, size%100), max(1, step%40)
		r := NewRing(size)
		whole := text
		var told bytes.Buffer
		_, stop := r.Tap(everything, func(p []byte) { told.Write(p) })
		at := int64(0)
		for len(text) > 0 {
			n := min(step, len(text))
			r.Write(text[:n], Urgent)
			text = text[n:]
			at += int64(n)
			checkRing(t, r, whole[:at], lines)
		}
		stop()
		if !bytes.Equal(told.Bytes(), whole) {
			t.Fatalf("a tap heard %q of %q", told.Bytes(), whole)
		}
	})
}

// checkRing compares what a ring shows with what it was given.
func checkRing(t *testing.T, r *Ring, given []byte, lines int64) {
	t.Helper()
	if len(r.buf) > r.max || r.held > len(r.buf) || r.end != int64(len(given)) {
		t.Fatalf("%d of %d bytes held, in %d", r.held, r.max, len(r.buf))
	}
	kept := given[max(0, len(given)-r.max):]
	want := kept
	if n := len(given) - len(kept); n > 0 && given[n-1] != '\n' {
		if i := bytes.IndexByte(kept, '\n'); i >= 0 && i+1 < len(kept) {
			want = kept[i+1:]
		} else {
			for i := range min(len(kept), 3) {
				if utf8.RuneStart(kept[i]) {
					want = kept[i:]
					break
				}
			}
		}
	}
	if got := r.Last(everything); !bytes.Equal(got, want) {
		t.Fatalf("of %q a ring of %d shows %q, want %q", given, r.max, got, want)
	}
	if lines <= 0 {
		return
	}
	split := bytes.SplitAfter(want, []byte("\n"))
	if len(split[len(split)-1]) == 0 {
		split = split[:len(split)-1]
	}
	last := bytes.Join(split[max(0, int64(len(split))-lines):], nil)
	if got := r.Last(logfile.Backlog{Lines: lines}); !bytes.Equal(got, last) {
		t.Fatalf("the last %d lines of %q are %q, want %q", lines, want, got, last)
	}
}
