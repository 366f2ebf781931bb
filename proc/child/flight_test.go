package child_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gosupervisor/proc/child"
)

// several starts n children at once, of which each is what its Spec says, and returns what
// they wrote and how they ended, in the order of their keys from 1 on.
func (r *rig) several(t *testing.T, specs []child.Spec) []result {
	t.Helper()
	results := make([]result, len(specs))
	outs, errs := make([]chan string, len(specs)), make([]chan string, len(specs))
	var jobs []child.Job
	for i := range specs {
		outR, outW := pipe(t)
		errR, errW := pipe(t)
		specs[i].Stdout, specs[i].Stderr, specs[i].Close = outW, errW, append(specs[i].Close, outW, errW)
		outs[i], errs[i] = drain(outR), drain(errR)
		jobs = append(jobs, child.Job{Key: child.Key(i + 1), Prepare: func() (*child.Spec, error) { return &specs[i], nil }})
	}
	r.row(jobs...)
	started := child.Key(0)
	for n := 0; n < len(specs); {
		switch e := r.next(t); e.what {
		case "started":
			if started++; e.key != started {
				t.Fatalf("child %d was told of after child %d", e.key, started-1)
			}
		case "exited":
			results[e.key-1].ws = e.ws
			n++
		case "born": // of one that our own binary has made
		default:
			t.Fatalf("got %v", e)
		}
	}
	for i := range results {
		results[i].out, results[i].err = <-outs[i], <-errs[i]
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("there is a child left: %d, %v", pid, err)
	}
	return results
}

// TestChildrenThatAreStartedAtOnceAreWhatTheyAreAlone has each tell what it is.
func TestChildrenThatAreStartedAtOnceAreWhatTheyAreAlone(t *testing.T) {
	const script = `cd -P .; pwd; ls /proc/self/fd | tr '\n' ' '; echo
		sed -n 's/^Sig\(Blk\|Ign\|Cgt\)/&/p' /proc/self/status; ulimit -Sn; ulimit -Hn
		test "$(cut -d' ' -f5 /proc/$$/stat)" = $$ && echo leads its group
		cat; echo err "$1" >&2; echo "$1" "$X"; exit "$1"`
	const n = 10 // more than can be on their way
	spec := func(t *testing.T, i int) child.Spec {
		in, w := pipe(t)
		fmt.Fprintf(w, "in %d\n", i)
		w.Close()
		s := command("/bin/sh", "-c", script, "sh", fmt.Sprint(i))
		s.Env = append(s.Env, fmt.Sprint("X=value ", i))
		s.Stdin, s.Dir, s.Close = in, []string{"/usr/bin", "/usr/lib"}[i%2], []child.File{in}
		return s
	}
	for _, way := range []string{"library", "clone", "clone3"} {
		for _, files := range []struct {
			name          string
			before, after int // the first start
		}{{"a short table", 0, 0}, {"a long table", 0, 300}, {"a table that was long before", 300, 0}} {
			t.Run(way+" with "+files.name, func(t *testing.T) {
				defer child.ForkBy(way)()
				open := func(n int) {
					for range n {
						f, err := os.Open(os.DevNull)
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { f.Close() })
					}
				}
				open(files.before)
				r := newRig(t)
				r.key = n
				r.run(t, command("/bin/true"))
				r.several(t, []child.Spec{command("/bin/true"), command("/bin/true")})
				open(files.after)
				var specs []child.Spec
				var alone []result
				for i := range n {
					specs = append(specs, spec(t, i))
					alone = append(alone, r.run(t, spec(t, i)))
				}
				for i, got := range r.several(t, specs) {
					if got.out != alone[i].out || got.err != alone[i].err || got.ws != alone[i].ws {
						t.Errorf("child %d is %q, %q, %d, and alone %q, %q, %d", i, got.out, got.err, got.ws, alone[i].out, alone[i].err, alone[i].ws)
					}
					if want := fmt.Sprintf("in %d\n%d value %d\n", i, i, i); !strings.Contains(got.out, want) || child.ExitCode(got.ws) != i {
						t.Errorf("child %d is %q, %d, want %q in it", i, got.out, child.ExitCode(got.ws), want)
					}
				}
			})
		}
	}
}

