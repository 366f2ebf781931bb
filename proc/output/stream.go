package output

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// streamBound is what may be queued before writers wait.
	streamBound = 1 << 20
	// urgentBound is what may be queued by writers that cannot wait. Dead
	// programs add at most a pipe's worth each, but one that is restarted
	// for ever in front of a reader that never reads must not fill memory.
	urgentBound = 64 << 20
	// streamPiece is written at once; room is given back after each.
	streamPiece = 64 << 10
)

// Stream is a sink that many pumps share: one queue, written in order by one
// goroutine at a time. What cannot make anybody wait for a reader, a regular file or
// the null device, is written by who has something to write.
type Stream struct {
	write  func(p []byte) (int, error)
	direct bool // there is never a queue

	mu       sync.Mutex
	pending  []byte        // accepted, not yet taken by the goroutine
	spare    []byte        // an empty buffer to queue in next
	unread   int           // taken by the goroutine, not yet written
	running  bool          // the goroutine exists
	progress chan struct{} // closed after each piece; nil: nobody waits
	owed     []*Outlet     // what they have for us waits until half of the queue is free
	idle     func()        // run once when the queue is empty; nil: nothing

	accepted, settled int64 // bytes ever queued; of these, written or dropped
	dropped           atomic.Int64
}

// NewStream returns the sink that writes to the inherited descriptor fd. It
// writes as the descriptor is, blocking or not, and never changes it.
func NewStream(fd int) *Stream {
	return &Stream{write: func(p []byte) (int, error) { return writeFD(fd, p) }, direct: hasNoReader(fd)}
}

// hasNoReader tells whether what is written to a descriptor waits for a disk at most.
func hasNoReader(fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return true
	case unix.S_IFCHR:
		return st.Rdev == nullDevice
	}
	return false
}

// nullDevice is the number of /dev/null.
var nullDevice = unix.Mkdev(1, 3)

// NewStreams returns the sinks of our stdout and stderr. Where both are one pipe,
// socket or terminal they are one sink, and so no line of one gets into a line of
// the other. Two descriptors of a file are two: each may have its own place in it.
func NewStreams() (stdout, stderr *Stream) {
	stdout = NewStream(1)
	if sameStream(1, 2) {
		return stdout, stdout
	}
	return stdout, NewStream(2)
}

func sameStream(a, b int) bool {
	var at, bt unix.Stat_t
	if unix.Fstat(a, &at) != nil || unix.Fstat(b, &bt) != nil {
		return false
	}
	switch at.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFCHR:
	default:
		return false
	}
	return at.Dev == bt.Dev && at.Ino == bt.Ino && at.Rdev == bt.Rdev && writable(a) && writable(b)
}

func writable(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
}

// writeFD writes all of p to fd. It does not use package os, which would end
// the daemon for a broken pipe on descriptor 1 or 2.
func writeFD(fd int, p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(fd, p[done:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN: // somebody who shares it made it non-blocking
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		case err != nil:
			return done, err
		case n == 0:
			return done, io.ErrShortWrite
		default:
			done += n
		}
	}
	return done, nil
}

// runs tells whether something is queued, or still being written.
func (s *Stream) runs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// Write queues p. While the queue is full it waits for room, until hurry is
// closed; after that it queues regardless. Bytes that the descriptor refuses
// are dropped and counted, and the next ones are tried again.
func (s *Stream) Write(p []byte, hurry <-chan struct{}) {
	if len(p) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queued() >= streamBound && !hurried(hurry) {
		progress := s.await()
		s.mu.Unlock()
		select {
		case <-progress:
		case <-hurry:
		}
		s.mu.Lock()
	}
	if s.queued()+len(p) > urgentBound {
		s.dropped.Add(int64(len(p)))
		return
	}
	s.queue(p)
}

// queue accepts p. The caller holds mu.
func (s *Stream) queue(p []byte) {
	if s.direct {
		n, _ := s.write(p)
		s.dropped.Add(int64(len(p) - n))
		return
	}
	s.pending = append(s.pending, p...)
	s.accepted += int64(len(p))
	if !s.running {
		s.running = true
		go s.run()
	}
}

func (s *Stream) queued() int { return len(s.pending) + s.unread }

// await returns a channel that is closed after the next piece. The caller
// holds mu.
func (s *Stream) await() <-chan struct{} {
	if s.progress == nil {
		s.progress = make(chan struct{})
	}
	return s.progress
}

// run writes until the queue is empty.
func (s *Stream) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) > 0 {
		batch := s.pending
		s.pending, s.spare = s.spare[:0], nil
		s.unread = len(batch)
		for rest := batch; len(rest) > 0; {
			piece := firstPiece(rest)
			rest = rest[len(piece):]
			s.mu.Unlock()
			n, _ := s.write(piece)
			s.mu.Lock()
			s.dropped.Add(int64(len(piece) - n))
			s.settle(len(piece))
			s.relieve()
		}
		if cap(batch) <= 2*streamBound {
			s.spare = batch[:0]
		}
	}
	if s.idle != nil {
		s.idle()
		s.idle = nil
	}
	s.running = false
}

// relieve queues what outlets have for us, as far as there is room.
func (s *Stream) relieve() {
	for len(s.owed) > 0 && s.queued() <= streamBound/2 {
		s.owed[0].settle()
		s.owed = s.owed[1:]
	}
}

// firstPiece returns what is written at once: whole lines, if there is an end of
// one. Somebody else may write to the same pipe, and get in between.
func firstPiece(p []byte) []byte {
	if len(p) <= streamPiece {
		return p
	}
	if end := bytes.LastIndexByte(p[:streamPiece], '\n'); end >= 0 {
		return p[:end+1]
	}
	return p[:streamPiece]
}

// settle counts n bytes as dealt with and wakes who waits for that.
func (s *Stream) settle(n int) {
	s.unread -= n
	s.settled += int64(n)
	if s.progress != nil {
		close(s.progress)
		s.progress = nil
	}
}

// Flush waits until everything queued so far has been written or dropped.
func (s *Stream) Flush(ctx context.Context) error {
	if s.direct {
		return nil // who writes has mu for as long as its disk hangs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	target, owed := s.accepted, len(s.owed) > 0
	for owed || s.settled < target {
		progress := s.await()
		s.mu.Unlock()
		var err error
		select {
		case <-progress:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			return err
		}
		if owed && len(s.owed) == 0 {
			target, owed = s.accepted, false
		}
	}
	return nil
}

// Dropped returns how many bytes were lost so far.
func (s *Stream) Dropped() int64 { return s.dropped.Load() }
