package cgroup

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The files of a group.
const (
	killFile        = "cgroup.kill"
	procsFile       = "cgroup.procs"
	controllersFile = "cgroup.controllers"
	subtreeFile     = "cgroup.subtree_control"
	freezeFile      = "cgroup.freeze"
)

// The names of directories.
const (
	basePrefix = "supervisor."
	leafName   = "daemon"
	keptSuffix = "@kept"
)

// Bounds of what is tried.
const (
	mostDaemons = 64              // that share a group
	rounds      = 16              // of looks at processes that may fork meanwhile
	deathTime   = 1 * time.Second // for what was killed to be gone
	mostDepth   = 32              // of groups that a program has made for itself
)

// Tree is the part of the hierarchy in which programs get groups of their own. It is
// made when the first of them asks for one.
type Tree struct {
	files files
	proc  string
	self  int
	mark  string // in the name of the base: whose it is, also when its daemon is dead

	own    string // where we were started
	base   string // below it, ours alone; "" as long as it is not made
	lock   io.Closer
	ours   []string        // controllers that we have switched on in own
	leaf   string          // where we have moved ourselves; "" if we have not
	broken error           // why there is no base
	busy   map[string]bool // directories that cannot be removed yet
}

// New returns a tree of which nothing is made yet. proc is where /proc is. whose says what
// a daemon is known by over its runs: what another one has left is none of its business.
func New(proc, whose string) *Tree {
	t := newTree(system{}, proc, os.Getpid())
	t.mark = markOf(whose)
	return t
}

// markOf shortens what a daemon is known by to a part of a name.
func markOf(whose string) string {
	h := fnv.New32a()
	h.Write([]byte(whose))
	return fmt.Sprintf("%08x.", h.Sum32())
}

func newTree(f files, proc string, self int) *Tree {
	return &Tree{files: f, proc: proc, self: self, busy: map[string]bool{}}
}

// Moved returns the directory that supervisord has moved itself and its processes
// into, so that there can be limits below the one where they were; "" if it has not.
func (t *Tree) Moved() string { return t.leaf }

// open makes what is common to all groups. An error stays: what is mounted how does
// not change under a process.
func (t *Tree) open() error {
	if t.base != "" || t.broken != nil {
		return t.broken
	}
	t.broken = t.make()
	return t.broken
}

func (t *Tree) make() error {
	own, err := t.place()
	if err != nil {
		return err
	}
	gone := 0
	for n := 1; n <= mostDaemons; n++ {
		dir := own + "/" + basePrefix + t.mark + strconv.Itoa(n)
		made := t.files.mkdir(dir)
		if made != nil && !errors.Is(made, os.ErrExist) {
			return refused(made)
		}
		lock, err := t.files.lock(dir)
		switch {
		case err == nil:
			t.own, t.base, t.lock = own, dir, lock
			t.clean()
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK): // of another supervisord
		case errors.Is(err, os.ErrPermission) && made != nil: // or of another user
		case errors.Is(err, os.ErrNotExist) && gone < rounds: // and that has left just now
			gone++
			n--
		default:
			return refused(err)
		}
	}
	return fmt.Errorf("%d other supervisords have theirs in %s", mostDaemons, own)
}

// clean removes what an earlier run of this daemon that could not has left, and at the end
// what somebody has made below the base who was able to. What was to outlive its
// program goes on, and so does what is in the group of that daemon itself.
func (t *Tree) clean() {
	names, _ := t.files.dirs(t.base) // what is there nobody needs, and may stay
	var killed []string
	for _, name := range names {
		dir := t.base + "/" + name
		if name == leafName {
			continue
		}
		if !strings.HasSuffix(name, keptSuffix) {
			if n, _ := t.kill(dir); n > 0 {
				killed = append(killed, dir)
			}
			t.thaw(dir) // old kernels have nobody die who is frozen
		}
		t.remove(dir)
	}
	t.settle(killed)
}

// settle waits for what was killed to be gone, and removes its groups.
func (t *Tree) settle(dirs []string) {
	deadline := time.Now().Add(deathTime)
	for _, dir := range dirs {
		if t.files.empty(dir, deadline) {
			t.remove(dir)
		}
	}
}

// remove removes a group with those below it, or remembers that it has to.
func (t *Tree) remove(dir string) bool {
	if err := t.removeAll(dir, mostDepth); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.busy[dir] = true
		return false
	}
	delete(t.busy, dir)
	return true
}

func (t *Tree) removeAll(dir string, depth int) error {
	err := t.files.rmdir(dir)
	if !errors.Is(err, syscall.EBUSY) || depth == 0 {
		return err
	}
	names, listed := t.files.dirs(dir)
	if listed != nil || len(names) == 0 {
		return err
	}
	for _, name := range names {
		if err := t.removeAll(dir+"/"+name, depth-1); err != nil {
			return err
		}
	}
	return t.files.rmdir(dir)
}

// Sweep removes the groups that could not be removed when their programs ended. It is
// to be called when a process was reaped that may have been the last one in there.
func (t *Tree) Sweep() {
	for dir := range t.busy {
		t.remove(dir)
	}
}

// Close leaves everything as it was found, as far as that goes: no directory, no
// controller that we have switched on, ourselves where we were started. It waits for
// what was killed to be gone. Groups with processes that may outlive us stay, with
// their limits.
func (t *Tree) Close() {
	if t.base == "" {
		return
	}
	defer func() {
		t.lock.Close()
		mark := t.mark
		*t = *newTree(t.files, t.proc, t.self)
		t.mark = mark
	}()
	t.clean()
	t.Sweep()
	if len(t.busy) > 0 {
		return
	}
	if t.leaf != "" || len(t.ours) > 0 {
		// In this order: a group that has them on takes no processes.
		t.switchOff(t.base, t.enabled(t.base))
		t.switchOff(t.own, t.ours)
		if t.leaf != "" {
			t.move(t.leaf, t.own, func(int) bool { return true })
		}
	}
	_ = t.files.rmdir(t.base + "/" + leafName) // if this or the next one fails,
	_ = t.files.rmdir(t.base)                  // the next run finds it
}

// processes lists who is in a group, without those below it. A zero is somebody whom
// our namespace does not show.
func (t *Tree) processes(dir string) ([]int, error) {
	text, err := t.files.read(dir + "/" + procsFile)
	var pids []int
	for line := range strings.Lines(text) {
		if pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// move moves those processes of a group for which pick says so into another, and
// looks again for what they have forked meanwhile.
func (t *Tree) move(from, to string, pick func(pid int) bool) {
	for range rounds {
		pids, _ := t.processes(from)
		moved := 0
		for _, pid := range pids {
			if pid != 0 && pick(pid) && t.files.write(to+"/"+procsFile, strconv.Itoa(pid)) == nil {
				moved++
			}
		}
		if moved == 0 {
			return
		}
	}
}
