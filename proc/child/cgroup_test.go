package child_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/lacking"
	"gosupervisor/proc/child"
)

// realGroup makes a control group below our own, where this machine has version 2
// and lets us.
func realGroup(t *testing.T) *os.File {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	own, err2 := os.ReadFile("/proc/self/cgroup")
	if err := errors.Join(err, err2); err != nil {
		lacking.Skip(t, err)
	}
	path := ""
	for line := range strings.Lines(string(own)) {
		if rest, found := strings.CutPrefix(line, "0::"); found {
			path = strings.TrimSpace(rest)
		}
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); strings.Contains(line, " - cgroup2 ") && f[3] == "/" {
			dir := filepath.Join(f[4], path, fmt.Sprintf("test-of-child.%d", os.Getpid()))
			if err := os.Mkdir(dir, 0o755); err != nil {
				lacking.Skip(t, "no cgroup v2 that can be written: ", err)
			}
			t.Cleanup(func() {
				if err := os.Remove(dir); err != nil {
					t.Error(err)
				}
			})
			return opened(t, dir)
		}
	}
	lacking.Skip(t, "cgroup v2 is not mounted here")
	return nil
}

func opened(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAChildIsBornInItsControlGroup(t *testing.T) {
	group := realGroup(t)
	r := newRig(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			spec := command("/bin/cat", "/proc/self/cgroup")
			spec.Cgroup, spec.Umask = group, way.umask
			got := r.run(t, spec)
			if want := "/" + filepath.Base(group.Name()) + "\n"; !strings.Contains(got.out, want) || got.report.Outside != "" {
				t.Errorf("got %q (%s, %+v), want %q", got.out, got.err, got.report, want)
			}
			spec.Cgroup = nil
			if got := r.run(t, spec); strings.Contains(got.out, filepath.Base(group.Name())) {
				t.Errorf("the next one is in there, too: %q", got.out)
			}
		})
	}
}

// TestAFrozenControlGroupHoldsUpNobodyElse has a child go to a group that somebody has
// frozen, and others start and end beside it.
func TestAFrozenControlGroupHoldsUpNobodyElse(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			group := realGroup(t)
			freeze := func(word string) error { return os.WriteFile(group.Name()+"/cgroup.freeze", []byte(word), 0) }
			if err := freeze("1"); err != nil {
				lacking.Skip(t, "no group can be frozen: ", err)
			}
			t.Cleanup(func() { _ = freeze("0") })
			r := newRig(t)
			held := command("/bin/echo", "held")
			held.Cgroup, held.Enter, held.Umask = group, true, way.umask
			out, outW := pipe(t)
			said := drain(out)
			held.Stdout, held.Close = outW, []child.File{outW}
			k := r.start(held)
			if e := r.until(t, "started"); e.key != k {
				t.Fatalf("got %v", e)
			}
			if got := r.run(t, command("/bin/echo", "beside it")); got.out != "beside it\n" {
				t.Errorf("got %q (%s)", got.out, got.err)
			}
			if err := freeze("0"); err != nil {
				t.Fatal(err)
			}
			if e := r.until(t, "exited"); e.key != k {
				t.Errorf("got %v", e)
			}
			if text := <-said; text != "held\n" {
				t.Errorf("it said %q", text)
			}
		})
	}
}

// pretended is a directory that looks like a control group and is none. No child can be
// born there, as with an old kernel.
func pretended(t *testing.T, files ...string) *os.File {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return opened(t, dir)
}

func TestAChildGoesToItsControlGroupItself(t *testing.T) {
	r := newRig(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			spec := command("/bin/echo", "done")
			spec.Cgroup, spec.Umask = pretended(t, "cgroup.procs"), way.umask
			if got := r.run(t, spec); got.out != "done\n" || got.report.Outside != "" || got.report.Warnings != nil {
				t.Errorf("got %q (%s, %+v)", got.out, got.err, got.report)
			}
			if text, err := os.ReadFile(spec.Cgroup.Name() + "/cgroup.procs"); string(text) != "0" || err != nil {
				t.Errorf("it wrote %q, %v", text, err)
			}
			spec.Cgroup = pretended(t)
			want := "it cannot enter its cgroup: " + spec.Cgroup.Name() + "/cgroup.procs: no such file or directory"
			if got := r.run(t, spec); got.out != "done\n" || got.report.Outside != want {
				t.Errorf("got %q (%s, %+v), want %q", got.out, got.err, got.report, want)
			}
		})
	}
}

