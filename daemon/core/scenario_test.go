package core

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestScenarios plays every transcript of testdata. A line that begins with
// "> " is a command, the lines after it are what it has to print; "| " continues
// a command, "#" is a comment. The commands stand in commands, below; any other
// word is a method of the control API with its arguments.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			switch {
			case got == string(text):
			case *update:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Error(firstDifference(file, got, string(text)))
			}
		})
	}
}

// firstDifference shows where two transcripts part.
func firstDifference(file, got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	at := 0
	for at < len(g) && at < len(w) && g[at] == w[at] {
		at++
	}
	from := at
	for from > 0 && !strings.HasPrefix(g[from-1], "> ") {
		from--
	}
	from = max(from-1, 0)
	cut := func(lines []string) string {
		return strings.Join(lines[min(from, len(lines)):min(at+4, len(lines))], "\n")
	}
	return fmt.Sprintf("%s:%d: the transcript differs\ngot:\n%s\nwant:\n%s", file, at+1, cut(g), cut(w))
}

// play runs the commands of a transcript and returns it with what they print.
func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	s := &scenario{t: t}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			if line == "" || line[0] == '#' {
				out.WriteString(line + "\n")
			}
			continue // what was printed last time
		}
		out.WriteString(line + "\n")
		var block strings.Builder
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|") {
			i++
			out.WriteString(lines[i] + "\n")
			block.WriteString(strings.TrimPrefix(strings.TrimPrefix(lines[i], "|"), " ") + "\n")
		}
		s.out.Reset()
		if err := s.do(command, block.String()); err != nil {
			t.Fatalf("line %d: %s: %v", i+1, command, err)
		}
		out.WriteString(s.out.String())
	}
	return out.String()
}

// birth is the wall-clock time at which every scenario begins.
var birth = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// scenario is a supervisor in a world that does what the transcript says.
type scenario struct {
	t    *testing.T
	out  strings.Builder
	file string // the text of the configuration, as it is on disk

	core  *Core
	now   proc.Instant
	shift time.Duration // by which the wall clock was set

	main    bool // a command line has a main program
	names   map[ProcID]string
	ids     map[string]ProcID
	lastReq RequestID

	closing string // the socket that is closed with the end that comes next

	hold   bool                     // do not answer checks by yourself
	broken map[string]*CommandError // what checks find
	checks []Check                  // unanswered
	loads  []RequestID              // unanswered
	tries  []TrySockets             // unanswered
}

func (s *scenario) wall() time.Time { return birth.Add(s.now + s.shift) }

// reset forgets everything but the configuration.
func (s *scenario) reset(file string) {
	*s = scenario{t: s.t, file: file, main: s.main, names: map[ProcID]string{}, ids: map[string]ProcID{}, broken: map[string]*CommandError{}}
}

// load reads the configuration as it is on disk now.
func (s *scenario) load() (*conf.Config, error) {
	cfg, err := loadText(s.file)
	if err == nil && s.main {
		err = cfg.AddMain([]string{"x"})
	}
	return cfg, err
}

// loadText reads a configuration on a machine that has nothing but it.
func loadText(text string) (*conf.Config, error) {
	const path = "/etc/supervisord.conf"
	h := &conf.Host{
		Environ:  []string{"PATH=/bin", "HOME=/root"},
		Getuid:   func() int { return 0 },
		Getwd:    func() (string, error) { return "/", nil },
		Hostname: func() (string, error) { return "host", nil },
		TempDir:  func() string { return "/tmp" },
		Open: func(p string) (io.ReadCloser, error) {
			if p != path {
				return nil, &fs.PathError{Op: "open", Path: p, Err: syscall.ENOENT}
			}
			return io.NopCloser(strings.NewReader(text)), nil
		},
		Exists: func(string) bool { return true },
		IsDir:  func(string) bool { return true },
	}
	return conf.Load(path, h)
}

// words splits a command; a word in double quotes is a Go string.
func words(line string) (out []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			out, line = append(out, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		word, _ := strconv.Unquote(quoted)
		out, line = append(out, word), line[len(quoted):]
	}
	return out, nil
}

