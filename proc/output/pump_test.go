package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/logfile"
)

func TestOutputReachesEverybodyBeforeDone(t *testing.T) {
	for _, size := range []int{0, 1, 100, 64 << 10} { // what a pipe can hold
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var sink memory
			var raw, log bytes.Buffer
			p, w := start(t, Options{
				Sinks:   []Sink{&sink},
				OnBytes: func(p []byte) { raw.Write(p) },
				OnLog:   func(p []byte) { log.Write(p) },
			})
			want := strings.Repeat("x", size)
			say(t, w, want)
			drain(t, p)
			if sink.String() != want || raw.String() != want || log.String() != want {
				t.Fatalf("sink %d, raw %d, log %d bytes", sink.text.Len(), raw.Len(), log.Len())
			}
			if sink.ended != 1 {
				t.Fatalf("the sink was told %d times that this is all", sink.ended)
			}
		})
	}
}

func TestEndOfFileBeforeDrain(t *testing.T) {
	var sink memory
	p, w := start(t, Options{Sinks: []Sink{&sink}})
	say(t, w, "last words")
	w.Close()
	within(t, "the pump has ended", func() bool { return p.done.Load() == &ended })
	called := 0
	p.Drain(func() { called++ })
	if called != 1 {
		t.Fatalf("done was called %d times before Drain returned", called)
	}
	if sink.String() != "last words" {
		t.Fatalf("got %q", sink.String())
	}
}

func TestEveryDrainIsReportedOnce(t *testing.T) {
	for range 200 {
		p, w := start(t, Options{})
		var reports atomic.Int32
		first, second := make(chan struct{}), make(chan struct{})
		go p.Drain(func() { reports.Add(1); close(first) })
		go p.Drain(func() { reports.Add(1); close(second) })
		wait(t, "the first report", first)
		wait(t, "the second report", second)
		if reports.Load() != 2 {
			t.Fatalf("%d reports", reports.Load())
		}
		w.Close()
	}
}

// plain is a sink that does not care when it was written to last.
type plain struct{ m memory }

func (p *plain) Prompt() bool                          { return true }
func (p *plain) Write(b []byte, hurry <-chan struct{}) { p.m.Write(b, hurry) }

func TestADrainWithNothingToPassOnIsOverAtOnce(t *testing.T) {
	for _, closed := range []bool{false, true} { // by the program, or a descendant still has it
		var sink plain
		p, w := start(t, Options{Sinks: []Sink{&sink}})
		say(t, w, "all that there was")
		within(t, "it has come", func() bool { return sink.m.String() != "" && p.state.Load() == armed })
		if closed {
			w.Close()
		}
		done := false // the race detector would see it set by another goroutine
		over := make(chan struct{})
		p.Drain(func() { done = true; close(over) })
		if !closed && !done {
			t.Error("drain has returned, and another goroutine is to do nothing")
		}
		wait(t, "it is over", over)
	}
}

// reluctant is a sink that lets nobody go on while it is shut.
type reluctant struct {
	plain
	shut  atomic.Bool
	freed chan struct{}
}

func (r *reluctant) stay() {
	if r.shut.Load() {
		<-r.freed
	}
}

func (r *reluctant) Write(b []byte, hurry <-chan struct{}) { r.stay(); r.plain.Write(b, hurry) }

// reluctantEnd is one whose end takes as long.
type reluctantEnd struct{ reluctant }

func (r *reluctantEnd) End() { r.stay() }

func TestWhoDrainsDoesNotWaitForASink(t *testing.T) {
	for name, row := range map[string]struct {
		options Options
		said    string
		ender   bool
	}{
		"its end":                     {said: "x", ender: true},
		"half an escape sequence":     {options: Options{StripANSI: true}, said: "x\x1b"},
		"captured text without end":   {options: Options{CaptureMax: 100, OnComm: func([]byte) {}}, said: "x<!--XSUPERVISOR:BEGIN-->half"},
		"half a mark of captured":     {options: Options{CaptureMax: 100, OnComm: func([]byte) {}}, said: "x<!--XSUPERVISOR:BEG"},
		"output that has not gone on": {said: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			end := &reluctantEnd{reluctant{freed: make(chan struct{})}}
			sink := &end.reluctant
			row.options.Sinks = []Sink{sink}
			if row.ender {
				row.options.Sinks = []Sink{end}
			}
			p, w := start(t, row.options)
			say(t, w, row.said)
			within(t, "it has come", func() bool { return strings.HasPrefix(sink.m.String(), "x") && p.state.Load() == armed })
			sink.shut.Store(true)
			if name == "output that has not gone on" {
				say(t, w, "y")
			}
			returned, over := make(chan struct{}), make(chan struct{})
			go func() {
				p.Drain(func() { close(over) })
				close(returned)
			}()
			wait(t, "who drains goes on", returned)
			w.Close()
			close(sink.freed)
			wait(t, "it is over", over)
		})
	}
}

