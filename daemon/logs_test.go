package daemon

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc/logfile"
)

// everyLine is more lines than any test writes.
var everyLine = logfile.Backlog{Lines: 1 << 40}

// stream is a Follow under way and what it has emitted.
type stream struct {
	s      *supervisor
	pieces chan any
	ended  chan error
	cancel context.CancelFunc
	text   map[string]string // by name and channel
	open   map[string]int    // pieces
}

func (s *supervisor) follow(r api.Request) *stream {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	st := &stream{s: s, pieces: make(chan any), ended: make(chan error, 1), cancel: cancel, text: map[string]string{}, open: map[string]int{}}
	go func() {
		st.ended <- s.Follow(ctx, r, func(p any) error {
			switch piece := p.(type) {
			case api.Bytes:
				p = bytes.Clone(piece)
			case api.LogPiece:
				piece.Data = bytes.Clone(piece.Data)
				p = piece
			}
			select {
			case st.pieces <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(st.pieces)
	}()
	s.t.Cleanup(cancel)
	return st
}

// take waits for a piece; false means that there are no more.
func (st *stream) take() bool {
	st.s.t.Helper()
	ctx, cancel := context.WithTimeout(st.s.t.Context(), patience)
	defer cancel()
	select {
	case p, ok := <-st.pieces:
		switch piece := p.(type) {
		case []byte:
			st.text[""] += string(piece)
		case api.LogPiece:
			key := piece.Namespec() + " " + string(piece.Channel)
			st.text[key] += string(piece.Data)
			st.open[key]++
			if piece.Fault != "" {
				st.text[key] += "<" + piece.Fault + ">"
			}
			if piece.Missed > 0 {
				st.text[key] += fmt.Sprintf("<%d missed>", piece.Missed)
			}
		}
		return ok
	case <-ctx.Done():
		st.s.t.Fatalf("followed %q, and nothing comes", st.text)
		return false
	}
}

// want waits until a text has come, and no other.
func (st *stream) want(key, want string) {
	st.s.t.Helper()
	for st.text[key] != want {
		if !strings.HasPrefix(want, st.text[key]) {
			st.s.t.Fatalf("%s: followed %q, want %q", key, st.text[key], want)
		}
		if !st.take() {
			st.s.t.Fatalf("%s: followed %q to the end, want %q", key, st.text[key], want)
		}
	}
}

// wantEnd waits until the stream has ended by itself.
func (st *stream) wantEnd() {
	st.s.t.Helper()
	for st.take() {
	}
	if err := <-st.ended; err != nil {
		st.s.t.Fatalf("ended with %v", err)
	}
}

// once returns what a stream has that ends by itself.
func (s *supervisor) once(r api.Request) map[string]string {
	s.t.Helper()
	st := s.follow(r)
	st.wantEnd()
	return st.text
}

// ringOf returns what the ring of a channel has.
func (s *supervisor) ringOf(name string, ch api.Channel) string {
	c := make(chan *channel, 1)
	s.inbox.post(message{do: func() {
		for _, slot := range s.slots {
			if slot.prog.Name == name {
				c <- slot.channel(ch)
			}
		}
	}})
	if r := (<-c).ring; r != nil {
		return string(r.Last(everyLine))
	}
	return "<none>"
}

func TestWhatGoesToNoFileIsKeptInMemory(t *testing.T) {
	dir := t.TempDir()
	talk := "command=/bin/sh -c \"echo out; echo err >&2; exec cat\"\nstartsecs=0\n"
	s := supervise(t, "[program:none]\n"+talk+"stdout_logfile=NONE\nstderr_logfile=NONE\n"+
		"[program:null]\n"+talk+"stdout_logfile=/dev/null\nstderr_logfile=/dev/null\n"+
		"[program:syslog]\n"+talk+"stdout_logfile=syslog\nstderr_logfile=NONE\nstderr_syslog=true\n"+
		"[program:stderr]\n"+talk+"stdout_logfile=/dev/stderr\nstderr_logfile=/dev/stderr\n"+
		"[program:joined]\n"+talk+"stdout_logfile=NONE\nredirect_stderr=true\n"+
		"[program:off]\n"+talk+"stdout_logfile=NONE\nstderr_logfile=NONE\nlog_ring=0\n"+
		"[program:file]\n"+talk+"stdout_logfile="+dir+"/out\nstderr_logfile="+dir+"/err\n"+
		"[program:auto]\n"+talk)
	for _, tt := range []struct {
		name     string
		out, err string // in the ring
		logs     string // what followLogs has of stdout
	}{
		{"none", "out\n", "err\n", "out\n"},
		{"null", "out\n", "err\n", "out\n"},
		{"syslog", "out\n", "err\n", "out\n"},
		{"stderr", "out\n", "err\n", "out\n"},
		{"joined", "out\nerr\n", "", "out\nerr\n"},
		{"off", "<none>", "<none>", "<NO_FILE>"},
		{"file", "", "", "out\n"},
		{"auto", "", "", "out\n"},
	} {
		eventually(t, tt.name, func() bool {
			return s.once(api.FollowLogs{Names: []string{tt.name}, Lines: 10, Once: true})[tt.name+" stdout"] == tt.logs
		})
		if got := s.ringOf(tt.name, api.Stdout); got != tt.out {
			t.Errorf("%s: stdout %q, want %q", tt.name, got, tt.out)
		}
		if tt.err != "" {
			eventually(t, tt.name+" stderr", func() bool { return s.ringOf(tt.name, api.Stderr) == tt.err })
		}
	}
	// The original's requests know of files only.
	for _, name := range []string{"none", "null", "off", "syslog", "stderr"} {
		s.faults(api.ReadProcessLog{Name: name, Channel: api.Stdout}, api.NoFile)
		s.faults(api.FollowProcessLog{Name: name, Channel: api.Stdout, FileOnly: true}, api.NoFile)
		if tail := s.call(api.TailProcessLog{Name: name, Channel: api.Stdout, Length: 5}).(api.TailChunk); len(tail.Data) != 0 {
			t.Errorf("%s: tail has %q", name, tail.Data)
		}
	}
	s.faults(api.FollowProcessLog{Name: "off", Channel: api.Stdout}, api.NoFile)
	s.faults(api.FollowProcessLog{Name: "joined", Channel: api.Stderr}, api.NoFile)
}

func TestAnAutomaticLogThatCannotBeIsKeptInMemory(t *testing.T) {
	s := supervise(t, "childlogdir=/proc\n[program:a]\ncommand=/bin/sh -c \"echo out; exec cat\"\nstartsecs=0\n")
	eventually(t, "the output", func() bool { return s.ringOf("a", api.Stdout) == "out\n" })
	if got := s.once(api.FollowProcessLog{Name: "a", Channel: api.Stdout, Lines: 5, Once: true})[""]; got != "out\n" {
		t.Errorf("got %q", got)
	}
}

func TestTheRingOutlivesTheProcessAndIsCleared(t *testing.T) {
	s := supervise(t, "[program:p]\ncommand=/bin/sh -c \"echo run; exec cat\"\nstartsecs=0\nstdout_logfile=NONE\n")
	eventually(t, "the first run", func() bool { return s.ringOf("p", api.Stdout) == "run\n" })
	st := s.follow(api.FollowProcessLog{Name: "p", Channel: api.Stdout, Lines: 1})
	st.want("", "run\n")
	s.call(api.StopProcess{Name: "p", Wait: true})
	s.call(api.StartProcess{Name: "p", Wait: true})
	st.want("", "run\nrun\n")
	if got := s.ringOf("p", api.Stdout); got != "run\nrun\n" {
		t.Errorf("got %q", got)
	}
	s.call(api.ClearProcessLogs{Name: "p"})
	if got := s.ringOf("p", api.Stdout); got != "" {
		t.Errorf("after clear: %q", got)
	}
	s.call(api.SendProcessStdin{Name: "p", Chars: "more\n"})
	st.want("", "run\nrun\nmore\n")
	// With its group goes the ring, and who follows it is told.
	s.call(api.StopProcess{Name: "p", Wait: true})
	s.call(api.RemoveProcessGroup{Name: "p"})
	st.wantEnd()
}

func TestLogsOfManyProcessesInOneStream(t *testing.T) {
	s := supervise(t, "[program:file]\ncommand=/bin/sh -c \"seq 1 30; exec cat\"\nstartsecs=0\n"+
		"[program:ring]\ncommand=/bin/sh -c \"seq 31 60; echo bad >&2; exec cat\"\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n"+
		"[program:never]\ncommand=/bin/cat\nautostart=false\nstdout_logfile="+t.TempDir()+"/never.log\nstderr_logfile=NONE\n"+
		"[program:other]\ncommand=/bin/cat\nstartsecs=0\n[group:g]\nprograms=file,ring\n")
	s.faults(api.FollowLogs{Names: []string{"never", "nosuch"}}, api.BadName)
	s.faults(api.FollowLogs{Names: []string{"nosuch:*"}}, api.BadName)
	s.faults(api.FollowLogs{Names: []string{"ring"}}, api.BadName)
	complete := func() bool {
		got := s.once(api.FollowLogs{Names: []string{"g:*"}, Lines: 2, Once: true})
		return got["g:file stdout"] == "29\n30\n" && got["g:ring stdout"] == "59\n60\n" && got["g:ring stderr"] == "bad\n"
	}
	eventually(t, "all that was written", complete)
	got := s.once(api.FollowLogs{Channel: api.Stderr, Lines: 2, Once: true})
	if want := map[string]string{"g:ring stderr": "bad\n"}; got["g:ring stderr"] != want["g:ring stderr"] || got["g:ring stdout"] != "" {
		t.Errorf("of stderr alone: %q", got)
	}
	if got := s.once(api.FollowLogs{Names: []string{"never"}, Lines: 2, Once: true}); !strings.HasPrefix(got["never stdout"], "<NO_FILE: /") {
		t.Errorf("of what never ran: %q", got)
	}

	st := s.follow(api.FollowLogs{Names: []string{"g:file", "never", "g:*"}, Lines: 1})
	st.want("g:file stdout", "30\n")
	st.want("g:ring stdout", "60\n")
	st.want("g:ring stderr", "bad\n")
	s.call(api.SendProcessStdin{Name: "g:file", Chars: "later é\n"})
	s.call(api.SendProcessStdin{Name: "g:ring", Chars: "later\n"})
	st.want("g:file stdout", "30\nlater é\n")
	st.want("g:ring stdout", "60\nlater\n")
	s.call(api.StartProcess{Name: "never", Wait: true}) // its log begins to exist
	s.call(api.SendProcessStdin{Name: "never", Chars: "at last\n"})
	st.want("never stdout", "at last\n")
	s.call(api.SendProcessStdin{Name: "other", Chars: "unheard\n"})
	s.call(api.StopProcess{Name: "g:file", Wait: true})
	s.call(api.StartProcess{Name: "g:file", Wait: true})
	var run strings.Builder
	for i := range 30 {
		fmt.Fprintln(&run, i+1)
	}
	st.want("g:file stdout", "30\nlater é\n"+run.String())
	for key := range st.text {
		if strings.HasPrefix(key, "other") {
			t.Errorf("it hears of %s", key)
		}
	}
	if st.open["never stderr"] == 0 {
		t.Error("a log that is empty does not say that it is open")
	}
	st.cancel()
	<-st.ended
	eventually(t, "the stream is forgotten", func() bool { return s.taps() == 0 })
}

// taps counts the streams of the loop, and the taps that are left of one.
func (s *supervisor) taps() int {
	n := make(chan int, 1)
	s.inbox.post(message{do: func() { n <- len(s.streams) }})
	return <-n
}

func TestAProcessThatIsAddedIsFollowedFromItsFirstByte(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	file := filepath.Join(s.dir, "supervisord.conf")
	all, some := s.follow(api.FollowLogs{}), s.follow(api.FollowLogs{Names: []string{"a"}})
	eventually(t, "both streams", func() bool { return s.taps() == 2 })
	log := filepath.Join(s.dir, "b.log")
	s.write(log, "of another time\n")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(file, string(text)+"[program:b]\ncommand=/bin/sh -c \"echo first; echo ring >&2; exec cat\"\nstartsecs=0\nstdout_logfile="+log+"\nstderr_logfile=NONE\n")
	s.call(api.ReloadConfig{})
	s.call(api.AddProcessGroup{Name: "b"})
	all.want("b stdout", "first\n")
	all.want("b stderr", "ring\n")
	s.call(api.StopProcess{Name: "b", Wait: true})
	s.call(api.RemoveProcessGroup{Name: "b"})
	s.call(api.AddProcessGroup{Name: "b"})
	all.want("b stdout", "first\nfirst\n")
	s.call(api.SendProcessStdin{Name: "a", Chars: "end\n"})
	some.want("a stdout", "end\n")
	if len(some.text) != 2 {
		t.Errorf("a stream of one hears %q", some.text)
	}
}

func TestTheStreamsOfManyLogsAreBounded(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	for range api.MaxFollowLogs {
		s.follow(api.FollowLogs{})
	}
	eventually(t, "all streams", func() bool { return s.taps() == api.MaxFollowLogs })
	err := s.Follow(t.Context(), api.FollowLogs{}, func(any) error { return nil })
	if f := api.AsFault(err); f == nil || f.Code != api.Failed {
		t.Errorf("one more: %v", err)
	}
	s.once(api.FollowLogs{Once: true}) // does not count
}

func TestASlowReaderOfManyLogsHoldsNobodyUp(t *testing.T) {
	s := supervise(t, "[program:noisy]\ncommand=/bin/sh -c \"read x; seq 1 300000; echo done >&2; exec cat\"\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n")
	s.waitFor("noisy", "RUNNING")
	many := s.follow(api.FollowLogs{Lines: 1})
	one := s.follow(api.FollowProcessLog{Name: "noisy", Channel: api.Stdout, Lines: 1})
	eventually(t, "the stream", func() bool { return s.taps() == 1 })
	s.call(api.SendProcessStdin{Name: "noisy", Chars: "go\n"})
	// Nobody reads, and yet the program comes to its end.
	eventually(t, "the end of the noise", func() bool { return s.ringOf("noisy", api.Stderr) == "done\n" })
	s.call(api.SendProcessStdin{Name: "noisy", Chars: "last\n"})
	eventually(t, "the last line", func() bool { return strings.HasSuffix(s.ringOf("noisy", api.Stdout), "\nlast\n") })
	for !strings.HasSuffix(one.text[""], "\nlast\n") {
		one.take()
	}
	if !strings.Contains(one.text[""], " bytes missed <==\n") {
		t.Error("the reader of one log was not told what it missed")
	}
	for many.text["noisy stderr"] == "" {
		many.take()
	}
	for !strings.Contains(many.text["noisy stdout"], " missed>") {
		many.take()
	}
	s.call(api.SendProcessStdin{Name: "noisy", Chars: "very last\n"})
	for !strings.HasSuffix(many.text["noisy stdout"], "very last\n") {
		many.take()
	}
	written := 5 // "last\n"
	for i := range 300_000 {
		written += len(fmt.Sprintln(i + 1))
	}
	if got := accountFor(many.text["noisy stdout"]) - len("very last\n"); got != written {
		t.Errorf("%d bytes seen or missed of %d", got, written)
	}
}

// accountFor counts bytes, and those that are said to be missing.
func accountFor(text string) int {
	total := 0
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		total += len(before)
		if !found {
			break
		}
		var n int
		gap, rest, _ := strings.Cut(rest, ">")
		fmt.Sscanf(gap, "%d missed", &n)
		total += n
		text = rest
	}
	return total
}

func TestTheLastLinesOfAChannel(t *testing.T) {
	s := supervise(t, "[program:p]\ncommand=/bin/sh -c \"seq 1 9; seq 11 19 >&2; exec cat\"\nstartsecs=0\nstderr_logfile=NONE\n")
	s.waitFor("p", "RUNNING")
	var p *slot
	found := make(chan struct{})
	s.inbox.post(message{do: func() {
		for _, p = range s.slots {
		}
		close(found)
	}})
	<-found
	last := func(c *channel, most int64) string {
		text, whole, err := c.tail(2, most)
		return fmt.Sprint(string(text), whole, err)
	}
	eventually(t, "stdout, from the file", func() bool { return last(p.stdout, 100) == "8\n9\ntrue <nil>" })
	eventually(t, "stderr, from memory", func() bool { return last(p.stderr, 100) == "18\n19\ntrue <nil>" })
	if got := last(p.stdout, 3); got != "\n9\nfalse <nil>" {
		t.Errorf("of three bytes: %q", got)
	}
	if got := last(&channel{}, 100); got != "true it is kept nowhere" {
		t.Errorf("of nothing: %q", got)
	}
}

func TestIdleProgramsTakeNoMemoryForTheirRings(t *testing.T) {
	h := newHost(&conf.Config{}, &journal{}, &outputs{}, past{})
	const programs = 1000
	p := conf.Program{Name: "p", LogRing: 64 << 10}
	slots := make([]*slot, programs)
	before := heap()
	for i := range slots {
		slots[i] = h.newSlot(1, &p)
		slots[i].stdout.ring.Write([]byte("ready\n"), nil)
	}
	if each := (heap() - before) / programs; each > 2<<10 {
		t.Errorf("%d bytes for each program", each)
	}
	runtime.KeepAlive(slots)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
