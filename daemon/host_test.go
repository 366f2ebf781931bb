package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc/child"
)

func TestAProgramIsStartedStoppedAndStartedAgain(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	first := s.waitFor("cat", "RUNNING")
	if first.PID == 0 || first.Start == 0 {
		t.Errorf("got %+v", first)
	}
	s.faults(api.StartProcess{Name: "cat", Wait: true}, api.AlreadyStarted)
	s.call(api.StopProcess{Name: "cat", Wait: true})
	if p := s.info("cat"); p.StateName != "STOPPED" || p.PID != 0 || p.ExitStatus != -1 {
		t.Errorf("got %+v", p)
	}
	s.faults(api.StopProcess{Name: "cat", Wait: true}, api.NotRunning)
	s.call(api.StartProcess{Name: "cat", Wait: true})
	if p := s.info("cat"); p.StateName != "RUNNING" || p.PID == first.PID {
		t.Errorf("got %+v", p)
	}
}

func TestACommandThatCannotRunIsAFaultAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, command string
		code          api.Code
		text          string
	}{
		{"a missing file", "/nonexistent/x", api.NoFile, "can't find command '/nonexistent/x'"},
		{"a word that is nowhere on the path", "no-such-command-here", api.NoFile, "can't find command 'no-such-command-here'"},
		{"a directory", dir, api.NotExecutable, "command at '" + dir + "' is a directory"},
		{"a plain file", plain, api.NotExecutable, "command at '" + plain + "' is not executable"},
		{"an open quote", `/bin/echo "x`, api.NotExecutable, `can't parse command '/bin/echo "x': No closing quotation`},
		{"nothing", "", api.NotExecutable, "command is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := supervise(t, "[program:x]\nautostart=false\ncommand="+c.command+"\n")
			f := s.faults(api.StartProcess{Name: "x", Wait: true}, c.code)
			if f.Detail != c.text {
				t.Errorf("got %q, want %q", f.Detail, c.text)
			}
			if p := s.info("x"); p.StateName != "STOPPED" || p.SpawnErr != "" || p.Start != 0 {
				t.Errorf("the state changed: %+v", p)
			}
		})
	}
}

