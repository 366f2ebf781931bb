package child_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/proc/child"
)

// TestMain lets the test binary be the applet, and the processes that tests
// need: "as WORD ARGS..." does what roles[WORD] says.
func TestMain(m *testing.M) {
	if os.Args[0] == child.ExecName {
		os.Exit(child.ExecMain(os.Args[1:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "as" {
		role, ok := roles[os.Args[2]]
		if !ok {
			panic("no role " + os.Args[2])
		}
		role(os.Args[3:])
		os.Exit(0)
	}
	child.MarkCloexec()  // whatever runs the tests may leave some open
	child.ResetSignals() // or ignore some
	os.Exit(m.Run())
}

// self is the test binary's file.
func self(t testing.TB) string {
	t.Helper()
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// event is one call of an Observer.
type event struct {
	what string
	key  child.Key
	pid  int
	ws   syscall.WaitStatus
	sig  syscall.Signal
	err  error
	at   time.Time

	report child.Report
}

func (e event) String() string {
	return fmt.Sprintf("%s key=%d pid=%d status=%q sig=%d err=%v", e.what, e.key, e.pid, child.ExitText(e.ws), e.sig, e.err)
}

// recorder is an Observer that passes on what it hears.
type recorder struct {
	events  chan event // holds more than any test lets happen unread
	flushed []int      // how many events there were; of the table's goroutine

	// Called on the table's goroutine; nil: nothing.
	onExit, onFailure func()
	onStart           func(child.Key)
}

func (r *recorder) Flush() { r.flushed = append(r.flushed, len(r.events)) }

func (r *recorder) Started(k child.Key, pid int, at time.Time) {
	r.events <- event{what: "started", key: k, pid: pid, at: at}
	if r.onStart != nil {
		r.onStart(k)
	}
}
func (r *recorder) Born(k child.Key, report child.Report) {
	r.events <- event{what: "born", key: k, report: report}
}
func (r *recorder) Failed(k child.Key, err error) {
	if r.onFailure != nil {
		r.onFailure()
	}
	r.events <- event{what: "failed", key: k, err: err}
}
func (r *recorder) Exited(k child.Key, pid int, ws syscall.WaitStatus, at time.Time) {
	if r.onExit != nil {
		r.onExit()
	}
	r.events <- event{what: "exited", key: k, pid: pid, ws: ws, at: at}
}
func (r *recorder) Orphan(pid int, ws syscall.WaitStatus) {
	r.events <- event{what: "orphan", pid: pid, ws: ws}
}
func (r *recorder) SignalGone(k child.Key, err error) {
	r.events <- event{what: "signal gone", key: k, err: err}
}
func (r *recorder) SignalFailed(k child.Key, sig syscall.Signal, err error) {
	r.events <- event{what: "signal failed", key: k, sig: sig, err: err}
}
func (r *recorder) WaitFailed(err error) { r.events <- event{what: "wait failed", err: err} }

// rig is a running table. Only one may run at a time in a process, since a
// table reaps whatever there is; a test that needs another kind of parent
// starts one through its rig.
type rig struct {
	*child.Table
	*recorder
	key child.Key
}

// patience bounds every wait of a test.
const patience = 30 * time.Second

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{recorder: &recorder{events: make(chan event, 1<<16)}}
	r.Table = child.NewTable(r.recorder)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// next returns the next event, which orphans of other tests are not.
func (r *rig) next(t testing.TB) event {
	t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(patience):
		t.Fatal("nothing happened")
		return event{}
	}
}

// until skips to the next event of that kind.
func (r *rig) until(t testing.TB, what string) event {
	t.Helper()
	for {
		if e := r.next(t); e.what == what {
			return e
		} else if e.what != "orphan" && e.what != "started" && e.what != "born" {
			t.Fatalf("got %v, want %s", e, what)
		}
	}
}

// start queues a spawn and returns its key.
func (r *rig) start(spec child.Spec) child.Key {
	r.key++
	r.Spawn(child.Job{Key: r.key, Prepare: func() (*child.Spec, error) { return &spec, nil }})
	return r.key
}

// row queues jobs that come to the table at once, and may be under way at once.
func (r *rig) row(jobs ...child.Job) {
	r.Do(func() {
		for _, j := range jobs {
			j.Ahead = true
			r.Spawn(j)
		}
	})
}

// noPause lets a test binary that was built with -race exit at once.
const noPause = "GORACE=atexit_sleep_ms=0"

// command is a Spec that runs argv and inherits everything.
func command(argv ...string) child.Spec {
	return child.Spec{Path: argv[0], Argv: argv, Env: []string{"PATH=/bin:/usr/bin", noPause}, Umask: -1}
}

// as is a Spec that runs the test binary in one of its roles.
func as(t testing.TB, role string, args ...string) child.Spec {
	t.Helper()
	return command(append([]string{self(t), "as", role}, args...)...)
}

// result is the end of a child and what it wrote.
type result struct {
	out, err string
	ws       syscall.WaitStatus
	report   child.Report
}

// run runs a child to its end.
func (r *rig) run(t testing.TB, spec child.Spec) result {
	t.Helper()
	outR, outW := pipe(t)
	errR, errW := pipe(t)
	spec.Stdout, spec.Stderr, spec.Close = outW, errW, []child.File{outW, errW}
	outs, errs := drain(outR), drain(errR)
	k := r.start(spec)
	if e := r.next(t); e.what != "started" || e.key != k {
		t.Fatalf("got %v, want %d started", e, k)
	}
	e := r.next(t)
	var report child.Report
	for ; e.what != "exited"; e = r.next(t) {
		if e.what == "born" {
			report = e.report
		} else if e.what != "orphan" {
			t.Fatalf("got %v", e)
		}
	}
	return result{<-outs, <-errs, e.ws, report}
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// drain reads a pipe to its end.
func drain(r *os.File) chan string {
	text := make(chan string, 1)
	go func() {
		defer r.Close()
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	return text
}

// ways are the two ways of a spawn: for the second a umask is set that changes
// nothing.
var ways = []struct {
	name  string
	umask int
}{{"the fast way", -1}, {"through the applet", 0o022}}

// fields picks the "NAME: value" lines of a status text, with single spaces.
func fields(text string, names ...string) string {
	var found []string
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if slices.Contains(names, name) {
			found = append(found, name+" "+strings.Join(strings.Fields(value), " "))
		}
	}
	return strings.Join(found, "; ")
}
