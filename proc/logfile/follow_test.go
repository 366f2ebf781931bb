package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// reader is a Follow under way and what it has emitted.
type reader struct {
	mu     sync.Mutex
	text   bytes.Buffer
	cancel context.CancelFunc
	ended  chan error
}

func (r *reader) got() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// follow begins to follow f and waits until the backlog has come.
func follow(t *testing.T, path string, wake func() (<-chan struct{}, func()), backlog int64, want string) *reader {
	t.Helper()
	return followFrom(t, path, wake, Backlog{Bytes: backlog}, want)
}

func followFrom(t *testing.T, path string, wake func() (<-chan struct{}, func()), b Backlog, want string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &reader{cancel: cancel, ended: make(chan error, 1)}
	go func() {
		r.ended <- Follow(ctx, path, b, wake, func(p []byte) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.text.Write(p)
			return nil
		})
	}()
	t.Cleanup(func() { r.stop(t) })
	r.want(t, want)
	return r
}

func (r *reader) want(t *testing.T, want string) {
	t.Helper()
	within(t, fmt.Sprintf("followed %.80q", want), func() bool {
		got := r.got()
		if !strings.HasPrefix(want, got) {
			t.Fatalf("followed %q, want %q", got, want)
		}
		return got == want
	})
}

func (r *reader) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow() = %v", err)
	}
	r.ended <- context.Canceled
}

// never is a wake that does not come.
func never() (<-chan struct{}, func()) { return nil, func() {} }

func TestFollow(t *testing.T) {
	for _, row := range []struct {
		name    string
		backlog int64
		want    string
	}{
		{"it begins with the last bytes", 4, "6789"},
		{"it begins with all of a short file", 1024, "0123456789"},
		{"it begins with nothing", 0, ""},
		{"it begins with nothing rather than less", -5, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newLog(t, Spec{})
			write(t, f, "0123456789")
			r := follow(t, f.Path(), f.Watch, row.backlog, row.want)
			if row.want == "" { // there is nothing to wait for
				within(t, "following has begun", func() bool {
					f.mu.Lock()
					defer f.mu.Unlock()
					return len(f.wakes) == 1
				})
				return
			}
			write(t, f, "abc")
			r.want(t, row.want+"abc")
			write(t, f, "def")
			r.want(t, row.want+"abcdef")
		})
	}
}

func TestFollowOverChanges(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(t *testing.T, f *File)
		want   string
	}{
		{"a rotation", func(t *testing.T, f *File) {
			write(t, f, "1234567890")
			write(t, f, "new")
		}, "1234567890new"},
		{"more rotations than one look can see", func(t *testing.T, f *File) {
			for i := range 5 {
				write(t, f, fmt.Sprintf("%d-23456789", i))
			}
		}, "0-234567891-234567892-234567893-234567894-23456789"},
		{"a clear", func(t *testing.T, f *File) {
			if err := f.Clear(); err != nil {
				t.Fatal(err)
			}
			write(t, f, "new")
		}, "new"},
		{"a rename and reopen", func(t *testing.T, f *File) {
			if err := os.Rename(f.Path(), f.Path()+".moved"); err != nil {
				t.Fatal(err)
			}
			write(t, f, "old")
			if err := f.Reopen(); err != nil {
				t.Fatal(err)
			}
			write(t, f, "new")
		}, "oldnew"},
		{"a stop and start of the program", func(t *testing.T, f *File) {
			f.Close()
			if err := f.Open(); err != nil {
				t.Fatal(err)
			}
			write(t, f, "new")
		}, "new"},
		{"a cut in place", func(t *testing.T, f *File) {
			if err := os.Truncate(f.Path(), 0); err != nil {
				t.Fatal(err)
			}
			write(t, f, "new")
		}, Truncated + "new"},
	} {
		for wakes, wake := range map[string]func(f *File) func() (<-chan struct{}, func()){
			"told by the log":    func(f *File) func() (<-chan struct{}, func()) { return f.Watch },
			"told by the system": func(*File) func() (<-chan struct{}, func()) { return never },
		} {
			t.Run(row.name+", "+wakes, func(t *testing.T) {
				f := newLog(t, Spec{MaxBytes: 10, Backups: 10})
				write(t, f, "begin")
				r := follow(t, f.Path(), wake(f), 1024, "begin")
				row.change(t, f)
				r.want(t, "begin"+row.want)
			})
		}
	}
}

