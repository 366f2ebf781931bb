//go:build amd64 || arm64

package child

import (
	"fmt"
	"math"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// masked does not move: the kernel writes to it by its address.
var masked struct {
	steps
	mask uint64
}

// TestAForkLetsNoSignalThrough has children tell their mask at their first step, when they
// are in our memory: a handler of ours would run there. Who forks has its own mask back.
func TestAForkLetsNoSignalThrough(t *testing.T) {
	const most = uint64(math.MaxUint64) &^ (1<<(unix.SIGKILL-1) | 1<<(unix.SIGSTOP-1))
	for _, old := range []bool{false, true} {
		for _, how := range []uint64{0, unix.CLONE_VFORK} {
			t.Run(fmt.Sprintf("clone %v, flags %#x", old, how), func(t *testing.T) {
				was := noClone3.Swap(old)
				t.Cleanup(func() { noClone3.Store(was) })
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				before := maskNow(t)
				s := &masked
				s.list, s.all, s.mask = nil, math.MaxUint64, 1
				s.add(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, 0, uintptr(unsafe.Pointer(&s.mask)), sigsetBytes)
				s.add(unix.SYS_EXIT_GROUP, 7)
				pid, err := s.run(&syscall.SysProcAttr{}, how)
				after := maskNow(t)
				if err != nil {
					t.Fatal(err)
				}
				var status syscall.WaitStatus
				if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 7 {
					t.Fatalf("the child: %v, %v", status, err)
				}
				if s.mask != most {
					t.Errorf("signals %#x are let through to the child", most&^s.mask)
				}
				if after != before {
					t.Errorf("the mask is %#x, was %#x", after, before)
				}
			})
		}
	}
}

// maskNow is the mask of the thread.
func maskNow(t *testing.T) (mask uint64) {
	t.Helper()
	if _, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, 0, uintptr(unsafe.Pointer(&mask)), sigsetBytes, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	return mask
}
