package ctl

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

func TestAPipedShell(t *testing.T) {
	f := newFake(t, nil)
	for name, row := range map[string]struct{ in, want string }{
		"no input": {"", statusTable + "sup> \n"},
		"several lines": {"stop cat\n\n   \nnope x\npid\n",
			statusTable + "sup> cat: stopped\nsup> sup> sup> *** Unknown syntax: nope x\nsup> 1234\nsup> \n"},
		"nothing after quit":        {"quit\nstatus\n", statusTable + "sup> \n"},
		"the word for the end":      {"EOF\nstatus\n", statusTable + "sup> \n"},
		"a last line without end":   {"pid", statusTable + "sup> 1234\nsup> \n"},
		"line ends of another kind": {"pid\r\n", statusTable + "sup> 1234\nsup> \n"},
		"a question answered no":    {"shutdown\nn\npid\n", statusTable + "sup> " + textAskShutdown + "sup> 1234\nsup> \n"},
		"a question answered yes":   {"reload\nYes\n", statusTable + "sup> " + textAskReload + "Restarted supervisord\nsup> \n"},
		"a question not answered":   {"reload\n", statusTable + "sup> " + textAskReload + "\nsup> \n"},
		"another server":            {"open unix:///no/such\npid\n", statusTable + "sup> unix:///no/such no such file\nsup> unix:///no/such no such file\nsup> \n"},
		"a line of a megabyte":      {strings.Repeat("x", maxTyped+5000) + "\npid\n", statusTable + "sup> \nerror: a line of input has at most 1048576 bytes\n"},
	} {
		got := supervisorctl(t, row.in, "-c", f.config)
		errs := strings.Repeat("  there is no directory /no\n", strings.Count(row.want, "no such file"))
		if got.out != row.want || got.exit != 0 || got.errs != errs {
			t.Errorf("%s: exit %d, got\n%s%s\nwant\n%s", name, got.exit, got.out, got.errs, row.want)
		}
	}
}

func TestAnActionWithQuestions(t *testing.T) {
	f := newFake(t, nil)
	for in, want := range map[string]string{
		"y\n": textAskShutdown + "Shut down\n",
		"Y":   textAskShutdown + "Shut down\n",
		"n\n": textAskShutdown,
		"":    textAskShutdown + "\n",
	} {
		if got := supervisorctl(t, in, "-c", f.config, "-i", "shutdown"); got.out != want || got.exit != 0 {
			t.Errorf("answer %q: got %q, exit %d", in, got.out, got.exit)
		}
	}
}

func TestTheShellAsksForALogin(t *testing.T) {
	refused := ndjson.NewError(ndjson.CodeUnauthorized, "", "")
	f := newFake(t, nil)
	var open atomic.Bool
	version := func(map[string]any) any {
		if open.Load() {
			return "3.0"
		}
		return refused
	}
	f.set("supervisor.getVersion", version)
	f.set("system.login", func(p map[string]any) any {
		if open.Store(p["username"] == "joe" && p["password"] == "x y"); open.Load() {
			return true
		}
		return refused
	})
	ask := textUnauthorized + "\nUsername:\n"
	got := supervisorctl(t, "joe\nwrong\njoe\nx y\npid\n", "-c", f.config)
	if want := ask + ask + statusTable + "sup> 1234\nsup> \n"; got.out != want || got.exit != 0 {
		t.Errorf("got %q, want %q", got.out, want)
	}
	if got.errs != "Password:Password:" {
		t.Errorf("questions for the password: got %q", got.errs)
	}
	open.Store(false)
	got = supervisorctl(t, "joe\n", "-c", f.config, "-i", "pid")
	if want := ask; got.out != want || got.exit != 1 {
		t.Errorf("without a password: got %q, exit %d", got.out, got.exit)
	}
	got = supervisorctl(t, "", "-c", f.config, "-u", "joe", "-p", "x y", "pid")
	if got.out != "1234\n" || got.exit != 0 {
		t.Errorf("with options: got %q, exit %d", got.out, got.exit)
	}
	open.Store(false)
	got = supervisorctl(t, "", "-c", f.config, "-u", "joe", "pid")
	if got.out != textUnauthorized+"\n" || got.exit != 1 {
		t.Errorf("with half of the options: got %q, exit %d", got.out, got.exit)
	}
}

func TestFollowingALogThatIsNotThereOrEnds(t *testing.T) {
	f := newFake(t, map[string]any{"supervisor.followLog": fault(api.NoFile, ""), "supervisor.getVersion": "3.0"})
	for line, want := range map[string]string{
		"tail -f nope":         f.url + "/logtail/nope/stdout Cannot read, status code 404\n",
		"tail -f nolog stderr": f.url + "/logtail/nolog/stderr Cannot read, status code 404\n",
		"tail -f unreadable":   "Cannot connect, error: FAILED\n",
		"maintail -f":          f.url + "/mainlogtail Cannot read, status code 404\n",
	} {
		got := supervisorctl(t, "", "-c", f.config, line)
		if got.out != textPressCtrlC+"\n" || got.errs != want || got.exit != 0 {
			t.Errorf("%s: got %q and %q, exit %d", line, got.out, got.errs, got.exit)
		}
	}
}

