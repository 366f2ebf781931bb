package daemon

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// stdinLimit bounds what waits for a child that does not read.
const stdinLimit = 1 << 20

var (
	errStdinClosed = errors.New("the process has closed its standard input")
	errStdinFull   = errors.New("the process does not read its standard input")
)

// stdinPipe makes the pipe for a child's input: the child's end, which blocks
// as programs expect, and ours, which does not.
func stdinPipe() (theirs, ours *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[1], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "child's input"), os.NewFile(uintptr(fds[1]), "input pipe"), nil
}

// stdinQueue is the way to a child's standard input: a bounded mailbox. What
// the pipe does not take at once a goroutine of its own writes when it can.
type stdinQueue struct {
	mu      sync.Mutex
	file    *os.File // our end, non-blocking
	waiting []byte
	taken   int  // bytes that the goroutine is writing
	writing bool // the goroutine runs
	closed  bool
}

// write queues data. It never blocks, and takes all of data or nothing.
func (q *stdinQueue) write(data []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errStdinClosed
	case q.writing && q.taken+len(q.waiting)+len(data) > stdinLimit:
		return errStdinFull
	case q.writing:
		q.waiting = append(q.waiting, data...)
		return nil
	}
	n, err := writeNow(q.file, data)
	if err != nil {
		q.closed = true
		return errStdinClosed
	}
	if n < len(data) {
		q.waiting = append(q.waiting, data[n:]...)
		q.writing = true
		go q.drain()
	}
	return nil
}

// writeNow writes what the pipe takes without waiting.
func writeNow(f *os.File, data []byte) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	err2 := raw.Write(func(fd uintptr) bool {
		for n < len(data) {
			var m int
			if m, err = syscall.Write(int(fd), data[n:]); err == syscall.EINTR {
				continue
			} else if err != nil {
				break
			}
			n += m
		}
		return true
	})
	if err == syscall.EAGAIN {
		err = nil
	}
	return n, errors.Join(err, err2)
}

// drain writes what waits, until there is nothing left or nobody reads.
func (q *stdinQueue) drain() {
	for {
		q.mu.Lock()
		data := q.waiting
		q.waiting, q.taken = nil, len(data)
		if len(data) == 0 || q.closed {
			q.writing = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		if _, err := q.file.Write(data); err != nil {
			q.mu.Lock()
			q.closed, q.writing = true, false
			q.mu.Unlock()
			return
		}
	}
}

// close ends the queue; the child sees the end of its input.
func (q *stdinQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.file.Close()
}
