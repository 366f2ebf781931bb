package child_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/proc/child"
)

func TestTheAppletUnderstandsWhatItIsTold(t *testing.T) {
	for _, row := range []struct {
		name string
		spec child.Spec
	}{
		{"everything", child.Spec{Path: "/bin/x", Argv: []string{"x", "", "a b"}, Env: []string{"A=1", "", "A=1", "1:2"},
			Dir: "/a b", Umask: 0o22, Cred: &child.Credential{UID: 1, GID: 2, Groups: []int{2, 3}}}},
		{"nothing", child.Spec{Path: "x", Argv: []string{"x"}, Env: []string{}, Umask: -1}},
		{"limits", child.Spec{Path: "x", Argv: []string{"x"}, Env: []string{}, Umask: -1, Limits: &conf.Limits{
			Resources: []conf.ResourceLimit{{Name: "as", Soft: conf.KeepLimit, Hard: conf.Unlimited}}, Nice: new(int), CPUs: []int{0},
			Capabilities: []string{}, DeathSignal: 9, NoNewPrivs: true, Strict: true}}},
		{"the terminal", child.Spec{Path: "x", Argv: []string{"x"}, Env: []string{}, Umask: -1, Foreground: true}},
		{"root without groups", child.Spec{Path: "x", Argv: []string{"x"}, Env: []string{}, Umask: 0, Cred: &child.Credential{Groups: []int{}}}},
		{"another group and nothing else", child.Spec{Path: "x", Argv: []string{"x"}, Env: []string{}, Umask: -1, Cred: &child.Credential{UID: -1, GID: 5, Regroup: true}}},
		{"another group if it can be", child.Spec{Path: "x", Argv: []string{"x"}, Env: []string{}, Umask: -1,
			Cred: &child.Credential{UID: 3, GID: 5, Groups: []int{5, 6}, Regroup: true, GroupAlone: true, Optional: true}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := child.RoundTrip(&row.spec)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, &row.spec) {
				t.Errorf("got %+v, want %+v", got, row.spec)
			}
		})
	}
}

func TestTheAppletRefusesWhatNoTableSays(t *testing.T) {
	if err := child.ParseRequest([]string{"spawn", "-1 0 -1 -1 0 3 0", "", "", "x"}); err != nil {
		t.Errorf("what a table says: %v", err)
	}
	for _, row := range [][]string{
		nil, {""}, {"spawn"}, {"-h"}, {"spawn", "", "", "", ""}, {"spawn", "1 2 3", "", "", "x"},
		{"spawn", "1 1 2 3 x", "", "", "x"}, {"spawn", "1 1 2 3 99999999999999999999 3 0", "", "", "x"}, {"other", "1 1 2 3 0 3 0", "", "", "x"},
		{"spawn", "1 1 2 3 0 3", "", "", "x"}, {"spawn", "1 1 2 3 0 2 0", "", "", "x"}, {"spawn", "-1 0 -1 -1 0 3 0", "{", "", "x"},
	} {
		if err := child.ParseRequest(row); err == nil {
			t.Errorf("%q: accepted", row)
		}
	}
}

// A person who finds the applet gets an answer and no process.
func TestTheAppletRunByHandSaysWhatItIs(t *testing.T) {
	spec := command(self(t), "-h")
	spec.Argv[0] = child.ExecName
	got := newRig(t).run(t, spec)
	if !strings.Contains(got.err, "internal to supervisord") || child.ExitCode(got.ws) != 2 {
		t.Errorf("got %q, %s", got.err, child.ExitText(got.ws))
	}
}

func TestTheAppletIsFoundWithoutProc(t *testing.T) {
	file := self(t)
	dir, base := filepath.Split(file)
	for _, row := range []struct{ name, argv0, path string }{
		{"called by its path", file, "/bin"},
		{"called by a relative path", "./" + base, "/bin"},
		{"found through PATH", base, "/bin:" + dir},
		{"found through a relative PATH", base, "/bin:."},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := as(t, "moved-host", "23", "-1", "/bin/sh", "-c", "umask")
			spec.Argv[0], spec.Dir, spec.Env = row.argv0, dir, []string{"PATH=" + row.path, noPause}
			got := newRig(t).run(t, spec)
			if want := file + "\n0027\n"; got.out != want {
				t.Errorf("got %q (%s), want %q", got.out, got.err, want)
			}
		})
	}
}

func TestWithoutAnyWayToTheAppletTheSpawnFails(t *testing.T) {
	spec := as(t, "moved-host", "23", "-1", "/bin/sh", "-c", "umask")
	spec.Argv[0] = "no-such-name"
	got := newRig(t).run(t, spec)
	if !strings.HasSuffix(got.out, "err=exec: no such file or directory\n") || child.ExitCode(got.ws) != 1 {
		t.Errorf("got %q (%s)", got.out, got.err)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add("spawn", "18 7 0 0 0 3 1 2", "", "/", "/bin/true")
	f.Add("spawn", "-1 0 -1 -1 7 3 0", `{"Nice":1,"CPUs":[1]}`, "", "x")
	f.Add("spawn", "-1 -1", "", "x", "")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, word, numbers, limits, dir, path string) {
		_ = child.ParseRequest([]string{word, numbers, limits, dir, path, "arg"})
	})
}
