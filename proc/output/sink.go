package output

import (
	"sync/atomic"
	"time"

	"gosupervisor/proc/logfile"
)

// Sink is where the bytes of a pump go.
type Sink interface {
	// Write takes all of p, which is the caller's again afterwards. It may
	// wait until there is room for it, but not beyond the closing of hurry:
	// then the program that wrote p is dead, and its exit is to be reported.
	Write(p []byte, hurry <-chan struct{})
}

// Ender is a Sink that wants to know when a pump has written its last byte.
type Ender interface {
	End()
}

// Holder is a Sink that holds back what has come of a line. The pump that writes
// to it looks after it: one pump has one of them at most.
type Holder interface {
	Due() time.Time // when Flush is to be called; zero: nothing is held
	Flush(hurry <-chan struct{})
}

// Urgent is a closed channel: given to Sink.Write it means not to wait at all.
var Urgent <-chan struct{} = closed()

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// hurried tells whether a write must not wait any longer.
func hurried(hurry <-chan struct{}) bool {
	select {
	case <-hurry:
		return true
	default:
		return false
	}
}

// FileSink is the sink that writes to a log file. Like the File it lives as
// long as its program is configured: Open before each run of the program,
// Close after it, Release when the program is removed. Bytes for a device - a
// fifo without a reader, a stopped terminal - wait in a queue and can outlast
// the child that wrote them.
type FileSink struct {
	file  *logfile.File
	queue Stream
	lost  atomic.Int64 // bytes that a regular file did not take
}

// NewFileSink returns the sink that writes to f.
func NewFileSink(f *logfile.File) *FileSink {
	s := &FileSink{file: f}
	s.queue.write = f.Write
	return s
}

// File returns the log that is written to.
func (s *FileSink) File() *logfile.File { return s.file }

// Open opens the log. It does nothing when the log is open already. It takes a
// Release that still waits back.
func (s *FileSink) Open() error {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.queue.idle = nil
	return s.file.Open()
}

// Close closes the log between two runs of the program. A device stays open: a
// fifo forgets what nobody has read when its last writer closes it, and its
// reader would take every restart for the end. What was queued while the log was a
// device is written first.
func (s *FileSink) Close() error {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if !s.queue.running {
		return s.file.CloseRegular()
	}
	if s.queue.idle == nil { // a Release closes as well
		s.queue.idle = func() { s.file.CloseRegular() }
	}
	return nil
}

// Release closes the log, whatever it is, once all that is queued has been
// written. Closing the File itself does not wait, and gives up what is queued.
func (s *FileSink) Release() error {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if s.queue.running {
		s.queue.idle = func() { s.file.Close() }
		return nil
	}
	return s.file.Close()
}

// Write appends p to the log. What cannot be written is lost; the File tells
// of it.
func (s *FileSink) Write(p []byte, hurry <-chan struct{}) {
	// What was queued while the log was a device comes first.
	if s.file.Regular() && !s.queue.runs() {
		if n, ok, _ := s.file.WriteRegular(p); ok {
			s.lost.Add(int64(len(p) - n))
			return
		}
	}
	s.queue.Write(p, hurry)
}

// Prompt implements Prompt: a regular file takes what it is given.
func (s *FileSink) Prompt() bool { return s.file.Regular() }

// Dropped returns how many bytes were lost so far.
func (s *FileSink) Dropped() int64 { return s.lost.Load() + s.queue.Dropped() }