// do performs one command.
func (s *scenario) do(line, block string) error {
	args, err := words(line)
	if err != nil || len(args) == 0 {
		return fmt.Errorf("not a command: %v", err)
	}
	name, args := args[0], args[1:]
	switch name {
	case "config": // a new world, with this configuration
		s.reset(block)
		return nil
	case "main": // from here on
		s.main = true
		return nil
	case "file": // the configuration is edited
		s.file = block
		return nil
	}
	c, ok := commands[name]
	if ok && len(args) < c.args {
		return fmt.Errorf("takes %d arguments", c.args)
	}
	if s.core == nil {
		if err := s.create(); err != nil {
			return err
		}
	}
	if !ok {
		return s.request(name, args)
	}
	if c.named {
		if _, ok := s.ids[args[0]]; !ok {
			return fmt.Errorf("no process %q", args[0])
		}
	}
	return c.run(s, args)
}

func (s *scenario) create() error {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	s.core = New(cfg, Options{Version: "4.3.0", PID: 1})
	return nil
}

// step gives an input and prints the effects. Checks are answered at once,
// unless they are held.
func (s *scenario) step(in Input) {
	for _, e := range s.core.Step(s.now, s.wall(), in) {
		s.print(e)
		switch e := e.(type) {
		case AddProcesses:
			for i, id := range e.Procs {
				name := api.Namespec(e.Programs[i].Group, e.Programs[i].Name)
				s.names[id], s.ids[name] = name, id
			}
		case Check:
			s.checks = append(s.checks, e)
		case TrySockets:
			s.tries = append(s.tries, e)
		case LoadConfig:
			s.loads = append(s.loads, e.ID)
		}
	}
	if at, ok := s.core.NextDue(); ok && at < s.now {
		s.t.Fatalf("a deadline is left in the past: %v at %v", at, s.now)
	}
	if !s.hold {
		for len(s.checks) > 0 {
			s.answer(0)
		}
	}
}

// answer answers one of the open checks.
func (s *scenario) answer(i int) {
	c := s.checks[i]
	s.checks = slices.Delete(s.checks, i, i+1)
	s.step(Checked{Job: c.Job, Proc: c.Proc, Err: s.broken[s.names[c.Proc]]})
}

// request calls a method of the control API.
func (s *scenario) request(name string, args []string) error {
	m, ok := api.Lookup(api.SupervisorPrefix + name)
	if !ok {
		return errors.New("unknown command")
	}
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg
		if i >= len(m.Params) {
			continue
		}
		switch m.Params[i].Type {
		case api.Boolean:
			values[i] = arg == "true"
		case api.Names:
			values[i] = list(arg)
		}
	}
	req, f := m.Bind(values)
	if f != nil {
		return f
	}
	s.lastReq++
	if follow, ok := req.(api.FollowEvents); ok {
		s.step(Follow{ID: s.lastReq, Req: follow})
	} else {
		s.step(Request{ID: s.lastReq, Req: req})
	}
	return nil
}

// list reads words with commas between them, "-" for none.
func list(arg string) []any {
	out := []any{}
	for word := range strings.SplitSeq(arg, ",") {
		if word != "-" {
			out = append(out, word)
		}
	}
	return out
}

// exitOf reads how a child ended: a code, or a signal as texts name it.
func exitOf(word string) (in Exited, err error) {
	if n, err := strconv.Atoi(word); err == nil {
		return Exited{Code: n, Text: "exit status " + word}, nil
	}
	name, dumped := strings.CutSuffix(word, " (core dumped)")
	in = Exited{Code: -1, Text: "terminated by " + word, CoreDumped: dumped}
	in.Signal, err = conf.ParseSignal(name)
	return in, err
}

type command struct {
	args  int  // at least so many
	named bool // the first is a process
	run   func(s *scenario, args []string) error
}

// say returns a command about a process that is one input.
func say(args int, input func(s *scenario, id ProcID, args []string) Input) command {
	return command{args, true, func(s *scenario, args []string) error {
		s.step(input(s, s.ids[args[0]], args[1:]))
		return nil
	}}
}

func rest(args []string) string { return strings.Join(args, " ") }

var commands map[string]command

