package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gosupervisor/ctl/api"
)

func (s *supervisor) explain(name string, lines int64) api.Explanation {
	s.t.Helper()
	return s.call(api.ExplainProcess{Name: name, Lines: lines}).(api.Explanation)
}

func TestAnExplanationOfRealExits(t *testing.T) {
	s := supervise(t, `[program:fails]
command=/bin/sh -c "echo one; echo two; printf three; echo trouble >&2; exit 3"
startretries=0
[program:dies]
command=/bin/sh -c "kill -SEGV $$"
startsecs=0
autorestart=false
[program:lost]
command=/nonexistent/x
startretries=0
[program:fine]
command=/bin/cat
startsecs=0
redirect_stderr=true
stdout_logfile=NONE
log_ring=0
[program:ring]
command=/bin/sh -c "echo one; echo two; exec cat"
startsecs=0
stdout_logfile=NONE
`)
	s.waitFor("fails", "FATAL")
	x := s.explain("fails", 2)
	var steps []string
	for _, h := range x.History {
		steps = append(steps, h.From+" "+h.To+" "+h.Reason)
		if d := time.Since(time.UnixMilli(int64(h.Time * 1000))); d < -time.Second || d > patience {
			t.Errorf("a transition was %v ago", d)
		}
	}
	if want := []string{"STOPPED STARTING autostart", "STARTING BACKOFF exited with status 3 before startsecs 1s had passed",
		"BACKOFF FATAL gave up after 0 retries"}; !slices.Equal(steps, want) {
		t.Errorf("got %q", steps)
	}
	if e := x.LastExit; e == nil || e.Status != 3 || e.Signal != "" || e.Expected || e.PID == 0 || e.Ran <= 0 || e.Ran > patience.Seconds() {
		t.Errorf("got %+v", e)
	}
	if got := texts(x.Stdout); !slices.Equal(got, []string{"two", "three"}) || x.Stdout.Logfile == "" || x.Stdout.Note != "" {
		t.Errorf("got %+v", x.Stdout)
	}
	if got := texts(x.Stderr); !slices.Equal(got, []string{"trouble"}) {
		t.Errorf("got %+v", x.Stderr)
	}
	s.waitFor("dies", "EXITED")
	if e := s.explain("dies", 1).LastExit; e == nil || e.Status != -1 || e.Signal != "SIGSEGV" || !strings.HasPrefix(e.Text, "killed by SIGSEGV") {
		t.Errorf("got %+v", e)
	}
	s.waitFor("lost", "FATAL")
	if x := s.explain("lost", 0); x.LastExit != nil || x.History[1].Reason != "start failed: can't find command '/nonexistent/x'" {
		t.Errorf("got %+v", x)
	}
	s.waitFor("fine", "RUNNING")
	if x := s.explain("fine", 5); x.Stdout.Note != "it has no log file and is not kept" || x.Stderr.Note != "redirect_stderr: it goes to stdout" ||
		x.WaitsFor != "" || x.PID == 0 || x.Stdout.Lines == nil {
		t.Errorf("got %+v", x)
	}
	eventually(t, "lines from memory", func() bool {
		x := s.explain("ring", 1)
		return slices.Equal(texts(x.Stdout), []string{"two"}) && x.Stdout.Logfile == "" && x.Stdout.Note == ""
	})
	s.faults(api.ExplainProcess{Name: "nosuch"}, api.BadName)
}

func texts(l api.LogTail) (out []string) {
	for _, line := range l.Lines {
		out = append(out, string(line))
	}
	return out
}

func TestWhyThereAreNoLines(t *testing.T) {
	dir := t.TempDir()
	s := supervise(t, `[program:p]
command=/bin/cat
autostart=false
stdout_logfile=`+dir+`/none.log
stderr_logfile=/dev/null
log_ring=0
[program:q]
command=/bin/cat
autostart=false
log_ring=0
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stderr_logfile=NONE
stderr_syslog=true
[program:r]
command=/bin/cat
autostart=false
stdout_logfile=`+dir+`/r.log
`)
	for name, want := range map[string][2]string{
		"p": {"there is no such file yet", "not a regular file, so it cannot be read back"},
		"q": {"it goes to /dev/stdout of supervisord and is not kept", "it goes to syslog and is not kept"},
	} {
		x := s.explain(name, 9)
		if x.Stdout.Note != want[0] || x.Stderr.Note != want[1] || len(x.Stdout.Lines)+len(x.Stderr.Lines) > 0 {
			t.Errorf("%s: got %+v and %+v", name, x.Stdout, x.Stderr)
		}
	}
	// The end of a log that is longer than what is read of it.
	s.write(filepath.Join(dir, "r.log"), strings.Repeat("x", mostLineBytes)+"\n"+strings.Repeat("a line\n", 2000))
	if got := s.explain("r", 5000).Stdout.Lines; len(got) != mostLines || string(got[0]) != "a line" {
		t.Errorf("got %d lines, the first %q", len(got), got[0])
	}
	s.write(filepath.Join(dir, "r.log"), strings.Repeat("y", 2*mostLineBytes))
	if got := s.explain("r", 3).Stdout.Lines; len(got) != 1 || len(got[0]) != mostLineBytes {
		t.Errorf("got %d lines", len(got))
	}
}