func TestADescendantThatHoldsThePipe(t *testing.T) {
	t.Run("does not delay the exit", func(t *testing.T) {
		var sink memory
		p, w := start(t, Options{Sinks: []Sink{&sink}})
		say(t, w, "before")
		drain(t, p)
		if sink.String() != "before" {
			t.Fatalf("got %q", sink.String())
		}
		if _, err := w.Write([]byte("after")); !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("it may go on writing: %v", err)
		}
	})
	t.Run("does not delay the exit by writing without end", func(t *testing.T) {
		p, w := start(t, Options{Sinks: []Sink{&memory{}}})
		ended := make(chan error)
		go func() {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					ended <- err
					return
				}
			}
		}()
		drain(t, p)
		if err := <-ended; !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("it ended with %v", err)
		}
	})
}

func TestARealProcess(t *testing.T) {
	var sink memory
	p, w := start(t, Options{Sinks: []Sink{&sink}})
	child, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "sleep 1000 & echo $!; echo last words >&2; kill -9 $$"},
		&os.ProcAttr{Files: []*os.File{nil, w, w}})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	drain(t, p)
	var pid int
	if n, err := fmt.Sscanf(sink.String(), "%d\nlast words\n", &pid); n != 1 || err != nil || pid <= 1 {
		t.Fatalf("got %q: %v", sink.String(), err)
	}
	if !strings.HasSuffix(sink.String(), "\nlast words\n") {
		t.Fatalf("got %q", sink.String())
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("the descendant was not alive: %v", err)
	}
}

func TestTheChildsEndIsBlockingAndOursIsNotWhenItIsRead(t *testing.T) {
	var sink plain
	p, w := start(t, Options{Sinks: []Sink{&sink}})
	say(t, w, "text")
	within(t, "it is read", func() bool { return sink.m.String() == "text" && p.state.Load() == armed })
	rc, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	rc.Control(func(fd uintptr) {
		for _, row := range []struct {
			name string
			fd   uintptr
			want int
		}{
			{"ours", uintptr(p.end.fd), unix.O_NONBLOCK},
			{"the child's", fd, 0},
		} {
			if flags, _ := unix.FcntlInt(row.fd, unix.F_GETFL, 0); flags&unix.O_NONBLOCK != row.want {
				t.Errorf("%s: flags %o", row.name, flags)
			}
			if flags, _ := unix.FcntlInt(row.fd, unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s would be inherited", row.name)
			}
		}
	})
	drain(t, p)
}

func TestFiltersAndCallbacks(t *testing.T) {
	var sink memory
	var raw, log, debug, comm []string
	var kept [][]byte
	p, w := start(t, Options{
		Sinks:      []Sink{&sink},
		StripANSI:  true,
		CaptureMax: 10,
		OnBytes:    func(p []byte) { raw = append(raw, string(p)); kept = append(kept, p) },
		OnLog:      func(p []byte) { log = append(log, string(p)); kept = append(kept, p) },
		OnComm:     func(p []byte) { comm = append(comm, string(p)); kept = append(kept, p) },
		Debug:      func(p []byte) { debug = append(debug, string(p)) },
	})
	text := "a\x1b[31mb<!--XSUPERVISOR:BEGIN-->0123456789abc<!--XSUPERVISOR:END-->c<!--XSUPER\x1b"
	say(t, w, text)
	drain(t, p)
	for _, row := range []struct {
		name      string
		got, want []string
	}{
		{"raw", raw, []string{text}},
		{"log", log, []string{"ab", "c", "<!--XSUPER\x1b"}},
		{"debug", debug, []string{"ab", "c", "<!--XSUPER\x1b"}},
		{"comm", comm, []string{"3456789abc"}},
		{"sink", []string{sink.String()}, []string{"abc<!--XSUPER\x1b"}},
	} {
		if fmt.Sprintf("%q", row.got) != fmt.Sprintf("%q", row.want) {
			t.Errorf("%s: got %q, want %q", row.name, row.got, row.want)
		}
	}
	// What a callback was given stays as it was while the pump reads on.
	before := fmt.Sprintf("%q", kept)
	for range 4 {
		q, v := start(t, Options{StripANSI: true})
		say(t, v, strings.Repeat("\x1b[mZ", 1000))
		drain(t, q)
	}
	if after := fmt.Sprintf("%q", kept); after != before {
		t.Errorf("the bytes that callbacks own were overwritten: %s", after)
	}
}

