package daemon

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/child"
)

// TestTheMonitorIsPatient looks whether the thread that was taken for the runtime's monitor
// is the one that naps while something happens, as no other does.
func TestTheMonitorIsPatient(t *testing.T) {
	patientMonitor()
	batch := func() (all []int) {
		for _, tid := range threadsOf("/proc/self/task") {
			if child.Policy(tid) == unix.SCHED_BATCH {
				all = append(all, tid)
			}
		}
		return all
	}
	all := batch()
	if len(all) != 1 {
		t.Fatalf("%v are batch processes, want one", all)
	}
	monitor := all[0]
	var over atomic.Bool
	defer over.Store(true)
	go func() {
		for !over.Load() {
			_ = unix.Access("/", unix.F_OK) // a call for the monitor to wake up for
		}
	}()
	nap := fmt.Sprintf("%d ", unix.SYS_NANOSLEEP)
	for deadline := time.Now().Add(20 * time.Second); ; {
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", monitor))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), nap) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("thread %d never naps; at last it was in %q", monitor, text)
		}
	}

	// Those that it has made are put right.
	for _, tid := range threadsOf("/proc/self/task")[2:] {
		if err := child.SetPolicy(tid, unix.SCHED_BATCH); err != nil && err != unix.ESRCH {
			t.Fatal(err)
		}
	}
	patientMonitor()
	if now := batch(); len(now) != 1 || now[0] != monitor {
		t.Errorf("%v are batch processes, want %d alone", now, monitor)
	}
}

// TestAnotherPolicyIsKept has the main thread be a batch process, as if somebody had
// started the daemon with that.
func TestAnotherPolicyIsKept(t *testing.T) {
	patientMonitor()
	threads := threadsOf("/proc/self/task")
	if err := child.SetPolicy(threads[0], unix.SCHED_BATCH); err != nil {
		t.Fatal(err)
	}
	defer child.SetPolicy(threads[0], unix.SCHED_NORMAL)
	if err := child.SetPolicy(threads[1], unix.SCHED_NORMAL); err != nil {
		t.Fatal(err)
	}
	patientMonitor()
	if p := child.Policy(threads[1]); p != unix.SCHED_NORMAL {
		t.Errorf("the monitor has policy %d", p)
	}
}

func TestThreadsThatAreNotOurs(t *testing.T) {
	for _, dir := range []string{"/nowhere", "/proc/self/fdinfo/0", "/proc/self"} {
		if all := threadsOf(dir); all != nil {
			t.Errorf("%s: got %v", dir, all)
		}
	}
}
