package integration

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// theirs is a daemon of the original that our supervisorctl drives.
type theirs struct {
	*sup
	options []string
}

func newTheirs(t *testing.T, conf string, options ...string) *theirs {
	t.Helper()
	daemon := needProgram(t, "supervisord")
	oursOnly(t, "it drives itself everywhere else")
	s := newSup(t, conf)
	s.bin = filepath.Dir(daemon)
	s.start()
	return &theirs{s, options}
}

func (o *theirs) command(args ...string) *exec.Cmd {
	cmd := o.ctlCommand()
	cmd.Path = program("supervisorctl")
	cmd.Args = append(append([]string{cmd.Path, "-c", o.conf}, o.options...), args...)
	return cmd
}

// does requires the output and the exit status of a command.
func (o *theirs) does(line string, code int, want string) {
	o.t.Helper()
	r := runCommand(o.t, o.command(strings.Fields(line)...))
	if r.code != code || r.all() != want {
		o.t.Fatalf("%s: exit status %d, want %d; got:\n%s\nwant:\n%s", line, r.code, code, r.all(), want)
	}
}

// shows requires a text in the output of a command that succeeds.
func (o *theirs) shows(line, want string) {
	o.t.Helper()
	until(o.t, line+" shows "+want, func() (string, bool) {
		r := runCommand(o.t, o.command(strings.Fields(line)...))
		return r.all(), r.code == 0 && strings.Contains(r.out, want)
	})
}

// follows does so for a command line.
func (o *theirs) follows(line, typed string, texts ...string) string {
	o.t.Helper()
	return follow(o.t, o.command(strings.Fields(line)...), typed, texts...)
}

// follow starts a command that goes on until it is interrupted, types when it has
// begun, waits for each of the texts, and ends it.
func follow(t testing.TB, cmd *exec.Cmd, typed string, texts ...string) string {
	t.Helper()
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	until(t, fmt.Sprintf("%q begins", cmd.Args), func() (string, bool) { return out.String(), strings.Contains(out.String(), "==> Press Ctrl-C") })
	if _, err := io.WriteString(keys, typed); err != nil {
		t.Fatal(err)
	}
	until(t, fmt.Sprintf("%q shows %q", cmd.Args, texts), func() (string, bool) { return out.String(), inOrder(out.String(), texts...) })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("%q, ended with Ctrl-C: %v:\n%s", cmd.Args, err, out)
	}
	return out.String()
}

const theirsConf = `[inet_http_server]
port=127.0.0.1:PORT
username=joe
password=a:b c
[program:cat]
command=/bin/cat
startsecs=0
stdout_logfile=%(here)s/cat.log
[program:talk]
command=/bin/sh -c "echo some words; echo an error >&2; exec sleep 1000"
startsecs=0
stdout_logfile=%(here)s/talk.log
stderr_logfile=%(here)s/talk.err
[program:two]
command=/bin/cat
process_name=two%(process_num)d
numprocs=2
startsecs=0
[program:idle]
command=/bin/cat
autostart=false
startsecs=0
`

func TestOursDrivesTheOriginalWithEveryVerb(t *testing.T) {
	for name, options := range map[string][]string{"on a socket": nil, "on a port": {"-s", "http://127.0.0.1:PORT", "-u", "joe", "-p", "a:b c"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := strings.NewReplacer("PORT", fmt.Sprint(freePort(t)))
			for i := range options {
				options[i] = port.Replace(options[i])
			}
			o := newTheirs(t, port.Replace(theirsConf), options...)
			o.shows("status talk", "RUNNING")
			o.looking()
			o.acting()
			o.following()
			o.changing(port.Replace)
			o.ending()
			if log := o.log(); strings.Contains(log, "uncaptured") || strings.Contains(log, "Traceback") {
				t.Errorf("we left a traceback in the log of the original:\n%s", log)
			}
		})
	}
}

// looking tries the verbs that change nothing.
func (o *theirs) looking() {
	o.t.Helper()
	o.shows("status cat two:*", "two:two1")
	o.does("status nosuch", 4, "nosuch: ERROR (no such process)\n")
	o.does("version", 0, runCommand(o.t, exec.Command(filepath.Join(o.bin, "supervisord"), "-v")).out)
	o.does("pid", 0, fmt.Sprintln(o.pid))
	o.does("pid idle", 7, "0\n")
	o.does("avail", 0, `cat                              in use    auto      999:999
idle                             in use    manual    999:999
talk                             in use    auto      999:999
two:two0                         in use    auto      999:999
two:two1                         in use    auto      999:999
`)
	o.shows("tail talk", "some words\n")
	o.does("tail -6 talk", 0, "words\n\n")
	o.does("tail talk stderr", 0, "an error\n\n")
	o.does("tail nosuch", 1, "nosuch: ERROR (no such process name)\n")
	o.shows("maintail", "spawned: 'talk'")
	o.shows("help status", "status <gname>:*")
	o.does("reread", 0, "No config updates to processes\n")
	o.does("reread --diff", 1, "ERROR: the server does not tell which keys differ\n")
	o.does("metrics", 1, "ERROR: the server does not count anything\n")
	o.does("status nosuch --json", 4, `{"result":[{"name":"nosuch","group":"nosuch","status":10,"description":"BAD_NAME: nosuch"}]}`+"\n")
}

