package output

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/logfile"
)

func TestFileSinkOverStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	sink := NewFileSink(logfile.New(logfile.Spec{Path: path}))
	for _, text := range []string{"one\n", "two\n"} {
		if err := sink.Open(); err != nil {
			t.Fatal(err)
		}
		p, w := start(t, Options{Sinks: []Sink{sink}})
		say(t, w, text)
		drain(t, p)
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "one\ntwo\n" {
		t.Fatalf("got %q", got)
	}
	if err := NewFileSink(logfile.New(logfile.Spec{Path: t.TempDir()})).Open(); err == nil {
		t.Fatal("opened a directory")
	}
}

func TestAFifoWithoutReaderDelaysNoExit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file := logfile.New(logfile.Spec{Path: path, MaxBytes: 1, Backups: 1})
	sink := NewFileSink(file)
	want := ""
	for _, text := range []string{strings.Repeat("1", 60<<10), strings.Repeat("2", 60<<10), "3"} {
		if err := sink.Open(); err != nil {
			t.Fatal(err)
		}
		p, w := start(t, Options{Sinks: []Sink{sink}})
		say(t, w, text)
		want += text
		drain(t, p)
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// The reader comes after everybody has died, and finds all of it.
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("other bytes arrived, or fewer: %v", err)
	}
	// Only when the program is removed does the reader see the end.
	if atEnd(t, r) {
		t.Fatal("the reader sees an end between two runs")
	}
	flush(t, &sink.queue)
	if err := sink.Release(); err != nil {
		t.Fatal(err)
	}
	within(t, "the log is closed", func() bool { return atEnd(t, r) })
	if _, err := file.Write([]byte("x")); err == nil {
		t.Fatal("the log is still open")
	}
}

// atEnd tells whether a fifo has no writer and no bytes left.
func atEnd(t *testing.T, r *os.File) bool {
	t.Helper()
	rc, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	rc.Control(func(fd uintptr) { n, err = unix.Read(int(fd), make([]byte, 1)) })
	return n == 0 && err == nil
}

func TestClosingTheFileGivesUpWhatADeviceDoesNotTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	sink := NewFileSink(logfile.New(logfile.Spec{Path: path}))
	if err := sink.Open(); err != nil {
		t.Fatal(err)
	}
	sink.Write(make([]byte, 200<<10), nil)
	if err := sink.Release(); err != nil { // waits for the reader
		t.Fatal(err)
	}
	if err := sink.File().Close(); err != nil {
		t.Fatal(err)
	}
	flush(t, &sink.queue)
	within(t, "the queue's goroutine has ended", func() bool {
		sink.queue.mu.Lock()
		defer sink.queue.mu.Unlock()
		return !sink.queue.running
	})
}

func TestWhatWasQueuedForADeviceComesBeforeWhatGoesToTheFileAfterIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file := logfile.New(logfile.Spec{Path: path})
	sink := NewFileSink(file)
	slow := make(chan struct{})
	sink.queue.write = func(p []byte) (int, error) {
		<-slow
		return file.Write(p)
	}
	if err := sink.Open(); err != nil {
		t.Fatal(err)
	}
	sink.Write([]byte("one "), nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := file.Reopen(); err != nil {
		t.Fatal(err)
	}
	sink.Write([]byte("two "), nil)
	if err := sink.Close(); err != nil { // the program has ended
		t.Fatal(err)
	}
	close(slow)
	flush(t, &sink.queue)
	within(t, "the log is closed", func() bool {
		_, err := file.Write(nil)
		return errors.Is(err, logfile.ErrClosed)
	})
	if err := sink.Open(); err != nil {
		t.Fatal(err)
	}
	within(t, "the queue is at rest", func() bool { return !sink.queue.runs() })
	sink.Write([]byte("three"), nil)
	if err := sink.Release(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "one two three" {
		t.Errorf("the log has %q", got)
	}
}