func TestAReaderThatNeverReadsHoldsUpTheProgramOnly(t *testing.T) {
	r, fd := blockingPipe(t)
	stream := NewStream(fd)
	p, w := start(t, Options{Sinks: []Sink{stream}})

	var wrote atomic.Int64
	stopped := make(chan struct{})
	go func() { // the program: goes on until it is killed
		defer close(stopped)
		for n := byte(0); ; n++ {
			if _, err := w.Write(bytes.Repeat([]byte{n}, 4096)); err != nil {
				return
			}
			wrote.Add(4096)
		}
	}()
	last := int64(-1)
	within(t, "the program is held up", func() bool {
		was := last
		last = wrote.Load()
		stream.mu.Lock()
		defer stream.mu.Unlock()
		return was == last && stream.queued() >= streamBound
	})
	// It dies: what it wrote is queued although there is no room.
	before := wrote.Load()
	drain(t, p)
	wait(t, "the program finds its pipe broken", stopped)

	// Whatever had been written when the child died is there.
	got := make([]byte, before)
	if _, err := io.ReadFull(r, got); err != nil {
		t.Fatal(err)
	}
	for i, b := range got {
		if want := byte(i / 4096); b != want {
			t.Fatalf("byte %d is %d, want %d", i, b, want)
		}
	}
	if stream.Dropped() != 0 {
		t.Fatalf("%d bytes were dropped", stream.Dropped())
	}
}

func TestAFullDiskUnderALog(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 32<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	problems := make(chan logfile.Problem, 100)
	sink := NewFileSink(logfile.New(logfile.Spec{
		Path:      filepath.Join(dir, "x.log"),
		OnProblem: func(p logfile.Problem) { problems <- p },
	}))
	if err := sink.Open(); err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	var other memory
	p, w := start(t, Options{Sinks: []Sink{sink, &other}})

	var want strings.Builder
	for i := range 10000 { // far more than fits; the program is not held up
		line := fmt.Sprintf("%08d\n", i)
		say(t, w, line)
		want.WriteString(line)
	}
	if first := <-problems; !errors.Is(first.Err, syscall.ENOSPC) {
		t.Fatalf("told %v", first)
	}
	within(t, "the rest went to the other sink", func() bool { return other.String() == want.String() })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	say(t, w, "space again\n")
	if second := <-problems; second.Err != nil || second.Lost == 0 {
		t.Fatalf("told %v", second)
	}
	say(t, w, "and on\n")
	drain(t, p)
	if len(problems) != 0 {
		t.Fatalf("told of %d more problems", len(problems))
	}
	got, err := os.ReadFile(sink.File().Path())
	if err != nil {
		t.Fatal(err)
	}
	head, ok := strings.CutSuffix(string(got), "space again\nand on\n")
	if !ok || len(head) < 32<<10 || !strings.HasPrefix(want.String(), head) {
		t.Fatalf("the log holds %d bytes, not the beginning and the end of the output", len(got))
	}
}

func TestOutputWithoutNewlineTakesNoMemory(t *testing.T) {
	const size, piece = 64 << 20, 64 << 10
	file := NewFileSink(logfile.New(logfile.Spec{
		Path: filepath.Join(t.TempDir(), "x.log"), MaxBytes: 1 << 20, Backups: 2,
	}))
	if err := file.Open(); err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, w := start(t, Options{
		Sinks:      []Sink{file, NewSyslog(filepath.Join(t.TempDir(), "no")).Lines("x")},
		StripANSI:  true,
		CaptureMax: 1 << 20,
	})
	say(t, w, "<!--XSUPERVISOR:END-->")
	var most uint64
	for i := range size / piece {
		switch i { // every filter has its turn
		case 300:
			say(t, w, "<!--XSUPERVISOR:BEGIN-->")
		case 600:
			say(t, w, "<!--XSUPERVISOR:END-->")
		case 800:
			say(t, w, "\x1b[")
		}
		say(t, w, strings.Repeat("x", piece))
		if i%64 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	drain(t, p)
	if most > 16<<20 {
		t.Fatalf("%d bytes of memory in use", most)
	}
}

func TestWaitingPumpsAreSmall(t *testing.T) {
	const pumps = 300
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	sinks := make([]memory, pumps)
	for i := range pumps {
		_, w := start(t, Options{Sinks: []Sink{&sinks[i]}, StripANSI: true, CaptureMax: 1 << 20})
		say(t, w, "x")
	}
	for i := range sinks {
		within(t, "every pump has read", func() bool { return sinks[i].String() == "x" })
	}
	runtime.GC()
	runtime.GC() // empties the pool of buffers
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc+after.StackInuse) - int64(before.HeapAlloc+before.StackInuse)) / pumps
	if each > 16<<10 {
		t.Fatalf("a waiting pump takes %d bytes", each)
	}
}

func TestPumpsLeaveNothingBehind(t *testing.T) {
	count := func() (descriptors, goroutines int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries), runtime.NumGoroutine()
	}
	p, w := start(t, Options{}) // the poller is made with the first
	w.Close()
	drain(t, p)
	fds, routines := count()
	for i := range 100 {
		p, w := start(t, Options{})
		if i%2 == 0 {
			drain(t, p)
		}
		w.Close()
		drain(t, p)
	}
	within(t, "all is as before", func() bool {
		f, r := count()
		return f <= fds && r <= routines
	})
}
