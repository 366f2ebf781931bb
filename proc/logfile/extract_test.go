package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheEndOfALog(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 999)+"\n", 200)
	for _, row := range []struct {
		name       string
		older, log string // older "": nothing was rotated yet
		b          Backlog
		want       string
	}{
		{"nothing", "", "one\ntwo\n", Backlog{}, ""},
		{"bytes", "", "one\ntwo\n", Backlog{Bytes: 6}, "e\ntwo\n"},
		{"bytes of the log alone", "older\n", "one\n", Backlog{Bytes: 100}, "one\n"},
		{"a line", "", "one\ntwo\n", Backlog{Lines: 1}, "two\n"},
		{"a line that has not ended", "", "one\ntwo", Backlog{Lines: 1}, "two"},
		{"two lines, the last not ended", "", "one\ntwo\nth", Backlog{Lines: 2}, "two\nth"},
		{"an empty line", "", "one\n\n", Backlog{Lines: 1}, "\n"},
		{"every line", "", "one\ntwo\n", Backlog{Lines: 2}, "one\ntwo\n"},
		{"more lines than there are", "", "one\ntwo\n", Backlog{Lines: 5}, "one\ntwo\n"},
		{"an empty log", "", "", Backlog{Lines: 5}, ""},
		{"lines from before the rotation", "a\nb\nc\n", "one\ntwo\n", Backlog{Lines: 4}, "b\nc\none\ntwo\n"},
		{"a line that the rotation cut", "a\nb\nc", "one\ntwo\n", Backlog{Lines: 3}, "b\ncone\ntwo\n"},
		{"a line that the rotation cut, alone", "a\nb\nc", "one\ntwo\n", Backlog{Lines: 2}, "cone\ntwo\n"},
		{"just the lines of the log", "a\nb\n", "one\ntwo\n", Backlog{Lines: 2}, "one\ntwo\n"},
		{"a log that was rotated just now", "a\nb\nc\n", "", Backlog{Lines: 2}, "b\nc\n"},
		{"more than both have", "a\n", "b\n", Backlog{Lines: 9}, "a\nb\n"},
		{"lines far from the end", "", "first\nsecond\n" + long, Backlog{Lines: 201}, "second\n" + long},
		{"lines far from the end of what was rotated", "first\nsecond\n" + long, "last\n", Backlog{Lines: 202}, "second\n" + long + "last\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			if err := os.WriteFile(path, []byte(row.log), 0o600); err != nil {
				t.Fatal(err)
			}
			if row.older != "" {
				if err := os.WriteFile(path+".1", []byte(row.older), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := ending(path, row.b)
			if err != nil || string(got) != row.want {
				t.Errorf("got %.200q, %v, want %.200q", got, err, row.want)
			}
		})
	}
}

func TestTheEndOfWhatIsNoLog(t *testing.T) {
	dir := t.TempDir()
	if _, err := ending(filepath.Join(dir, "no"), Backlog{Lines: 1}); !errors.Is(err, ErrNoFile) {
		t.Errorf("got %v", err)
	}
	if _, err := ending("/dev/null", Backlog{Lines: 1}); !errors.Is(err, ErrNotRegular) {
		t.Errorf("got %v", err)
	}
}

func TestAnExtractStaysWhatItWas(t *testing.T) {
	f := newLog(t, Spec{})
	write(t, f, "one\ntwo\n")
	e, err := End(f.Path(), Backlog{Lines: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	write(t, f, "three\n")
	if err := f.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, f, "four\n")
	var got bytes.Buffer
	if err := e.Each(func(p []byte) error { got.Write(p); return nil }); err != nil || got.String() != "two\n" {
		t.Errorf("got %q, %v", got.String(), err)
	}
	broken := errors.New("broken")
	if err := e.Each(func([]byte) error { return broken }); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestAnExtractOfALogThatIsCutEndsThere(t *testing.T) {
	f := newLog(t, Spec{})
	write(t, f, "one\ntwo\n")
	e, err := End(f.Path(), Backlog{Bytes: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.Truncate(f.Path(), 3); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := e.Each(func(p []byte) error { got.Write(p); return nil }); err != nil || got.String() != "one" {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

func TestFollowBeginsWithLinesFromBeforeTheRotation(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 8, Backups: 3})
	write(t, f, "a\nb\nc\nd\n") // rotated after this
	write(t, f, "e\n")
	r := followFrom(t, f.Path(), f.Watch, Backlog{Lines: 3}, "c\nd\ne\n")
	write(t, f, "f\ng\nh\n") // and after this
	write(t, f, "i\n")
	r.want(t, "c\nd\ne\nf\ng\nh\ni\n")
}

func TestATapHearsWhatIsWrittenAfterTheExtract(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 10, Backups: 1})
	write(t, f, "one\ntwo\n")
	var live bytes.Buffer
	e, stop, err := f.TapEnd(Backlog{Lines: 1}, func(p []byte) { live.Write(p) })
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	write(t, f, "three\n") // it rotates
	write(t, f, "four\n")
	stop()
	write(t, f, "five\n")
	var past bytes.Buffer
	if err := e.Each(func(p []byte) error { past.Write(p); return nil }); err != nil {
		t.Fatal(err)
	}
	if past.String() != "two\n" || live.String() != "three\nfour\n" {
		t.Errorf("got %q and then %q", past.String(), live.String())
	}
}

func TestATapMayComeBeforeTheFile(t *testing.T) {
	f := New(Spec{Path: filepath.Join(t.TempDir(), "x.log")})
	var live bytes.Buffer
	e, stop, err := f.TapEnd(Backlog{Lines: 1}, func(p []byte) { live.Write(p) })
	if e != nil || err != nil {
		t.Fatalf("got %v, %v", e, err)
	}
	defer stop()
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, "one\n")
	if live.String() != "one\n" {
		t.Errorf("got %q", live.String())
	}
}

// TestNoByteIsLostOrDoubledBetweenExtractAndTap has readers come while a writer
// fills files that are rotated.
func TestNoByteIsLostOrDoubledBetweenExtractAndTap(t *testing.T) {
	const lines, readers = 2000, 10
	f := newLog(t, Spec{MaxBytes: 1000, Backups: 50})
	type result struct {
		text string
		err  error
	}
	results := make(chan result, readers)
	written := make(chan struct{})
	for i := range readers {
		go func() {
			var live bytes.Buffer
			e, stop, err := f.TapEnd(Backlog{Lines: int64(i) + 1}, func(p []byte) { live.Write(p) })
			if err != nil {
				results <- result{err: err}
				return
			}
			defer e.Close()
			var past bytes.Buffer
			err = e.Each(func(p []byte) error { past.Write(p); return nil })
			<-written
			stop()
			results <- result{past.String() + live.String(), err}
		}()
	}
	for i := range lines {
		write(t, f, fmt.Sprintf("%d\n", i+1))
	}
	close(written)
	for range readers {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
			continue
		}
		all := strings.Split(strings.TrimSuffix(r.text, "\n"), "\n")
		for i, line := range all {
			if want := fmt.Sprint(lines - len(all) + 1 + i); line != want {
				t.Errorf("line %d of %d is %q, want %s", i+1, len(all), line, want)
				break
			}
		}
	}
}

// ending returns the end of the log at path.
func ending(path string, b Backlog) ([]byte, error) {
	e, err := End(path, b)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var text []byte
	err = e.Each(func(p []byte) error {
		text = append(text, p...)
		return nil
	})
	return text, err
}