func init() {
	commands = map[string]command{
		// What becomes of children.
		"spawned": say(2, func(_ *scenario, id ProcID, args []string) Input {
			pid, _ := strconv.Atoi(args[0])
			return Spawned{Proc: id, PID: pid, Unsure: len(args) > 1} // NAME PID [unsure]
		}),
		"executed": say(1, func(_ *scenario, id ProcID, _ []string) Input { return Executed{Proc: id} }),
		"refused": {2, true, func(s *scenario, args []string) error { // NAME WHY
			id := s.ids[args[0]]
			s.step(Reaped{Proc: id})
			in := exitInput(s, id, []string{"127"}).(Exited)
			in.Refused = rest(args[1:])
			s.step(in)
			return nil
		}},
		"spawnfailed": say(2, func(s *scenario, id ProcID, args []string) Input {
			text, missing := strings.CutPrefix(rest(args), "ENOENT ")
			return SpawnFailed{Proc: id, Text: text, NotFound: missing, Closed: s.take()}
		}),
		"closing": {1, false, func(s *scenario, args []string) error { // URL, with the end that comes next
			s.closing = args[0]
			return nil
		}},
		"reaped": say(1, func(_ *scenario, id ProcID, _ []string) Input { return Reaped{Proc: id} }),
		"exited": say(2, exitInput), // NAME CODE [AGO]
		"exit": {2, true, func(s *scenario, args []string) error { // both at once
			id := s.ids[args[0]]
			s.step(Reaped{Proc: id})
			s.step(exitInput(s, id, args[1:]))
			return nil
		}},
		"heard": say(2, func(_ *scenario, id ProcID, args []string) Input {
			return Heard{Proc: id, Data: []byte(args[0])}
		}),
		"wrote": say(3, func(_ *scenario, id ProcID, args []string) Input { // NAME CHANNEL TEXT [message]
			return Wrote{Proc: id, Channel: api.Channel(args[0]), Data: []byte(args[1]), Message: len(args) > 2}
		}),
		"sendfailed": say(2, func(_ *scenario, id ProcID, args []string) Input {
			n, _ := strconv.ParseUint(args[0], 10, 64)
			return SendFailed{Proc: id, Serial: n, Full: len(args) > 1} // NAME SERIAL [full]
		}),
		"unkillable": say(2, func(_ *scenario, id ProcID, args []string) Input {
			return SignalDone{Proc: id, Err: errors.New(rest(args))}
		}),
		"signalled": say(2, func(_ *scenario, id ProcID, args []string) Input { // NAME REQUEST [ERROR]
			n, _ := strconv.ParseUint(args[0], 10, 64)
			in := SignalDone{Proc: id, Request: RequestID(n)}
			if len(args) > 1 {
				in.Err = errors.New(rest(args[1:]))
			}
			return in
		}),

		// What becomes of commands beside the programs, by their number.
		"errandstarted": {2, false, func(s *scenario, args []string) error { // RUN PID
			run, err := strconv.ParseUint(args[0], 10, 64)
			pid, err2 := strconv.Atoi(args[1])
			s.step(ErrandStarted{Errand: ProcID(run), PID: pid})
			return errors.Join(err, err2)
		}},
		"errandended": {2, false, func(s *scenario, args []string) error { // RUN CODE [OUTPUT [MORE]]
			run, err := strconv.ParseUint(args[0], 10, 64)
			how, err2 := exitOf(args[1])
			in := ErrandEnded{Errand: ProcID(run), Code: how.Code, Text: how.Text}
			if len(args) > 2 {
				in.Output = []byte(args[2])
			}
			if len(args) > 3 {
				in.More, _ = strconv.Atoi(args[3])
			}
			s.step(in)
			return errors.Join(err, err2)
		}},
		"errandgone": {1, false, func(s *scenario, args []string) error { // RUN
			run, err := strconv.ParseUint(args[0], 10, 64)
			s.step(ErrandEnded{Errand: ProcID(run), Gone: true})
			return err
		}},
		"errandfailed": {2, false, func(s *scenario, args []string) error { // RUN WHY
			run, err := strconv.ParseUint(args[0], 10, 64)
			s.step(ErrandEnded{Errand: ProcID(run), Failure: rest(args[1:])})
			return err
		}},

		// What commands are like.
		"command": {1, true, func(s *scenario, args []string) error { // NAME [FAULT TEXT]
			delete(s.broken, args[0])
			if len(args) > 2 {
				code := api.NotExecutable
				if args[1] == api.NoFile.String() {
					code = api.NoFile
				}
				s.broken[args[0]] = &CommandError{Code: code, Text: rest(args[2:])}
			}
			return nil
		}},
		"hold": {0, false, func(s *scenario, _ []string) error { s.hold = true; return nil }},
		"checked": {1, true, func(s *scenario, args []string) error {
			i := slices.IndexFunc(s.checks, func(c Check) bool { return c.Proc == s.ids[args[0]] })
			if i < 0 {
				return errors.New("no check is open")
			}
			s.answer(i)
			return nil
		}},

		// The daemon and its clients.
		"new":  {0, false, func(*scenario, []string) error { return nil }},
		"boot": {0, false, func(s *scenario, _ []string) error { s.step(Boot{}); return nil }},
		"signal": {1, false, func(s *scenario, args []string) error {
			sig, err := conf.ParseSignal(args[0])
			if err == nil {
				s.step(OSSignal{Signal: sig})
			}
			return err
		}},
		"loaded": {0, false, loaded},
		"tried":  {0, false, tried},
		"cancel": {1, false, func(s *scenario, args []string) error {
			n, err := strconv.ParseUint(args[0], 10, 64)
			s.step(Cancel{ID: RequestID(n)})
			return err
		}},
		"more": {1, false, func(s *scenario, args []string) error { // FOLLOWER
			n, err := strconv.ParseUint(args[0], 10, 64)
			s.lastReq++
			s.step(More{ID: s.lastReq, Follower: RequestID(n)})
			return err
		}},
		"unfollow": {1, false, func(s *scenario, args []string) error { // FOLLOWER
			n, err := strconv.ParseUint(args[0], 10, 64)
			s.step(Unfollow{Follower: RequestID(n)})
			return err
		}},
		"historyof": {2, false, func(s *scenario, args []string) error { // EVENTS BYTES: so much is kept
			for i := range s.core.chronicle.lanes {
				l := &s.core.chronicle.lanes[i]
				l.most, _ = strconv.Atoi(args[0])
				l.mostBytes, _ = strconv.Atoi(args[1])
			}
			return nil
		}},
		"again": {0, false, func(s *scenario, _ []string) error { // what comes after a restart
			cfg, err := s.load()
			if err == nil {
				s.core = New(cfg, Options{Version: "4.3.0", PID: 1, Serial: s.core.Serial(), Chronicle: s.core.Chronicle()})
			}
			return err
		}},
		"namelogs": {3, true, func(s *scenario, args []string) error {
			s.core.NameLogs(s.ids[args[0]], args[1], args[2])
			return nil
		}},

		// Time, and looking around.
		"advance": {1, false, advance},
		"wall": {1, false, func(s *scenario, args []string) error {
			d, err := time.ParseDuration(args[0])
			s.shift += d
			return err
		}},
		"due":    {0, false, func(s *scenario, _ []string) error { s.printDue(); return nil }},
		"status": {0, false, func(s *scenario, _ []string) error { s.printStatus(); return nil }},
	}
}

