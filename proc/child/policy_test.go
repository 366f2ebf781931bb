package child_test

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/lacking"
	"gosupervisor/proc/child"
)

// TestNoChildIsABatchProcess has every thread but the main one have that policy, which
// may fork.
func TestNoChildIsABatchProcess(t *testing.T) {
	if p := child.Policy(os.Getpid()); p != unix.SCHED_NORMAL {
		lacking.Skip(t, "the tests themselves have policy ", p)
	}
	setOthers := func(policy int) {
		t.Helper()
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range threads {
			if tid, _ := strconv.Atoi(e.Name()); tid != os.Getpid() {
				if err := child.SetPolicy(tid, policy); err != nil && err != unix.ESRCH {
					t.Fatal(err)
				}
			}
		}
	}
	child.UsualPolicy()
	defer setOthers(unix.SCHED_NORMAL)
	for _, way := range []string{"library", "clone3"} {
		t.Run(way, func(t *testing.T) {
			defer child.ForkBy(way)()
			r := newRig(t)
			for range 10 {
				setOthers(unix.SCHED_BATCH)
				got := r.run(t, command("/bin/sh", "-c", "cut -d' ' -f41 /proc/self/stat"))
				if got.out != "0\n" {
					t.Fatalf("a child has policy %q", got.out)
				}
			}
		})
	}
}
