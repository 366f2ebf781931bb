package cgroup

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// kernel is one that keeps the rules of cgroup v2 for groups below /cg, without a
// process that there really is.
type kernel struct {
	groups   map[string]*node
	procs    map[int]string // in which group a process is
	parents  map[int]int
	stubborn map[int]bool // does not die yet
	locks    map[string]bool
	texts    map[string]string
	errs     map[string]error // of a call and its path
	oldest   bool             // without cgroup.kill
	onKill   func(pid int)
	log      []string
}

type node struct {
	subtree []string
	limits  map[string]string
	events  string
	frozen  bool
}

const all = "cpu memory pids"

// newKernel has one process in a group, and PID 1 at the root.
func newKernel(pid int, in string) *kernel {
	k := &kernel{
		groups: map[string]*node{"/cg": {}, "/cg/unit": {}}, procs: map[int]string{1: "/cg", pid: in}, parents: map[int]int{pid: 0},
		stubborn: map[int]bool{}, locks: map[string]bool{}, errs: map[string]error{},
		texts: map[string]string{"/proc/self/mountinfo": "41 31 0:28 / /cg rw,relatime - cgroup2 cgroup2 rw\n"},
	}
	k.groups["/cg"].subtree = strings.Fields(all)
	return k
}

func (k *kernel) fail(call, p string, err error) error {
	if set := k.errs[call+" "+p]; set != nil {
		err = set
	}
	if err == nil {
		return nil
	}
	return &os.PathError{Op: call, Path: p, Err: err}
}

