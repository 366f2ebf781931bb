package integration

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// follower is supervisorctl logs -f under way.
type follower struct {
	s   *sup
	cmd *exec.Cmd
	out *buffer
}

func (s *sup) follow(args ...string) *follower {
	s.t.Helper()
	f := &follower{s: s, cmd: s.ctlCommand(append([]string{"logs", "-f"}, args...)...), out: &buffer{}}
	f.cmd.Stdout, f.cmd.Stderr = f.out, f.out
	if err := f.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = f.cmd.Process.Kill(); _ = f.cmd.Wait() })
	return f
}

// want waits until the output matches.
func (f *follower) want(pattern string) string {
	f.s.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	var text string
	until(f.s.t, "logs shows "+pattern, func() (string, bool) {
		text = f.out.String()
		return tail(text), re.MatchString(text)
	})
	return text
}

// interrupt ends it as Ctrl-C does.
func (f *follower) interrupt() {
	f.s.t.Helper()
	if err := f.cmd.Process.Signal(syscall.SIGINT); err != nil {
		f.s.t.Fatal(err)
	}
	if err := f.cmd.Wait(); err != nil {
		f.s.t.Errorf("Ctrl-C: %v", err)
	}
}

// TestFollowedLogsHaveEveryLineOnce has programs write to a log that is rotated
// again and again, and into memory, twice, while one supervisorctl follows.
func TestFollowedLogsHaveEveryLineOnce(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no logs")
	const count = 2000
	s := newSup(t, fmt.Sprintf(`[program:beacon]
command=TESTPROG words OUT:ready
[program:filed]
command=TESTPROG lines filed %[1]d 10
autostart=false
stdout_logfile=DIR/filed.log
stdout_logfile_maxbytes=10KB
stdout_logfile_backups=3
[program:kept]
command=TESTPROG lines kept %[1]d 10
autostart=false
stdout_logfile=NONE
stderr_logfile=NONE
`, count)).start()
	s.waitState("beacon", "RUNNING")
	f := s.follow("-n", "1")
	f.want(`^beacon \| ready$`)
	for run := 1; run <= 2; run++ {
		s.ctl("restart", "filed", "kept")
		for _, name := range []string{"filed", "kept"} {
			f.want(fmt.Sprintf(`(?s)(^%s +\| lines done$.*){%d}`, name, run))
			f.want(fmt.Sprintf(`(?s)(^%s +\| %[1]s %07d x+$.*){%d}`, name, count, run))
		}
	}
	f.interrupt()
	next := map[string]int{}
	line := regexp.MustCompile(`^(filed |kept  ) \| (filed|kept) (\d{7}) x{10}$`)
	for text := range strings.Lines(f.out.String()) {
		text = strings.TrimSuffix(text, "\n")
		if strings.HasSuffix(text, "| ready") || strings.HasSuffix(text, "| lines done") {
			continue
		}
		m := line.FindStringSubmatch(text)
		if m == nil || strings.TrimSpace(m[1]) != m[2] {
			t.Fatalf("%q is no line of a program", text)
		}
		if want := next[m[2]]%count + 1; m[3] != fmt.Sprintf("%07d", want) {
			t.Fatalf("%s: line %s, want %d", m[2], m[3], want)
		}
		next[m[2]]++
	}
	if next["filed"] != 2*count || next["kept"] != 2*count {
		t.Errorf("got %v lines, want %d of each", next, 2*count)
	}
}

func TestFollowedLogsIncludeWhatIsAddedLater(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no logs")
	const first = "[program:first]\ncommand=TESTPROG words OUT:ready\n"
	s := newSup(t, first).start()
	s.waitState("first", "RUNNING")
	f := s.follow()
	f.want(`^first \| ready$`)
	s.write(first + "[program:second]\ncommand=TESTPROG words OUT:late ERR:worry\nstderr_logfile=NONE\n")
	s.must(0, "second: added process group", "update")
	f.want(`^second \| late$`)
	f.want(`^second \| worry$`)
	s.write(first + "[program:second]\ncommand=TESTPROG words OUT:changed\n")
	s.must(0, "second: updated process group", "update")
	f.want(`^second \| changed$`)
	f.interrupt()
	gone := s.follow()
	gone.want(`^first  \| ready$`)
	s.terminate()
	gone.want(`^error: unix:.* connection lost`)
}

