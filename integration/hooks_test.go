package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// peakMemory returns the most memory that the daemon has had, in MiB.
func (s *sup) peakMemory() int {
	s.t.Helper()
	var kb int
	if _, err := fmt.Sscan(statusField(s.t, s.pid, "VmHWM"), &kb); err != nil {
		s.t.Fatal(err)
	}
	return kb >> 10
}

// remote sends REMOTE_COMMUNICATION events, all in one go.
func (s *sup) remote(kind string, from, n int) {
	s.t.Helper()
	w := s.dial()
	var requests strings.Builder
	for i := range n {
		fmt.Fprintf(&requests, `{"id":%d,"method":"supervisor.sendRemoteCommEvent","params":[%q,"%d"]}`+"\n", i, kind, from+i)
	}
	w.send(strings.TrimSuffix(requests.String(), "\n"))
	for range n {
		if r := w.receive(); r.Error != nil {
			s.t.Fatalf("sendRemoteCommEvent: %+v", *r.Error)
		}
	}
}

func TestHookIsToldOfItsEvent(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	needRoot(t)
	s := newSup(t, `
[supervisord]
environment=SHARED="yes"
[program:bad]
command=/bin/sh -c "exit 3"
startretries=0
[program:other]
command=/bin/sh -c "exit 3"
startretries=0
[hook:page]
events=process_state_fatal, PROCESS_STATE_EXITED
programs=bad
command=/bin/sh -c 'echo "$(id -un) $(pwd) $(umask)" >who; env | sort >env; cat >event'
user=nobody
directory=DIR/hook
umask=027
environment=MINE="%(hook_name)s"
`)
	s.env = []string{"SUPERVISOR_EVENT_PID=of a supervisor above us"}
	if err := os.Mkdir(s.path("hook"), 0o755); err != nil {
		t.Fatal(err)
	}
	chown(t, "nobody", s.path("hook"))
	s.start()
	line := waitFile(t, s.path("hook/event"), "\n")
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if at, _ := got["time"].(string); len(at) != len("2026-11-22T15:00:00.000Z") {
		t.Errorf("time is %v", got["time"])
	}
	delete(got, "time")
	want := map[string]any{"hook": "page", "event": "PROCESS_STATE_FATAL", "server": "supervisor", "process": "bad", "group": "bad", "from_state": "BACKOFF"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the event is %v, want %v", got, want)
	}
	if got, want := readFile(t, s.path("hook/who")), "nobody "+s.path("hook")+" 0027\n"; got != want {
		t.Errorf("it runs as %q, want %q", got, want)
	}
	env := "\n" + readFile(t, s.path("hook/env"))
	for _, v := range []string{
		"SUPERVISOR_ENABLED=1", "SUPERVISOR_HOOK=page", "SUPERVISOR_EVENT=PROCESS_STATE_FATAL", "SUPERVISOR_PROCESS_NAME=bad", "SUPERVISOR_GROUP_NAME=bad",
		"SUPERVISOR_EVENT_FROM_STATE=BACKOFF", "SUPERVISOR_SERVER_URL=unix://" + s.path("s.sock"), "SHARED=yes", "MINE=page",
	} {
		if !strings.Contains(env, "\n"+v+"\n") {
			t.Errorf("the environment lacks %s:%s", v, env)
		}
	}
	if strings.Contains(env, "SUPERVISOR_EVENT_PID") {
		t.Errorf("it is told of somebody else's event:%s", env)
	}
	s.waitState("other", "FATAL")
	s.terminate()
}

