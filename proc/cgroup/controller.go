package cgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// exclusive is a controller that keeps others from putting processes into a group
// that has it on for those below: a shell in a container, say. With such processes,
// and a controller that does not, no group below could take any more.
const exclusive = "memory"

// control sees that controllers work for the groups of programs, and says which do
// not, and why.
func (t *Tree) control(names []string) map[string]error {
	missing := map[string]error{}
	if len(names) == 0 {
		return missing
	}
	there := t.list(t.own, controllersFile)
	var wanted []string
	for _, name := range names {
		if slices.Contains(there, name) {
			wanted = append(wanted, name)
		} else {
			missing[name] = t.absent(name, there)
		}
	}
	if len(wanted) == 0 {
		return missing
	}
	if slices.Contains(there, exclusive) && !slices.Contains(wanted, exclusive) {
		wanted = append(wanted, exclusive)
	}
	err := t.evacuate()
	for _, name := range wanted {
		each := err
		if each == nil {
			each = t.switchOn(name)
		}
		if each != nil && slices.Contains(names, name) {
			missing[name] = each
		}
	}
	return missing
}

// absent says why a controller is none of those that can be had.
func (t *Tree) absent(name string, there []string) error {
	text, _ := t.files.read(t.proc + "/self/cgroup")
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(line, ":")
		names, _, _ := strings.Cut(rest, ":")
		if slices.Contains(strings.Split(names, ","), name) {
			return fmt.Errorf("the controller %s belongs to cgroup v1 on this machine", name)
		}
	}
	have := "none"
	if len(there) > 0 {
		have = strings.Join(there, ", ")
	}
	return fmt.Errorf("the controller %s is not available in %s, which has %s (a unit of systemd needs Delegate=yes)", name, t.own, have)
}

func (t *Tree) list(dir, file string) []string {
	text, _ := t.files.read(dir + "/" + file) // what cannot be read is not there
	return strings.Fields(text)
}

// enabled lists the controllers that work below a group.
func (t *Tree) enabled(dir string) []string { return t.list(dir, subtreeFile) }

// switchOn lets a controller work below our own group, and below the base.
func (t *Tree) switchOn(name string) error {
	for _, dir := range []string{t.own, t.base} {
		if slices.Contains(t.enabled(dir), name) {
			continue
		}
		if err := t.files.write(dir+"/"+subtreeFile, "+"+name); err != nil {
			return fmt.Errorf("cannot enable the controller %s: %w", name, refused(err))
		}
		if dir == t.own {
			t.ours = append(t.ours, name)
		}
	}
	return nil
}

func (t *Tree) switchOff(dir string, names []string) {
	for _, name := range names {
		_ = t.files.write(dir+"/"+subtreeFile, "-"+name) // another supervisord may need it
	}
}

// evacuate moves ourselves and what descends from us out of our own group, where it
// must have no processes: everywhere but at the root of the hierarchy.
func (t *Tree) evacuate() error {
	if _, err := t.files.read(t.own + "/cgroup.type"); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if pids, err := t.processes(t.own); err == nil && len(pids) == 0 {
		return nil
	}
	leaf := t.base + "/" + leafName
	if err := t.files.mkdir(leaf); err != nil && !errors.Is(err, os.ErrExist) {
		return refused(err)
	}
	if err := t.files.write(leaf+"/"+procsFile, strconv.Itoa(t.self)); err != nil {
		return fmt.Errorf("supervisord cannot move itself: %w", refused(err))
	}
	t.leaf = leaf
	t.move(t.own, leaf, t.isOurs)
	left, err := t.processes(t.own)
	switch {
	case err != nil:
		return err
	case len(left) > 0:
		return fmt.Errorf("processes that are not of supervisord are in its cgroup %s (%s); start supervisord in one of its own", t.own, some(left))
	}
	return nil
}

// isOurs tells whether a process is this one or descends from it. To PID 1 everybody
// belongs.
func (t *Tree) isOurs(pid int) bool {
	for depth := 0; depth < 1024 && pid > 0; depth++ {
		if pid == t.self || t.self == 1 {
			return true
		}
		text, err := t.files.read(t.proc + "/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return false
		}
		f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // the name before it may hold anything
		if len(f) < 2 {
			return false
		}
		pid, _ = strconv.Atoi(f[1])
	}
	return false
}

// some names a few processes.
func some(pids []int) string {
	var words []string
	for _, pid := range pids[:min(len(pids), 5)] {
		if pid != 0 {
			words = append(words, strconv.Itoa(pid))
		}
	}
	if len(words) == 0 {
		return "of another pid namespace"
	}
	if len(pids) > len(words) {
		words = append(words, "...")
	}
	return "pid " + strings.Join(words, ", ")
}
