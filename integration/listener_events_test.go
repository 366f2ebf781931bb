package integration

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const ear = `
[eventlistener:ear]
command=TESTPROG listen DIR/ear.log
buffer_size=1000
startsecs=0
`

// lifeOfPrograms has a program for each way that a life can go.
const lifeOfPrograms = ear + `events=PROCESS_STATE
[program:calm]
command=/bin/cat
startsecs=0
autostart=false
[program:slow]
command=/bin/cat
startsecs=1
autostart=false
[program:early]
command=/bin/cat
startsecs=100
autostart=false
[program:short]
command=/bin/sh -c "exit 3"
startsecs=5
startretries=1
autostart=false
[program:patient]
command=/bin/sh -c "exit 3"
startsecs=5
startretries=100
autostart=false
[program:missing]
command=/nonexistent/x
startretries=1
[program:good]
command=/bin/sh -c "sleep 0.3; exit 2"
exitcodes=0,2
startsecs=0
autorestart=false
autostart=false
[program:bad]
command=/bin/sh -c "sleep 0.3; exit 4"
exitcodes=0,2
startsecs=0
autorestart=false
autostart=false
[program:again]
command=/bin/cat
startsecs=0
autorestart=true
autostart=false
[program:deaf]
command=/bin/sh -c "trap '' TERM; while :; do sleep 0.1; done"
startsecs=0
stopwaitsecs=1
autostart=false
[program:many]
command=/bin/cat
process_name=p%(process_num)02d
numprocs=3
startsecs=0
autostart=false
[group:pair]
programs=left,right
[program:left]
command=/bin/cat
startsecs=0
autostart=false
[program:right]
command=/bin/cat
startsecs=0
autostart=false
`

