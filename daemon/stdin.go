package daemon

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/proc/child"
)

// stdinLimit bounds what waits for a child that does not read.
const stdinLimit = 1 << 20

var (
	errStdinClosed = errors.New("the process has closed its standard input")
	errStdinFull   = errors.New("the process does not read its standard input")
)

// stdinPipe makes the pipe for a child's input: the child's end and ours, both of which
// block as programs expect.
func stdinPipe() (theirs, ours child.FD, err error) {
	var fds [2]int
	err = unix.Pipe2(fds[:], unix.O_CLOEXEC)
	return child.FD(fds[0]), child.FD(fds[1]), err
}

// stdinQueue is the way to a child's standard input: a bounded mailbox. What
// the pipe does not take at once a goroutine of its own writes when it can.
type stdinQueue struct {
	mu      sync.Mutex
	end     child.FD // ours
	file    *os.File // the same, non-blocking; nil: most programs are never sent anything
	waiting []byte
	taken   int  // bytes that the goroutine is writing
	writing bool // the goroutine runs
	closed  bool
}

// closedStdin is the way to a child that has no pipe there.
func closedStdin() *stdinQueue { return &stdinQueue{end: -1, closed: true} }

// open makes our end one that can be written to without waiting. The caller holds mu.
func (q *stdinQueue) open() error {
	if q.file != nil {
		return nil
	}
	if err := unix.SetNonblock(int(q.end), true); err != nil {
		return err
	}
	q.file = os.NewFile(q.end.Fd(), "input pipe")
	return nil
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
	err, n := q.open(), 0
	if err == nil {
		n, err = writeNow(q.file, data)
	}
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
	end, file := q.end, q.file
	q.end = -1
	q.mu.Unlock()
	switch {
	case file != nil:
		file.Close()
	case end >= 0:
		end.Close()
	}
}
