package conf

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestCompare(t *testing.T) {
	const base = "[supervisord]\n[program:p]\ncommand=x\n"
	const fcgi = "[supervisord]\n[fcgi-program:f]\ncommand=x\nsocket=unix:///s\n"
	const pool = "[supervisord]\n[eventlistener:e]\ncommand=x\nevents=TICK_5,EVENT\n"
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", base, base, "{[] [] []}"},
		{"one more", base, base + "[program:q]\ncommand=x\n[program:a]\ncommand=x\n", "{[a q] [] []}"},
		{"one less", base, "[supervisord]\n", "{[] [] [p]}"},
		{"a command", base, base + "command=y\n", "{[] [p] []}"},
		{"a default that is written out", base, base + "autostart=true\nexitcodes=0\nenvironment=\n", "{[] [] []}"},
		{"the number of processes", base, base + "numprocs=2\nprocess_name=%(process_num)d\n", "{[] [p] []}"},
		{"exit codes", base, base + "exitcodes=0,2\n", "{[] [p] []}"},
		{"a user", base, base + "user=web\n", "{[] [p] []}"},
		{"a user by number", base + "user=33\n", base + "user=web\n", "{[] [] []}"},
		{"a user's number", base + "user=0\n", base + "user=web\n", "{[] [p] []}"},
		{"the environment of all", base, "[supervisord]\nenvironment=A=1\n[program:p]\ncommand=x\n", "{[] [p] []}"},
		{"an explicit log that becomes automatic", base + "stdout_logfile=/tmp/x\n", base, "{[] [p] []}"},
		{"a priority", base, base + "priority=1\n", "{[] [p] []}"},
		{"another kind of the same name", base, "[supervisord]\n[program:q]\ncommand=x\n[group:p]\nprograms=q\n", "{[] [p] []}"},
		{"keys of the daemon", base, "[supervisord]\nstrip_ansi=true\nidentifier=x\n[program:p]\ncommand=x\n", "{[] [] []}"},
		{"events in another order", pool, pool + "events=EVENT,TICK_5\n", "{[] [] []}"},
		{"other events", pool, pool + "events=EVENT\n", "{[] [e] []}"},
		{"a buffer", pool, pool + "buffer_size=11\n", "{[] [e] []}"},
		{"a socket", fcgi, fcgi + "socket=unix:///t\n", "{[] [f] []}"},
		{"a socket's owner", fcgi, fcgi + "socket_owner=web\n", "{[] [f] []}"},
		{"a socket's mode", fcgi, fcgi + "socket_mode=0777\n", "{[] [f] []}"},
		{"a socket's backlog", fcgi, fcgi + "socket_backlog=1\n", "{[] [f] []}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := mustLoad(t, tt.old), mustLoad(t, tt.new)
			if got := fmt.Sprint(Compare(before.Groups, after.Groups)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestEveryFieldCounts alters one field of a group after another, also within what
// lists and pointers hold: each makes it another group. So a field that is added and
// not compared fails here. What is shared does not differ in the others, either.
func TestEveryFieldCounts(t *testing.T) {
	fresh := func() *Group {
		return &Group{Name: "g", Kind: KindListener, Pool: &Pool{Events: []string{"EVENT"}}, Programs: []*Program{{
			Environment: map[string]string{"A": "1"}, ExitCodes: []int{0}, StopThen: []StopStep{{syscall.SIGKILL, 1}},
			Limits: Limits{
				Resources: []ResourceLimit{{"nofile", 1, 2}}, Nice: new(int), OOMScoreAdj: new(int), CPUs: []int{1}, Capabilities: []string{"CHOWN"},
				CPUMax: &CPUMax{1000, 1000}, MemoryMax: new(int64), PIDsMax: new(int64),
			},
			Env: EnvSources{
				Files: []EnvPath{{"/a", true}}, Dirs: []EnvPath{{"/b", false}}, From: []EnvFrom{{"C", EnvPath{"/c", true}}},
				Unset: []string{"D"}, Pass: []string{"E"},
			},
			User: &Account{Groups: []int{0}}, Login: &Login{}, Socket: &Socket{Owner: &[2]int{0, 0}},
		}}}
	}
	if !sameGroup(fresh(), fresh()) {
		t.Fatal("a group is not the same as itself")
	}
	// The section of a group is that of a program or has its name, what is stripped
	// takes a restart, and a user is who it is under any name.
	silent := []string{"group.Section", "StripANSI", "User.Name"}
	// For these no list and an empty one are one thing.
	alike := []string{"ExitCodes", "User.Groups", "group.Programs"}
	fields := 0
	var walk func(path string, at func(*Group) reflect.Value)
	shared := func(a, b *Group) bool {
		theirs := []*Group{b}
		Share([]*Group{a}, theirs)
		return theirs[0] == a
	}
	if !shared(fresh(), fresh()) {
		t.Fatal("a group is not shared with itself")
	}
	differs := func(path string, alter func(*Group)) {
		other := fresh()
		alter(other)
		programs := slices.Clone(other.Programs)
		if shared(fresh(), other) || strings.Contains(path, "Programs[0]") && !slices.Equal(programs, other.Programs) {
			t.Errorf("%s does not keep it from being shared", path)
		}
		if slices.ContainsFunc(silent, func(s string) bool { return strings.HasSuffix(path, s) }) {
			return
		}
		fields++
		if sameGroup(fresh(), other) || sameGroup(other, fresh()) {
			t.Errorf("%s does not count", path)
		}
	}
	walk = func(path string, at func(*Group) reflect.Value) {
		v := at(fresh())
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				t.Fatalf("%s is not set", path)
			}
			if !strings.HasSuffix(path, "]") {
				differs(path+" that is nil", func(g *Group) { at(g).SetZero() })
			}
			walk(path, func(g *Group) reflect.Value { return at(g).Elem() })
		case reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, func(g *Group) reflect.Value { return at(g).Field(i) })
			}
		case reflect.Slice:
			if v.Len() == 0 {
				t.Fatalf("%s is empty", path)
			}
			differs(path+" without its entry", func(g *Group) { at(g).Set(at(g).Slice(0, 0)) })
			empty, none := fresh(), fresh()
			at(empty).Set(at(empty).Slice(0, 0))
			at(none).SetZero()
			isAlike := slices.ContainsFunc(alike, func(s string) bool { return strings.HasSuffix(path, s) })
			if sameGroup(empty, none) != isAlike || sameGroup(none, empty) != isAlike {
				t.Errorf("%s that is empty is as one that is not set: %v", path, !isAlike)
			}
			if path != "group.Programs" && shared(empty, none) {
				t.Errorf("%s that is empty is shared with one that is not set", path)
			}
			walk(path+"[0]", func(g *Group) reflect.Value { return at(g).Index(0) })
		default:
			differs(path, func(g *Group) { alter(t, at(g)) })
		}
	}
	walk("group", func(g *Group) reflect.Value { return reflect.ValueOf(g).Elem() })
	if fields < 100 {
		t.Errorf("only %d fields were found", fields)
	}
}
