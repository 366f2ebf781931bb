package api

import (
	"reflect"
	"slices"
	"testing"
)

func TestEveryMethodSaysWhatItTakes(t *testing.T) {
	rows := map[reflect.Type]*Method{}
	for i := range Methods {
		m := &Methods[i]
		if m.Access < Read || m.Access > Admin || m.Scope < NoProcess || m.Scope > EveryOne {
			t.Errorf("%s does not say which Access it takes, and for which Scope of processes", m.Name)
		}
		if m.Build == nil {
			continue
		}
		r, f := m.Bind(sample(m))
		if f != nil {
			t.Fatalf("%s: %v", m.Name, f)
		}
		a, s, names := AccessOf(r)
		if a != m.Access || s != m.Scope {
			t.Errorf("%s: its request takes %v and %d, its row says %v and %d", m.Name, a, s, m.Access, m.Scope)
		}
		named := m.Scope == TheNamed || m.Scope == TheGroup
		if named != slices.Equal(names, []string{"x"}) {
			t.Errorf("%s: it is about the processes %q", m.Name, names)
		}
		if other := rows[reflect.TypeOf(r)]; other != nil && (other.Access != m.Access || other.Scope != m.Scope) {
			t.Errorf("%s and %s make the same request and take different things", m.Name, other.Name)
		}
		rows[reflect.TypeOf(r)] = m
		if got, ok := MethodOf(r); !ok || got.Build == nil || reflect.TypeOf(got.Build(make([]any, len(got.Params)))) != reflect.TypeOf(r) {
			t.Errorf("%s: its request is taken for one of %v", m.Name, got)
		}
	}
}

func TestWhatActsIsNotReading(t *testing.T) {
	for _, name := range []string{"startProcess", "stopAllProcesses", "signalProcessGroup", "sendProcessStdin", "clearProcessLogs", "sendRemoteCommEvent"} {
		if m, _ := Lookup(SupervisorPrefix + name); m.Access != Operate {
			t.Errorf("%s takes %v", name, m.Access)
		}
	}
	for _, name := range []string{"shutdown", "restart", "reloadConfig", "updateGroup", "clearLog"} {
		if m, _ := Lookup(SupervisorPrefix + name); m.Access != Admin {
			t.Errorf("%s takes %v", name, m.Access)
		}
	}
}

func TestNoNamesAreAllProcesses(t *testing.T) {
	if a, s, names := AccessOf(FollowLogs{}); a != Read || s != EveryOne || names != nil {
		t.Errorf("got %v, %d, %q", a, s, names)
	}
	if a, s, names := AccessOf(FollowLogs{Names: []string{"a", "g:*"}}); a != Read || s != TheNamed || !slices.Equal(names, []string{"a", "g:*"}) {
		t.Errorf("got %v, %d, %q", a, s, names)
	}
}

type stranger struct{}

func (stranger) request() {}

func TestRequestOfNoRowTakesEverything(t *testing.T) {
	if a, s, names := AccessOf(stranger{}); a != Admin || s != EveryOne || names != nil {
		t.Errorf("got %v, %d, %q", a, s, names)
	}
}

func TestSplitNamespec(t *testing.T) {
	for spec, want := range map[string][2]string{
		"web": {"web", "web"}, "g:web": {"g", "web"}, "g:*": {"g", ""}, "g:": {"g", ""}, "g:a:b": {"g", "a:b"}, "": {"", ""}, ":": {"", ""}, "*": {"*", "*"},
	} {
		if group, process := SplitNamespec(spec); group != want[0] || process != want[1] {
			t.Errorf("%q: got %q, %q", spec, group, process)
		}
	}
}