// acting tries those that act on processes.
func (o *theirs) acting() {
	o.t.Helper()
	o.does("start idle cat", 0, "idle: started\ncat: ERROR (already started)\n")
	o.does("stop idle", 0, "idle: stopped\n")
	o.does("start nosuch", 1, "nosuch: ERROR (no such process)\n")
	o.does("start nosuch:*", 2, "nosuch: ERROR (no such group)\n")
	o.does("restart cat", 0, "cat: stopped\ncat: started\n")
	o.does("signal HUP idle", 7, "idle: ERROR (not running)\n")
	o.does("signal NOPE cat", 1, "cat: ERROR (bad signal name)\n")
	o.does("signal CONT cat", 0, "cat: signalled\n")
	o.does("clear talk", 0, "talk: cleared\n")
	o.does("tail talk", 0, "\n")
	o.does("stop cat --json", 0, `{"result":[{"name":"cat","group":"cat","status":80,"description":"OK"}]}`+"\n")
	o.does("start cat", 0, "cat: started\n")
	o.does("remove cat", 1, "ERROR: process/group still running: cat\n")
	o.does("stop cat", 0, "cat: stopped\n")
	o.does("remove cat", 0, "cat: removed process group\n")
	o.does("add cat", 0, "cat: added process group\n")
	o.does("add cat", 0, "ERROR: process group already active\n")
	o.shows("status cat", "RUNNING")
	url := "unix://" + o.path("s.sock")
	o.shows("open "+url, "two:two0")
}

// following tries those that go on.
func (o *theirs) following() {
	o.t.Helper()
	o.does("start nosuch", 1, "nosuch: ERROR (no such process)\n")
	if out := o.follows("fg cat", "one line\nänother\n", "==> Press Ctrl-C", "one line\n", "änother\n"); !strings.HasSuffix(out, "Exiting foreground\n") {
		o.t.Errorf("fg ended with %q", out)
	}
	if out := o.follows("tail -f cat", "", "==> Press Ctrl-C", "one line\nänother\n"); !strings.HasSuffix(out, "\n\n") {
		o.t.Errorf("tail -f ended with %q", out)
	}
	o.follows("maintail -f", "", "==> Press Ctrl-C", "INFO")
	o.does("tail -f nosuch", 0, "==> Press Ctrl-C to exit <==\n"+o.url()+"/logtail/nosuch/stdout Cannot read, status code 404\n")
	o.does("fg idle", 1, "ERROR: process not running\n")
}

func (o *theirs) url() string {
	if len(o.options) > 0 {
		return o.options[1]
	}
	return "unix://" + o.path("s.sock")
}

// changing tries reread and update.
func (o *theirs) changing(fill func(string) string) {
	o.t.Helper()
	changed := strings.Replace(fill(theirsConf), "numprocs=2", "numprocs=3", 1)
	changed, _, _ = strings.Cut(changed, "[program:idle]")
	o.write(changed + "[program:new]\ncommand=/bin/cat\nstartsecs=0\n")
	o.does("reread", 0, "idle: disappeared\nnew: available\ntwo: changed\n")
	o.does("update nosuch idle", 1, "ERROR: no such group: nosuch\nidle: stopped\nidle: removed process group\n")
	o.does("update", 0, "two: stopped\ntwo: updated process group\nnew: added process group\n")
	o.shows("status two:two2 new", "RUNNING")
	o.does("update", 0, "")
	o.write("[program:x]\n")
	r := runCommand(o.t, o.command("update"))
	if r.code != 1 || !strings.HasPrefix(r.out, "ERROR: CANT_REREAD: ") {
		o.t.Errorf("update with a broken file: exit status %d, %s", r.code, r.all())
	}
	o.write(changed)
}

// ending tries reload and shutdown.
func (o *theirs) ending() {
	o.t.Helper()
	o.does("reload", 0, "Restarted supervisord\n")
	o.waitLog("supervisord started", "supervisord started")
	o.waitListening()
	o.shows("status talk", "RUNNING")
	o.does("shutdown", 0, "Shut down\n")
	o.waitGone()
	if r := runCommand(o.t, o.command("status")); r.code != 4 || r.out != o.url()+map[bool]string{true: " refused connection\n", false: " no such file\n"}[len(o.options) > 0] {
		o.t.Errorf("status after that: exit status %d, %s", r.code, r.all())
	}
}
