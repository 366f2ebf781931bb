package output

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Pipe makes the pipe for one output of a child that no Pump reads. r is ours: non-blocking and
// in Go's poller; calling its Fd method would undo that. w is the child's:
// blocking, as programs expect. Both are close-on-exec.
func Pipe() (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("make output pipe: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("make output pipe non-blocking: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "output pipe"), os.NewFile(uintptr(fds[1]), "child's output"), nil
}
