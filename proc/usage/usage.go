package usage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of processor time in /proc/PID/stat. The kernel shows it to
// programs as a hundredth of a second wherever Go runs.
const tick = time.Second / 100

// procMagic is the type of the file system that the kernel shows processes in.
const procMagic = 0x9fa0

// Usage is what a process and its descendants take.
type Usage struct {
	CPU       time.Duration // used so far; also by descendants that have ended and were waited for
	RSS       int64         // bytes; memory that several of them share counts for each
	FDs       int           // open file descriptors; -1: not to be known
	Threads   int
	Processes int // how many they are
}

// Table is every process of the machine as one reading has found it.
type Table struct {
	root     string
	sized    bool // the size of a directory fd may be the number of what is in it
	procs    map[int]stat
	children map[int][]int
}

// stat is what is used of /proc/PID/stat.
type stat struct {
	parent  int
	state   byte
	cpu     int64 // ticks, with those of children that were waited for
	threads int
	rss     int64 // pages
}

// dead tells whether a process only waits to be waited for.
func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

// errForeign is about numbers that mean other processes than those of the same
// number here.
var errForeign = errors.New("it shows the processes of another pid namespace: mount one of its own there")

// Read reads the processes under root, which is /proc. One that ends meanwhile
// is not in the table.
func Read(root string) (*Table, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer dir.Close()
	t := &Table{root: root, procs: map[int]stat{}, children: map[int][]int{}}
	var fs syscall.Statfs_t
	t.sized = syscall.Statfs(root, &fs) == nil && fs.Type == procMagic
	switch self, err := os.Readlink(root + "/self"); {
	case err == nil && self != strconv.Itoa(os.Getpid()), err != nil && t.sized: // or we are not even there
		return nil, fmt.Errorf("list processes of %s: %w", root, errForeign)
	case err != nil:
		return nil, fmt.Errorf("list processes: %w", err)
	}
	buf := make([]byte, 1024) // more than any line there is
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			if name[0] >= '0' && name[0] <= '9' {
				t.add(name, buf)
			}
		}
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list processes: %w", err)
		}
	}
}

func (t *Table) add(name string, buf []byte) {
	pid, err := strconv.Atoi(name)
	if err != nil {
		return
	}
	line, err := readInto(buf, t.root+"/"+name+"/stat")
	if err != nil {
		return
	}
	if s, ok := parse(line); ok {
		t.procs[pid] = s
		t.children[s.parent] = append(t.children[s.parent], pid)
	}
}

// readInto reads a file that fits into buf. There may be many thousands, and
// nothing here ever waits, so that an os.File would be a waste.
func readInto(buf []byte, path string) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	for {
		n, err := syscall.Read(fd, buf)
		if err != syscall.EINTR {
			return buf[:max(n, 0)], err
		}
	}
}

// parse takes a line of /proc/PID/stat apart. The name in it may hold anything,
// brackets and blanks too.
func parse(line []byte) (s stat, ok bool) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return s, false
	}
	f := bytes.Fields(line[end+1:])
	if len(f) < 22 {
		return s, false
	}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(string(f[i]), 10, 64)
		if err != nil || n < 0 {
			ok = false
		}
		return n
	}
	ok = len(f[0]) == 1
	s.state, s.parent = f[0][0], int(number(1))
	for i := 11; i <= 14; i++ { // its own in user and kernel mode, and the same of its children
		s.cpu += number(i)
	}
	s.threads, s.rss = int(number(17)), number(21)
	return s, ok
}

// Tree sums up what pid and its descendants take, if pid is alive and a child of
// parent: a pid is given anew, but not with our number as that of its parent.
func (t *Table) Tree(pid, parent int) (u Usage, ok bool) {
	top, ok := t.procs[pid]
	if !ok || top.parent != parent || top.dead() {
		return u, false
	}
	seen := map[int]bool{pid: true} // the reading took its time, so that parents may go round in circles
	for left := []int{pid}; len(left) > 0; {
		pid, left = left[0], left[1:]
		t.sum(&u, pid)
		for _, child := range t.children[pid] {
			if !seen[child] {
				seen[child] = true
				left = append(left, child)
			}
		}
	}
	return u, true
}

// sum adds one process.
func (t *Table) sum(u *Usage, pid int) {
	s := t.procs[pid]
	u.CPU += time.Duration(s.cpu) * tick
	if s.dead() {
		return
	}
	u.Processes++
	u.Threads += s.threads
	u.RSS += s.rss * int64(os.Getpagesize())
	n := t.openFiles(pid)
	if u.FDs < 0 || n < 0 {
		u.FDs = -1
		return
	}
	u.FDs += n
}

// openFiles counts the descriptors of a process, -1 if it may not. Since Linux
// 6.2 the size of the directory is their number, whoever asks.
func (t *Table) openFiles(pid int) int {
	path := t.root + "/" + strconv.Itoa(pid) + "/fd"
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return 0 // it has ended since
	}
	if err == nil && t.sized && info.Size() > 0 {
		return int(info.Size())
	}
	dir, err := os.Open(path)
	if err != nil {
		return -1
	}
	defer dir.Close()
	for count := 0; ; {
		names, err := dir.Readdirnames(1024)
		count += len(names)
		switch {
		case err == io.EOF:
			return count
		case err != nil:
			return -1
		}
	}
}