// watched is an output that others may look at.
type watched struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// await waits until the output holds text.
func (w *watched) await(t *testing.T, text string) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !strings.Contains(w.String(), text) {
		if time.Now().After(end) {
			t.Fatalf("%q never came, but %q", text, w.String())
		}
		time.Sleep(time.Millisecond)
	}
}

// pipe returns both ends of a pipe.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// interrupt is Ctrl-C.
func interrupt() { syscall.Kill(os.Getpid(), syscall.SIGINT) }

func TestCtrlCEndsFollowing(t *testing.T) {
	f := newFake(t, nil)
	for line, want := range map[string]string{
		"maintail -f":        textPressCtrlC + "\nmain log\n\n",
		"tail -f cat":        textPressCtrlC + "\nstdout of it\n\n",
		"tail -f cat stdERR": textPressCtrlC + "\nstderr of it\n\n",
	} {
		in, _ := pipe(t)
		var out watched
		code := make(chan int)
		go func() { code <- run("supervisorctl", []string{"-c", f.config, line}, in, &out, io.Discard) }()
		out.await(t, "\n"+strings.Split(want, "\n")[1])
		interrupt()
		if got := <-code; got != 0 || out.String() != want {
			t.Errorf("%s: exit %d, got %q, want %q", line, got, out.String(), want)
		}
	}
}

func TestFgSendsLinesAndShowsOutput(t *testing.T) {
	sent := make(chan string, 9)
	f := newFake(t, nil)
	f.set("supervisor.sendProcessStdin", func(p map[string]any) any {
		sent <- p["name"].(string) + "<" + p["chars"].(string)
		return true
	})
	in, keys := pipe(t)
	var out, errs watched
	code := make(chan int)
	go func() { code <- run("supervisorctl", []string{"-c", f.config, "fg", "cat"}, in, &out, &errs) }()
	out.await(t, "stdout of it")
	out.await(t, "stderr of it")
	io.WriteString(keys, "one\ntwo")
	if got := <-sent; got != "cat<one\n" {
		t.Errorf("got %q", got)
	}
	keys.Close()
	if got := <-sent; got != "cat<two\n" {
		t.Errorf("got %q", got)
	}
	if got := <-code; got != 0 || !strings.HasPrefix(out.String(), textPressCtrlC+"\n") || !strings.HasSuffix(out.String(), "\nExiting foreground\n") {
		t.Errorf("exit %d, got %q", got, out.String())
	}
}

func TestFgEndsWithItsProcess(t *testing.T) {
	running := api.ProcessInfo{Name: "cat", Group: "cat", StateName: "RUNNING"}
	for name, row := range map[string]struct {
		stdin any
		after any
		want  string
		exit  int
	}{
		"a process that ended":       {true, api.ProcessInfo{StateName: "EXITED"}, "Process got killed\nExiting foreground\n", 0},
		"a process that is closed":   {fault(api.NoFile, ""), running, "ERROR: NO_FILE\nExiting foreground\n", 1},
		"a process that was removed": {true, fault(api.BadName, "cat"), "ERROR: BAD_NAME: cat\nExiting foreground\n", 1},
	} {
		f := newFake(t, map[string]any{"supervisor.sendProcessStdin": row.stdin, "supervisor.followProcessLog": pieces{}})
		var asked atomic.Int32
		f.set("supervisor.getProcessInfo", func(map[string]any) any {
			if asked.Add(1) == 1 {
				return running
			}
			return row.after
		})
		in, keys := pipe(t)
		io.WriteString(keys, "x\n")
		var out bytes.Buffer
		if got := run("supervisorctl", []string{"-c", f.config, "fg", "cat"}, in, &out, io.Discard); got != row.exit || out.String() != textPressCtrlC+"\n"+row.want {
			t.Errorf("%s: exit %d, got %q", name, got, out.String())
		}
	}
}

func TestCtrlCEndsFg(t *testing.T) {
	f := newFake(t, nil)
	in, _ := pipe(t)
	var out watched
	code := make(chan int)
	go func() { code <- run("supervisorctl", []string{"-c", f.config, "fg", "cat"}, in, &out, io.Discard) }()
	out.await(t, "stdout of it")
	interrupt()
	if got := <-code; got != 0 || !strings.HasSuffix(out.String(), "\nExiting foreground\n") {
		t.Errorf("exit %d, got %q", got, out.String())
	}
}

func TestCtrlCAtAPromptEndsTheShell(t *testing.T) {
	f := newFake(t, nil)
	in, _ := pipe(t)
	var out watched
	code := make(chan int)
	go func() { code <- run("supervisorctl", []string{"-c", f.config}, in, &out, io.Discard) }()
	out.await(t, "sup> ")
	interrupt()
	if got := <-code; got != 0 || out.String() != statusTable+"sup> \n" {
		t.Errorf("exit %d, got %q", got, out.String())
	}
}

