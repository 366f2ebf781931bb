package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// line makes a line of /proc/PID/stat.
func line(pid int, name string, state byte, parent int, cpu [4]int, threads, pages int) string {
	f := make([]string, 52)
	for i := range f {
		f[i] = "0"
	}
	f[0], f[1], f[2], f[3] = fmt.Sprint(pid), "("+name+")", string(state), fmt.Sprint(parent)
	for i, n := range cpu {
		f[13+i] = fmt.Sprint(n)
	}
	f[19], f[23] = fmt.Sprint(threads), fmt.Sprint(pages)
	return strings.Join(f, " ") + "\n"
}

// machine makes a /proc of files. Each process has as many descriptors as its
// pid has ones in it; what has none cannot be looked into.
func machine(t *testing.T, lines ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Symlink(fmt.Sprint(os.Getpid()), filepath.Join(root, "self")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"sys", "1x"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range lines {
		pid, _, _ := strings.Cut(l, " ")
		dir := filepath.Join(root, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(l), 0o644); err != nil {
			t.Fatal(err)
		}
		ones := strings.Count(pid, "1")
		if ones == 0 { // a file in its place
			if err := os.WriteFile(filepath.Join(dir, "fd"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		for fd := range ones {
			if err := os.MkdirAll(filepath.Join(dir, "fd", fmt.Sprint(fd)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestATreeIsSummedUp(t *testing.T) {
	page := int64(os.Getpagesize())
	root := machine(t,
		line(1, "supervisord", 'S', 0, [4]int{1, 2, 3, 4}, 9, 1000),
		line(10, "a shell", 'S', 1, [4]int{10, 20, 300, 400}, 1, 5),
		line(11, "a) S 10 (b", 'R', 10, [4]int{1, 1, 0, 0}, 3, 7),
		line(110, "grandchild", 'D', 11, [4]int{5, 0, 0, 0}, 2, 11),
		line(12, "dead", 'Z', 10, [4]int{7, 7, 0, 0}, 1, 0),
		line(100, "another", 'S', 1, [4]int{}, 1, 1),
		line(200, "closed", 'S', 100, [4]int{}, 1, 1),
		line(13, "a stranger", 'S', 4, [4]int{}, 1, 1),
		line(101, "gone", 'Z', 1, [4]int{}, 1, 1),
	)
	table, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		pid  int
		want Usage
		ok   bool
	}{
		"a shell, its child and grandchild, and one that is dead": {10, Usage{CPU: (730 + 2 + 5 + 14) * 10 * time.Millisecond, RSS: 23 * page, FDs: 1 + 2 + 2, Threads: 6, Processes: 3}, true},
		"one that nobody may look into":                           {100, Usage{RSS: 2 * page, FDs: -1, Threads: 2, Processes: 2}, true},
		"one that is somebody else's":                             {13, Usage{}, false},
		"one that is dead":                                        {101, Usage{}, false},
		"one that is not there":                                   {99, Usage{}, false},
	} {
		if got, ok := table.Tree(row.pid, 1); got != row.want || ok != row.ok {
			t.Errorf("%s: got %+v, %v, want %+v, %v", name, got, ok, row.want, row.ok)
		}
	}
}

func TestParentsInACircle(t *testing.T) {
	table, err := Read(machine(t, line(10, "a", 'S', 1, [4]int{}, 1, 0), line(11, "b", 'S', 12, [4]int{}, 1, 0), line(12, "c", 'S', 11, [4]int{}, 1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := table.Tree(11, 12); !ok || got.Processes != 2 {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func TestWithoutProc(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none")); err == nil || !strings.HasPrefix(err.Error(), "list processes: ") {
		t.Errorf("got %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "self: no such file") {
		t.Errorf("an empty place for it: got %v", err)
	}
}

func TestOurselves(t *testing.T) {
	for range 200 { // some time to be found
		runtime.GC()
	}
	var held []*os.File
	defer func() {
		for _, f := range held {
			f.Close()
		}
	}()
	measure := func() Usage {
		t.Helper()
		table, err := Read("/proc")
		if err != nil {
			t.Fatal(err)
		}
		u, ok := table.Tree(os.Getpid(), os.Getppid())
		if !ok {
			t.Fatal("we are not there")
		}
		return u
	}
	before := measure()
	for range 25 {
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, f)
	}
	after := measure()
	if n := after.FDs - before.FDs; n < 20 || n > 30 {
		t.Errorf("25 files were opened, and there are %d more", n)
	}
	if before.RSS < 1<<20 || before.RSS > 4<<30 || before.Threads < 1 || before.Processes != 1 || after.CPU < before.CPU || after.CPU == 0 {
		t.Errorf("got %+v, then %+v", before, after)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(line(1, "x", 'S', 0, [4]int{1, 2, 3, 4}, 1, 2))
	f.Add("1 (x) S 1 -2")
	f.Add(")")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := parse([]byte(text)); ok && (s.parent < 0 || s.threads < 0 || s.rss < 0) {
			t.Errorf("%q: %+v", text, s)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := Read("/proc"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheNumbersOfAnotherNamespaceAreNotOurs(t *testing.T) {
	root := machine(t, line(1, "init", 'S', 0, [4]int{}, 1, 1))
	self := filepath.Join(root, "self")
	if err := os.Remove(self); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(root); err == nil || strings.Contains(err.Error(), "namespace") {
		t.Errorf("no /proc at all: got %v", err)
	}
	if err := os.Symlink("1", self); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(root); err == nil || !strings.Contains(err.Error(), "another pid namespace") {
		t.Errorf("we have another number there: got %v", err)
	}
}
