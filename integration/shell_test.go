package integration

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

// shell starts supervisorctl on a terminal and waits for its first prompt.
func (s *sup) shell() *screen {
	s.t.Helper()
	v := onTerminal(s.t, []string{"HOME=" + s.dir}, program("supervisorctl"), "-c", s.conf)
	v.expect("sup> ")
	return v
}

const shellConf = `[supervisorctl]
prompt=sup
history_file=DIR/history
[program:web]
command=TESTPROG signals
startsecs=0
[program:worker]
command=TESTPROG signals
numprocs=2
process_name=one%(process_num)d
startsecs=0
[program:späti]
command=TESTPROG signals
startsecs=0
`

func TestTheShellCompletesNamesOfTheServer(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it needs readline, and shows the same line in another way")
	s := newSup(t, shellConf).start()
	s.waitPID("web")
	v := s.shell()
	for _, row := range []struct {
		keys string
		want []string
	}{
		{"vers\t\r", []string{"sup> version ", "\n4."}},
		{"pid we\t\r", []string{"sup> pid web ", "\n"}},
		{"status worker:one1\t\r", []string{"sup> status worker:one1 ", "worker:one1", "RUNNING"}},
		{"status worker:on\t\t", []string{"worker:one0", "worker:one1"}},      // lists both
		{"0\r", []string{"status worker:one", "0", "worker:one0", "RUNNING"}}, // and goes on with what they share
		{"stop worker:\t\t", []string{"worker:*"}},
		{"*\r", []string{"worker:one", ": stopped", "worker:one", ": stopped"}},
		{"update wo\t\r", []string{"sup> update worker "}},
		{"status sp\t\r", []string{"sup> status späti ", "späti", "RUNNING"}},
		{"reread --di\t\r", []string{"sup> reread --diff ", "No config updates"}},
		{"help mainta\t\r", []string{"sup> help maintail ", "maintail -f"}},
		{"x\x7fpid\r", []string{"sup> pid", "\n"}},
	} {
		v.typeIn(row.keys)
		v.expect(row.want...)
		if strings.HasSuffix(row.keys, "\r") {
			v.expect("sup> ")
		}
	}
	v.typeIn("\x04")
	v.end(0)
	if got := readFile(t, s.path("history")); !strings.HasPrefix(got, "version \npid web \n") || !strings.HasSuffix(got, "\nhelp maintail \npid\n") {
		t.Errorf("history: %q", got)
	}
}

func TestTheShellOutlivesItsServer(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it needs readline, and words the loss in another way")
	s := newSup(t, shellConf).start()
	s.waitPID("web")
	v := s.shell()
	for range 2 {
		v.typeIn("status web\r")
		v.expect("RUNNING", "sup> ")
		s.terminate()
		v.typeIn("status\r")
		v.expect("unix://", "no such file", "sup> ")
		v.typeIn("stop we\t\r") // Tab finds nobody and says nothing
		v.expect("unix://", "no such file", "sup> ")
		v.typeIn("reread\r")
		v.expect("error: unix://", "no such file", "sup> ")
		s.start()
		s.waitPID("web")
		v.typeIn("pid we\t\r")
		v.expect("sup> pid web ", "sup> ")
	}
	v.typeIn("quit\r")
	v.end(0)
}

func TestTheShellFollowsTheSizeOfItsWindow(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it needs readline, which wraps long lines")
	s := newSup(t, shellConf).start()
	s.waitPID("web")
	v := s.shell()
	// In a window of 40 columns a line of 60 scrolls; all of it still counts.
	v.resize(40)
	v.expect("sup> ") // drawn anew: what is typed before may be shown in the old width
	long := "status " + strings.Repeat("web ", 14)
	v.typeIn(long + "\r")
	for range 14 {
		v.expect("web", "RUNNING")
	}
	v.expect("sup> ")
	from := v.at
	v.resize(200)
	v.expect("sup> ")
	v.typeIn(long)
	v.expect(strings.TrimSpace(long)) // in a wide one it is seen whole
	if shown := v.shown.String()[from:]; strings.Contains(shown, "\n") {
		t.Errorf("the line is broken: %q", shown)
	}
	v.typeIn("\r")
	for range 14 {
		v.expect("web", "RUNNING")
	}
	v.expect("sup> ")
	v.typeIn("\x03")
	v.end(0)
}

func TestTheShellEditsCharactersAndNotBytes(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it needs readline")
	s := newSup(t, shellConf).start()
	s.waitPID("web")
	v := s.shell()
	// Left, left, left over three letters, then backspace over one of two bytes.
	v.typeIn("status späxti\x1b[D\x1b[D\x7f\r")
	v.expect("späti", "RUNNING", "sup> ")
	v.typeIn("status spati\x1b[D\x1b[D\x1b[D\x1b[3~ä\r")
	v.expect("späti ", "RUNNING", "sup> ")
	v.typeIn("日本語\x7f\x7f\x7fpid\r")
	v.expect("\n", "\n", "sup> ") // the prompt after the answer, and not the line drawn anew
	v.typeIn("\x04")
	v.end(0)
	if shown := v.shown.String(); !utf8.ValidString(shown) || strings.Contains(shown, "Unknown syntax") {
		t.Errorf("shown: %q", shown)
	}
}

func TestTheShellWithoutATerminal(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it words the loss in another way")
	s := newSup(t, shellConf).start()
	s.waitPID("web")
	s.must(0, "web: stopped", "stop", "web")
	// No controlling terminal, no TERM, and the input a pipe.
	cmd := s.ctlCommand()
	cmd.Args = append([]string{"setsid", "env", "-u", "TERM", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = needProgram(t, "setsid")
	cmd.Stdin = strings.NewReader("status web\nnosuch\nhelp quit\nversion --json\n")
	r := runCommand(t, cmd)
	want := "sup> web                              STOPPED   "
	if r.code != 0 || r.err != "" || !strings.Contains(r.out, want) || !strings.Contains(r.out, "sup> *** Unknown syntax: nosuch\nsup> quit\t") ||
		!strings.Contains(r.out, `sup> {"result":"4.`) || !strings.HasSuffix(r.out, "\nsup> \n") || strings.Contains(r.out, "\x1b") {
		t.Errorf("exit status %d:\n%s", r.code, r.all())
	}
	closed := exec.Command("sh", "-c", `exec "$@" <&-`, "sh", program("supervisorctl"), "-c", s.conf)
	if r := runCommand(t, closed); r.code != 0 || !strings.Contains(r.out, "STOPPED") {
		t.Errorf("with a closed input: exit status %d:\n%s", r.code, r.all())
	}
}
