package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// batch is how many orphans end at the same moment.
const batch = 250

// orphans makes N processes whose parent is gone, in batches that all end at
// once with status 7, says so and stays.
func orphans(args []string) {
	n := number(args[0])
	runtime.LockOSThread()
	for made := 0; made < n; {
		var gate [2]int
		check(syscall.Pipe2(gate[:], syscall.O_CLOEXEC))
		for range min(batch, n-made) {
			orphan(gate[0], gate[1])
			made++
		}
		check(syscall.Close(gate[0]))
		check(syscall.Close(gate[1]))
	}
	fmt.Println("orphans made", n)
	stay()
}

// orphan leaves one process behind that ends when the gate's last write end is
// closed.
func orphan(read, write int) {
	pid, errno := forkTwice(uintptr(read), uintptr(write))
	if errno != 0 {
		check(errno)
	}
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, 0, nil)
		if err != syscall.EINTR {
			check(err)
			return
		}
	}
}

// forkTwice forks a process that forks another and ends. Neither runs more Go
// than these lines, all of which are bare system calls: starting programs
// instead would take most of a minute for a few thousand.
//
//go:nosplit
//go:norace
func forkTwice(read, write uintptr) (int, syscall.Errno) {
	var b byte
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return int(pid), errno
	}
	pid, _, _ = syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	syscall.RawSyscall(syscall.SYS_CLOSE, write, 0, 0)
	blockOn(read, &b)
	syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 7, 0, 0)
	return 0, 0
}

// zombies prints how many processes are dead and not yet waited for.
func zombies([]string) {
	entries, err := os.ReadDir("/proc")
	check(err)
	count := 0
	for _, e := range entries {
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		if i := strings.LastIndexByte(string(text), ')'); i >= 0 && strings.HasPrefix(string(text[i:]), ") Z") {
			count++
		}
	}
	fmt.Println(count)
}

// grandchild starts a process that keeps its stdout open, writes last words
// and ends with the status given.
func grandchild(args []string) {
	cmd := exec.Command("/proc/self/exe", "stay")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	check(cmd.Start())
	fmt.Println("grandchild", cmd.Process.Pid)
	fmt.Println("last words of the parent")
	os.Exit(number(args[0]))
}

// family starts a child in the same process group, prints both pids and
// stays. With "deaf" both ignore TERM.
func family(args []string) {
	child := []string{"stay"}
	deaf := len(args) > 0 && args[0] == "deaf"
	if deaf {
		child = []string{"signals", "TERM"}
	}
	cmd := exec.Command("/proc/self/exe", child...)
	cmd.Stderr = os.Stderr
	check(cmd.Start())
	fmt.Println("family", os.Getpid(), cmd.Process.Pid)
	if deaf {
		signals([]string{"TERM"})
	}
	stay()
}
