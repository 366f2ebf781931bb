package integration

import (
	"fmt"
	"strings"
	"testing"
)

// crew is a configuration with a program of many members, a group of two programs,
// and a program that starts when it is told to.
func crew(numprocs int, variable string) string {
	return fmt.Sprintf(`
[program:w]
command=TESTPROG signals
process_name=%%(process_num)d
numprocs=%d
startsecs=0
[program:a]
command=TESTPROG signals
startsecs=0
[program:b]
command=TESTPROG signals
startsecs=0
environment=V="%s"
[group:g]
programs=a,b
[program:hand]
command=TESTPROG signals
autostart=false
startsecs=0
`, numprocs, variable)
}

func TestUpdateTouchesWhatDiffersAndNothingElse(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it restarts whole groups, and shows no keys")
	s := newSup(t, crew(2, "1")).start()
	before := map[string]int{}
	for _, name := range []string{"w:0", "w:1", "g:a", "g:b"} {
		before[name] = s.waitPID(name)
	}
	same := func(names ...string) {
		t.Helper()
		now := pids(s.status())
		for _, name := range names {
			if now[name] != before[name] {
				t.Errorf("%s was %d and is %d", name, before[name], now[name])
			}
		}
	}
	s.must(0, "hand: started", "start", "hand")
	before["hand"] = s.waitPID("hand")

	s.write(crew(3, "1"))
	if r := s.must(0, "", "update", "--dry-run"); r.out != "w: would be updated\nw:0: untouched\nw:1: untouched\nw:2: would be added, started\n" {
		t.Errorf("the plan is\n%s", r.out)
	}
	if r := s.must(0, "", "update"); r.out != "w: updated process group\n" {
		t.Errorf("got %q", r.out)
	}
	before["w:2"] = s.waitPID("w:2")
	same("w:0", "w:1", "g:a", "g:b", "hand")

	s.write(crew(1, "2"))
	s.must(0, `g:b  environment  V="1" -> V="2"`, "reread", "--diff")
	if r := s.must(0, "", "update"); r.out != "g: stopped\ng: updated process group\nw: stopped\nw: updated process group\n" {
		t.Errorf("got %q", r.out)
	}
	s.waitNewPID("g:b", before["g:b"])
	same("w:0", "g:a", "hand")
	waitDead(t, before["w:1"])
	waitDead(t, before["w:2"])
	s.must(0, "", "update")
	if r := s.must(0, "No config updates to processes\n", "reread", "--diff"); strings.Count(r.out, "\n") != 1 {
		t.Errorf("got %q", r.out)
	}

	// A program that was started by hand and changes ends stopped.
	s.write(strings.Replace(crew(1, "2"), "autostart=false", "autostart=false\npriority=5", 1))
	s.must(0, "hand: stopped\nhand: updated process group\n", "update", "hand")
	s.waitState("hand", "STOPPED")
	waitDead(t, before["hand"])
	same("w:0", "g:a")
	s.terminate()
}

func TestUpdateOfABrokenConfigurationChangesNothingAndSaysWhy(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it restarts whole groups, and shows no keys")
	s := newSup(t, crew(1, "1")).start()
	pid := s.waitPID("w:0")
	s.write(crew(2, "1") + "[program:x]\ncommand=cat\nautostart=treu\n[program:y]\nstartsecs=soon\ncommand=cat\n")
	for _, args := range [][]string{{"reread"}, {"update"}, {"reread", "--diff"}, {"update", "--dry-run"}} {
		r := s.must(1, "ERROR: CANT_REREAD: ", args...)
		lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[1], "  "+s.conf+":") || !strings.Contains(lines[1], "autostart") || !strings.Contains(lines[2], "startsecs") {
			t.Errorf("%q: got\n%s", args, r.out)
		}
	}
	if now := s.status(); now["w:0"].pid() != pid || len(now) != 4 {
		t.Errorf("something has changed: %v", now)
	}
	s.terminate()
}

func TestUpdateModeGroupRestartsTheWholeGroup(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it restarts whole groups, and shows no keys")
	s := newSup(t, "[supervisord]\nupdate_mode=group\n"+crew(2, "1")).start()
	before := map[string]int{"w:0": s.waitPID("w:0"), "w:1": s.waitPID("w:1"), "g:a": s.waitPID("g:a")}
	s.write("[supervisord]\nupdate_mode=group\n" + crew(3, "1"))
	s.must(0, "w:0: would be stopped, replaced, started\n", "update", "--dry-run")
	s.must(0, "w: stopped\nw: updated process group\n", "update")
	s.waitNewPID("w:0", before["w:0"])
	s.waitNewPID("w:1", before["w:1"])
	s.waitPID("w:2")
	if now := s.waitPID("g:a"); now != before["g:a"] {
		t.Errorf("a group that did not change was touched: %d is %d now", before["g:a"], now)
	}
	s.terminate()
}
