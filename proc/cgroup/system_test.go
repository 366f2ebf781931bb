package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/lacking"
)

// realTree is one in the hierarchy of this machine, if we may have one there.
func realTree(t *testing.T) *Tree {
	t.Helper()
	tree := New("/proc", "/etc/test.conf")
	if err := tree.open(); err != nil {
		lacking.Skip(t, "no cgroup v2 that can be written: ", err)
	}
	t.Cleanup(tree.Close)
	return tree
}

// sleeper runs a shell with two more below it, one in a session of its own, in a group
// from its birth on.
func sleeper(t *testing.T, g *Group) *exec.Cmd {
	t.Helper()
	dir, err := g.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("/bin/sh", "-c", "setsid sleep 1000 & sleep 1000 & echo up; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		lacking.Skip(t, "a child cannot be born in a group: ", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if n, err := out.Read(make([]byte, 3)); n == 0 {
		t.Fatal(err)
	}
	return cmd
}

func TestARealGroup(t *testing.T) {
	tree := realTree(t)
	for _, tt := range []struct {
		name string
		kill func(g *Group) (int, error)
	}{
		{"killed at once", (*Group).Kill},
		{"killed one by one", func(g *Group) (int, error) { return tree.killEach(g.Dir) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := mustMake(t, tree, Want{Group: "a:b", Process: "a b"})
			cmd := sleeper(t, g)
			text, err := os.ReadFile("/proc/self/cgroup")
			if err != nil || strings.Contains(string(text), g.Dir[strings.LastIndexByte(g.Dir, '/'):]) {
				t.Errorf("we are in there ourselves: %s, %v", text, err)
			}
			if tree.files.empty(g.Dir, time.Now()) {
				t.Error("a group is empty with three in it")
			}
			if err := tree.files.rmdir(g.Dir); !errors.Is(err, syscall.EBUSY) {
				t.Errorf("a group with three in it can be removed: %v", err)
			}
			if n, err := tt.kill(g); n != 3 || err != nil {
				t.Errorf("%d were killed, %v, want 3", n, err)
			}
			if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("it ended with %v", err)
			}
			if !tree.files.empty(g.Dir, time.Now().Add(30*time.Second)) {
				t.Error("somebody is still in there")
			}
			g.Remove()
			if _, err := os.Stat(g.Dir); err == nil {
				t.Error("it is not removed")
			}
			if !tree.files.empty(g.Dir, time.Now()) {
				t.Error("a group that is gone is not empty")
			}
		})
	}
}

func TestARealLock(t *testing.T) {
	tree := realTree(t)
	if _, err := tree.files.lock(tree.base); err != syscall.EWOULDBLOCK {
		t.Errorf("a second lock: %v", err)
	}
	other := realTree(t)
	if other.base == tree.base {
		t.Errorf("both have %s", tree.base)
	}
	base := other.base
	other.Close()
	if _, err := os.Stat(base); err == nil {
		t.Errorf("%s was left behind", base)
	}
	if _, err := tree.files.lock(base); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock on what is not there: %v", err)
	}
	tree.Close()
	if _, err := tree.files.lock(tree.base + "x"); err == nil {
		t.Error("the lock on what never was")
	}
}