func TestAFailureAmongThoseStartedAtOnceIsThatChildsAlone(t *testing.T) {
	for range 200 { // so that descriptors are moved
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	r := newRig(t)
	r.key = 100
	r.run(t, command("/bin/true"))
	missing := command("/bin/true")
	missing.Dir = "/nonexistent"
	noFormat := script(t, "noformat", "echo never\n")
	echo := func(word string) child.Spec { return command("/bin/echo", word) }
	long := command("/bin/true", strings.Repeat("x", 1<<18))
	got := r.several(t, []child.Spec{echo("a"), missing, echo("b"), command(noFormat), command(noFormat), long, echo("c"), missing})
	var texts []string
	for _, g := range got {
		texts = append(texts, fmt.Sprint(g.out, g.err, child.ExitCode(g.ws)))
	}
	failure := func(text string) string {
		return "supervisor: " + text + "\nsupervisor: child process was not spawned\n127"
	}
	noDir, noExec := failure("couldn't chdir to /nonexistent: ENOENT"), failure("couldn't exec "+noFormat+": ENOEXEC")
	want := []string{"a\n0", noDir, "b\n0", noExec, noExec, failure("couldn't exec /bin/true: E2BIG"), "c\n0", noDir}
	if !slices.Equal(texts, want) {
		t.Errorf("got %q, want %q", texts, want)
	}
}

func TestAKeyThatIsTakenMayStandInARow(t *testing.T) {
	r := newRig(t)
	job := func(k child.Key) child.Job {
		spec := command("/bin/sleep", "1000")
		return child.Job{Key: k, Prepare: func() (*child.Spec, error) { return &spec, nil }}
	}
	r.row(job(1), job(2), job(1), job(0), job(3), job(2))
	var got []string
	for range 6 {
		e := r.next(t)
		got = append(got, fmt.Sprint(e.what, " ", e.key))
	}
	if want := []string{"started 1", "started 2", "failed 1", "failed 0", "started 3", "failed 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for k := range child.Key(3) {
		r.Signal(k+1, syscall.SIGKILL, false)
		r.until(t, "exited")
	}
}

// Who hears of a failure may touch what a preparation does.
func TestNothingIsPreparedWhileAFailureIsTold(t *testing.T) {
	r := newRig(t)
	var preparing atomic.Int32
	failures := 0
	r.onFailure = func() {
		if preparing.Load() > 0 {
			t.Error("a failure was told while something was prepared")
		}
		failures++
	}
	const n = 12
	var jobs []child.Job
	for k := range n {
		jobs = append(jobs, child.Job{Key: child.Key(k + 1), Prepare: func() (*child.Spec, error) {
			preparing.Add(1)
			defer preparing.Add(-1)
			time.Sleep(time.Millisecond) // so that there is something to see
			if k%4 == 1 {
				return nil, fmt.Errorf("no %d", k)
			}
			spec := command("/bin/true")
			if k%4 == 3 {
				spec.Argv = []string{"a\x00b"}
			}
			return &spec, nil
		}})
	}
	r.row(jobs...)
	exited := 0
	for k := child.Key(1); k <= n || exited < n/2; {
		e := r.next(t)
		if e.what == "exited" {
			exited++
			continue
		}
		want := "started"
		if k%2 == 0 {
			want = "failed"
		}
		if e.what != want || e.key != k {
			t.Fatalf("got %v, want %d %s", e, k, want)
		}
		k++
	}
	if failures != n/2 {
		t.Errorf("%d failures, want %d", failures, n/2)
	}
}

// A failure does not wait for a preparation that has not begun, so that a disk that hangs
// later in the row keeps nobody before it from starting.
func TestAFailureKeepsNobodyWaitingForALaterPreparation(t *testing.T) {
	r := newRig(t)
	hang := make(chan struct{})
	over := sync.OnceFunc(func() { close(hang) })
	t.Cleanup(over) // before that of the rig
	const n = 10
	var jobs []child.Job
	for k := range child.Key(n) {
		spec := command("/bin/true")
		jobs = append(jobs, child.Job{Key: k + 1, Prepare: func() (*child.Spec, error) {
			switch k + 1 {
			case 1:
				return nil, errors.New("no")
			case n - 1:
				<-hang
			}
			return &spec, nil
		}})
	}
	r.row(jobs...)
	if e := r.next(t); e.what != "failed" || e.key != 1 {
		t.Errorf("got %v", e)
	}
	for k := child.Key(2); k < n-1; k++ {
		if e := r.next(t); e.what != "started" || e.key != k {
			t.Errorf("got %v, want %d started", e, k)
		}
	}
	over()
	for range n - 1 {
		r.until(t, "exited")
	}
}

func TestStartsAtOnceLeakNoDescriptors(t *testing.T) {
	rounds := func(r *rig, n int) {
		for range n {
			var jobs []child.Job
			for k := range child.Key(12) {
				spec := command("/bin/true") // its input is the null device
				if k%4 == 2 {
					spec.Dir = "/nonexistent"
				}
				jobs = append(jobs, child.Job{Key: k + 1, Prepare: func() (*child.Spec, error) { return &spec, nil }})
			}
			r.row(jobs...)
			for range jobs {
				r.until(t, "exited")
			}
		}
	}
	once := func(t *testing.T) {
		r := newRig(t)
		rounds(r, 2)
		before := openDescriptors(t)
		rounds(r, 5)
		if after := openDescriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	}
	t.Run("a first table", once)
	before := openDescriptors(t) // the runtime's own among them
	t.Run("a second table", once)
	if after := openDescriptors(t); after > before { // the table is gone
		t.Errorf("%d descriptors before a table, %d after", before, after)
	}
}
