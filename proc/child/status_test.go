package child_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"gosupervisor/proc/child"
)

func TestExitTextAndCode(t *testing.T) {
	for _, row := range []struct {
		ws   syscall.WaitStatus
		text string
		code int
	}{
		{0x0000, "exit status 0", 0},
		{0x0300, "exit status 3", 3},
		{0xff00, "exit status 255", 255},
		{9, "terminated by SIGKILL", -1},
		{6 | 0x80, "terminated by SIGABRT (core dumped)", -1},
		{11 | 0x80, "terminated by SIGSEGV (core dumped)", -1},
		{17, "terminated by SIGCHLD", -1},
		{29, "terminated by SIGPOLL", -1},
		{34, "terminated by SIGRTMIN", -1},
		{35, "terminated by signal 35", -1},
		{64, "terminated by SIGRTMAX", -1},
		{0x137f, "unknown termination cause 0x137f", -1},
		{0xffff, "unknown termination cause 0xffff", -1},
	} {
		if got := child.ExitText(row.ws); got != row.text {
			t.Errorf("%#x: text %q, want %q", uint32(row.ws), got, row.text)
		}
		if got := child.ExitCode(row.ws); got != row.code {
			t.Errorf("%#x: code %d, want %d", uint32(row.ws), got, row.code)
		}
	}
}

func TestErrnoName(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{syscall.EAGAIN, "EAGAIN"},
		{&child.SpawnError{Stage: child.StageFork, Err: syscall.ENOMEM}, "ENOMEM"},
		{fmt.Errorf("open: %w", syscall.EISDIR), "EISDIR"},
		{syscall.Errno(4000), "4000"},
		{errors.New("odd"), "odd"},
	} {
		if got := child.ErrnoName(row.err); got != row.want {
			t.Errorf("%v: got %q, want %q", row.err, got, row.want)
		}
	}
}
