package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// linesOf returns the lines of a log that begin with a word.
func linesOf(text, word string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, word) {
			list = append(list, strings.TrimSuffix(line, "\n"))
		}
	}
	return list
}

// TestLinesOfProgramsOnOneStdoutAreNeverMixed has four programs write at once, two
// of them to stderr, into one pipe.
func TestLinesOfProgramsOnOneStdoutAreNeverMixed(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no log_format")
	const lines = 5000
	conf := "[supervisord]\nsilent=true\n[program-defaults]\nlog_format=prefix\nstderr_logfile=NONE\nautorestart=false\nstartsecs=0\n"
	for i := range 4 {
		conf += fmt.Sprintf("[program:p%d]\ncommand=TESTPROG lines p%d %d %d\nstdout_logfile=%s\n", i, i, lines, 20+100*i,
			[]string{"/dev/stdout", "/dev/stderr", "-", "/proc/self/fd/2"}[i])
	}
	s := newSup(t, conf).start()
	for i := range 4 {
		word := fmt.Sprintf("p%d", i)
		until(t, "the last line of "+word, func() (string, bool) {
			text := s.out.String()
			return tail(text), strings.Contains(text, fmt.Sprintf("%s | %s %07d", word, word, lines))
		})
	}
	s.terminate()
	text := s.out.String()
	if got := strings.Count(text, "\n"); got != 4*lines {
		t.Errorf("%d lines, want %d", got, 4*lines)
	}
	for i := range 4 {
		word := fmt.Sprintf("p%d", i)
		got := linesOf(text, word+" | ")
		if len(got) != lines {
			t.Errorf("%s: %d lines, want %d", word, len(got), lines)
		}
		for n, line := range got {
			head := fmt.Sprintf("%s | %s %07d x", word, word, n+1)
			if !strings.HasPrefix(line, head) || strings.Trim(line[len(head):], "x") != "" {
				t.Fatalf("line %d of %s is %q", n+1, word, line)
			}
		}
	}
}

// TestAQuestionReachesTheContainersLog although it is no whole line, and its
// program says nothing more.
func TestAQuestionReachesTheContainersLog(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no log_format")
	s := newSup(t, `
[program:ask]
command=/bin/sh -c 'printf "who are you? "; read name; echo "hello $name"; printf "bye"'
stdout_logfile=/dev/stdout
log_format=json
log_partial_ms=50
autorestart=false
startsecs=0
`).start()
	const head = `{"group":"ask","name":"ask","channel":"stdout",`
	until(t, "the question", func() (string, bool) {
		return s.out.String(), strings.Contains(s.out.String(), head+`"partial":true,"line":"who are you? "}`+"\n")
	})
	s.must(0, "", "stop", "ask")
	until(t, "the end of its line", func() (string, bool) {
		return s.out.String(), strings.Contains(s.out.String(), head+`"line":""}`+"\n")
	})
	s.terminate()
}

// TestFormsOfTheContainersLog shows each of them, and that the last line of a
// program is there before its exit is told.
func TestFormsOfTheContainersLog(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no log_format")
	say := `command=/bin/sh -c 'printf "caf\\303\\251 \\377\\n\\377last"'
stdout_logfile=/dev/stdout
autorestart=false
startsecs=0
`
	s := newSup(t, "[program:raw]\nautostart=false\n"+say+"[program:plain]\nlog_format=prefix\nlog_prefix=%(group_name)s/%(process_name)s>\n"+say+
		"[program:js]\nlog_format=json\nlog_timestamps=epoch\n"+say+"[program:fmt]\nlog_format=logfmt\nlog_max_line=64\n"+say).start()
	until(t, "what all have said", func() (string, bool) {
		text := s.out.String()
		return text, inOrder(text, "plain/plain> caf\u00e9 \xff\n", "plain/plain> \xfflast\n", "exited: plain") &&
			inOrder(text, "group=fmt name=fmt channel=stdout line=\"caf\u00e9 \\xff\"\n", `line="\xfflast"`+"\n", "exited: fmt") &&
			inOrder(text, "\"name\":\"js\"", "exited: js")
	})
	// Last, since what comes next stands behind a line that it leaves unfinished.
	s.must(0, "raw: started\n", "start", "raw")
	until(t, "what the raw one has said", func() (string, bool) {
		text := s.out.String()
		return text, inOrder(text, "\ncaf\u00e9 \xff", "\n\xfflast", "exited: raw")
	})
	seen := 0
	for _, line := range linesOf(s.out.String(), `{"time":`) {
		var o struct {
			Time   float64
			Name   string
			Line   string
			Base64 []byte
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil || o.Name != "js" || o.Time < 1e9 {
			t.Errorf("%v: %s", err, line)
		}
		if want := []string{"caf\u00e9 \xff", "\xfflast"}[seen]; string(o.Base64) != want {
			t.Errorf("got %q, want %q", o.Base64, want)
		}
		seen++
	}
	if seen != 2 {
		t.Errorf("%d lines of json, want 2:\n%s", seen, s.out.String())
	}
	s.terminate()
}

// TestADashIsOurOwnOutput and ./- is a file.
func TestADashIsOurOwnOutput(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it makes a file of that name")
	s := newSup(t, `
[program:p]
command=TESTPROG words OUT:to-stdout ERR:to-stderr
stdout_logfile=-
stderr_logfile=-
[program:q]
command=TESTPROG words OUT:to-a-file
stdout_logfile=./-
`)
	file, err := os.Create(s.path("errors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s.wrap = func(cmd *exec.Cmd) { cmd.Stderr = file }
	s.start()
	waitFile(t, s.path("errors"), "to-stderr\n")
	until(t, "the output", func() (string, bool) { return s.out.String(), strings.Contains(s.out.String(), "to-stdout\n") })
	waitFile(t, s.path("-"), "to-a-file\n")
	s.terminate()
}
