package child_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gosupervisor/proc/child"
)

// TestWhatAChildHasLeftBehindIsKilled has a child end that leaves processes in its
// group, in other sessions, and below both. One that has neither its mark nor its
// group lives on.
func TestWhatAChildHasLeftBehindIsKilled(t *testing.T) {
	if err := child.Subreaper(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	spec := command("/bin/sh", "-c", `exec >/dev/null
		sleep 5001 &
		setsid sh -c 'sleep 5002 & sleep 5003 & echo up >$1; wait' x "$1" &
		setsid env -i sleep 5004 &
		last=$!
		while ! grep -q sleep /proc/$last/comm; do :; done
		while ! [ -s "$1" ]; do :; done
		exec >&2
		echo $last`, "x", filepath.Join(t.TempDir(), "up"))
	spec.Env = append(spec.Env, "MARK=a", "OTHER=b")
	outR, outW := pipe(t)
	spec.Stderr, spec.Close = outW, append(spec.Close, outW)
	k := r.start(spec)
	leader := r.until(t, "exited").pid
	kill := func(marks ...string) int {
		t.Helper()
		type answer struct {
			n   int
			err error
		}
		told := make(chan answer)
		r.Do(func() {
			n, err := r.KillLeftovers(leader, marks)
			told <- answer{n, err}
		})
		a := <-told
		if a.err != nil {
			t.Fatal(a.err)
		}
		return a.n
	}
	if n := kill("MARK=a", "OTHER=c"); n != 1 {
		t.Errorf("by the group alone %d were killed, want 1", n)
	}
	if e := r.next(t); e.what != "orphan" || e.ws.Signal() != syscall.SIGKILL {
		t.Errorf("got %v", e)
	}
	if n := kill("MARK=a", "OTHER=b"); n != 3 {
		t.Errorf("by the mark %d were killed, want 3", n)
	}
	for range 3 {
		if e := r.next(t); e.what != "orphan" || !e.ws.Signaled() || e.ws.Signal() != syscall.SIGKILL {
			t.Errorf("got %v", e)
		}
	}
	if n := kill("MARK=a", "OTHER=b"); n != 0 {
		t.Errorf("%d were killed again", n)
	}
	outW.Close()
	text := make([]byte, 64)
	n, _ := outR.Read(text)
	outR.Close()
	last, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || syscall.Kill(last, 0) != nil {
		t.Fatalf("what is not known to be the child's was killed: %q, %v (child %d)", text[:n], err, k)
	}
	if err := syscall.Kill(last, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := r.next(t); e.what != "orphan" || e.pid != last {
		t.Errorf("got %v", e)
	}
}
