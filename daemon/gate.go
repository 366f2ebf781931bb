package daemon

import (
	"sync/atomic"

	"gosupervisor/daemon/core"
)

// gate is where output waits for room in a pool of event listeners. The loop opens
// and closes it; pumps wait at it, each for its own program.
type gate struct {
	shut atomic.Pointer[chan struct{}] // closed when the gate is opened; nil: it is open
}

// set opens or shuts the gate.
func (g *gate) set(shut bool) {
	if shut {
		opened := make(chan struct{})
		g.shut.CompareAndSwap(nil, &opened)
		return
	}
	if opened := g.shut.Swap(nil); opened != nil {
		close(*opened)
	}
}

// pass waits until the gate is open.
func (g *gate) pass() {
	for opened := g.shut.Load(); opened != nil; opened = g.shut.Load() {
		<-*opened
	}
}

// hold has the output of a process wait, or go on.
func (h *host) hold(e core.Hold) {
	s := h.slots[e.Proc]
	if s == nil {
		return
	}
	if c := s.channel(e.Channel); c != nil {
		c.gate.set(e.On)
	}
}