func TestHookThatHangsIsKilledWithItsChildren(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	s := newSup(t, `
[supervisord]
loglevel=debug
[hook:stuck]
events=REMOTE_COMMUNICATION
timeout=1
command=/bin/sh -c 'trap "" TERM; sleep 1000 & echo $$ $! >DIR/pids; sleep 1000; true'
`).start()
	s.remote("x", 0, 1)
	var shell, sleep int
	text := waitFile(t, s.path("pids"), "\n")
	if _, err := fmt.Sscan(text, &shell, &sleep); err != nil {
		t.Fatal(err)
	}
	s.healthy() // while it hangs
	s.waitLog("DEBG hook stuck: started with pid "+strconv.Itoa(shell)+" for REMOTE_COMMUNICATION",
		"WARN hook stuck: not done with REMOTE_COMMUNICATION after 1 seconds, killing its process group",
		"DEBG hook stuck: ended (terminated by SIGKILL)")
	waitDead(t, shell)
	waitDead(t, sleep)
	if text := s.log(); strings.Contains(text, fmt.Sprintf("reaped unknown pid %d ", shell)) {
		t.Error("the command of a hook was taken for an orphan")
	}
	s.terminate()
}

func TestHooksHoldNothingUp(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	s := newSup(t, `
[program:cat]
command=/bin/cat
autostart=false
[hook:slow]
events=REMOTE_COMMUNICATION
buffer_size=5
parallel=3
command=/bin/sh -c 'echo $SUPERVISOR_EVENT_TYPE >>DIR/done; while [ ! -e DIR/go ]; do sleep 0.1; done'
`).start()
	s.remote("a", 0, 1000)
	waitFile(t, s.path("done"), "a\na\na\n")
	s.must(0, "cat: started", "start", "cat")
	// Three run, five wait.
	s.waitLog("ERRO hook slow: 5 events wait already, dropping REMOTE_COMMUNICATION and what follows")
	if text := s.log(); strings.Count(text, "hook slow") != 1 {
		t.Errorf("the log tells of each of them:\n%s", tail(text))
	}
	if n := len(descendants(s.pid)); n > 3*2+1 {
		t.Errorf("%d processes run", n)
	}
	writeFile(t, s.path("go"), "", 0o644)
	waitFile(t, s.path("done"), strings.Repeat("a\n", 8))
	s.waitLog("ERRO hook slow: there is room again; dropped meanwhile: 992, in all: 992")
	s.remote("b", 0, 1)
	waitFile(t, s.path("done"), "b\n")
	if got := readFile(t, s.path("done")); got != strings.Repeat("a\n", 8)+"b\n" {
		t.Errorf("it ran for %q", got)
	}
	s.terminate()
}

func TestFailuresAndOutputOfHooksAreLogged(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	s := newSup(t, `
[hook:missing]
events=REMOTE_COMMUNICATION
command=/nonexistent/x
[hook:fails]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'echo out; echo err >&2; printf "\\033[2Jclear"; exit 3'
[hook:dies]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'kill -9 $$'
[hook:nowhere]
events=REMOTE_COMMUNICATION
command=/bin/true
directory=/nonexistent
[hook:flood]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'head -c 100000000 /dev/zero; echo last'
[hook:left]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'sleep 1000 & echo $! >DIR/left'
timeout=0
[hook:deaf]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'exec <&-; touch DIR/deaf'
`).start()
	s.xmlrpc("supervisor.sendRemoteCommEvent", "x", strings.Repeat("y", 300_000)) // more than a pipe holds
	for _, text := range []string{
		"ERRO hook missing: cannot be run for REMOTE_COMMUNICATION: can't find command '/nonexistent/x'",
		"INFO hook fails: out\n", "INFO hook fails: err\n", `INFO hook fails: \x1b[2Jclear` + "\n",
		"WARN hook fails: failed for REMOTE_COMMUNICATION (exit status 3)",
		"WARN hook dies: failed for REMOTE_COMMUNICATION (terminated by SIGKILL)",
		"WARN hook nowhere: failed for REMOTE_COMMUNICATION (exit status 127)",
		"INFO hook flood: (and 99995909 bytes more)",
	} {
		s.waitLog(text)
	}
	until(t, "the hook that closes its input is done", func() (string, bool) {
		_, err := os.Lstat(s.path("deaf"))
		return fmt.Sprint(err), err == nil
	})
	// What a command leaves behind runs on, and is waited for by nobody.
	var pid int
	if _, err := fmt.Sscan(waitFile(t, s.path("left"), "\n"), &pid); err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Error("what a hook has left behind is gone")
	}
	if mb := s.peakMemory(); mb > 100 {
		t.Errorf("the daemon has used %d MiB", mb)
	}
	s.healthy()
	s.terminate()
}