func TestTheChildSeesItsEnvironment(t *testing.T) {
	t.Setenv("OUTSIDE", "kept")
	t.Setenv("BOTH", "outside")
	s := supervise(t, `environment=GLOBAL="g",BOTH="global",SUPERVISOR_GROUP_NAME="mine"
[program:env]
command=/usr/bin/env
environment=OWN="a b",GLOBAL="over"
startsecs=0
autorestart=false
`)
	s.waitFor("env", "EXITED")
	got := string(s.call(api.ReadProcessLog{Name: "env", Channel: api.Stdout}).(api.Bytes))
	for _, want := range []string{"OUTSIDE=kept", "BOTH=global", "GLOBAL=over", "OWN=a b",
		"SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME=env", "SUPERVISOR_GROUP_NAME=mine"} {
		if !strings.Contains("\n"+got, "\n"+want+"\n") {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
}

func TestNothingThatAChildWroteIsLost(t *testing.T) {
	s := supervise(t, `[program:talk]
command=/bin/sh -c "seq 1 20000; (sleep 5 &); exit 3"
startsecs=0
autorestart=false
stopasgroup=true
`)
	s.waitFor("talk", "EXITED")
	lines := strings.Split(strings.TrimSuffix(s.read(s.info("talk").StdoutLogfile), "\n"), "\n")
	if len(lines) != 20000 || lines[19999] != "20000" {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestAProgramRunsWithoutAPlaceForItsAutomaticLog(t *testing.T) {
	s := supervise(t, "childlogdir=/proc\n[program:a]\ncommand=/bin/sh -c \"echo out; exec cat\"\nstartsecs=0\n")
	s.waitFor("a", "RUNNING")
	s.waitForLog("cannot create the automatic log")
	s.faults(api.ReadProcessLog{Name: "a", Channel: api.Stdout}, api.NoFile)
}

func TestInputReachesTheChild(t *testing.T) {
	s := supervise(t, "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n[program:deaf]\ncommand=/bin/sleep 1000\nstartsecs=0\n"+
		"[program:shut]\ncommand=/bin/sh -c \"exec <&-; exec sleep 1000\"\nstartsecs=0\n[program:off]\ncommand=/bin/cat\nautostart=false\n")
	for _, name := range []string{"cat", "deaf", "shut"} {
		s.waitFor(name, "RUNNING")
	}
	s.call(api.SendProcessStdin{Name: "cat", Chars: "hé\n"})
	out := s.info("cat").StdoutLogfile
	eventually(t, "the echo", func() bool { return s.read(out) == "hé\n" })

	big := strings.Repeat("x", 700_000)
	s.call(api.SendProcessStdin{Name: "deaf", Chars: big})
	s.faults(api.SendProcessStdin{Name: "deaf", Chars: big}, api.Failed)
	eventually(t, "a fault for the closed input", func() bool {
		_, err := s.Do(t.Context(), api.SendProcessStdin{Name: "shut", Chars: "x"})
		return err != nil && api.AsFault(err).Code == api.NoFile
	})
	s.faults(api.SendProcessStdin{Name: "off", Chars: "x"}, api.NotRunning)
	s.faults(api.SendProcessStdin{Name: "nosuch", Chars: "x"}, api.BadName)
}

func TestLogsAreReadTailedClearedAndFollowed(t *testing.T) {
	s := supervise(t, "[program:p]\ncommand=/bin/cat\nstartsecs=0\n[program:none]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=NONE\n")
	s.waitFor("p", "RUNNING")
	s.call(api.SendProcessStdin{Name: "p", Chars: "0123456789"})
	out := s.info("p").StdoutLogfile
	eventually(t, "the output", func() bool { return s.read(out) == "0123456789" })

	if got := string(s.call(api.ReadProcessLog{Name: "p", Channel: api.Stdout, Offset: -4}).(api.Bytes)); got != "6789" {
		t.Errorf("read: got %q", got)
	}
	tail := s.call(api.TailProcessLog{Name: "p", Channel: api.Stdout, Offset: 0, Length: 3}).(api.TailChunk)
	if string(tail.Data) != "789" || tail.Offset != 10 || !tail.Overflow {
		t.Errorf("tail: got %+v", tail)
	}
	s.faults(api.ReadProcessLog{Name: "p", Channel: api.Stdout, Offset: -1, Length: 1}, api.BadArguments)
	s.faults(api.ReadProcessLog{Name: "none", Channel: api.Stdout}, api.NoFile)
	if none := s.call(api.TailProcessLog{Name: "none", Channel: api.Stdout, Length: 5}).(api.TailChunk); len(none.Data) != 0 {
		t.Errorf("tail of nothing: got %+v", none)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pieces := make(chan string, 16)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Follow(ctx, api.FollowProcessLog{Name: "p", Channel: api.Stdout, Backlog: 2},
			func(p any) error { pieces <- string(p.(api.Bytes)); return nil })
	}()
	var got strings.Builder
	await := func(want string) {
		t.Helper()
		for !strings.HasSuffix(got.String(), want) {
			select {
			case p := <-pieces:
				got.WriteString(p)
			case <-t.Context().Done():
				t.Fatalf("followed %q, want %q", got.String(), want)
			}
		}
	}
	await("89")
	s.call(api.StopProcess{Name: "p", Wait: true})
	s.call(api.ClearProcessLogs{Name: "p"}) // also of a process that does not run
	if got := s.read(out); got != "" {
		t.Errorf("after clear: %q", got)
	}
	s.call(api.StartProcess{Name: "p", Wait: true})
	s.call(api.SendProcessStdin{Name: "p", Chars: "new"})
	await("new")
	cancel()
	if err := <-ended; err == nil {
		t.Error("following ended without a reason")
	}
	s.faults(api.ClearProcessLogs{Name: "nosuch"}, api.BadName)
	all := s.call(api.ClearAllProcessLogs{}).([]api.Status)
	if len(all) != 2 || all[0].Status != api.Success {
		t.Errorf("clear all: got %+v", all)
	}
}

func TestTheActivityLogIsReadAndCleared(t *testing.T) {
	s := supervise(t, "")
	s.call(api.GetState{})
	s.call(api.ClearLog{})
	s.call(api.GetState{})
	if got := s.call(api.ReadLog{}).(api.Bytes); strings.Contains(string(got), "reopening") {
		t.Errorf("the line about clearing is in the new log: %q", got)
	}
}

func TestSignalsAreSentAndTheirFaultsTold(t *testing.T) {
	s := supervise(t, `[program:trap]
command=/bin/sh -c "trap 'echo got' USR1; echo ready; while :; do sleep 0.01; done"
startsecs=0
[program:off]
command=/bin/cat
autostart=false
`)
	out := s.waitFor("trap", "RUNNING").StdoutLogfile
	eventually(t, "the trap", func() bool { return strings.Contains(s.read(out), "ready") })
	s.call(api.SignalProcess{Name: "trap", Signal: "USR1"})
	eventually(t, "the signal", func() bool { return strings.Contains(s.read(out), "got") })
	s.faults(api.SignalProcess{Name: "trap", Signal: "NOPE"}, api.BadSignal)
	s.faults(api.SignalProcess{Name: "off", Signal: "USR1"}, api.NotRunning)
	s.faults(api.SignalProcess{Name: "nosuch", Signal: "NOPE"}, api.BadName)
	all := s.call(api.SignalAllProcesses{Signal: "CONT"}).([]api.Status)
	if len(all) != 1 || all[0].Name != "trap" {
		t.Errorf("got %+v", all)
	}
}

func TestRereadAddAndRemove(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n[program:b]\ncommand=/bin/cat\nstartsecs=0\n")
	a, b := s.waitFor("a", "RUNNING"), s.waitFor("b", "RUNNING")
	file := filepath.Join(s.dir, "supervisord.conf")
	s.write(file, "[supervisord]\n[program:b]\ncommand=/bin/cat\nstartsecs=x\n")
	s.faults(api.ReloadConfig{}, api.CantReread)
	s.write(file, "[supervisord]\nchildlogdir="+s.dir+"\n[program:b]\ncommand=/bin/cat\nstartsecs=0\n[program:c]\ncommand=/bin/cat\nstartsecs=0\n")
	got := s.call(api.ReloadConfig{}).(api.Reread)
	if want := fmt.Sprint(api.Reread{Added: []string{"c"}, Changed: []string{}, Removed: []string{"a"}}); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	s.faults(api.RemoveProcessGroup{Name: "a"}, api.StillRunning)
	s.call(api.StopProcess{Name: "a", Wait: true})
	s.call(api.RemoveProcessGroup{Name: "a"})
	s.faults(api.GetProcessInfo{Name: "a"}, api.BadName)
	s.call(api.AddProcessGroup{Name: "c"})
	s.waitFor("c", "RUNNING")
	s.faults(api.AddProcessGroup{Name: "c"}, api.AlreadyAdded)
	if now := s.info("b"); now.PID != b.PID {
		t.Errorf("b was touched: %+v", now)
	}
	if err := syscall.Kill(a.PID, 0); err != syscall.ESRCH {
		t.Errorf("a still lives: %v", err)
	}
}

func TestAnUpdateTouchesOnlyWhatDiffers(t *testing.T) {
	const workers = "[program:w]\ncommand=/bin/cat\nstartsecs=0\nprocess_name=%(process_num)d\n"
	const member = "command=/bin/cat\nstartsecs=0\n"
	site := func(numprocs, env string) string {
		return workers + "numprocs=" + numprocs + "\n[program:a]\n" + member + "[program:b]\n" + member + "environment=" + env +
			"\n[group:g]\nprograms=a,b\n"
	}
	s := supervise(t, site("2", "V=1"))
	edit := func(text string) {
		t.Helper()
		s.write(filepath.Join(s.dir, "supervisord.conf"), "[supervisord]\nchildlogdir="+s.dir+"\n"+text)
		s.call(api.ReloadConfig{})
	}
	pid := func(name string) int { t.Helper(); return s.waitFor(name, "RUNNING").PID }
	w0, w1, a, b := pid("w:0"), pid("w:1"), pid("g:a"), pid("g:b")

	edit(site("3", "V=1"))
	s.call(api.UpdateGroup{Name: "w"})
	w2 := pid("w:2")
	if pid("w:0") != w0 || pid("w:1") != w1 {
		t.Error("a member more, and the others were touched")
	}
	edit(site("1", "V=1"))
	s.call(api.UpdateGroup{Name: "w"})
	if pid("w:0") != w0 {
		t.Error("members less, and the one that stays was touched")
	}
	s.faults(api.GetProcessInfo{Name: "w:1"}, api.BadName)
	for _, gone := range []int{w1, w2} {
		if err := syscall.Kill(gone, 0); err != syscall.ESRCH {
			t.Errorf("process %d still lives: %v", gone, err)
		}
	}

	edit(site("1", "V=2"))
	s.call(api.UpdateGroup{Name: "g"})
	now := s.waitFor("g:b", "RUNNING")
	if now.PID == b || pid("g:a") != a || pid("w:0") != w0 {
		t.Errorf("b was %d and is %d; a was %d and is %d; w:0 was %d and is %d", b, now.PID, a, pid("g:a"), w0, pid("w:0"))
	}
	if env := s.read(fmt.Sprintf("/proc/%d/environ", now.PID)); !strings.Contains("\x00"+env, "\x00V=2\x00") {
		t.Errorf("the new environment is not there: %q", env)
	}
	s.call(api.SendProcessStdin{Name: "g:b", Chars: "hello\n"})
	eventually(t, "the output of the new process in its log", func() bool { return s.read(s.info("g:b").StdoutLogfile) == "hello\n" })
	if left := s.call(api.ConfigChanges{}).([]api.GroupChange); len(left) > 0 {
		t.Errorf("there is still something to do: %+v", left)
	}
}

func TestABrokenRestartIsRefused(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	a := s.waitFor("a", "RUNNING")
	s.write(filepath.Join(s.dir, "supervisord.conf"), "[supervisord\n")
	s.signals <- syscall.SIGHUP
	s.waitForLog("the restart is refused")
	if now := s.info("a"); now.PID != a.PID || now.StateName != "RUNNING" {
		t.Errorf("a was touched: %+v", now)
	}
}

func TestARestartStopsEverythingAndSaysSo(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	a := s.waitFor("a", "RUNNING")
	s.signals <- syscall.SIGHUP
	if restart := <-s.ended; !restart {
		t.Error("the run ended without asking for another")
	}
	if err := syscall.Kill(a.PID, 0); err != syscall.ESRCH {
		t.Errorf("a still lives: %v", err)
	}
	s.faults(api.GetState{}, api.ShutdownState)
}

func TestASignalDuringBootStartsNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f.conf")
	if err := os.WriteFile(file, []byte("[supervisord]\nchildlogdir="+dir+"\n[program:a]\ncommand=/bin/touch "+dir+"/ran\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(cfg, &journal{level: conf.Critical}, &outputs{}, past{})
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	if h.run(signals, nil).Restart {
		t.Error("a TERM restarted")
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); !os.IsNotExist(err) {
		t.Errorf("the program ran: %v", err)
	}
}

func TestARequestWhoseClientLeavesGoesOn(t *testing.T) {
	s := supervise(t, "[program:slow]\ncommand=/bin/sh -c \"trap 'sleep 0.2; exit 0' TERM; echo on; while :; do sleep 0.01; done\"\nstartsecs=0\n")
	out := s.waitFor("slow", "RUNNING").StdoutLogfile
	eventually(t, "the trap", func() bool { return strings.Contains(s.read(out), "on") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Do(ctx, api.StopProcess{Name: "slow", Wait: true}); err == nil {
		t.Fatal("a cancelled request was answered")
	}
	s.waitFor("slow", "STOPPED")
}

func TestWhatTheTableDoesNotKnowTouchesNoChild(t *testing.T) {
	s := supervise(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	a := s.waitFor("a", "RUNNING")
	done := make(chan struct{})
	s.kids.Do(func() {
		defer close(done)
		for k := range s.running {
			s.Failed(k, &child.SpawnError{Stage: child.StageKey, Err: syscall.EBUSY})
		}
		s.Exited(1<<40, 1, 0, time.Now())
	})
	<-done
	s.waitForLog("was to be started twice")
	s.waitForLog("a process that nobody knows has ended")
	s.call(api.SendProcessStdin{Name: "a", Chars: "still here"})
	eventually(t, "the echo", func() bool { return s.read(a.StdoutLogfile) == "still here" })
	if now := s.info("a"); now.PID != a.PID || now.StateName != "RUNNING" {
		t.Errorf("a was touched: %+v", now)
	}
}
