package daemon

import (
	"sync"

	"gosupervisor/daemon/core"
)

// message is one thing for the loop: an input to the core, or something to do
// on the loop's own data.
type message struct {
	in   core.Input
	call *call // of a core.Request: where the answer goes
	do   func()
}

// inbox is the loop's mailbox. Its two lanes keep noise from delaying
// anybody's stop, while no exit overtakes what was posted before it in the
// lane of output. Its length is bounded by its senders: so many requests a
// client, so much news a child.
type inbox struct {
	mu      sync.Mutex
	room    sync.Cond // the lane of output was emptied, or the inbox closed
	closed  bool
	control []message
	output  []message
	bytes   int           // of children's output in the lane of output
	wake    chan struct{} // holds one token while there is something to take
}

// So many messages, and so many bytes in them, may wait for the loop. Who has more
// output waits: the pipe of a noisy child fills up, and nobody else is held up.
const (
	outputBound = 1024
	bytesBound  = 8 << 20
)

func newInbox() *inbox {
	b := &inbox{wake: make(chan struct{}, 1)}
	b.room.L = &b.mu
	return b
}

// post puts a message into the lane that is taken first.
func (b *inbox) post(m message) {
	b.mu.Lock()
	b.control = append(b.control, m)
	b.mu.Unlock()
	b.signal()
}

// put is post for what more will follow soon, and then nudge: it wakes nobody.
func (b *inbox) put(m message) {
	b.mu.Lock()
	b.control = append(b.control, m)
	b.mu.Unlock()
}

// nudge wakes the loop if what was put is still there.
func (b *inbox) nudge() {
	b.mu.Lock()
	left := len(b.control) > 0
	b.mu.Unlock()
	if left {
		b.signal()
	}
}

// postBytes puts n bytes of a child's output into the lane of output, and waits
// while that is full.
func (b *inbox) postBytes(m message, n int) {
	b.mu.Lock()
	for (len(b.output) >= outputBound || b.bytes >= bytesBound) && !b.closed {
		b.room.Wait()
	}
	b.bytes += n
	b.output = append(b.output, m)
	b.mu.Unlock()
	b.signal()
}

// close lets go of everybody who waits for room.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.room.Broadcast()
}

// postOutput puts a message behind all output posted so far.
func (b *inbox) postOutput(m message) {
	b.mu.Lock()
	b.output = append(b.output, m)
	b.mu.Unlock()
	b.signal()
}

func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns everything that is there, control first. The loop gives the
// slices back as spare for the next round.
func (b *inbox) take(control, output []message) ([]message, []message) {
	clear(control)
	clear(output)
	b.mu.Lock()
	defer b.mu.Unlock()
	c, o := b.control, b.output
	b.control, b.output, b.bytes = control[:0], output[:0], 0
	b.room.Broadcast()
	return c, o
}
