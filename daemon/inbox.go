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
	control []message
	output  []message
	wake    chan struct{} // holds one token while there is something to take
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// post puts a message into the lane that is taken first.
func (b *inbox) post(m message) {
	b.mu.Lock()
	b.control = append(b.control, m)
	b.mu.Unlock()
	b.signal()
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
	b.control, b.output = control[:0], output[:0]
	return c, o
}