// TestLogsOfTheOriginal drives the original with our supervisorctl.
func TestLogsOfTheOriginal(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no logs")
	foreign := needProgram(t, "supervisord")
	s := newSup(t, `[program:web]
command=TESTPROG signals
startsecs=0
stdout_logfile=DIR/web.log
[program:none]
command=TESTPROG words OUT:lost
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
`)
	s.wrap = func(cmd *exec.Cmd) { cmd.Path = foreign }
	s.start()
	s.waitState("web", "RUNNING")
	waitFile(t, s.path("web.log"), "ready")
	s.must(0, "web  | ready ", "logs")
	s.must(1, "none: ERROR (no log file)\n", "logs", "none")
	s.must(0, `{"data":{"group":"web","name":"web","channel":"stdout","data":"ready `, "logs", "web", "--json")
	f := s.follow("web")
	f.want(`^web \| ready \d+$`)
	s.must(0, "web: signalled", "signal", "USR1", "web")
	f.want(`^web \| got USR1$`)
	s.must(0, "web: started", "restart", "web")
	f.want(`(?s)^web \| bye after TERM$.*^web \| ready \d+$`)
	f.interrupt()
}

// TestForegroundOfAProgramWithoutALog types into it on a terminal.
func TestForegroundOfAProgramWithoutALog(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it shows nothing of a program without a log")
	s := newSup(t, "[program:mute]\ncommand=TESTPROG echo\nstdout_logfile=NONE\nstderr_logfile=NONE\n").start()
	s.waitState("mute", "RUNNING")
	v := onTerminal(t, nil, program("supervisorctl"), "-c", s.conf, "fg", "mute")
	v.expect("==> Press Ctrl-C to exit <==")
	v.typeIn("hällo\r")
	v.expect("echo hällo")
	v.typeIn("again\r")
	v.expect("echo again")
	v.typeIn("\x03")
	v.expect("Exiting foreground")
	v.end(0)
	// What it said is still there, for those who come later.
	s.must(0, "echo hällo\necho again\n", "tail", "mute")
	w := onTerminal(t, nil, program("supervisorctl"), "-c", s.conf, "tail -f mute")
	w.expect("echo again")
	s.dial().send(`{"id":1,"method":"supervisor.sendProcessStdin","params":["mute","third\n"]}`)
	w.expect("echo third")
	w.typeIn("\x03")
	w.end(0)
}

// TestLogsOnATerminal has a program send sequences that would clear the screen.
func TestLogsOnATerminal(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no logs")
	s := newSup(t, "[program:evil]\ncommand=TESTPROG words \"OUT:\x1b[2J\x1b[31mred\x1b[0m \x07end\"\nstdout_logfile=NONE\n"+
		"[program:good]\ncommand=TESTPROG words OUT:fine\n").start()
	s.waitState("evil", "RUNNING")
	s.waitState("good", "RUNNING")
	v := onTerminal(t, []string{"NO_COLOR="}, program("supervisorctl"), "-c", s.conf, "logs", "-f")
	v.expect("\x1b[36mevil |\x1b[0m \\x1b[2J\x1b[31mred\x1b[0m \\x07end\x1b[0m\r\n", "\x1b[33mgood |\x1b[0m fine\r\n")
	v.typeIn("\x03")
	v.end(0)
	v = onTerminal(t, nil, program("supervisorctl"), "-c", s.conf, "logs", "evil")
	v.expect("evil | \\x1b[2Jred \\x07end\r\n")
	v.end(0)
	// In the shell Ctrl-C ends the command and not the shell.
	v = onTerminal(t, nil, program("supervisorctl"), "-c", s.conf)
	v.expect("supervisor> ")
	v.typeIn("logs -f good\r")
	v.expect("good | fine\r\n")
	v.typeIn("\x03")
	v.expect("supervisor> ")
	v.typeIn("quit\r")
	v.end(0)
	// In a pipe every byte is as it was written.
	s.must(0, "evil | \x1b[2J\x1b[31mred\x1b[0m \x07end\n", "logs", "evil")
}