func TestLimitsOfAControlGroup(t *testing.T) {
	all := []string{"cgroup.procs", "cpu.max", "memory.max", "pids.max"}
	without := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == name })
	}
	memory, pids := int64(64<<20), int64(9)
	limits := conf.Limits{CPUMax: &conf.CPUMax{Quota: 150000, Period: 100000}, MemoryMax: &memory, PIDsMax: &pids}
	const written = "cpu.max=150000 100000 memory.max=67108864 pids.max=9 "
	r := newRig(t)
	for _, row := range []struct {
		name         string
		files        []string
		strict       bool
		uncontrolled map[string]string
		written      string
		warnings     []string
		refusal      string
	}{
		{name: "all of them", files: all, strict: true, written: written},
		{name: "one that is not there", files: without("memory.max"), written: "cpu.max=150000 100000 pids.max=9 ",
			warnings: []string{"cannot set memory_max=64MB: DIR/memory.max: no such file or directory"}},
		{name: "one that has to be there", files: without("pids.max"), strict: true,
			written: "cpu.max= memory.max= ", refusal: "cannot set pids_max=9: DIR/pids.max: no such file or directory (limits_strict=true)"},
		{name: "a controller that is not there", files: all, uncontrolled: map[string]string{"cpu": "it is busy"}, written: "cpu.max= memory.max=67108864 pids.max=9 ",
			warnings: []string{"cannot set cpu_max=1.5: it is busy"}},
		{name: "a controller that has to be there", files: all, strict: true, uncontrolled: map[string]string{"cpu": "it is busy"},
			written: "cpu.max= memory.max= pids.max= ", refusal: "cannot set cpu_max=1.5: it is busy (limits_strict=true)"},
		{name: "a group that it cannot enter", files: without("cgroup.procs"), written: "cpu.max= memory.max= pids.max= ", warnings: []string{
			"cannot set cpu_max=1.5: it cannot enter its cgroup: DIR/cgroup.procs: no such file or directory",
			"cannot set memory_max=64MB: it cannot enter its cgroup: DIR/cgroup.procs: no such file or directory",
			"cannot set pids_max=9: it cannot enter its cgroup: DIR/cgroup.procs: no such file or directory"}},
	} {
		for who, cred := range map[string]*child.Credential{"as root": nil, "as nobody": asNobody()} {
			t.Run(row.name+" "+who, func(t *testing.T) {
				spec := command("/bin/echo", "done")
				l := limits
				l.Strict = row.strict
				spec.Cgroup, spec.Limits, spec.Cred, spec.Uncontrolled = pretended(t, row.files...), &l, cred, row.uncontrolled
				got := r.run(t, spec)
				shown := func(s string) string { return strings.ReplaceAll(s, "DIR", spec.Cgroup.Name()) }
				var warnings []string
				for _, w := range row.warnings {
					warnings = append(warnings, shown(w))
				}
				if !slices.Equal(got.report.Warnings, warnings) || got.report.Refusal != shown(row.refusal) || (got.out == "done\n") != (row.refusal == "") {
					t.Errorf("got %q, %+v\n%s", got.out, got.report, got.err)
				}
				text := ""
				for _, name := range all[1:] {
					if b, err := os.ReadFile(filepath.Join(spec.Cgroup.Name(), name)); err == nil {
						text += name + "=" + string(b) + " "
					}
				}
				if text != row.written {
					t.Errorf("it wrote %q, want %q", text, row.written)
				}
			})
		}
	}
}
