package integration

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
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

// helped is a listener with the library that the original has for them. It starts a
// program again that has failed, and tells on stderr what it hears.
const helped = `
import os, sys
from supervisor import childutils
rpc = childutils.getRPCInterface(os.environ)
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    name = headers['eventname']
    if name.startswith('PROCESS_STATE'):
        facts, data = childutils.get_headers(payload), ''
    else:
        facts, data = childutils.eventdata(payload)
    if name == 'PROCESS_STATE_EXITED' and facts['processname'] == 'job' and not int(facts['expected']):
        data = 'started again: %s' % rpc.supervisor.startProcess('job')
    if data == 'reject me' and not os.path.exists('DIR/rejected'):
        open('DIR/rejected', 'w').close()
        childutils.listener.fail(sys.stdout)
        continue
    facts.pop('pid', None)
    print(name, sorted(facts.items()), repr(data), file=sys.stderr, flush=True)
    if data == 'tell':
        sys.stderr.flush()
        info = rpc.supervisor.getProcessInfo('job')
        print(info['name'], info['statename'], sorted(info), file=sys.stderr, flush=True)
    childutils.listener.ok(sys.stdout)
`

func TestListenerWithTheLibraryOfTheOriginal(t *testing.T) {
	t.Parallel()
	python := needPython(t)
	told := map[string]string{}
	beside(t, `
[eventlistener:helped]
command=`+python+` DIR/helped.py
events=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL,REMOTE_COMMUNICATION,PROCESS_LOG
environment=PYTHONIOENCODING="utf-8",LC_ALL="C.UTF-8"
buffer_size=1000
autostart=false
startsecs=0
stderr_logfile=DIR/helped.err
[program:job]
autorestart=false
stdout_events_enabled=true
`+obedient, func(s *sup) {
		writeFile(t, s.path("helped.py"), s.fill(helped), 0o644)
		s.must(0, "helped: started", "start", "helped")
		heard := func(text string) {
			t.Helper()
			waitFile(t, s.path("helped.err"), text)
		}
		s.tell("job", `printf "l\\303\\256ne\\n"`)
		heard("l\u00eene")
		s.tell("job", "exit 7")
		heard("started again: True")
		s.waitPID("job")
		for _, data := range []string{"plain", "", "two\nlines \u20ac\U0001f600", "reject me", "tell"} {
			s.xmlrpc("supervisor.sendRemoteCommEvent", "kind", data)
		}
		heard("job RUNNING")
		told[s.bin] = readFile(t, s.path("helped.err"))
	}, func(s *sup) string { return told[s.bin] })
}

// documentedListener returns the listener of the documents that is a shell script.
func documentedListener(t *testing.T) string {
	t.Helper()
	text := readFile(t, "../docs/listeners.md")
	_, script, ok := strings.Cut(text, "```\n#!/bin/sh\n")
	script, _, ok2 := strings.Cut(script, "```")
	if !ok || !ok2 {
		t.Fatal("docs/listeners.md has no listener in a shell")
	}
	return "#!/bin/sh\n" + script
}

func TestListenerInAShell(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no len_unit")
	s := newSup(t, `
[eventlistener:shell]
command=DIR/listener
events=PROCESS_STATE_RUNNING,REMOTE_COMMUNICATION
len_unit=bytes
buffer_size=100
priority=1
startsecs=0
autostart=false
stderr_logfile=DIR/heard
[program:cat]
command=/bin/cat
startsecs=0
`)
	writeFile(t, s.path("listener"), documentedListener(t), 0o755)
	s.start()
	s.must(0, "shell: started", "start", "shell")
	for _, data := range []string{"one", "t\u00e9\u20ac", "three lines\nof\ntext"} {
		s.xmlrpc("supervisor.sendRemoteCommEvent", "kind", data)
	}
	text := waitFile(t, s.path("heard"), "three lines\nof\ntext\n")
	if !inOrder(text, "processname:cat groupname:cat from_state:STARTING pid:", "type:kind\none\n", "type:kind\nt\u00e9\u20ac\n", "type:kind\nthree lines\nof\ntext\n") {
		t.Errorf("it has heard\n%s", text)
	}
	s.terminate()
}

// What images of containers have, so that the container ends with what it is for.
func TestListenerThatEndsTheDaemonWhenAProgramIsLost(t *testing.T) {
	t.Parallel()
	for _, signal := range []string{"TERM", "QUIT", "INT"} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, `
[eventlistener:watch]
command=DIR/watch
events=PROCESS_STATE_FATAL
startsecs=0
[program:vital]
command=/bin/sh -c "exit 1"
startretries=0
[program:cat]
command=/bin/cat
`)
			writeFile(t, s.path("watch"), "#!/bin/sh\nprintf 'READY\\n'\nread -r header\nkill -"+signal+" $PPID\nprintf 'RESULT 2\\nOK'\nexec cat\n", 0o755)
			s.launch()
			if code := s.waitExit(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			s.waitLog("gave up: vital entered FATAL state", "received SIG"+signal+" indicating exit request", "stopped: cat")
		})
	}
}

// seconds is for how long events come at full pace.
const seconds = 2

func TestTenThousandEventsASecondAreCompleteAndInOrder(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it does not come near")
	const rate, n = 10_000, 10_000 * seconds
	s := newSup(t, fmt.Sprintf(`
[eventlistener:ear]
command=TESTPROG listen DIR/ear.log
events=PROCESS_COMMUNICATION_STDOUT
buffer_size=%d
startsecs=0
stdout_logfile=NONE
priority=1
[program:comm]
command=TESTPROG comm %d %d
stdout_capture_maxbytes=1KB
stdout_logfile=NONE
stderr_logfile=DIR/comm.err
autostart=false
startsecs=0
`, n, n, rate)).start()
	s.waitPID("ear")
	begin := time.Now()
	s.must(0, "comm: started", "start", "comm")
	var all []told
	until(t, "the last event", func() (string, bool) {
		text := readFile(t, s.path("ear.log"))
		return tail(text), strings.HasSuffix(text, fmt.Sprintf("message %d\"\n", n-1))
	})
	took := time.Since(begin)
	all = s.events("ear.log")
	if len(all) != n {
		t.Fatalf("%d events of %d", len(all), n)
	}
	for i, e := range all {
		if !strings.HasSuffix(e.payload, fmt.Sprintf("\nmessage %d", i)) || e.number(t, "poolserial") != i {
			t.Fatalf("event %d is %v %q", i, e.header, e.payload)
		}
	}
	t.Logf("%d events in %v: %.0f a second", n, took, float64(n)/took.Seconds())
	if strings.Contains(s.log(), "overflowed") {
		t.Error("the queue has overflowed")
	}
	s.terminate()
}
