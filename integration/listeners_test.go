package integration

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// needPython returns the interpreter that the original is installed for, with its
// samples and its library for listeners.
func needPython(t *testing.T) string {
	t.Helper()
	for _, file := range []string{"childutils.py", "scripts/sample_eventlistener.py"} {
		if _, err := os.Stat("/usr/lib/python3/dist-packages/supervisor/" + file); err != nil {
			skip(t, fmt.Sprintf("%v (see packages.txt)", err))
		}
	}
	return needProgram(t, "/usr/bin/python3")
}

func TestSampleListenersOfTheOriginal(t *testing.T) {
	t.Parallel()
	python := needPython(t)
	run := func(script string) string { return "command=" + python + " -m supervisor.scripts." + script + "\n" }
	told := map[string]string{} // by the directory of the programs
	pid := regexp.MustCompile(`pid:\d+`)
	serials := regexp.MustCompile(`\b(pool)?serial:\d+`)
	beside(t, ear+`events=PROCESS_COMMUNICATION
[eventlistener:sample]
`+run("sample_eventlistener")+`events=REMOTE_COMMUNICATION,PROCESS_STATE_STOPPED
buffer_size=100
priority=1
startsecs=0
stdout_logfile=DIR/sample.out
stderr_logfile=DIR/sample.err
[eventlistener:exiting]
`+run("sample_exiting_eventlistener")+`events=REMOTE_COMMUNICATION
buffer_size=100
priority=2
startsecs=0
autorestart=true
stdout_logfile=DIR/exiting.out
stderr_logfile=DIR/exiting.err
[eventlistener:loop]
`+run("loop_listener")+`events=REMOTE_COMMUNICATION
buffer_size=100
priority=3
startsecs=0
stdout_logfile=DIR/loop.out
stderr_logfile=DIR/loop.err
[program:comm]
`+run("sample_commevent")+`stdout_capture_maxbytes=1MB
priority=4
startsecs=0
autorestart=false
stdout_logfile=DIR/comm.out
[program:cat]
command=/bin/cat
startsecs=0
`, func(s *sup) {
		s.waitEvent("ear.log", "PROCESS_COMMUNICATION_STDOUT", 3)
		for i := range 3 {
			s.xmlrpc("supervisor.sendRemoteCommEvent", "n", fmt.Sprint(i))
		}
		s.must(0, "cat: stopped", "stop", "cat")
		waitFile(t, s.path("sample.err"), "processname:cat")
		for _, name := range []string{"sample", "exiting", "loop"} {
			until(t, name+" has answered everything", func() (string, bool) {
				text := readFile(t, s.path(name+".out"))
				return text, strings.Count(text, "RESULT") >= 3 && strings.HasSuffix(text, "READY\n")
			})
		}
		until(t, "the one that heard of the stop has answered too", func() (string, bool) {
			text := readFile(t, s.path("sample.out"))
			return text, strings.Count(text, "READY\n") == 5
		})
		var out strings.Builder
		for _, file := range []string{"sample.out", "sample.err", "exiting.out", "exiting.err", "loop.out", "loop.err", "comm.out"} {
			text := serials.ReplaceAllString(pid.ReplaceAllString(readFile(t, s.path(file)), "pid:#"), "${1}serial:#")
			fmt.Fprintf(&out, "-- %s\n%s\n", file, text)
		}
		var comm []string
		for _, e := range s.events("ear.log")[:3] {
			comm = append(comm, pid.ReplaceAllString(e.payload, "pid:#"))
		}
		told[s.bin] = out.String() + strings.Join(slices.Compact(comm), "\n")
	}, func(s *sup) string { return told[s.bin] })
}
