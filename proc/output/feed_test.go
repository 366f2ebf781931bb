package output

import (
	"fmt"
	"strings"
	"testing"
)

// taken empties a feed and shows what it had: "tag:data", or "tag-missed".
func taken(f *Feed) []string {
	var all []string
	for {
		i, ok := f.Take()
		if !ok {
			return all
		}
		if i.Missed > 0 {
			all = append(all, fmt.Sprintf("%v-%d", i.Tag, i.Missed))
		} else {
			all = append(all, fmt.Sprintf("%v:%s", i.Tag, i.Data))
		}
	}
}

func wantTaken(t *testing.T, f *Feed, want ...string) {
	t.Helper()
	if got := taken(f); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestAFeedKeepsTheOrderOfWhatItIsGiven(t *testing.T) {
	f := NewFeed(1 << 10)
	a, b := f.Source("a"), f.Source("b")
	a.Write([]byte("1\n"))
	a.Write([]byte("2\n"))
	b.Write([]byte("3"))
	b.Write(nil)
	a.Write([]byte("4\n"))
	b.Write([]byte("5\n"))
	wantTaken(t, f, "a:1\n2\n", "b:3", "a:4\n", "b:5\n")
	if f.held != 0 {
		t.Errorf("%d bytes held of nothing", f.held)
	}
}

func TestAFeedKeepsNoHoldOfTheWritersBuffer(t *testing.T) {
	f := NewFeed(1 << 10)
	p := []byte("before")
	f.Source("a").Write(p)
	copy(p, "after!")
	wantTaken(t, f, "a:before")
}

func TestAFeedTellsThatThereIsSomething(t *testing.T) {
	f := NewFeed(1 << 10)
	select {
	case <-f.Ready():
		t.Fatal("ready for nothing")
	default:
	}
	f.Source("a").Write([]byte("x"))
	<-f.Ready()
	wantTaken(t, f, "a:x")
}

func TestASlowReaderOfAFeedIsToldWhatItMissed(t *testing.T) {
	const room = 4 * (100 + feedOverhead)
	hundred := []byte(strings.Repeat("x", 99) + "\n")
	type step struct {
		write string
		take  int // items first
	}
	for _, tt := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"the count comes where the gap is", []step{{write: "lost\n"}, {write: "kept\n", take: 3}}, "b-5 b:kept\n"},
		{"also when nothing comes any more", []step{{write: "lost\n"}}, "b-5"},
		{"the rest of a line that began in the gap is missed too", []step{{write: "lo"}, {write: "st\nkept\n", take: 3}}, "b-5 b:kept\n"},
		{"a line that ends where the gap does", []step{{write: "lo"}, {write: "st\n", take: 3}, {write: "kept\n"}}, "b-5 b:kept\n"},
		{"a little room is not enough", []step{{write: "1\n"}, {write: "2\n", take: 1}, {write: "3\n", take: 2}}, "b-4 b:3\n"},
		{"half a line is waited for after the count too", []step{{write: "lo"}, {write: "st\nkept\n", take: 99}}, "b-2 b-3 b:kept\n"},
		{"a line that never ends is not waited for", []step{{write: "lo"}, {write: strings.Repeat("y", feedPiece), take: 3}, {write: "kept"}},
			fmt.Sprintf("b-%d b:kept", feedPiece+2)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFeed(room)
			for i := range 4 {
				f.Source(i).Write(hundred)
			}
			b := f.Source("b")
			var got []string
			for _, s := range tt.steps {
				for range s.take {
					i, ok := f.Take()
					if !ok {
						break
					}
					if i.Missed > 0 {
						got = append(got, fmt.Sprintf("%v-%d", i.Tag, i.Missed))
					}
				}
				b.Write([]byte(s.write))
			}
			for _, item := range taken(f) {
				if strings.HasPrefix(item, "b") {
					got = append(got, item)
				}
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %.200q, want %.200q", s, tt.want)
			}
		})
	}
}

func TestAFeedIsBoundedWhateverIsWritten(t *testing.T) {
	f := NewFeed(10 << 10)
	var sources []*Source
	for i := range 50 {
		sources = append(sources, f.Source(i))
	}
	total, seen := int64(0), int64(0)
	take := func() bool {
		i, ok := f.Take()
		seen += int64(len(i.Data)) + i.Missed
		return ok
	}
	for round := range 200 {
		for i, s := range sources {
			p := strings.Repeat("x", (i*7+round)%90) + "\n"
			total += int64(len(p))
			s.Write([]byte(p))
			if f.held > f.max+len(sources)*feedOverhead {
				t.Fatalf("%d bytes held", f.held)
			}
			if len(f.gaps) > len(sources) {
				t.Fatalf("%d gaps of %d sources", len(f.gaps), len(sources))
			}
		}
		for n := 0; take() && n < round%30; n++ { // a reader that is slow, but reads
		}
	}
	for take() {
	}
	if seen != total {
		t.Errorf("%d bytes seen or missed of %d", seen, total)
	}
}
