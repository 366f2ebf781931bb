package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func flush(t *testing.T, s *Stream) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Flush(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	wait(t, "the stream is flushed", ended)
}

func TestStreamKeepsEveryWritersOrder(t *testing.T) {
	const writers, lines = 4, 2000
	r, fd := blockingPipe(t)
	stream := NewStream(fd)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range lines {
				stream.Write(fmt.Appendf(nil, "%d %d\n", w, i), nil)
			}
		})
	}
	next := make([]int, writers)
	for range writers * lines {
		var w, i int
		if _, err := fmt.Fscanln(r, &w, &i); err != nil {
			t.Fatal(err)
		}
		if i != next[w] {
			t.Fatalf("writer %d: line %d, want %d", w, i, next[w])
		}
		next[w]++
	}
	group.Wait()
	flush(t, stream)
}

func TestStreamHasABound(t *testing.T) {
	r, fd := blockingPipe(t)
	stream := NewStream(fd)
	chunk := make([]byte, 64<<10)
	var queued atomic.Int64
	hurry, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for range 100 {
			stream.Write(chunk, hurry)
			queued.Add(1)
		}
	}()
	within(t, "the writer waits", func() bool {
		stream.mu.Lock()
		defer stream.mu.Unlock()
		return stream.progress != nil
	})
	if n := queued.Load(); n < 16 || n > 18 { // 1 MiB, and what the pipe holds
		t.Fatalf("it waits after %d chunks", n)
	}
	if err := stream.Flush(canceled()); !errors.Is(err, context.Canceled) {
		t.Fatalf("Flush() = %v", err)
	}
	close(hurry)
	wait(t, "the writer waits no more", ended)

	// Not even for those who cannot wait is there room without end.
	for range 1200 {
		stream.Write(chunk, Urgent)
	}
	stream.mu.Lock()
	left := stream.queued()
	stream.mu.Unlock()
	if left > urgentBound || stream.Dropped() == 0 {
		t.Fatalf("%d bytes are queued, %d dropped", left, stream.Dropped())
	}
	total := int64(1300*len(chunk)) - stream.Dropped()
	if n, err := io.CopyN(io.Discard, r, total); n != total || err != nil {
		t.Fatalf("read %d of %d: %v", n, total, err)
	}
	flush(t, stream)
	if stream.queued() != 0 || cap(stream.spare) > 2*streamBound {
		t.Fatalf("%d queued, %d kept", stream.queued(), cap(stream.spare))
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestStreamSurvivesErrors(t *testing.T) {
	t.Run("nobody reads any more", func(t *testing.T) {
		r, fd := blockingPipe(t)
		r.Close()
		stream := NewStream(fd)
		for i := range 3 {
			stream.Write([]byte("text"), nil)
			flush(t, stream)
			if got := stream.Dropped(); got != int64(4*(i+1)) {
				t.Fatalf("%d bytes dropped", got)
			}
		}
	})
	t.Run("the descriptor is closed", func(t *testing.T) {
		stream := NewStream(1 << 20)
		stream.Write([]byte("text"), nil)
		flush(t, stream)
		if stream.Dropped() != 4 {
			t.Fatalf("%d bytes dropped", stream.Dropped())
		}
	})
	t.Run("the disk is full and then is not", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		path := filepath.Join(t.TempDir(), "out")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		fd, err := unix.Dup(int(full.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		stream := NewStream(fd)
		stream.Write([]byte("lost"), nil)
		flush(t, stream)
		if err := unix.Dup3(int(file.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		stream.Write([]byte("kept"), nil)
		flush(t, stream)
		if got, _ := os.ReadFile(path); string(got) != "kept" || stream.Dropped() != 4 {
			t.Fatalf("got %q, %d dropped", got, stream.Dropped())
		}
	})
}

func TestStreamCopesWithADescriptorMadeNonBlocking(t *testing.T) {
	r, fd := blockingPipe(t)
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	stream := NewStream(fd)
	want := strings.Repeat("0123456789", 50000)
	go stream.Write([]byte(want), nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("other bytes arrived, or fewer: %v", err)
	}
	flush(t, stream)
	if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); flags&unix.O_NONBLOCK == 0 {
		t.Fatal("the stream changed a flag of the descriptor")
	}
}

func TestStreamLeavesTheDescriptorAsItIs(t *testing.T) {
	r, fd := blockingPipe(t)
	before, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	stream := NewStream(fd)
	stream.Write([]byte("text"), nil)
	flush(t, stream)
	after, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if before != after || err != nil {
		t.Fatalf("flags were %o, are %o: %v", before, after, err)
	}
	if n, _ := r.Read(make([]byte, 10)); n != 4 {
		t.Fatalf("%d bytes arrived", n)
	}
}

func TestStreamSharesTheOffsetOfAFileOpenedWithoutAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path) // as a shell's > does
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stream := NewStream(int(file.Fd()))
	for i := range 3 {
		say(t, file, fmt.Sprintf("shell %d\n", i))
		stream.Write(fmt.Appendf(nil, "daemon %d\n", i), nil)
		flush(t, stream)
	}
	want := "shell 0\ndaemon 0\nshell 1\ndaemon 1\nshell 2\ndaemon 2\n"
	if got, _ := os.ReadFile(path); string(got) != want {
		t.Fatalf("got %q", got)
	}
}

func TestStreamWithoutAReaderIsWrittenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, f := range []*os.File{file, null} {
		stream := NewStream(int(f.Fd()))
		for range 2 {
			stream.Write([]byte("text "), Urgent)
			if stream.running || stream.queued() > 0 || stream.Dropped() > 0 {
				t.Errorf("%s: something is still to be done", f.Name())
			}
		}
		flush(t, stream)
	}
	if got, _ := os.ReadFile(path); string(got) != "text text " {
		t.Errorf("got %q", got)
	}
	_, pipe := blockingPipe(t)
	if NewStream(pipe).direct {
		t.Error("a pipe was taken for something that has no reader")
	}
}

func TestStreamWritesToASocket(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	stream := NewStream(pair[1])
	stream.Write([]byte("text"), nil)
	flush(t, stream)
	got := make([]byte, 10)
	if n, err := syscall.Read(pair[0], got); string(got[:n]) != "text" || err != nil {
		t.Fatalf("got %q, %v", got[:n], err)
	}
	unix.Close(pair[1])
}

func TestDescriptorsOfOnePipeAreOneStream(t *testing.T) {
	r, w := blockingPipe(t)
	_, other := blockingPipe(t)
	again, err := unix.FcntlInt(uintptr(w), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(again)
	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain := int(file.Fd())
	for _, tt := range []struct {
		name string
		a, b int
		want bool
	}{
		{"a pipe twice", w, again, true},
		{"two pipes", w, other, false},
		{"both ends of a pipe", w, int(r.Fd()), false},
		{"a file, where each may have its own place", plain, plain, false},
		{"a pipe and a file", w, plain, false},
		{"nothing", w, 1 << 20, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sameStream(tt.a, tt.b); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
