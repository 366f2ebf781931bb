package cgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var limited = []string{"memory", "pids"}

// born puts a child of the process 10 into a group.
func (k *kernel) born(pid int, g *Group) {
	k.procs[pid], k.parents[pid] = g.Dir, 10
}

func mustMake(t *testing.T, tree *Tree, w Want) *Group {
	t.Helper()
	g, err := tree.Make(w)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range g.Missing {
		t.Fatalf("%s is missing: %v", name, err)
	}
	return g
}

func wantState(t *testing.T, k *kernel, want string) {
	t.Helper()
	if got := k.state(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAGroupLivesAsLongAsItsProcess(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	tree := newTree(k, "/proc", 10)
	g := mustMake(t, tree, Want{Group: "web", Process: "web"})
	k.born(11, g)
	k.procs[12] = g.Dir
	wantState(t, k, "unit 10, unit/supervisor.1, unit/supervisor.1/web@web 11 12")
	delete(k.procs, 11)
	if n, err := g.Kill(); n != 1 || err != nil {
		t.Errorf("%d were killed, %v", n, err)
	}
	g.Remove()
	wantState(t, k, "unit 10, unit/supervisor.1")
	tree.Close()
	wantState(t, k, "unit 10")
}

func TestLimitsTakeTheDaemonOutOfItsGroup(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	k.procs[20], k.parents[20] = "/cg/unit", 10 // a child from before
	k.procs[21], k.parents[21] = "/cg/unit", 20
	tree := newTree(k, "/proc", 10)
	g := mustMake(t, tree, Want{Group: "web", Process: "1", Kept: true, Controllers: []string{"pids"}})
	wantState(t, k, "unit+pids+memory, unit/supervisor.1+pids+memory, unit/supervisor.1/daemon 10 20 21, unit/supervisor.1/web@1@kept")
	if tree.Moved() != "/cg/unit/supervisor.1/daemon" {
		t.Errorf("it says that it moved to %q", tree.Moved())
	}
	mustMake(t, tree, Want{Group: "web", Process: "2", Controllers: []string{"cpu"}})
	wantState(t, k, "unit+pids+memory+cpu, unit/supervisor.1+pids+memory+cpu, unit/supervisor.1/daemon 10 20 21, unit/supervisor.1/web@1@kept, unit/supervisor.1/web@2")
	g.Remove()
	delete(k.procs, 21)
	tree.remove("/cg/unit/supervisor.1/web@2")
	tree.Close()
	wantState(t, k, "unit 10 20")
}

func TestWhereTheDaemonStays(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		self     int
		others   map[int]int // with their parents
		want     string
		missing  string
	}{
		{"at the root, where there may be processes", "/cg", 10, nil, "unit, supervisor.1+memory, supervisor.1/a@a", ""},
		{"beside strangers", "/cg/unit", 10, map[int]int{20: 1}, "unit 20, unit/supervisor.1, unit/supervisor.1/a@a, unit/supervisor.1/daemon 10",
			"processes that are not of supervisord are in its cgroup /cg/unit (pid 20); start supervisord in one of its own"},
		{"beside many", "/cg/unit", 10, map[int]int{20: 1, 21: 1, 22: 1, 23: 1, 24: 1, 25: 1},
			"unit 20 21 22 23 24 25, unit/supervisor.1, unit/supervisor.1/a@a, unit/supervisor.1/daemon 10",
			"processes that are not of supervisord are in its cgroup /cg/unit (pid 20, 21, 22, 23, 24, ...); start supervisord in one of its own"},
		{"as the first process, to which all belong", "/cg/unit", 1, map[int]int{20: 0},
			"unit+memory, unit/supervisor.1+memory, unit/supervisor.1/a@a, unit/supervisor.1/daemon 1 20", ""},
		{"beside somebody from outside", "/cg/unit", 1, map[int]int{0: 0}, "unit 0, unit/supervisor.1, unit/supervisor.1/a@a, unit/supervisor.1/daemon 1",
			"processes that are not of supervisord are in its cgroup /cg/unit (of another pid namespace); start supervisord in one of its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKernel(tt.self, tt.in)
			k.texts["/proc/self/cgroup"] = "0::" + strings.TrimPrefix(tt.in+"/", "/cg")
			if tt.in != "/cg" {
				k.texts["/proc/self/cgroup"] = "0::/unit\n"
			}
			for pid, parent := range tt.others {
				k.procs[pid], k.parents[pid] = tt.in, parent
			}
			g, err := newTree(k, "/proc", tt.self).Make(Want{Group: "a", Process: "a", Controllers: []string{"memory"}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := g.Missing["memory"]; err != nil {
				got = err.Error()
			}
			if got != tt.missing {
				t.Errorf("missing: %q, want %q", got, tt.missing)
			}
			state := strings.Split(k.state(), ", ")
			slices.Sort(state)
			want := strings.Split(tt.want, ", ")
			slices.Sort(want)
			if !slices.Equal(state, want) {
				t.Errorf("got  %s\nwant %s", state, want)
			}
		})
	}
}

func TestAControllerThatCannotBeHad(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(k *kernel)
		want   string
	}{
		{"it is v1's", func(k *kernel) {
			k.groups["/cg"].subtree = []string{"cpu"}
			k.texts["/proc/self/cgroup"] = "9:name=systemd:/\n4:memory,cpuset:/x\n0::/unit\n"
		}, "the controller memory belongs to cgroup v1 on this machine"},
		{"nobody handed it down", func(k *kernel) { k.groups["/cg"].subtree = []string{"cpu", "pids"} },
			"the controller memory is not available in /cg/unit, which has cpu, pids (a unit of systemd needs Delegate=yes)"},
		{"there are none", func(k *kernel) { k.groups["/cg"].subtree = nil },
			"the controller memory is not available in /cg/unit, which has none (a unit of systemd needs Delegate=yes)"},
		{"it may not be switched on", func(k *kernel) { k.errs["write /cg/unit/cgroup.subtree_control"] = syscall.EACCES },
			fmt.Sprintf("cannot enable the controller memory: write /cg/unit/cgroup.subtree_control: permission denied (the cgroup is not delegated to user %d; a unit of systemd needs Delegate=yes)", os.Geteuid())},
		{"we may not move", func(k *kernel) { k.errs["write /cg/unit/supervisor.1/daemon/cgroup.procs"] = syscall.EOPNOTSUPP },
			"supervisord cannot move itself: write /cg/unit/supervisor.1/daemon/cgroup.procs: operation not supported (the cgroup is a threaded one)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKernel(10, "/cg/unit")
			tt.change(k)
			g, err := newTree(k, "/proc", 10).Make(Want{Group: "a", Process: "a", Controllers: []string{"memory"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Missing["memory"]; err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestWhyThereAreNoGroups(t *testing.T) {
	const v1 = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	for _, tt := range []struct {
		name   string
		change func(k *kernel)
		want   string
	}{
		{"no /proc", func(k *kernel) { k.errs["open /proc/self/cgroup"] = syscall.ENOENT },
			"it is not known in which cgroup supervisord is: open /proc/self/cgroup: no such file or directory"},
		{"v1 alone", func(k *kernel) { k.texts["/proc/self/cgroup"] = "4:memory:/\n1:name=systemd:/\n" }, "there is no cgroup v2 here, only v1"},
		{"no mounts to be seen", func(k *kernel) { k.errs["open /proc/self/mountinfo"] = syscall.EACCES },
			"it is not known where cgroup v2 is mounted: open /proc/self/mountinfo: permission denied"},
		{"not mounted", func(k *kernel) { k.texts["/proc/self/mountinfo"] = v1 }, "cgroup v2 is not mounted here"},
		{"another part of it is mounted", func(k *kernel) {
			k.texts["/proc/self/mountinfo"] = "41 31 0:28 /docker/abc /cg rw - cgroup2 cgroup2 rw\n"
		}, "the cgroup v2 at /cg does not show the cgroup of supervisord, /unit"},
		{"outside of the namespace", func(k *kernel) { k.texts["/proc/self/cgroup"] = "0::/../other\n" },
			"the cgroup v2 at /cg does not show the cgroup of supervisord, /../other"},
		{"read-only", func(k *kernel) { k.errs["mkdir /cg/unit/supervisor.1"] = syscall.EROFS },
			"mkdir /cg/unit/supervisor.1: read-only file system (cgroups are read-only here; a container may write its own with docker's " +
				"--security-opt writable-cgroups=true, podman's --security-opt unmask=/sys/fs/cgroup, or --privileged)"},
		{"not ours", func(k *kernel) { k.errs["mkdir /cg/unit/supervisor.1"] = syscall.EACCES },
			fmt.Sprintf("mkdir /cg/unit/supervisor.1: permission denied (the cgroup is not delegated to user %d; a unit of systemd needs Delegate=yes)", os.Geteuid())},
		{"too many", func(k *kernel) { k.errs["mkdir /cg/unit/supervisor.1"] = syscall.EAGAIN },
			"mkdir /cg/unit/supervisor.1: resource temporarily unavailable (cgroup.max.descendants or cgroup.max.depth of a cgroup above allows no more)"},
		{"many of us", func(k *kernel) {
			for n := 1; n <= mostDaemons; n++ {
				k.locks[fmt.Sprintf("/cg/unit/supervisor.%d", n)] = true
			}
		}, "64 other supervisords have theirs in /cg/unit"},
		{"one that is always gone again", func(k *kernel) { k.errs["lock /cg/unit/supervisor.1"] = syscall.ENOENT },
			"lock /cg/unit/supervisor.1: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKernel(10, "/cg/unit")
			tt.change(k)
			tree := newTree(k, "/proc", 10)
			for range 2 {
				if _, err := tree.Make(Want{Group: "a", Process: "a"}); err == nil || err.Error() != tt.want {
					t.Errorf("got  %v\nwant %s", err, tt.want)
				}
			}
			tree.Close()
		})
	}
}

func TestTheOwnGroupIsFound(t *testing.T) {
	for _, tt := range []struct{ name, cgroup, mounts, want string }{
		{"the root", "0::/\n", "41 31 0:28 / /cg rw - cgroup2 cgroup2 rw\n", "/cg"},
		{"below it", "0::/a/b c:d\n", "41 31 0:28 / /cg rw - cgroup2 cgroup2 rw\n", "/cg/a/b c:d"},
		{"among others", "4:memory:/x\n0::/a\n", "31 23 0:28 / /sys rw - tmpfs tmpfs rw\n41 31 0:28 / /sys/u\\040v rw shared:1 master:2 - cgroup2 cgroup2 rw,nsdelegate\n", "/sys/u v/a"},
		{"a part is mounted", "0::/docker/abc\n", "41 31 0:28 /docker/abc /cg rw - cgroup2 cgroup2 rw\n", "/cg"},
		{"a part, and deeper", "0::/docker/abc/d\n", "41 31 0:28 /docker/abc /cg rw - cgroup2 cgroup2 rw\n", "/cg/d"},
		{"another part is mounted, too", "0::/docker/abcd\n", "41 31 0:28 /docker/abc /x rw - cgroup2 cgroup2 rw\n41 31 0:28 / /y rw - cgroup2 cgroup2 rw\n", "/y/docker/abcd"},
		{"one that can be written, too", "0::/a\n", "41 31 0:28 / /x ro - cgroup2 cgroup2 rw\n41 31 0:28 / /y rw - cgroup2 cgroup2 rw\n", "/y/a"},
		{"read-only alone", "0::/a\n", "41 31 0:28 / /x rw - cgroup2 cgroup2 ro\n", "/x/a"},
		{"mounted at the root of a namespace", "0::/a\n", "41 31 0:28 / / rw - cgroup2 cgroup2 ro\n", "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKernel(10, "/cg")
			k.texts["/proc/self/cgroup"], k.texts["/proc/self/mountinfo"] = tt.cgroup, tt.mounts
			if got, err := newTree(k, "/proc", 10).place(); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestDaemonsThatShareAGroupKeepApart(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	first, second := newTree(k, "/proc", 10), newTree(k, "/proc", 10)
	k.born(11, mustMake(t, first, Want{Group: "a", Process: "a"}))
	mustMake(t, second, Want{Group: "a", Process: "a"})
	wantState(t, k, "unit 10, unit/supervisor.1, unit/supervisor.1/a@a 11, unit/supervisor.2, unit/supervisor.2/a@a")
	second.remove("/cg/unit/supervisor.2/a@a")
	second.Close()
	wantState(t, k, "unit 10, unit/supervisor.1, unit/supervisor.1/a@a 11")
	k.groups["/cg/unit/supervisor.2"] = &node{} // of another user
	k.errs["lock /cg/unit/supervisor.2"] = syscall.EACCES
	if g := mustMake(t, newTree(k, "/proc", 10), Want{Group: "b", Process: "b"}); g.Dir != "/cg/unit/supervisor.3/b@b" {
		t.Errorf("got %s", g.Dir)
	}
}

func TestWhatAnEarlierRunLeftIsCleaned(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	for dir, pid := range map[string]int{
		"": 0, "/a@a": 21, "/a@a/own": 0, "/a@a/own/deep": 22, "/b@b": 0, "/c@c": 23, "/d@d@kept": 24, "/e@e@kept": 0, "/daemon": 25,
	} {
		k.groups["/cg/unit/supervisor.1"+dir] = &node{}
		if pid != 0 {
			k.procs[pid] = "/cg/unit/supervisor.1" + dir
		}
	}
	k.stubborn[23] = true
	tree := newTree(k, "/proc", 10)
	mustMake(t, tree, Want{Group: "x", Process: "x"})
	wantState(t, k, "unit 10, unit/supervisor.1, unit/supervisor.1/c@c 23, unit/supervisor.1/d@d@kept 24, unit/supervisor.1/daemon 25, unit/supervisor.1/x@x")

	// What is still there is taken over by those to whom it belongs.
	g := mustMake(t, tree, Want{Group: "c", Process: "c"})
	k.born(26, g)
	tree.Sweep()
	wantState(t, k, "unit 10, unit/supervisor.1, unit/supervisor.1/c@c 23 26, unit/supervisor.1/d@d@kept 24, unit/supervisor.1/daemon 25, unit/supervisor.1/x@x")
	delete(k.procs, 23)
	delete(k.procs, 24)
	delete(k.procs, 26)
	g.Remove()
	tree.Sweep()
	wantState(t, k, "unit 10, unit/supervisor.1, unit/supervisor.1/daemon 25, unit/supervisor.1/x@x")
}

func TestWhatAnotherDaemonLeftGoesOn(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	marked := func(whose string) *Tree {
		tree := newTree(k, "/proc", 10)
		tree.mark = markOf(whose)
		return tree
	}
	killed := marked("a")
	k.born(11, mustMake(t, killed, Want{Group: "p", Process: "p"}))
	killed.lock.Close() // as the kernel does it

	other := marked("b")
	mustMake(t, other, Want{Group: "p", Process: "p"}).Remove()
	other.Close()
	if k.procs[11] != killed.base+"/p@p" {
		t.Fatalf("another daemon has killed it: %s", k.state())
	}
	again := marked("a")
	mustMake(t, again, Want{Group: "q", Process: "q"}).Remove()
	if again.base != killed.base || k.procs[11] != "" {
		t.Errorf("the next run of its own daemon has not: %s", k.state())
	}
	again.Close()
	again.Close()
	if again.mark != killed.mark {
		t.Errorf("after the end the mark is %q", again.mark)
	}
	wantState(t, k, "unit 10")
}

func TestNothingUnknownIsLeftAtTheEnd(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	tree := newTree(k, "/proc", 10)
	mustMake(t, tree, Want{Group: "p", Process: "p"}).Remove()
	k.groups[tree.base+"/hidden"], k.groups[tree.base+"/hidden/deep"] = &node{}, &node{}
	k.procs[11], k.procs[12] = tree.base+"/hidden", tree.base+"/hidden/deep"
	tree.Close()
	wantState(t, k, "unit 10")
}

func TestABusyGroupIsRemovedWhenItIsEmpty(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	tree := newTree(k, "/proc", 10)
	g := mustMake(t, tree, Want{Group: "a", Process: "a", Controllers: limited})
	k.born(11, g)
	k.stubborn[11] = true
	if n, err := g.Kill(); n != 1 || err != nil {
		t.Errorf("%d were killed, %v", n, err)
	}
	g.Remove()
	tree.Sweep()
	if k.groups[g.Dir] == nil {
		t.Fatal("a group was removed with somebody in it")
	}
	if err := k.write(g.Dir+"/memory.max", "1000"); err != nil {
		t.Fatal(err)
	}
	g = mustMake(t, tree, Want{Group: "a", Process: "a", Controllers: limited})
	if got := k.groups[g.Dir].limits; got["memory.max"] != "max" || got["pids.max"] != "max" {
		t.Errorf("the next run begins with the limits %v", got)
	}
	k.stubborn[11] = false
	if n, _ := g.Kill(); n != 1 {
		t.Errorf("%d were killed", n)
	}
	g.Remove()
	if k.groups[g.Dir] != nil {
		t.Error("it was not removed")
	}
}

func TestNobodyIsBornInAGroupThatMayBeFrozen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kept   bool
		frozen string // the directory that somebody freezes
		left   bool   // somebody of the run before is in there
		fresh  bool
	}{
		{"a new one", false, "", false, true},
		{"one that is taken over", false, "", true, false},
		{"one that is taken over, frozen", false, "/cg/unit/supervisor.1/a@a", true, false},
		{"what may outlive its program, frozen", true, "/cg/unit/supervisor.1/a@a@kept", true, false},
		{"a new one below one that is frozen", false, "/cg/unit/supervisor.1", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKernel(10, "/cg/unit")
			tree := newTree(k, "/proc", 10)
			want := Want{Group: "a", Process: "a", Kept: tt.kept}
			g := mustMake(t, tree, want)
			if !g.Fresh {
				t.Error("the first one is not fresh")
			}
			if tt.left {
				k.born(11, g)
			}
			g.Remove()
			if tt.frozen != "" {
				if err := k.write(tt.frozen+"/cgroup.freeze", "1"); err != nil {
					t.Fatal(err)
				}
			}
			g = mustMake(t, tree, want)
			if g.Fresh != tt.fresh {
				t.Errorf("fresh is %v, want %v", g.Fresh, tt.fresh)
			}
			if k.groups[g.Dir].frozen {
				t.Error("it is still frozen")
			}
		})
	}
}

func TestWhatAnEarlierRunLeftFrozenIsThawed(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	for _, dir := range []string{"", "/a@a"} {
		k.groups["/cg/unit/supervisor.1"+dir] = &node{frozen: dir != ""}
	}
	k.procs[21], k.stubborn[21] = "/cg/unit/supervisor.1/a@a", true
	mustMake(t, newTree(k, "/proc", 10), Want{Group: "x", Process: "x"})
	if k.groups["/cg/unit/supervisor.1/a@a"].frozen {
		t.Error("it is still frozen")
	}
}

func TestWhatMayOutliveTheDaemonKeepsItsGroup(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	tree := newTree(k, "/proc", 10)
	g := mustMake(t, tree, Want{Group: "a", Process: "a", Kept: true, Controllers: limited})
	k.procs[11] = g.Dir
	g.Remove()
	tree.Close()
	wantState(t, k, "unit+memory+pids, unit/supervisor.1+memory+pids, unit/supervisor.1/a@a@kept 11, unit/supervisor.1/daemon 10")
	if k.locks["/cg/unit/supervisor.1"] {
		t.Error("the lock is not given back")
	}
}

func TestOldKernelsAreKilledOneByOne(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	k.oldest = true
	tree := newTree(k, "/proc", 10)
	g := mustMake(t, tree, Want{Group: "a", Process: "a"})
	for pid := 11; pid < 15; pid++ {
		k.procs[pid] = g.Dir
	}
	k.groups[g.Dir+"/own"] = &node{}
	k.procs[15] = g.Dir + "/own"
	k.onKill = func(pid int) {
		if pid == 11 { // one forks, and another leaves before it is its turn
			k.procs[16] = g.Dir
			k.procs[12] = "/cg"
		}
	}
	if n, err := g.Kill(); n != 5 || err != nil {
		t.Errorf("%d were killed, %v, want 5", n, err)
	}
	g.Remove()
	wantState(t, k, "unit 10, unit/supervisor.1")
	if k.procs[12] != "/cg" || slices.Contains(k.log, "kill 12") {
		t.Error("somebody was killed who is not in the group any more")
	}
}

func TestKillsForWantOfMemoryAreCounted(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	tree := newTree(k, "/proc", 10)
	g := mustMake(t, tree, Want{Group: "a", Process: "a", Controllers: limited})
	if n := g.OOMKills(); n != 0 {
		t.Errorf("got %d", n)
	}
	k.groups[g.Dir].events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"
	if n := g.OOMKills(); n != 2 {
		t.Errorf("got %d, want 2", n)
	}
	k.born(11, g)
	g.Remove()
	if n := mustMake(t, tree, Want{Group: "a", Process: "a", Controllers: limited}).OOMKills(); n != 0 {
		t.Errorf("those of the run before are counted again: %d", n)
	}
}

func TestNamesOfGroups(t *testing.T) {
	long := strings.Repeat("ä", 120)
	seen := map[string]bool{}
	for _, tt := range []struct {
		group, process string
		kept           bool
		want           string // "" for any
	}{
		{"web", "web_00", false, "web@web_00"},
		{"web", "web_00", true, "web@web_00@kept"},
		{"web@x", "a", false, "web%40x@a"},
		{"web", "x@a", false, "web@x%40a"},
		{"web", "web_00@kept", false, "web@web_00%40kept"},
		{"..", ".", false, "..@."},
		{"a/b\n%", "ü", false, "a%2Fb%0A%25@%C3%BC"},
		{long, "a", false, ""},
		{long, "b", false, ""},
		{long, "b", true, ""},
	} {
		got := directory(Want{Group: tt.group, Process: tt.process, Kept: tt.kept})
		if tt.want != "" && got != tt.want || seen[got] || len(got) > 255 || strings.ContainsAny(got, "/\n:") {
			t.Errorf("%q:%q is %q, want %q", tt.group, tt.process, got, tt.want)
		}
		seen[got] = true
	}
}

func TestAGroupThatIsLostIsNoFault(t *testing.T) {
	k := newKernel(10, "/cg/unit")
	g := mustMake(t, newTree(k, "/proc", 10), Want{Group: "a", Process: "a"})
	delete(k.groups, g.Dir)
	if _, err := g.Kill(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	g.Remove()
	if len(g.tree.busy) > 0 {
		t.Error("it is to be removed again")
	}
}
