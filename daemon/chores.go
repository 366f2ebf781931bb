package daemon

import (
	"sync"
	"time"
)

// chores are done one after another in a goroutine of their own: what may wait
// for a disk, or for the lock of a log that does, and that nobody waits for.
type chores struct {
	mu      sync.Mutex
	waiting []func()
	idle    chan struct{} // closed when there is nothing left; nil: it is so
}

// add queues a chore. It never waits.
func (c *chores) add(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, do)
	if c.idle == nil {
		c.idle = make(chan struct{})
		go c.run()
	}
}

func (c *chores) run() {
	for {
		c.mu.Lock()
		if len(c.waiting) == 0 {
			close(c.idle)
			c.idle = nil
			c.mu.Unlock()
			return
		}
		do := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.mu.Unlock()
		do()
	}
}

// finish waits until everything is done, but not for ever: a disk may be gone
// for good.
func (c *chores) finish(patience time.Duration) {
	c.mu.Lock()
	idle := c.idle
	c.mu.Unlock()
	if idle == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}