func TestFollowLosesNothingUnderFastRotation(t *testing.T) {
	f := newLog(t, Spec{MaxBytes: 500, Backups: 1000})
	write(t, f, "begin\n")
	r := follow(t, f.Path(), f.Watch, 1024, "begin\n")
	var want strings.Builder
	want.WriteString("begin\n")
	for i := range 5000 {
		line := fmt.Sprintf("%d\n", i)
		write(t, f, line)
		want.WriteString(line)
	}
	r.want(t, want.String())
}

func TestFollowEnds(t *testing.T) {
	broken := errors.New("client has gone")
	f := newLog(t, Spec{})
	write(t, f, "x")
	err := Follow(t.Context(), f.Path(), Backlog{Bytes: 10}, f.Watch, func([]byte) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("Follow() = %v, want what emit said", err)
	}
	if len(f.wakes) != 0 {
		t.Error("the log still has a watcher")
	}
	err = Follow(t.Context(), filepath.Join(t.TempDir(), "no"), Backlog{Bytes: 10}, f.Watch, func([]byte) error { return nil })
	if !errors.Is(err, ErrNoFile) {
		t.Errorf("Follow() of a missing log = %v", err)
	}
	err = Follow(t.Context(), "/dev/null", Backlog{Bytes: 10}, f.Watch, func([]byte) error { return nil })
	if !errors.Is(err, ErrNotRegular) {
		t.Errorf("Follow() of a device = %v", err)
	}
}

func TestManyFollowersLeaveNothingBehind(t *testing.T) {
	before := descriptors(t)
	f := newLog(t, Spec{})
	write(t, f, "x")
	var all []*reader
	for range 200 { // more than inotify instances are allowed by default
		all = append(all, follow(t, f.Path(), f.Watch, 10, "x"))
	}
	write(t, f, "y")
	for _, r := range all {
		r.want(t, "xy")
	}
	for _, r := range all {
		r.stop(t)
	}
	f.Close()
	if after := descriptors(t); after > before+2 { // the poller's own
		t.Fatalf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestFollowDuringARotation looks at the files as they are between two renames
// of one rotation, which go from the highest number down.
func TestFollowDuringARotation(t *testing.T) {
	for _, row := range []struct {
		name  string
		files []int // the numbers that are there; 0 is the log itself
		mine  int
		next  int // what is to be read after mine; -1: not there yet
	}{
		{"nothing was rotated", []int{0}, 0, -1},
		{"between two rotations", []int{0, 1, 2}, 2, 1},
		{"the gap is below mine", []int{0, 1, 3}, 3, -1},
		{"the gap is further below", []int{0, 2, 3}, 3, 2},
		{"the gap is above mine", []int{0, 1, 3}, 1, 0},
		{"the log is moved and not made anew", []int{1, 2}, 1, -1},
		{"the log is not made anew, mine is older", []int{1, 2}, 2, 1},
		{"somebody moved mine to another name", []int{0, 1, 7}, 7, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			for _, n := range row.files {
				if err := os.WriteFile(Backup(path, n), fmt.Append(nil, n), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			file, err := os.Open(Backup(path, row.mine))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			f := &follower{path: path, file: file}
			next, err := f.successor()
			if err != nil {
				t.Fatal(err)
			}
			got := "-1"
			if next != nil {
				defer next.Close()
				p := make([]byte, 10)
				n, _ := next.Read(p)
				got = string(p[:n])
			}
			if got != fmt.Sprint(row.next) {
				t.Fatalf("number %s comes next, want %d", got, row.next)
			}
		})
	}
}
