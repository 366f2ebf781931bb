package output

import (
	"bytes"
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

// memory is a sink that keeps what it is given.
type memory struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ended int
}

func (m *memory) Write(p []byte, _ <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text.Write(p)
}

func (m *memory) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended++
}

func (m *memory) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

// testPoller is that of all tests: it lives as long as the process.
var testPoller = NewPoller()

// start starts a pump and returns the end that a child would write to.
func start(t *testing.T, o Options) (*Pump, *os.File) {
	t.Helper()
	r, w := pipe(t)
	return Start(r, o), w
}

// pipe returns a pipe, the end of the child as a file.
func pipe(t testing.TB) (*End, *os.File) {
	t.Helper()
	r, fd, err := testPoller.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(fd), "child's output")
	t.Cleanup(func() { w.Close() })
	return r, w
}

func say(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// drain drains p and waits until it is done.
func drain(t *testing.T, p *Pump) {
	t.Helper()
	done := make(chan struct{})
	p.Drain(func() { close(done) })
	wait(t, "the pump has drained", done)
}

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: not within ten seconds", what)
	}
}

// within waits until cond holds.
func within(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

// blockingPipe returns a pipe as the daemon would inherit one: blocking, and
// its write end a bare descriptor.
func blockingPipe(t *testing.T) (r *os.File, w int) {
	t.Helper()
	r, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w = int(file.Fd()) // makes it blocking
	t.Cleanup(func() { r.Close(); file.Close() })
	return r, w
}
