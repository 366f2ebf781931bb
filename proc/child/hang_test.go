package child_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAProgramThatCannotBeExecutedYetHoldsNobodyUp has the owner of a program
// keep others from opening it, as a lease does for most of a minute. That is
// one case of a program on a server that does not answer.
func TestAProgramThatCannotBeExecutedYetHoldsNobodyUp(t *testing.T) {
	leased := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(leased, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(leased, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(leased, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := newRig(t)
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	r.start(command(leased))
	hung := r.next(t)
	if hung.what != "started" {
		t.Fatalf("got %v", hung)
	}
	r.Signal(hung.key, syscall.SIGTERM, false) // waits for the program
	r.start(command("/bin/true"))
	for _, want := range []string{"started", "exited"} {
		if e := r.next(t); e.what != want || e.key == hung.key {
			t.Fatalf("got %v, want the other child %s", e, want)
		}
	}
	collected := make(chan struct{})
	go func() {
		runtime.GC() // stops every goroutine, so none may be stuck in a fork
		close(collected)
	}()
	select {
	case <-collected:
	case <-time.After(20 * time.Second):
		t.Fatal("the collector waits for the fork")
	}
	r.Signal(hung.key, syscall.SIGKILL, true)
	for {
		e := r.next(t)
		if e.what == "signal gone" || e.what == "born" {
			continue // the TERM that waited; all was well until then
		}
		if e.what != "exited" || e.key != hung.key || !e.ws.Signaled() {
			t.Fatalf("got %v", e)
		}
		return
	}
}
