package child_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/proc/child"
)

// The original loses signals that arrive between fork and exec, and a Go
// program before its exec would take some of these for its own.
func TestASignalRightAfterTheSpawnHasItsDefaultEffect(t *testing.T) {
	for _, way := range ways {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGPIPE} {
			t.Run(way.name+" "+child.SignalName(sig), func(t *testing.T) {
				r := newRig(t)
				for range 10 {
					spec := command("/bin/sleep", "1000")
					spec.Umask = way.umask
					spec.Stderr = os.Stderr // a Go program would dump its stacks there
					r.Signal(r.start(spec), sig, false)
					if e := r.until(t, "exited"); !e.ws.Signaled() || e.ws.Signal() != sig {
						t.Fatalf("got %v, want %s", e, child.SignalName(sig))
					}
				}
			})
		}
	}
}

// startFamily runs a shell with a child of its own and returns the key of the
// one and the pid of the other.
func startFamily(t *testing.T, r *rig) (child.Key, int) {
	t.Helper()
	outR, outW := pipe(t)
	defer outR.Close()
	spec := command("/bin/sh", "-c", "sleep 1000 & echo $!; wait")
	spec.Stdout, spec.Close = outW, []child.File{outW}
	k := r.start(spec)
	var line [32]byte
	n, err := outR.Read(line[:])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	return k, pid
}

func TestASignalToTheGroupReachesDescendants(t *testing.T) {
	if err := child.Subreaper(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	k, pid := startFamily(t, r)
	r.Signal(k, syscall.SIGTERM, true)
	for died, orphaned := false, false; !died || !orphaned; {
		switch e := r.next(t); {
		case e.what == "exited" && e.key == k:
			died = true
			// If the shell reaped it first, it is no orphan.
			orphaned = orphaned || syscall.Kill(pid, 0) == syscall.ESRCH
		case e.what == "orphan" && e.pid == pid:
			orphaned = true
			if e.ws.Signal() != syscall.SIGTERM {
				t.Errorf("got %v", e)
			}
		}
	}
}

func TestASignalToTheLeaderLeavesDescendantsAlive(t *testing.T) {
	if err := child.Subreaper(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	k, pid := startFamily(t, r)
	r.Signal(k, syscall.SIGTERM, false)
	r.until(t, "exited")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if state := fields(string(status), "State"); err != nil || strings.HasPrefix(state, "State Z") {
		t.Errorf("descendant is %q, %v", state, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for e := r.until(t, "orphan"); e.pid != pid; e = r.until(t, "orphan") {
	}
}

func TestASignalToNobodyIsToldAsGone(t *testing.T) {
	r := newRig(t)
	t.Run("a key without child", func(t *testing.T) {
		r.Signal(99, syscall.SIGTERM, false)
		if e := r.next(t); e.what != "signal gone" || e.key != 99 || e.err != syscall.ESRCH {
			t.Errorf("got %v", e)
		}
	})
	t.Run("a group that its leader has left", func(t *testing.T) {
		outR, outW := pipe(t)
		defer outR.Close()
		spec := as(t, "leaver")
		spec.Stdout, spec.Close = outW, []child.File{outW}
		k := r.start(spec)
		if _, err := outR.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		r.Signal(k, syscall.SIGTERM, true)
		r.Signal(k, syscall.SIGKILL, false)
		if e := r.until(t, "signal gone"); e.key != k || e.err != syscall.ESRCH {
			t.Errorf("got %v", e)
		}
		r.until(t, "exited")
	})
}

func TestASignalThatCannotBeSentIsToldAsFailed(t *testing.T) {
	r := newRig(t)
	k := r.start(command("/bin/sleep", "1000"))
	r.Signal(k, 100, false)
	r.Signal(k, syscall.SIGKILL, false)
	if e := r.until(t, "signal failed"); e.key != k || e.sig != 100 || e.err != syscall.EINVAL {
		t.Errorf("got %v", e)
	}
	r.until(t, "exited")
}

func TestChildrenStartWithDefaultSignalsWhateverWeInherited(t *testing.T) {
	// What the runtime itself handles it has unblocked and unignored already.
	const inherited = "host: SigBlk 0000008000000800; SigIgn 0000000000280003"
	const nothing = "SigBlk 0000000000000000; SigIgn 0000000000000000; SigCgt 0000000000000000"
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			line := `trap "" HUP INT USR1 PIPE CHLD TSTP TTOU; exec "$0" as blocker reset-host ` + strconv.Itoa(way.umask) + ` -1 /bin/cat /proc/self/status`
			got := newRig(t).run(t, command("/bin/sh", "-c", line, self(t)))
			if child.ExitCode(got.ws) != 0 {
				t.Fatalf("%s: %s", child.ExitText(got.ws), got.err)
			}
			before, after, _ := strings.Cut(got.out, "\n")
			if before = withoutLibc(t, before); before != inherited {
				t.Fatalf("got %s, want %s", before, inherited)
			}
			if got := fields(after, "SigBlk", "SigIgn", "SigCgt"); got != nothing {
				t.Errorf("child has %s, want %s", got, nothing)
			}
		})
	}
}

func TestWithoutResetChildrenInheritIgnoredSignals(t *testing.T) {
	line := `trap "" HUP TSTP; exec "$0" as host -1 -1 /bin/cat /proc/self/status`
	got := newRig(t).run(t, command("/bin/sh", "-c", line, self(t)))
	if ign := withoutLibc(t, fields(got.out, "SigIgn")); ign != "SigIgn 0000000000080001" {
		t.Errorf("child has %s: ResetSignals would have nothing to do", ign)
	}
}

// withoutLibc clears signals 32 and 33 from the ignored ones in a line of fields:
// a C library keeps them to itself, and its posix_spawn leaves them ignored in
// children, so that everything under GNU make has them so.
func withoutLibc(t *testing.T, line string) string {
	t.Helper()
	const name = "SigIgn "
	head, rest, found := strings.Cut(line, name)
	if !found || len(rest) < 16 {
		return line
	}
	ignored, err := strconv.ParseUint(rest[:16], 16, 64)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return fmt.Sprintf("%s%s%016x%s", head, name, ignored&^(3<<31), rest[16:])
}

// A table is told of exits however its parent had set SIGCHLD; if it were not,
// this would wait for ever.
func TestExitsAreNoticedAtOnce(t *testing.T) {
	r := newRig(t)
	k := r.start(command("/bin/sleep", "1000"))
	r.until(t, "started")
	sent := time.Now()
	r.Signal(k, syscall.SIGKILL, false)
	if e := r.until(t, "exited"); e.at.Sub(sent) > 5*time.Second {
		t.Errorf("told after %v", e.at.Sub(sent))
	}
}
