package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRotation(t *testing.T) {
	for _, row := range []struct {
		name    string
		max     int64
		backups int
		before  map[string]string // suffix -> content
		writes  []string
		want    map[string]string
	}{
		{
			name: "the check comes after the write, and files may be longer than the limit",
			max:  5, backups: 2,
			writes: []string{"1234", "5678", "9"},
			want:   map[string]string{"": "9", ".1": "12345678"},
		},
		{
			name: "reaching the limit exactly is enough",
			max:  4, backups: 1,
			writes: []string{"1234"},
			want:   map[string]string{"": "", ".1": "1234"},
		},
		{
			name: "one large write is kept whole",
			max:  4, backups: 2,
			writes: []string{strings.Repeat("x", 2590)},
			want:   map[string]string{"": "", ".1": strings.Repeat("x", 2590)},
		},
		{
			name: "the oldest backup is overwritten",
			max:  1, backups: 2,
			writes: []string{"a", "b", "c", "d"},
			want:   map[string]string{"": "", ".1": "d", ".2": "c"},
		},
		{
			name: "files numbered above the limit are not touched",
			max:  1, backups: 2,
			before: map[string]string{".3": "three", ".10": "ten", ".2": "two"},
			writes: []string{"a", "b"},
			want:   map[string]string{"": "", ".1": "b", ".2": "a", ".3": "three", ".10": "ten"},
		},
		{
			name: "of many backups those that are there move up, and nothing else",
			max:  1, backups: 100,
			before: map[string]string{".1": "1", ".3": "3", ".98": "98", ".99": "99", ".100": "100", ".101": "101", ".05": "05", ".gz": "gz", ".-1": "-1"},
			writes: []string{"a"},
			want: map[string]string{"": "", ".1": "a", ".2": "1", ".4": "3", ".99": "98", ".100": "99", ".101": "101", ".05": "05", ".gz": "gz",
				".-1": "-1"},
		},
		{
			name: "of many backups the oldest goes",
			max:  1, backups: 51,
			before: map[string]string{".50": "50", ".51": "51"},
			writes: []string{"a", "b"},
			want:   map[string]string{"": "", ".1": "b", ".2": "a"},
		},
		{
			name: "without backups the file is truncated",
			max:  3, backups: 0,
			before: map[string]string{".1": "one"},
			writes: []string{"abc", "de"},
			want:   map[string]string{"": "de", ".1": "one"},
		},
		{
			name: "a limit of 0 means never",
			max:  0, backups: 2,
			writes: []string{strings.Repeat("x", 1000)},
			want:   map[string]string{"": strings.Repeat("x", 1000)},
		},
		{
			name: "a limit below 0 means never",
			max:  -1, backups: 2,
			writes: []string{"abc"},
			want:   map[string]string{"": "abc"},
		},
		{
			name: "what was in the file before counts",
			max:  5, backups: 1,
			before: map[string]string{"": "12345678"},
			writes: []string{"9"},
			want:   map[string]string{"": "", ".1": "123456789"},
		},
		{
			name: "a gap in the numbers stays a gap",
			max:  1, backups: 4,
			before: map[string]string{".3": "three"},
			writes: []string{"a"},
			want:   map[string]string{"": "", ".1": "a", ".4": "three"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			for suffix, text := range row.before {
				if err := os.WriteFile(path+suffix, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f := newLog(t, Spec{Path: path, MaxBytes: row.max, Backups: row.backups})
			for _, w := range row.writes {
				write(t, f, w)
			}
			for suffix, text := range row.want {
				wantFile(t, path+suffix, text)
			}
			entries, _ := os.ReadDir(filepath.Dir(path))
			if len(entries) != len(row.want) {
				t.Fatalf("%d files, want %d: %v", len(entries), len(row.want), entries)
			}
		})
	}
}

func TestTruncatingKeepsTheFile(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 3})
	before, _ := os.Stat(f.Path())
	write(t, f, "abc")
	after, _ := os.Stat(f.Path())
	if !os.SameFile(before, after) || after.Size() != 0 {
		t.Fatal("the file was replaced or not truncated")
	}
}

func TestTruncationBySomebodyElseIsFollowed(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 10, Backups: 1})
	write(t, f, "12345678")
	if err := os.Truncate(f.Path(), 0); err != nil {
		t.Fatal(err)
	}
	write(t, f, "1234")
	wantFile(t, f.Path(), "1234") // neither a hole nor a rotation
	wantAbsent(t, f.Path()+".1")
}

func TestAFileThatSomebodyElsePutThereIsJoined(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 5, Backups: 1})
	moved := f.Path() + ".moved"
	if err := os.Rename(f.Path(), moved); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path(), []byte("new "), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, f, "12345")
	write(t, f, "x")
	wantFile(t, moved, "12345")
	wantFile(t, f.Path()+".1", "new x")
}

