package child

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// rounds bounds how often KillLeftovers looks again, for what was forked between
// a look and the kill.
const rounds = 16

// KillLeftovers kills what a child that has just been reaped has left behind, also
// what has left its process group and its session, and returns how many processes
// that were. Orphans come to us; whose they are is known by the group or session of
// the child, or by marks, entries that the child's environment had all of. It must
// be called on the table's goroutine, such as by Observer.Exited. The error is that
// processes cannot be listed, as without /proc.
//
// No other process can be hit: an orphan of ours keeps its number until we wait
// for it, which happens on this goroutine, and its descendants are held by a
// descriptor while it is looked whether they still are who they were.
func (t *Table) KillLeftovers(leader int, marks []string) (killed int, err error) {
	if err := ownProc(); err != nil {
		return 0, err
	}
	done := map[identity]bool{} // they may take their time to die
	for range rounds {
		all, err := listProcesses("/proc")
		if err != nil {
			return killed, err
		}
		fresh := 0
		for _, p := range t.leftovers(all, leader, marks) {
			if !done[p.identity] && killProcess(p) {
				done[p.identity] = true
				fresh++
			}
		}
		if killed += fresh; fresh == 0 {
			break
		}
	}
	return killed, nil
}

var errForeignProc = errors.New("/proc shows the processes of another pid namespace")

// Orphan is a process that was adopted: its parent has died, and that was not us.
type Orphan struct {
	PID     int
	Session int      // the process id of who began its session
	Command string   // its arguments, with blanks between them
	Environ []string // with which it began; nil: it is not ours to see
}

// Orphans lists the adopted processes. It must be called on the table's goroutine.
// The error is that they cannot be listed, as without /proc.
func (t *Table) Orphans() ([]Orphan, error) {
	if err := ownProc(); err != nil {
		return nil, err
	}
	all, err := listProcesses("/proc")
	if err != nil {
		return nil, err
	}
	us := os.Getpid()
	list := []Orphan{}
	for _, p := range all {
		if _, ours := t.keys[p.pid]; ours || p.parent != us {
			continue
		}
		o := Orphan{PID: p.pid, Session: p.session}
		at := "/proc/" + strconv.Itoa(p.pid)
		if text, err := readSome(at+"/cmdline", mostCommand); err == nil {
			o.Command = string(bytes.ReplaceAll(bytes.TrimSuffix(text, []byte{0}), []byte{0}, []byte{' '}))
		}
		if text, err := readSome(at+"/environ", mostEnviron); err == nil {
			o.Environ = strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		}
		if list = append(list, o); len(list) == mostOrphans {
			break
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].PID < list[j].PID })
	return list, nil
}

// Bounds of what is looked at of orphans, which may be many and large.
const (
	mostOrphans = 1000
	mostCommand = 1 << 10  // bytes of a command
	mostEnviron = 64 << 10 // bytes of an environment
)

func readSome(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// ownProc fails where /proc is that of another namespace, whose numbers mean others.
func ownProc() error {
	self, err := os.Readlink("/proc/self")
	if err == nil && self != strconv.Itoa(os.Getpid()) {
		err = errForeignProc
	}
	return err
}

// process is a process as /proc has it.
type process struct {
	identity
	parent, group, session int // they may change: an orphan comes to us
}

// identity tells a process from a later one of the same number.
type identity struct {
	pid   int
	start uint64
}

// leftovers finds the orphans that the child has left, and their descendants.
func (t *Table) leftovers(all []process, leader int, marks []string) []process {
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	us := os.Getpid()
	var found []process
	for _, p := range children[us] {
		if _, ours := t.keys[p.pid]; ours || p.pid == us {
			continue
		}
		if p.group == leader || p.session == leader || marked(p.pid, marks) {
			found = append(found, p)
		}
	}
	for i := 0; i < len(found) && len(found) <= len(all); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}

// marked tells whether the environment with which a process began has all marks.
func marked(pid int, marks []string) bool {
	if len(marks) == 0 {
		return false
	}
	text, err := readSome("/proc/"+strconv.Itoa(pid)+"/environ", mostEnviron)
	if err != nil {
		return false // of another user, who set the environment anew
	}
	entries := bytes.Split(text, []byte{0})
	for _, mark := range marks {
		if !slices.ContainsFunc(entries, func(e []byte) bool { return string(e) == mark }) {
			return false
		}
	}
	return true
}

// killProcess kills a process if it still is who it was.
func killProcess(p process) bool {
	if p.parent == os.Getpid() {
		return syscall.Kill(p.pid, syscall.SIGKILL) == nil
	}
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return false // gone; or an old kernel, where it is killed when it is an orphan
	}
	defer unix.Close(fd)
	if now, ok := readProcess("/proc", p.pid); !ok || now.start != p.start {
		return false
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

// listProcesses returns the processes that are alive.
func listProcesses(root string) ([]process, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []process
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, ok := readProcess(root, pid); ok {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// readProcess reads the line that the kernel has of a process; false for one that
// is gone or dead.
func readProcess(root string, pid int) (p process, ok bool) {
	line, err := os.ReadFile(root + "/" + strconv.Itoa(pid) + "/stat")
	end := bytes.LastIndexByte(line, ')') // the name before it may hold anything
	if err != nil || end < 0 {
		return p, false
	}
	f := bytes.Fields(line[end+1:])
	if len(f) < 20 || f[0][0] == 'Z' || f[0][0] == 'X' {
		return p, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(string(f[i])); return n }
	p = process{identity{pid: pid}, number(1), number(2), number(3)}
	p.start, err = strconv.ParseUint(string(f[19]), 10, 64)
	return p, err == nil
}
