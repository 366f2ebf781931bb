package daemon

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/child"
)

// patientMonitor has the runtime's monitor wait until a processor is free. That is a thread
// which the runtime wakes at the first system call after a rest, since it may take long.
// Nearly never it does, but the monitor ran first, in the middle of what we were about to
// do: of all the time from a program's line to its being in the file that was a seventh.
// As a batch process it takes nobody's processor away; it has its share of a busy one, and
// still comes within a slice of time.
//
// A thread that the monitor makes has the policy from it, which is put right here the next
// time, or before it forks. A daemon that was started with another policy keeps that, with
// all its threads; and without a /proc of ours nothing is done.
func patientMonitor() {
	threads := threadsOf("/proc/self/task")
	if len(threads) < 2 || threads[0] != os.Getpid() || child.Policy(threads[0]) != unix.SCHED_NORMAL {
		return
	}
	// The kernel lists them as they were made. The monitor is the first that the runtime
	// makes, and never ends.
	monitor, others := threads[1], threads[2:]
	if child.Policy(monitor) == unix.SCHED_NORMAL && unix.Tgkill(threads[0], monitor, 0) == nil {
		child.UsualPolicy() // first: the monitor may be making a thread
		_ = child.SetPolicy(monitor, unix.SCHED_BATCH)
	}
	for _, tid := range others {
		if child.Policy(tid) == unix.SCHED_BATCH && unix.Tgkill(threads[0], tid, 0) == nil {
			_ = child.SetPolicy(tid, unix.SCHED_NORMAL) // it may have ended
		}
	}
}

// threadsOf returns the numbers of the threads in a directory of /proc, in its order, or
// nothing if it cannot be read.
func threadsOf(dir string) (all []int) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var buf [4 << 10]byte
	for {
		n, err := unix.Getdents(fd, buf[:])
		if err != nil {
			return nil
		}
		if n <= 0 {
			return all
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			tid, err := strconv.Atoi(name)
			if err != nil {
				return nil
			}
			all = append(all, tid)
		}
	}
}
