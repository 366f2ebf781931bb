package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWhatTheKernelIsTold(t *testing.T) {
	const prog = "[supervisord]\n[program:p]\ncommand=x\n"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", prog + "memory_max=max\n", nil},
		{"all", prog + "pids_max=7\nmemory_max=1GB\nmemory_max=4MB\ncpu_max=0.5\n",
			[]string{"cpu cpu.max 50000 100000", "memory memory.max 4194304", "pids pids.max 7"}},
		{"a period", prog + "cpu_max=3000 2000\n", []string{"cpu cpu.max 3000 2000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range mustLoad(t, tt.text).Groups[0].Programs[0].Limits.Controls() {
				got = append(got, c.Controller+" "+c.File+" "+c.Text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestKillScopes(t *testing.T) {
	const prog = "[supervisord]\n[program:p]\ncommand=x\n"
	for _, tt := range []struct{ text, want string }{
		{"", "stop false kill false tree false cgroup false"},
		{"kill_scope=process\nstopasgroup=true\n", "stop false kill false tree false cgroup false"},
		{"kill_scope=group\n", "stop true kill true tree false cgroup false"},
		{"kill_scope=tree\n", "stop true kill true tree true cgroup false"},
		{"kill_scope=CGroup\n", "stop true kill true tree true cgroup true"},
		{"kill_scope=cgruop\n", ":4: [program:p] kill_scope: not one of process, group, tree, cgroup: 'cgruop' (did you mean cgroup?)"},
		{"kill_scope=all\n", ":4: [program:p] kill_scope: not one of process, group, tree, cgroup: 'all'"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got := ""
			if c, err := loadString(prog + tt.text); err != nil {
				got = strings.TrimPrefix(err.(*LoadError).Details()[0], "/c/s.conf")
			} else {
				p := c.Groups[0].Programs[0]
				got = fmt.Sprint("stop ", p.StopAsGroup, " kill ", p.KillAsGroup, " tree ", p.KillTree, " cgroup ", p.KillCgroup)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestHooksHaveNoControlGroup(t *testing.T) {
	const text = "[supervisord]\n[hook:h]\nevents=TICK_5\ncommand=/bin/cat\nnice=5\nmemory_max=1GB\n"
	got := lines(withoutNotes(Check("/c/s.conf", checked(map[string]string{"/c/s.conf": text}))))
	want := "/c/s.conf:6: warning: [hook:h] memory_max: the key is unknown and ignored (it is a key of [program:NAME])"
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
