//go:build amd64 || arm64

package child_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/child"
)

// TestEveryWayToForkMakesTheSameChild has a child tell what it is.
func TestEveryWayToForkMakesTheSameChild(t *testing.T) {
	const script = `cd -P .; pwd; ls /proc/self/fd | tr '\n' ' '; echo
		sed -n 's/^Sig\(Blk\|Ign\|Cgt\)/&/p' /proc/self/status; ulimit -Sn; ulimit -Hn
		test "$(cut -d' ' -f5 /proc/$$/stat)" = $$ && echo leads its group
		cat; echo err >&2; echo "$1" "$X"`
	want := ""
	for _, way := range []string{"library", "clone", "clone3"} {
		for _, table := range []struct {
			name string
			open int
		}{{"a short table", 0}, {"a long table", 300}} {
			t.Run(way+" with "+table.name, func(t *testing.T) {
				defer child.ForkBy(way)()
				r := newRig(t)
				for range table.open {
					f, err := os.Open("/dev/null")
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
				}
				in, w := pipe(t)
				if _, err := w.WriteString("in\n"); err != nil {
					t.Fatal(err)
				}
				w.Close()
				defer in.Close()
				spec := command("/bin/sh", "-c", script, "sh", "an argument")
				spec.Env = append(spec.Env, "X=a value")
				spec.Stdin, spec.Dir = in, "/usr/bin"
				got := r.run(t, spec)
				if forked := child.ForkedBy(); forked != way {
					t.Errorf("forked by %s, want %s", forked, way)
				}
				if want == "" {
					want = got.out
				}
				if got.out != want || got.err != "err\n" || child.ExitCode(got.ws) != 0 {
					t.Errorf("got %q, %q, %d, want %q", got.out, got.err, child.ExitCode(got.ws), want)
				}
				for _, part := range []string{"/usr/bin\n0 1 2 3 \n", "leads its group\nin\nan argument a value\n"} {
					if !strings.Contains(got.out, part) {
						t.Errorf("got %q, want %q in it", got.out, part)
					}
				}
			})
		}
	}
}

// Descriptors of the child may lie where others of its own have to go.
func TestDescriptorsMayLieInEachOthersPlaces(t *testing.T) {
	for _, way := range []string{"library", "clone3"} {
		t.Run(way, func(t *testing.T) {
			defer child.ForkBy(way)()
			got := newRig(t).run(t, as(t, "crossed-host", way))
			if want := "out\n"; got.out != want || got.err != "err\n" {
				t.Errorf("got %q, %q", got.out, got.err)
			}
		})
	}
}

// crossedHost starts a child whose stdout is our stderr and the reverse.
func crossedHost(args []string) {
	defer child.ForkBy(args[0])()
	r := hostRig()
	spec := command("/bin/sh", "-c", "echo err; echo out >&2")
	spec.Stdin, spec.Stdout, spec.Stderr = os.Stdin, os.Stderr, os.Stdout
	r.start(spec)
	for e := range r.events {
		if e.what == "exited" {
			break
		}
	}
}

func init() { roles["crossed-host"] = crossedHost }

// A failure leaves neither a child nor anything on the launch pad.
func TestAFailureAfterTheForkLeavesNothing(t *testing.T) {
	for range 200 { // so that descriptors are moved
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	r := newRig(t)
	outR, outW := pipe(t)
	spec := command("/bin/true")
	spec.Dir, spec.Stdout, spec.Close = "/nonexistent", outW, []child.File{outW}
	out := drain(outR)
	r.start(spec) // the applet says what failed
	r.until(t, "exited")
	if got := <-out; got != "" { // ends when nobody has the other end any more
		t.Errorf("got %q", got)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("there is a child left: %d, %v", pid, err)
	}
}

// lease makes a program of which we hold a lease, so that an exec of it waits. asked hears
// when there is one; giveBack lets it go on.
func lease(t *testing.T) (program string, asked chan os.Signal, giveBack func()) {
	t.Helper()
	f, err := os.OpenFile(script(t, "program", "#!/bin/sh\n"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	// The holder is asked by a signal to give the lease back.
	asked = make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGIO)
	t.Cleanup(func() { signal.Stop(asked) })
	set := func(kind int) {
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, kind); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.F_WRLCK)
	return f.Name(), asked, func() { set(unix.F_UNLCK) }
}

// TestACollectionDoesNotWaitForAFork has an exec wait for a lease of our own.
func TestACollectionDoesNotWaitForAFork(t *testing.T) {
	leased := child.Job{Key: 1}
	for _, several := range []bool{false, true} {
		t.Run(fmt.Sprintf("several=%v", several), func(t *testing.T) {
			program, asked, giveBack := lease(t)
			leased.Prepare = func() (*child.Spec, error) { s := command(program); return &s, nil }
			other := child.Job{Key: 2, Prepare: func() (*child.Spec, error) { s := command("/bin/true"); return &s, nil }}
			r := newRig(t)
			r.key = 10
			r.run(t, command("/bin/true"))
			if several {
				r.row(leased, other)
			} else {
				r.Spawn(leased)
			}
			select {
			case <-asked:
			case <-time.After(patience):
				t.Fatal("nobody wants to execute it")
			}
			collected := make(chan struct{})
			go func() {
				runtime.GC()
				close(collected)
			}()
			select {
			case <-collected:
			case <-time.After(10 * time.Second):
				t.Error("the collector waits for the fork")
			}
			giveBack()
			r.until(t, "exited")
			if several {
				r.until(t, "exited")
			}
		})
	}
}

// TestAForkThatWaitsLeavesTheOnlyProcessor has an exec wait for a lease of our own, and only
// one thread that may run Go code: goroutines and timers go on with it.
func TestAForkThatWaitsLeavesTheOnlyProcessor(t *testing.T) {
	program, asked, giveBack := lease(t)
	r := newRig(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r.Spawn(child.Job{Key: 1, Prepare: func() (*child.Spec, error) { s := command(program); return &s, nil }})
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("nobody wants to execute it")
	}
	late := time.After(patience)
	for range 3 {
		said := make(chan struct{})
		time.AfterFunc(time.Millisecond, func() { go close(said) })
		select {
		case <-said:
		case <-late:
			t.Fatal("nothing runs beside the fork")
		}
	}
	giveBack()
	r.until(t, "exited")
}

// TestTheNextIsForkedWhileOneIsOnItsWay has an exec wait for a lease of our own.
func TestTheNextIsForkedWhileOneIsOnItsWay(t *testing.T) {
	program, asked, giveBack := lease(t)
	r := newRig(t)
	r.run(t, command("/bin/true")) // now it is known that the kernel tells of an exec
	outR, outW := pipe(t)
	defer outR.Close()
	echo := command("/bin/echo", "third")
	echo.Stdout, echo.Close = outW, []child.File{outW}
	prepared := make(chan struct{}) // of the third, when it is the fourth's turn
	// Who has nothing to fork yet waits for the oldest that is on its way.
	r.onStart = func(k child.Key) {
		if k == 10 {
			<-prepared
		}
	}
	job := func(k child.Key, spec child.Spec) child.Job {
		return child.Job{Key: k, Prepare: func() (*child.Spec, error) { return &spec, nil }}
	}
	last := command("/bin/true")
	r.row(job(10, command("/bin/sleep", "1000")), job(20, command(program)), job(30, echo), child.Job{Key: 40, Prepare: func() (*child.Spec, error) {
		close(prepared)
		return &last, nil
	}})
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("nobody wants to execute it")
	}
	if err := outR.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 10)
	if n, err := outR.Read(text); string(text[:n]) != "third\n" {
		t.Errorf("the third child wrote %q, %v", text[:n], err)
	}
	if e := r.next(t); e.what != "started" || e.key != 10 {
		t.Errorf("got %v", e)
	}
	if len(r.events) > 0 {
		t.Errorf("got %v", <-r.events)
	}
	giveBack()
	for _, want := range []child.Key{20, 30, 40} {
		if e := r.next(t); e.what != "started" || e.key != want {
			t.Errorf("got %v, want %d", e, want)
		}
	}
	r.Signal(10, syscall.SIGKILL, false)
	for range 4 {
		r.until(t, "exited")
	}
}

