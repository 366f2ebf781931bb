package integration

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen. It is long, because
// machines are slow at times, and only a failing test waits for all of it.
const patience = 60 * time.Second

// poll is the pause between two looks at a condition.
const poll = 20 * time.Millisecond

// until waits for a condition. The function returns what it saw, for the
// message of a test that waited in vain.
func until(t testing.TB, what string, condition func() (saw string, ok bool)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		saw, ok := condition()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v; saw:\n%s", what, patience, saw)
		}
		pause(poll)
	}
}

// pause is for polling, and for tests in which the delay itself is the input.
func pause(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// buffer collects the output of a process while tests look at it.
type buffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

// readFile returns a file's content, or nothing when there is no such file.
func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// waitFile waits until a file holds a text, and returns all of it.
func waitFile(t testing.TB, path, want string) string {
	t.Helper()
	var text string
	until(t, "file "+path+" holds "+want, func() (string, bool) {
		text = readFile(t, path)
		return tail(text), strings.Contains(text, want)
	})
	return text
}

// tail shortens what a failing test shows.
func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "...\n" + s[len(s)-most:]
	}
	return s
}

// inOrder reports whether the texts occur one after another.
func inOrder(s string, texts ...string) bool {
	for _, text := range texts {
		i := strings.Index(s, text)
		if i < 0 {
			return false
		}
		s = s[i+len(text):]
	}
	return true
}