func (k *kernel) in(dir string) []int {
	var pids []int
	for _, pid := range slices.Sorted(maps.Keys(k.procs)) {
		if k.procs[pid] == dir {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (k *kernel) below(dir string) []string {
	var names []string
	for _, d := range slices.Sorted(maps.Keys(k.groups)) {
		if path.Dir(d) == dir {
			names = append(names, path.Base(d))
		}
	}
	return names
}

func (k *kernel) controllers(dir string) []string {
	if dir == "/cg" {
		return strings.Fields(all)
	}
	return k.groups[path.Dir(dir)].subtree
}

func (k *kernel) read(p string) (string, error) {
	if err := k.fail("open", p, nil); err != nil {
		return "", err
	}
	if p == "/proc/self/cgroup" && k.texts[p] == "" {
		for _, pid := range slices.Sorted(maps.Keys(k.parents)) {
			return "0::" + strings.TrimPrefix(k.procs[pid], "/cg") + "\n", nil
		}
	}
	if text, ok := k.texts[p]; ok {
		return text, nil
	}
	var pid int
	if n, _ := fmt.Sscanf(p, "/proc/%d/stat", &pid); n == 1 && k.procs[pid] != "" {
		return fmt.Sprintf("%d (a (b) c) S %d 1 1", pid, k.parents[pid]), nil
	}
	dir, file := path.Split(p)
	dir = path.Clean(dir)
	g := k.groups[dir]
	switch {
	case g == nil, file == "cgroup.type" && dir == "/cg":
	case file == procsFile:
		text := ""
		for _, pid := range k.in(dir) {
			text += strconv.Itoa(pid) + "\n"
		}
		return text, nil
	case file == controllersFile:
		return strings.Join(k.controllers(dir), " ") + "\n", nil
	case file == subtreeFile:
		return strings.Join(g.subtree, " ") + "\n", nil
	case file == "cgroup.events":
		frozen := 0
		for d := dir; d != "/"; d = path.Dir(d) {
			if above := k.groups[d]; above != nil && above.frozen {
				frozen = 1
			}
		}
		return fmt.Sprintf("populated %d\nfrozen %d\n", min(1, len(k.in(dir))), frozen), nil
	case file == "cgroup.type":
		return "domain\n", nil
	case file == "memory.events" && slices.Contains(k.controllers(dir), "memory"):
		return g.events, nil
	}
	return "", k.fail("open", p, syscall.ENOENT)
}

func (k *kernel) write(p, text string) error {
	dir, file := path.Split(p)
	dir = path.Clean(dir)
	g := k.groups[dir]
	if g == nil {
		return k.fail("open", p, syscall.ENOENT)
	}
	if err := k.fail("write", p, k.order(g, dir, file, text)); err != nil {
		return err
	}
	k.log = append(k.log, strings.TrimPrefix(p, "/cg/")+"="+text)
	return nil
}

func (k *kernel) order(g *node, dir, file, text string) error {
	controller, _, _ := strings.Cut(file, ".")
	switch {
	case file == procsFile:
		pid, _ := strconv.Atoi(text)
		switch {
		case k.procs[pid] == "":
			return syscall.ESRCH
		case dir != "/cg" && len(g.subtree) > 0:
			return syscall.EBUSY
		}
		k.procs[pid] = dir
	case file == killFile && !k.oldest:
		for pid, at := range k.procs {
			if at == dir || strings.HasPrefix(at, dir+"/") {
				k.die(pid)
			}
		}
	case file == freezeFile:
		g.frozen = text == "1"
	case file == subtreeFile:
		return k.subtree(g, dir, text[:1], text[1:])
	case slices.Contains(k.controllers(dir), controller) && strings.HasSuffix(file, ".max"):
		if g.limits == nil {
			g.limits = map[string]string{}
		}
		g.limits[file] = text
	default:
		return syscall.ENOENT
	}
	return nil
}

func (k *kernel) subtree(g *node, dir, sign, name string) error {
	if sign == "-" {
		for _, below := range k.below(dir) {
			if slices.Contains(k.groups[dir+"/"+below].subtree, name) {
				return syscall.EBUSY
			}
		}
		g.subtree = slices.DeleteFunc(slices.Clone(g.subtree), func(s string) bool { return s == name })
		return nil
	}
	switch {
	case !slices.Contains(k.controllers(dir), name):
		return syscall.ENOENT
	case dir != "/cg" && len(k.in(dir)) > 0:
		return syscall.EBUSY
	}
	g.subtree = append(slices.Clone(g.subtree), name)
	return nil
}

func (k *kernel) die(pid int) {
	if !k.stubborn[pid] {
		delete(k.procs, pid)
	}
}

func (k *kernel) mkdir(dir string) error {
	switch {
	case k.groups[path.Dir(dir)] == nil:
		return k.fail("mkdir", dir, syscall.ENOENT)
	case k.groups[dir] != nil:
		return k.fail("mkdir", dir, syscall.EEXIST)
	}
	if err := k.fail("mkdir", dir, nil); err != nil {
		return err
	}
	k.groups[dir] = &node{}
	return nil
}

func (k *kernel) rmdir(dir string) error {
	switch {
	case k.groups[dir] == nil:
		return k.fail("rmdir", dir, syscall.ENOENT)
	case len(k.in(dir))+len(k.below(dir)) > 0:
		return k.fail("rmdir", dir, syscall.EBUSY)
	}
	delete(k.groups, dir)
	return nil
}

func (k *kernel) dirs(dir string) ([]string, error) { return k.below(dir), nil }

type unlock func()

func (u unlock) Close() error { u(); return nil }

func (k *kernel) lock(dir string) (io.Closer, error) {
	if k.locks[dir] {
		return nil, syscall.EWOULDBLOCK
	}
	if err := k.fail("lock", dir, nil); err != nil {
		return nil, err
	}
	k.locks[dir] = true
	return unlock(func() { k.locks[dir] = false }), nil
}

func (k *kernel) empty(dir string, _ time.Time) bool { return len(k.in(dir)) == 0 }

func (k *kernel) kill(pid int, member func() bool) error {
	if k.onKill != nil {
		k.onKill(pid)
	}
	if !member() {
		return syscall.ESRCH
	}
	k.log = append(k.log, fmt.Sprint("kill ", pid))
	k.die(pid)
	return nil
}

// state shows the groups below the one where it began, with who is in them.
func (k *kernel) state() string {
	var words []string
	for _, dir := range slices.Sorted(maps.Keys(k.groups)) {
		if dir == "/cg" {
			continue
		}
		word := strings.TrimPrefix(dir, "/cg/")
		if g := k.groups[dir]; len(g.subtree) > 0 {
			word += "+" + strings.Join(g.subtree, "+")
		}
		for _, pid := range k.in(dir) {
			word += fmt.Sprint(" ", pid)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