func TestLinesAreCut(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		n    int
		cut  bool
		want []string
	}{
		"nothing":                       {"", 3, false, nil},
		"an empty line":                 {"\n\n", 3, false, []string{"", ""}},
		"fewer than asked for":          {"a\nb\n", 3, false, []string{"a", "b"}},
		"more than asked for":           {"a\nb\nc\nd", 2, false, []string{"c", "d"}},
		"the end of a line at the head": {"d of one\nb\nc\n", 5, true, []string{"b", "c"}},
		"the end of a line alone":       {"d of one\n", 5, true, []string{"d of one"}},
		"lines of another system":       {"a\r\nb\r\n", 5, false, []string{"a", "b"}},
		"bytes that are no text":        {"\xff\x00\n", 5, false, []string{"\xff\x00"}},
	} {
		if got := texts(api.LogTail{Lines: cutLines([]byte(row.text), row.n, row.cut)}); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", name, got, row.want)
		}
	}
}

func TestWaitingForProcesses(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "gate")
	s := supervise(t, `[program:job]
command=/bin/sh -c "while ! test -e `+gate+`; do sleep 0.02; done; exit 7"
startsecs=0
autorestart=false
[program:cat]
command=/bin/cat
autostart=false
startsecs=0
`)
	s.waitFor("job", "RUNNING")
	wait := func(ctx context.Context, goal api.Goal, names ...string) chan any {
		done := make(chan any, 1)
		go func() {
			v, err := s.Do(ctx, api.WaitProcess{Names: names, Goal: goal})
			if err != nil {
				done <- err
				return
			}
			done <- v
		}()
		return done
	}
	ended := wait(t.Context(), api.GoalExited, "job")
	hopeless := wait(t.Context(), api.GoalRunning, "cat", "nosuch")
	ctx, cancel := context.WithCancel(t.Context())
	left := wait(ctx, api.GoalFatal, "cat")
	s.call(api.GetState{})
	cancel()
	if err, _ := (<-left).(error); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case v := <-ended:
		t.Fatalf("it waits for nothing: %v", v)
	default:
	}
	s.write(gate, "")
	if got, want := <-ended, []api.WaitResult{{Name: "job", Group: "job", Status: api.Success, Description: "OK",
		StateName: "EXITED", Reason: "exited with status 7, not expected"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	s.call(api.StartProcess{Name: "cat", Wait: true})
	got, _ := (<-hopeless).([]api.WaitResult)
	if len(got) != 2 || got[0].Status != api.Success || got[1].Status != api.BadName {
		t.Errorf("got %+v", got)
	}
}

func TestWhatProcessesTake(t *testing.T) {
	s := supervise(t, `[program:tree]
command=/bin/sh -c "exec 7</dev/null 8</dev/null; (while :; do :; done) & wait"
startsecs=0
stopasgroup=true
killasgroup=true
[program:off]
command=/bin/cat
autostart=false
`)
	s.waitFor("tree", "RUNNING")
	measure := func() (off, tree api.ProcessUsage) {
		t.Helper()
		all := s.call(api.GetAllProcessUsage{}).([]api.ProcessUsage)
		if len(all) != 2 {
			t.Fatalf("got %+v", all)
		}
		return all[0], all[1]
	}
	var first, second api.ProcessUsage
	eventually(t, "the child of tree", func() bool {
		_, first = measure()
		return first.Processes != nil && *first.Processes == 2 && *first.CPUSeconds > 0
	})
	eventually(t, "some work", func() bool {
		_, second = measure()
		return *second.CPUSeconds > *first.CPUSeconds+0.1
	})
	// Two such shells and what they opened; the second worked all the time.
	if second.RSS == nil || *second.RSS < 100<<10 || *second.Threads != 2 || second.FDs == nil || *second.FDs < 10 || *second.FDs > 40 {
		t.Errorf("got %+v", second)
	}
	if share := (*second.CPUSeconds - *first.CPUSeconds) / (second.Uptime - first.Uptime); share > 1.3 {
		t.Errorf("one process took %v of one processor", share)
	}
	if second.PID == 0 || second.Uptime <= first.Uptime || second.Starts != 1 || second.Restarts != 0 {
		t.Errorf("got %+v", second)
	}
	off, _ := measure()
	if off.PID != 0 || off.Uptime != 0 || off.CPUSeconds != nil || off.RSS != nil || off.FDs != nil || off.Threads != nil || off.Processes != nil {
		t.Errorf("got %+v", off)
	}
}

func TestAReadingDoesNotHoldUpTheLoop(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	s.waitFor("cat", "RUNNING")
	s.reading <- struct{}{} // somebody reads, and it takes long
	done := make(chan any)
	go func() { done <- s.call(api.GetAllProcessUsage{}) }()
	for range 3 {
		s.call(api.GetAllProcessInfo{})
	}
	select {
	case v := <-done:
		t.Fatalf("two read at once: %v", v)
	default:
	}
	<-s.reading
	if all := (<-done).([]api.ProcessUsage); len(all) != 1 || all[0].RSS == nil && exists("/proc/self") {
		t.Errorf("got %+v", all)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
