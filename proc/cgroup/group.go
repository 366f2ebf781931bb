package cgroup

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Want is what a process needs of a group.
type Want struct {
	Group, Process string   // whose it is
	Kept           bool     // what the process leaves behind goes on
	Controllers    []string // for limits
}

// Group is the group of one process.
type Group struct {
	Dir     string
	Missing map[string]error // the controllers that it wanted and does not have

	// Fresh says that it was made just now, and runs. Of any other group somebody may
	// hold up who is born in it.
	Fresh bool

	tree *Tree
	kept bool
	oom  int // kills before this run
}

// Make makes a group. One that is still there, since somebody is in it, is taken over:
// without the limits of the run before, which are those of the next one to set, and
// thawed if somebody has frozen it.
func (t *Tree) Make(w Want) (*Group, error) {
	if err := t.open(); err != nil {
		return nil, err
	}
	g := &Group{Dir: t.base + "/" + directory(w), tree: t, kept: w.Kept, Missing: t.control(w.Controllers)}
	if t.busy[g.Dir] {
		t.remove(g.Dir)
	}
	err := t.files.mkdir(g.Dir)
	switch {
	case err == nil:
		g.Fresh = !t.frozen(g.Dir) // as one is below another that is
	case t.busy[g.Dir]:
		delete(t.busy, g.Dir) // it is in use again
		for _, file := range []string{"memory.max", "cpu.max", "pids.max"} {
			_ = t.files.write(g.Dir+"/"+file, "max") // there is none without its controller
		}
		t.thaw(g.Dir)
	default:
		return nil, refused(err)
	}
	g.oom = t.oomKills(g.Dir)
	return g, nil
}

// Open opens the group for a child to be born in.
func (g *Group) Open() (*os.File, error) { return os.Open(g.Dir) }

// Kill kills everything in the group and below it, and returns how many processes
// that were.
func (g *Group) Kill() (killed int, err error) { return g.tree.kill(g.Dir) }

// Remove removes the group, now or when a Sweep finds it empty.
func (g *Group) Remove() { g.tree.remove(g.Dir) }

// OOMKills returns how many processes of the group the kernel has killed in this run
// because there was no memory left for them.
func (g *Group) OOMKills() int { return max(0, g.tree.oomKills(g.Dir)-g.oom) }

// frozen tells whether nobody runs in a group.
func (t *Tree) frozen(dir string) bool {
	text, _ := t.files.read(dir + "/cgroup.events")
	return strings.Contains(text, "frozen 1")
}

// thaw lets those in a group run.
func (t *Tree) thaw(dir string) { _ = t.files.write(dir+"/"+freezeFile, "0") }

func (t *Tree) oomKills(dir string) int {
	text, _ := t.files.read(dir + "/memory.events") // not there without the controller
	for line := range strings.Lines(text) {
		if count, found := strings.CutPrefix(line, "oom_kill "); found {
			n, _ := strconv.Atoi(strings.TrimSpace(count))
			return n
		}
	}
	return 0
}

// kill kills whoever is in a group or below it. Whom it hits is decided by the
// kernel, which knows at that moment who is in there.
func (t *Tree) kill(dir string) (killed int, err error) {
	all, err := t.members(dir, mostDepth)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	err = t.files.write(dir+"/"+killFile, "1")
	switch {
	case err == nil:
		return len(all), nil
	case os.IsNotExist(err):
		return t.killEach(dir)
	}
	return 0, err
}

// killEach does without cgroup.kill, which came with Linux 5.14. Frozen, they cannot
// fork faster than we look.
func (t *Tree) killEach(dir string) (killed int, err error) {
	_ = t.files.write(dir+"/"+freezeFile, "1") // came with 5.2
	defer t.thaw(dir)
	done := map[int]bool{}
	for range rounds {
		all, err := t.members(dir, mostDepth)
		if err != nil {
			return killed, err
		}
		fresh := 0
		for _, pid := range all {
			if done[pid] || pid == 0 {
				continue
			}
			err := t.files.kill(pid, func() bool {
				now, _ := t.members(dir, mostDepth)
				return slices.Contains(now, pid)
			})
			if err == nil {
				done[pid] = true
				fresh++
			}
		}
		if killed += fresh; fresh == 0 {
			break
		}
	}
	return killed, nil
}

// members lists who is in a group and below it.
func (t *Tree) members(dir string, depth int) ([]int, error) {
	pids, err := t.processes(dir)
	if err != nil || depth == 0 {
		return pids, err
	}
	names, _ := t.files.dirs(dir)
	for _, name := range names {
		more, _ := t.members(dir+"/"+name, depth-1) // it may be gone by now
		pids = append(pids, more...)
	}
	return pids, nil
}

// longestName is what a directory's name has room for, beside a mark at its end.
const longestName = 200

// directory names the group of a process. Different processes never get one name.
func directory(w Want) string {
	name := escape(w.Group) + "@" + escape(w.Process)
	if len(name) > longestName {
		h := fnv.New128a()
		h.Write([]byte(name))
		name = fmt.Sprintf("%s@@%x", name[:longestName-34], h.Sum(nil))
	}
	if w.Kept {
		name += keptSuffix
	}
	return name
}

// escape leaves nothing in a name that means something in a path or to those who read
// /proc/PID/cgroup.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