func TestUpdateChangesHooks(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	const one = `
[program:cat]
command=/bin/cat
[hook:one]
events=REMOTE_COMMUNICATION
command=/bin/sh -c 'echo WORD >>DIR/out'
`
	s := newSup(t, strings.Replace(one, "WORD", "first", 1)).start()
	pid := s.waitPID("cat")
	s.remote("x", 0, 1)
	waitFile(t, s.path("out"), "first\n")
	s.write(strings.Replace(one, "WORD", "second", 1) + "[hook:two]\nevents=REMOTE_COMMUNICATION\ncommand=/bin/sh -c 'echo two >>DIR/two'\n")
	s.must(0, "hook:one: changed\nhook:two: available\n", "reread")
	s.must(0, "hook:two: would be added", "update", "--dry-run")
	s.remote("x", 0, 1)
	waitFile(t, s.path("out"), "first\nfirst\n") // neither has changed anything
	s.must(0, "hook:one: updated hook\nhook:two: added hook\n", "update")
	s.must(0, "", "update")
	s.remote("x", 0, 1)
	waitFile(t, s.path("out"), "first\nfirst\nsecond\n")
	waitFile(t, s.path("two"), "two\n")
	s.write("[program:cat]\ncommand=/bin/cat\n")
	s.must(0, "hook:one: removed hook\nhook:two: removed hook\n", "update")
	s.remote("x", 0, 1)
	s.must(0, "", "update")
	if got := s.waitPID("cat"); got != pid {
		t.Errorf("pid of cat %d, had %d", got, pid)
	}
	s.terminate()
	if got := readFile(t, s.path("two")); got != "two\n" {
		t.Errorf("a hook that is gone has run: %q", got)
	}
}

func TestHooksOfTheEnd(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	s := newSup(t, `
[program:cat]
command=/bin/cat
[hook:bye]
events=SUPERVISOR_STATE_CHANGE_STOPPING
command=/bin/sh -c 'sleep 0.5; cat >>DIR/bye'
[hook:last]
events=PROCESS_STATE_STOPPED
command=/bin/sh -c 'sleep 0.5; cat >>DIR/last'
`).start()
	s.waitPID("cat")
	s.signal(syscall.SIGHUP)
	waitFile(t, s.path("bye"), "SUPERVISOR_STATE_CHANGE_STOPPING")
	waitFile(t, s.path("last"), `"event":"PROCESS_STATE_STOPPED"`)
	s.waitLog("supervisord started", "INFO waiting for hooks to end", "supervisord started")
	s.waitListening()
	s.waitPID("cat")
	s.terminate()
	if n := strings.Count(readFile(t, s.path("last")), "PROCESS_STATE_STOPPED"); n != 2 {
		t.Errorf("the hook ran to its end %d times, want 2", n)
	}
}

func TestHookThatHoldsUpTheEndIsKilled(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no hooks")
	s := newSup(t, `
[hook:bye]
events=SUPERVISOR_STATE_CHANGE_STOPPING
command=/bin/sh -c 'echo $$ >DIR/pid; sleep 1000; true'
`).start()
	s.ctl("pid") // asked to leave before it has begun, it would start nothing any more
	s.terminate()
	var pid int
	if _, err := fmt.Sscan(waitFile(t, s.path("pid"), "\n"), &pid); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("the hook is still there")
	}
	s.waitLog("WARN hook bye: not done with SUPERVISOR_STATE_CHANGE_STOPPING, killing its process group")
}
