package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/child"
)

// TestACommandIsNotToldAPidThatMayBeAnybodys asks for commands about children that are
// not there any more when it is their turn, and for one about a child that is.
func TestACommandIsNotToldAPidThatMayBeAnybodys(t *testing.T) {
	s := supervise(t, "[program:p]\ncommand=/bin/cat\nstartsecs=0\n")
	type living struct {
		key  child.Key
		pid  int
		prog *conf.Program
	}
	var p living
	eventually(t, "the program", func() bool {
		found := make(chan living, 1)
		s.host.kids.Do(func() {
			var l living
			for k, r := range s.host.running {
				l = living{k, r.pid, r.slot.prog}
			}
			found <- l
		})
		p = <-found
		return p.pid != 0
	})
	dir := t.TempDir()
	for i, about := range []struct {
		name string
		key  child.Key
		pid  int
	}{{"an-earlier-child", p.key, p.pid + 1}, {"no-child", p.key + 100, p.pid}, {"its-child", p.key, p.pid}} {
		s.host.runCommand(core.RunCommand{
			Errand: core.ProcID(1000 + i), Proc: core.ProcID(about.key), Program: p.prog, Key: "stop_command",
			Command: `/bin/sh -c 'echo $SUPERVISOR_PROCESS_PID >` + filepath.Join(dir, about.name) + `'`, PID: about.pid,
		})
	}
	ended := func() bool {
		none := make(chan bool, 1)
		s.host.kids.Do(func() { none <- len(s.host.errands) == 0 })
		return <-none
	}
	eventually(t, "the end of the commands", func() bool { return ended() && s.read(filepath.Join(dir, "its-child")) != "" })
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("those that were run have left %v (%v)", entries, err)
	}
}