func TestCtrlCDuringACommandKeepsTheShell(t *testing.T) {
	asked := make(chan bool, 1)
	f := newFake(t, nil)
	f.set("supervisor.stopProcess", func(map[string]any) any { asked <- true; return pieces{} }) // never done
	in, keys := pipe(t)
	io.WriteString(keys, "stop cat\npid\n")
	keys.Close()
	var out watched
	code := make(chan int)
	go func() { code <- run("supervisorctl", []string{"-c", f.config}, in, &out, io.Discard) }()
	<-asked
	interrupt()
	if got := <-code; got != 0 || out.String() != statusTable+"sup> \nsup> 1234\nsup> \n" {
		t.Errorf("exit %d, got %q", got, out.String())
	}
}

func TestReadingStopsWithItsContext(t *testing.T) {
	r, w := pipe(t)
	p := &plainInput{f: r, out: io.Discard, errs: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() { _, err := p.body(ctx); got <- err }()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	io.WriteString(w, "later\n")
	if line, err := p.body(t.Context()); line != "later" || err != nil {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestCompletion(t *testing.T) {
	f := newFake(t, nil)
	f.set("supervisor.getAllConfigInfo", append(f.answer("supervisor.getAllConfigInfo").([]api.ConfigInfo), api.ConfigInfo{Name: "1", Group: "spare"}))
	s := &session{url: f.url}
	processes := []string{"cat ", "g:* ", "g:m1 ", "g:m2 ", "idle "}
	for _, row := range []struct {
		line       string
		pos        int
		head, tail string
		want       []string
	}{
		{"sta", 3, "", "", []string{"start ", "status "}},
		{"re", 2, "", "", []string{"reload ", "remove ", "reread ", "restart "}},
		{"  av", 4, "  ", "", []string{"avail "}},
		{"help sh", 7, "help ", "", []string{"shutdown "}},
		{"start ", 6, "start ", "", processes},
		{"tail -f c", 9, "tail -f ", "", []string{"cat "}},
		{"stop cat g:m", 12, "stop cat ", "", []string{"g:m1 ", "g:m2 "}},
		{"stop idle:", 10, "stop ", "", []string{"idle:idle ", "idle:* "}},
		{"stop c rest", 6, "stop ", " rest", []string{"cat "}},
		{"update ", 7, "update ", "", []string{"cat ", "g ", "idle ", "spare "}},
		{"version ", 8, "version ", "", nil},
		{"version -", 9, "version ", "", []string{"--help ", "--json ", "--timeout="}},
		{"reread --d", 10, "reread ", "", []string{"--diff "}},
		{"tail -", 6, "tail ", "", []string{"--help ", "--json ", "-f "}},
		{"signal ", 7, "signal ", "", []string{"CONT ", "HUP ", "INT ", "KILL ", "QUIT ", "STOP ", "TERM ", "USR1 ", "USR2 ", "WINCH "}},
		{"signal HUP c", 12, "signal HUP ", "", []string{"cat "}},
		{"completion z", 12, "completion ", "", []string{"zsh "}},
		{"add ", 4, "add ", "", []string{"cat ", "g ", "idle ", "spare "}},
		{"nope ", 5, "nope ", "", nil},
		{"start näc", 8, "start ", "c", nil},
	} {
		head, got, tail := s.complete(row.line, row.pos)
		sortBoth(got, row.want)
		if head != row.head || tail != row.tail || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q: got %q, %q, %q", row.line, head, got, tail)
		}
	}
	if all := s.candidates("", ""); len(all) != len(shown()) || slices.Contains(all, hiddenNames) || slices.Contains(all, "EOF") {
		t.Errorf("an empty line offers %q", s.candidates("", ""))
	}
	s = &session{url: "unix:///no/such"}
	if _, got, _ := s.complete("start ", 6); got != nil {
		t.Errorf("without a server: got %q", got)
	}
}

func sortBoth(a, b []string) {
	for _, list := range [][]string{a, b} {
		for i := range list {
			for j := i; j > 0 && list[j] < list[j-1]; j-- {
				list[j], list[j-1] = list[j-1], list[j]
			}
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, seed := range []string{"status", "start a", "?x", "!", "tail -f a b c", "tail-f", "a:b:c", "\x00", "stop:*", "signal"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		word, arg := splitLine(strings.TrimSpace(line))
		if strings.ContainsAny(word, " :*") || arg != strings.TrimSpace(arg) {
			t.Errorf("%q: got %q and %q", line, word, arg)
		}
		if group, process := splitName(line); strings.Contains(group, ":") || process == "*" {
			t.Errorf("%q: got %q and %q", line, group, process)
		}
		if words := strings.Fields(line); len(words) > 0 && len(words) < 4 {
			if got, complaint := parseTail(words); complaint == "" && got.name == "" {
				t.Errorf("%q: got %+v", line, got)
			}
		}
		if shown := visible(line, ""); strings.ContainsFunc(shown, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			t.Errorf("%q: shown as %q", line, shown)
		}
		(&session{}).complete(line, len(line)/2)
	})
}