func TestRotationThatFailsLosesNothing(t *testing.T) {
	var told []Problem
	path := filepath.Join(t.TempDir(), "x.log")
	blocker := path + ".1"
	if err := os.MkdirAll(filepath.Join(blocker, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := newLog(t, Spec{Path: path, MaxBytes: 4, Backups: 1, OnProblem: func(p Problem) { told = append(told, p) }})
	write(t, f, "1234")
	write(t, f, "5678")
	wantFile(t, path, "12345678")
	if len(told) != 1 || told[0].Err == nil || told[0].Lost != 0 {
		t.Fatalf("told %v, want one failure", told)
	}
	if err := os.RemoveAll(blocker); err != nil {
		t.Fatal(err)
	}
	write(t, f, "9012") // the next try is due one limit later
	wantFile(t, path, "")
	wantFile(t, path+".1", "123456789012")
	if len(told) != 2 || told[1].Err != nil {
		t.Fatalf("told %v, want the recovery", told)
	}
}

// collect puts the files of a log together, the oldest first, and splits them
// into lines.
func collect(t *testing.T, path string) []string {
	t.Helper()
	var all strings.Builder
	last := 0
	for ; ; last++ {
		if _, err := os.Stat(Backup(path, last+1)); err != nil {
			break
		}
	}
	for i := last; i >= 0; i-- {
		text, err := os.ReadFile(Backup(path, i))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return strings.Split(strings.TrimSuffix(all.String(), "\n"), "\n")
}

func TestManyWritersLoseNothingUnderRotation(t *testing.T) {
	const writers, lines = 3, 4000
	for _, row := range []struct {
		name  string
		files int
	}{
		{"one log", 1},
		{"a log each on one path", writers},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			var logs []*File
			for range row.files {
				logs = append(logs, newLog(t, Spec{Path: path, MaxBytes: 4096, Backups: 1000}))
			}
			var group sync.WaitGroup
			for w := range writers {
				f := logs[w%len(logs)]
				group.Go(func() {
					for i := range lines {
						if _, err := fmt.Fprintf(f, "%d %d\n", w, i); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			next := make([]int, writers)
			got := collect(t, path)
			for n, line := range got {
				var w, i int
				if _, err := fmt.Sscanf(line, "%d %d", &w, &i); err != nil {
					t.Fatalf("line %d is torn: %q", n, line)
				}
				// Writers with a log each may finish a line in the file that
				// was rotated away under them: later than its neighbours, but
				// never lost.
				if row.files == 1 && i != next[w] {
					t.Fatalf("writer %d: line %d, want %d", w, i, next[w])
				}
				next[w]++
			}
			for w, n := range next {
				if n != lines {
					t.Errorf("writer %d: %d lines, want %d", w, n, lines)
				}
			}
			if _, err := os.Stat(path + ".2"); err != nil {
				t.Fatal("nothing was rotated")
			}
		})
	}
}

func TestTheNumberOfFilesIsBoundedAndTheyAreASuffix(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 1000, Backups: 2})
	for i := range 1000 {
		write(t, f, fmt.Sprintf("%d\n", i))
	}
	wantFiles(t, filepath.Dir(f.Path()), "x.log", "x.log.1", "x.log.2")
	got := collect(t, f.Path())
	for i, line := range got {
		if want := fmt.Sprint(1000 - len(got) + i); line != want {
			t.Fatalf("line %d is %s, want %s", i, line, want)
		}
	}
	for _, suffix := range []string{".1", ".2"} {
		if st, _ := os.Stat(f.Path() + suffix); st.Size() < 1000 {
			t.Fatalf("%s holds %d bytes, less than the limit", suffix, st.Size())
		}
	}
}

func TestARotationUnderWayElsewhereIsLeftToFinish(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 4, Backups: 1})
	other, err := os.Open(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	write(t, f, "1234")
	wantFile(t, f.Path(), "1234")
	if err := unix.Flock(int(other.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	write(t, f, "5")
	wantFile(t, f.Path(), "")
	wantFile(t, f.Path()+".1", "12345")
}

func TestNobodyIsLateForALimitThatIsSeldomLookedAt(t *testing.T) {
	const limit, writers = 256 << 10, 12
	line := strings.Repeat("x", 99) + "\n"
	for _, n := range []int{1, writers} {
		path := filepath.Join(t.TempDir(), "x.log")
		var logs []*File
		for range n {
			logs = append(logs, newLog(t, Spec{Path: path, MaxBytes: limit, Backups: 20}))
		}
		for i := range 5 * limit / len(line) {
			write(t, logs[i%n], line)
		}
		for i := 1; i <= 4; i++ {
			st, err := os.Stat(Backup(path, i))
			if err != nil {
				t.Fatal(err)
			}
			if over := st.Size() - limit; over < 0 || over >= int64(n*len(line)) {
				t.Errorf("%d writers: file %d has %d bytes more than the limit", n, i, over)
			}
		}
	}
}

func TestGrowthByOthersIsSeenSoon(t *testing.T) {
	const limit = 1 << 20
	f := newLog(t, Spec{MaxBytes: limit, Backups: 1})
	write(t, f, "line\n")
	if err := os.Truncate(f.Path(), 2*limit); err != nil {
		t.Fatal(err)
	}
	write(t, f, "line\n")
	wantAbsent(t, f.Path()+".1")
	f.looked = f.looked.Add(-blindTime)
	write(t, f, "line\n")
	wantFile(t, f.Path(), "")

	write(t, f, "line\n")
	if err := os.Truncate(f.Path(), 2*limit); err != nil {
		t.Fatal(err)
	}
	for range blindBytes/5 + 2 {
		write(t, f, "line\n")
	}
	if st, err := os.Stat(f.Path()); err != nil || st.Size() > blindBytes {
		t.Errorf("not seen after some kilobytes either: %v, %v", st.Size(), err)
	}
}