// TestWhoIsKilledOnItsWayHasStartedAndIsReaped kills a child before it is its program.
func TestWhoIsKilledOnItsWayHasStartedAndIsReaped(t *testing.T) {
	program, asked, giveBack := lease(t)
	defer giveBack()
	r := newRig(t)
	r.run(t, command("/bin/true"))
	onItsWay, after := command(program), command("/bin/sleep", "1000")
	dead := make(chan struct{})
	over := sync.OnceFunc(func() { close(dead) })
	t.Cleanup(over) // before that of the rig
	r.row(child.Job{Key: 10, Prepare: func() (*child.Spec, error) { return &onItsWay, nil }},
		child.Job{Key: 20, Prepare: func() (*child.Spec, error) { <-dead; return &after, nil }})
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("nobody wants to execute it")
	}
	// It is the child of ours that is still of our file.
	killed := 0
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range all {
		stat, _ := os.ReadFile(dir + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		exe, _ := os.Readlink(dir + "/exe")
		if f := strings.Fields(rest); exe == self(t) && len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			killed, _ = strconv.Atoi(filepath.Base(dir))
			if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
	over()
	if e := r.next(t); e.what != "started" || e.key != 10 || e.pid != killed {
		t.Errorf("got %v, want the start of %d, which was killed", e, killed)
	}
	if e := r.next(t); e.what != "started" || e.key != 20 {
		t.Errorf("got %v", e)
	}
	if e := r.next(t); e.what != "exited" || e.key != 10 || !e.ws.Signaled() || e.ws.Signal() != syscall.SIGKILL {
		t.Errorf("got %v", e)
	}
	r.Signal(20, syscall.SIGKILL, false)
	r.until(t, "exited")
}

// Collections at any moment of a fork, while the stacks of goroutines grow and shrink.
func TestForksAndCollectionsGoTogether(t *testing.T) {
	stop := make(chan struct{})
	var all sync.WaitGroup
	var deep func(n int) int
	deep = func(n int) int {
		var room [128]byte
		if n == 0 {
			return int(room[n])
		}
		return deep(n-1) + int(room[n%len(room)])
	}
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					deep(500)
					runtime.GC()
				}
			}
		})
	}
	defer all.Wait()
	defer close(stop)
	r := newRig(t)
	r.key = 1000
	for round := range 20 {
		var specs []child.Spec
		for i := range 8 {
			specs = append(specs, command("/bin/echo", strconv.Itoa(round), strconv.Itoa(i)))
		}
		for i, got := range r.several(t, specs) {
			if want := fmt.Sprintf("%d %d\n", round, i); got.out != want || child.ExitCode(got.ws) != 0 {
				t.Fatalf("got %q, %q, %d, want %q", got.out, got.err, child.ExitCode(got.ws), want)
			}
		}
	}
	for i := range 100 {
		word := strconv.Itoa(i)
		if got := r.run(t, command("/bin/echo", word)); got.out != word+"\n" || child.ExitCode(got.ws) != 0 {
			t.Fatalf("got %q, %q, %d", got.out, got.err, child.ExitCode(got.ws))
		}
	}
}
