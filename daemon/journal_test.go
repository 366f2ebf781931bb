package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/logfile"
)

func TestALogLineHasTheClassicForm(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 678_900_000, time.Local)
	got := string(appendLine(nil, at, conf.Info, "spawned: 'x' with pid 1"))
	if want := "2026-01-02 15:04:05,678 INFO spawned: 'x' with pid 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheJournalLeavesOutWhatIsBelowItsLevel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	j := &journal{level: conf.Warn}
	if err := j.openFile(logfile.Spec{Path: path}); err != nil {
		t.Fatal(err)
	}
	j.log(conf.Info, "no")
	j.log(conf.Warn, "yes")
	j.logf(conf.Debug, "no %d", 1)
	j.logf(conf.Critical, "yes %d", 2)
	j.close()
	b, _ := os.ReadFile(path)
	var got []string
	for line := range linesOf(b) {
		got = append(got, line[24:])
	}
	if len(got) != 2 || got[0] != "WARN yes" || got[1] != "CRIT yes 2" {
		t.Errorf("got %q", got)
	}
}

// sinkFunc is a sink that calls a function.
type sinkFunc func(p []byte)

func (f sinkFunc) Write(p []byte, _ <-chan struct{}) { f(p) }

// linesOf yields the lines of a file's content.
func linesOf(b []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for start, i := 0, 0; i < len(b); i++ {
			if b[i] == '\n' {
				if !yield(string(b[start:i])) {
					return
				}
				start = i + 1
			}
		}
	}
}

func TestRequestsOvertakeOutputButExitsDoNot(t *testing.T) {
	b := newInbox()
	b.postBytes(message{in: core.Heard{Proc: 1}}, 1)
	b.postOutput(message{in: core.Exited{Proc: 1}})
	b.post(message{in: core.Boot{}})
	control, output := b.take(nil, nil)
	if len(control) != 1 || len(output) != 2 {
		t.Fatalf("got %d and %d messages", len(control), len(output))
	}
	if _, ok := output[0].in.(core.Heard); !ok {
		t.Errorf("the exit overtook its output: %+v", output)
	}
}

func TestAFullInboxHoldsUpOutputOnly(t *testing.T) {
	for _, c := range []struct {
		what   string
		fit, n int // so many messages of so many bytes fill it
	}{{"messages", outputBound, 0}, {"bytes", 4, bytesBound / 4}} {
		b := newInbox()
		post := func() { b.postBytes(message{in: core.Heard{}}, c.n) }
		for range c.fit {
			post()
		}
		waited := make(chan struct{})
		go func() {
			post()
			close(waited)
		}()
		b.postOutput(message{in: core.Exited{}}) // neither waits
		b.post(message{in: core.Boot{}})
		select {
		case <-waited:
			t.Fatalf("%s: output did not wait for room", c.what)
		default:
		}
		b.take(nil, nil)
		<-waited // and its message is in
		for range c.fit - 1 {
			post()
		}
		let := make(chan struct{})
		go func() {
			post()
			close(let)
		}()
		b.close()
		<-let
	}
}

func TestLinesThatNothingComesBetweenAreOneWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	j := &journal{level: conf.Info}
	if err := j.openFile(logfile.Spec{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer j.close()
	writes := 0
	j.sinks = append(j.sinks, sinkFunc(func(p []byte) { writes++ }))
	h := newHost(&conf.Config{}, j, &outputs{}, past{})
	lines := func() (n int) {
		b, _ := os.ReadFile(path)
		for range linesOf(b) {
			n++
		}
		return n
	}
	for _, text := range []string{"one", "two", "three"} {
		h.perform(core.Log{Level: conf.Info, Text: text})
	}
	h.perform(core.Log{Level: conf.Debug, Text: "not wanted"})
	if n := lines(); n != 0 {
		t.Errorf("%d lines were written before there was a reason to", n)
	}
	h.calls[7] = &call{answer: make(chan outcome, 1)}
	h.perform(core.Reply{ID: 7})
	if n := lines(); n != 3 || writes != 1 {
		t.Errorf("at the reply %d lines in %d writes, want 3 in 1", n, writes)
	}
	long := strings.Repeat("x", linesBound)
	h.perform(core.Log{Level: conf.Info, Text: long})
	if n := lines(); n != 4 {
		t.Errorf("a line that fills the bound waits: %d lines", n)
	}
}