func TestStateEventsAreThoseOfTheOriginal(t *testing.T) {
	t.Parallel()
	beside(t, lifeOfPrograms, func(s *sup) {
		s.must(0, "", "start", "calm", "slow", "many:*", "pair:*")
		s.must(0, "", "stop", "calm", "slow", "many:*", "pair:*")
		s.must(0, "", "start", "calm")
		s.must(0, "", "stop", "calm")

		s.xmlrpc("supervisor.startProcess", "good")
		s.waitEvent("ear.log", "EXITED processname:good", 1)
		s.xmlrpc("supervisor.startProcess", "good")
		s.waitEvent("ear.log", "EXITED processname:good", 2)
		s.xmlrpc("supervisor.startProcess", "bad")
		s.waitEvent("ear.log", "EXITED processname:bad", 1)

		s.ctl("start", "short")
		s.waitEvent("ear.log", "FATAL processname:short", 1)
		s.ctl("start", "short")
		s.waitEvent("ear.log", "FATAL processname:short", 2)
		s.waitEvent("ear.log", "FATAL processname:missing", 1)

		early := background(s.ctlCommand("start", "early"))
		s.waitEvent("ear.log", "STARTING processname:early", 1)
		s.waitState("early", "STARTING")
		s.must(0, "early: stopped", "stop", "early")
		<-early
		patient := background(s.ctlCommand("start", "patient"))
		s.waitEvent("ear.log", "BACKOFF processname:patient", 2) // two seconds until the next attempt
		s.xmlrpc("supervisor.stopProcess", "patient")
		<-patient

		s.must(0, "again: started", "start", "again")
		if err := syscall.Kill(s.waitPID("again"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.waitEvent("ear.log", "RUNNING processname:again", 2)
		s.must(0, "again: stopped", "stop", "again")

		s.must(0, "deaf: started", "start", "deaf")
		s.waitState("deaf", "RUNNING")
		pause(poll * 10) // until the shell has set its trap, under either
		s.must(0, "deaf: stopped", "stop", "deaf")
		s.waitEvent("ear.log", "STOPPED processname:deaf", 1)
	}, func(s *sup) string {
		all := s.events("ear.log")
		checkHeaders(t, s, "ear", all)
		return bySubject(all)
	})
}

// obedient is a shell that does what it is sent.
const obedient = `command=/bin/sh -c 'while read -r x; do eval "$x"; done'
startsecs=0
`

// tell has an obedient program do something.
func (s *sup) tell(name, what string) {
	s.t.Helper()
	s.xmlrpc("supervisor.sendProcessStdin", name, what+"\n")
}

func TestOtherEventsAreThoseOfTheOriginal(t *testing.T) {
	t.Parallel()
	const begin, end = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"
	beside(t, ear+`events=REMOTE_COMMUNICATION,PROCESS_COMMUNICATION,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE
[eventlistener:logs]
command=TESTPROG listen DIR/logs.log
events=process_log
startsecs=0
buffer_size=100
[supervisord]
strip_ansi=true
[program:talk]
stdout_capture_maxbytes=1KB
stderr_capture_maxbytes=1KB
`+obedient+`
[program:loud]
stdout_events_enabled=true
stderr_events_enabled=true
`+obedient+`
[program:both]
stdout_events_enabled=true
redirect_stderr=true
`+obedient+`
[program:silent]
`+obedient, func(s *sup) {
		for _, c := range [][2]string{
			{"kind", "data"}, {"", ""}, {"t\u00e9", "d\u00e9\u20ac\U0001f600"}, {"a b", "two\nlines\n"}, {"kind", "a:b c:d"}, {"<x>", "&"},
		} {
			s.xmlrpc("supervisor.sendRemoteCommEvent", c[0], c[1])
		}
		s.waitEvent("ear.log", "REMOTE_COMMUNICATION", 6)
		for _, name := range []string{"talk", "loud", "both", "silent"} {
			s.waitPID(name)
		}
		for i, what := range []string{
			`printf "before` + begin + `one` + end + `between"`, `printf "` + begin + `two\\nlines\\n` + end + `"`,
			`printf "` + begin + end + `after"`, `printf "` + begin + `bin\\377\\n` + end + `"`, `printf "` + begin + `t\\303\\251` + end + `"`,
			`printf "` + begin + `split"; printf " in` + end[:9] + `"; printf "` + end[9:] + `"`,
		} {
			s.tell("talk", what)
			s.waitEvent("ear.log", "COMMUNICATION_STDOUT", i+1)
		}
		s.tell("talk", `printf "`+begin+`oops`+end+`" >&2`)
		s.waitEvent("ear.log", "COMMUNICATION_STDERR", 1)
		for i, text := range []string{`first\\n`, `\\033[31mred\\033[0m\\n`, `bin\\377\\n`, `t\\303\\251`, `a:b c:d\\n\\nx`} {
			s.tell("loud", `printf "`+text+`"`)
			s.waitEvent("logs.log", "LOG_STDOUT processname:loud", i+1)
			s.tell("loud", `printf "`+text+`" >&2`)
			s.waitEvent("logs.log", "LOG_STDERR processname:loud", i+1)
			s.tell("both", `printf "`+text+`"`)
			s.waitEvent("logs.log", "LOG_STDOUT processname:both", 2*i+1)
			s.tell("both", `printf "`+text+`" >&2`)
			s.waitEvent("logs.log", "LOG_STDOUT processname:both", 2*i+2)
		}
		s.tell("silent", "echo nothing")
		s.must(0, "", "stop", "silent")
		s.must(0, "", "remove", "silent")
		s.must(0, "", "add", "silent")
		s.waitEvent("ear.log", "PROCESS_GROUP_ADDED groupname:silent", 2)
		s.signal(syscall.SIGHUP)
		s.waitEvent("ear.log", "SUPERVISOR_STATE_CHANGE_RUNNING", 2)
	}, func(s *sup) string {
		first, second := s.events("ear.log"), []told(nil)
		for i, e := range first {
			if i > 0 && e.header["poolserial"] == "0" {
				first, second = first[:i], first[i:]
				break
			}
		}
		checkHeaders(t, s, "ear", first)
		checkHeaders(t, s, "ear", second)
		// The serial goes on counting over a restart; that of the pool begins
		// anew.
		if last, next := first[len(first)-1].number(t, "serial"), second[0].number(t, "serial"); next <= last {
			t.Errorf("%s: serial %d after the restart, %d before", s.bin, next, last)
		}
		return fmt.Sprintf("%s-- after a restart:\n%s-- output:\n%s", bySubject(first), bySubject(second), bySubject(s.events("logs.log")))
	})
}

func TestEndIsToldAsTheOriginalTellsIt(t *testing.T) {
	t.Parallel()
	const lingers = `command=/bin/sh -c "trap 'sleep 0.5; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
startsecs=0
stdout_logfile=DIR/lingers.log
`
	beside(t, ear+`events=PROCESS_STATE_STOPPING,PROCESS_STATE_STOPPED,SUPERVISOR_STATE_CHANGE
[program:low]
priority=5
`+lingers+`[program:high]
priority=10
`+lingers, func(s *sup) {
		until(t, "both are ready", func() (string, bool) {
			text := readFile(t, s.path("lingers.log"))
			return text, text == "ready\nready\n"
		})
		s.waitEvent("ear.log", "STATE_CHANGE_RUNNING", 1)
	}, func(s *sup) string {
		all := s.events("ear.log")
		checkHeaders(t, s, "ear", all)
		var out strings.Builder
		for _, e := range all { // here the order is part of it
			out.WriteString(pidWord.ReplaceAllString(fmt.Sprintf("%s %q\n", e.name, e.payload), "pid:#"))
		}
		return out.String()
	})
}

func TestTicksComeWhenTheirSliceOfTheClockBegins(t *testing.T) {
	t.Parallel()
	beside(t, ear+"events=TICK_5,TICK_3600\n", func(s *sup) {
		for n := range 2 {
			s.waitEvent("ear.log", "^TICK_5 ", n+1)
			all := s.events("ear.log")
			when, err := strconv.ParseInt(all[len(all)-1].word("when"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if ago := time.Since(time.Unix(when, 0)); ago < 0 || ago > 2*time.Second || when%5 != 0 {
				t.Errorf("%s: tick of %d came %v after that", s.bin, when, ago)
			}
		}
	}, func(s *sup) string {
		first := s.events("ear.log")[0]
		return fmt.Sprintf("%s %s", first.name, regexp.MustCompile(`[0-9]{10}`).ReplaceAllString(first.payload, "TIME"))
	})
}

// aboutListeners are the lines of the log that follow the protocol.
var aboutListeners = regexp.MustCompile(`(?m)^\S+ \S+ ((?:DEBG|WARN|ERRO) (?:.* -> [A-Z]+|event \d+ sent to .*|.*: event was .*|.*UNKNOWN state.*|.*: bad result.*|.*overflowed.*|epipe.*))$`)

// protocolLines are those lines, sorted by the listener or the pool that they are about.
func protocolLines(log, name string) string {
	var out strings.Builder
	about := regexp.MustCompile(`\b` + name + `(-\d)?\b`)
	for _, m := range aboutListeners.FindAllStringSubmatch(log, -1) {
		// Which of several listeners is ready first is a matter of luck.
		if about.MatchString(m[1]) && !(name == "trio" && strings.HasSuffix(m[1], "READY")) {
			out.WriteString(m[1] + "\n")
		}
	}
	return out.String()
}

func TestProtocolIsThatOfTheOriginal(t *testing.T) {
	t.Parallel()
	// With a priority of its own a pool keeps its rejected events to itself,
	// under the original too.
	pools := []string{"meek", "picky", "empty", "mute", "eager", "early", "small", "dying", "trio"}
	conf := `
[supervisord]
loglevel=debug
`
	for i, pool := range pools {
		conf += fmt.Sprintf(`
[eventlistener:%s]
priority=%d
events=REMOTE_COMMUNICATION
command=TESTPROG listen DIR/%s.log `, pool, i, pool)
		conf += map[string]string{
			"meek":  "\nstartsecs=0\n",
			"picky": "fail ok fail\nstartsecs=0\n",
			"empty": `"say:RESULT 3\nOKK"` + "\nstartsecs=0\n",
			"mute":  `"say:RESULT x\n"` + "\nstartsecs=0\n",
			"eager": `"say:RESULT 2\nOKREADY\nREADY\n" hang` + "\nstartsecs=0\n",
			"early": `"say:READY\n"` + "\nstartsecs=0\n",
			"small": "\nstartsecs=0\nbuffer_size=2\nautostart=false\n",
			"dying": "first:die\nstartsecs=0\n",
			"trio":  "hang\nstartsecs=0\nprocess_name=trio-%(process_num)d\nnumprocs=3\nbuffer_size=1\n",
		}[pool]
	}
	beside(t, conf, func(s *sup) {
		for _, name := range []string{"trio-0", "trio-1", "trio-2"} {
			s.waitLog(name + ": ACKNOWLEDGED -> READY")
		}
		for _, pool := range pools[:6] {
			s.waitLog(pool + ": ACKNOWLEDGED -> READY")
		}
		s.waitLog("dying: ACKNOWLEDGED -> READY")
		for i := range 5 {
			s.xmlrpc("supervisor.sendRemoteCommEvent", "n", fmt.Sprint(i))
			s.waitEvent("meek.log", fmt.Sprintf("\n%d$", i), 1)
			s.waitEvent("picky.log", fmt.Sprintf("\n%d$", i), 1)
			s.waitEvent("dying.log", fmt.Sprintf("\n%d$", i), 1)
			pause(poll * 20) // until the answers are in
		}
		s.must(0, "small: started", "start", "small")
		s.waitEvent("small.log", "\n4$", 1)
	}, func(s *sup) string {
		var out strings.Builder
		log, _, _ := strings.Cut(s.log(), "SIGTERM indicating exit request")
		for _, pool := range pools {
			fmt.Fprintf(&out, "-- %s\n%s", pool, protocolLines(log, pool))
			for _, e := range s.events(pool + ".log") {
				fmt.Fprintf(&out, "%s %s %q\n", e.header["poolserial"], e.header["serial"], e.payload)
			}
		}
		return out.String()
	})
}