// take returns the URL of the socket that is closed with an end.
func (s *scenario) take() string {
	url := s.closing
	s.closing = ""
	return url
}

func exitInput(s *scenario, id ProcID, args []string) Input {
	in, err := exitOf(args[0])
	if err != nil {
		s.t.Fatal(err)
	}
	in.Proc, in.At, in.Wall, in.Closed = id, s.now, s.wall(), s.take()
	if len(args) > 1 {
		ago, err := time.ParseDuration(args[1])
		if err != nil {
			s.t.Fatal(err)
		}
		in.At, in.Wall = in.At-ago, in.Wall.Add(-ago)
	}
	return in
}

// loaded answers the oldest LoadConfig with what the file holds now.
func loaded(s *scenario, _ []string) error {
	if len(s.loads) == 0 {
		return errors.New("nothing is being loaded")
	}
	in := Loaded{ID: s.loads[0]}
	s.loads = s.loads[1:]
	in.Config, in.Err = s.load()
	s.step(in)
	return nil
}

// tried answers the oldest TrySockets: [ERROR]
func tried(s *scenario, args []string) error {
	if len(s.tries) == 0 {
		return errors.New("no sockets are being tried")
	}
	in := SocketsTried{ID: s.tries[0].ID, Group: s.tries[0].Group, Update: s.tries[0].Update}
	s.tries = s.tries[1:]
	if len(args) > 0 {
		in.Err = errors.New(rest(args))
	}
	s.step(in)
	return nil
}

// advance lets time pass and gives every deadline on the way its due.
func advance(s *scenario, args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	end := s.now + d
	for {
		at, ok := s.core.NextDue()
		if !ok || at > end {
			s.now = end
			return nil
		}
		s.now = at
		fmt.Fprintf(&s.out, "at %v\n", at)
		s.step(Due{})
	}
}
