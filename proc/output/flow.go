package output

import (
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// chunk is the most that is read at once from most pipes: what one holds by
	// default.
	chunk = 64 << 10
	// largeChunk is what a pipe is made to hold of a program that writes more than
	// that again and again, and what is read of it at once: a quarter of the calls.
	largeChunk = 256 << 10
	// largeMost is how many pipes may be so large at once. The system counts what a
	// user's pipes may hold, and his other programs need some, too.
	largeMost = 64
	// fullsToGrow reads in a row that fill the chunk make a pipe large, and that many
	// that do not make it what it was.
	fullsToGrow    = 4
	shortsToShrink = 256
	// trickle is what is read of a program that pauses.
	trickle = 1 << 10
)

// Pumps borrow a buffer only while they read and pass on: most of them wait.
var (
	buffers      = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeChunk); return &b }}
)

func giveBack(buffer *[]byte) {
	if len(*buffer) == chunk {
		buffers.Put(buffer)
		return
	}
	largeBuffers.Put(buffer)
}

// flow is how much comes through a pipe, and what is done for it.
type flow struct {
	large   bool
	refused bool  // it may not be large
	streak  int16 // reads in a row that ask for the other size; it stops where that is enough for both
}

// borrow returns a buffer for the next read. alone: nobody else has something to read.
func (f *flow) borrow(alone bool) *[]byte {
	if f.large && alone {
		return largeBuffers.Get().(*[]byte)
	}
	return buffers.Get().(*[]byte)
}

// note hears of a read. It tells whether there may be more to read already.
func (f *flow) note(e End, n int, alone bool) (more bool) {
	if (n >= chunk) == f.large {
		f.streak = 0
		return n > trickle
	}
	f.streak = min(f.streak+1, shortsToShrink)
	switch {
	case !f.large && !f.refused && f.streak >= fullsToGrow:
		if alone {
			f.grow(e)
		}
	case f.large && f.streak >= shortsToShrink:
		f.shrink(e)
	}
	return n > trickle
}

// grow makes the pipe larger, if the system lets us.
func (f *flow) grow(e End) {
	f.streak = 0
	if e.poller.large.Add(1) > largeMost {
		e.poller.large.Add(-1)
		return
	}
	if _, err := unix.FcntlInt(uintptr(e.fd), unix.F_SETPIPE_SZ, largeChunk); err != nil {
		e.poller.large.Add(-1)
		f.refused = true
		return
	}
	f.large = true
}

// shrink makes the pipe what it was. When it is too full for that, it is tried again.
func (f *flow) shrink(e End) {
	f.streak = 0
	if _, err := unix.FcntlInt(uintptr(e.fd), unix.F_SETPIPE_SZ, chunk); err == nil {
		f.release(e)
	}
}

// release lets another pipe be large in place of this one.
func (f *flow) release(e End) {
	if f.large {
		f.large = false
		e.poller.large.Add(-1)
	}
}
