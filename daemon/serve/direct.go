package serve

import "gosupervisor/ctl/ndjson"

// direct answers requests in the goroutine that reads them, in their order, for as
// long as none has to wait for anything. So what most clients ask costs one read,
// one write and no word between goroutines, and a client that only listens costs
// one goroutine. It tells whether to go on: a request waits to be started.
func (c *lineConn) direct(r *ndjson.Reader, out lineOut) bool {
	c.alone = true
	defer func() { c.alone = false }()
	for c.waits == nil {
		if !r.Ready() && !c.flush(out) {
			return false
		}
		line, err := r.Line()
		if !c.take(incoming{line, err}) || c.s.closing.Err() != nil {
			c.flush(out)
			return false
		}
		if len(c.buffer) > mostBuffered && !c.flush(out) {
			return false
		}
	}
	return c.flush(out)
}

// mostBuffered is how much of replies waits to be written together while there are
// more requests to be answered.
const mostBuffered = 32 << 10

// flush writes what direct has answered.
func (c *lineConn) flush(out lineOut) bool {
	if len(c.buffer) == 0 {
		return true
	}
	err := out.send(reply{line: c.buffer})
	for _, g := range c.held {
		g.release()
	}
	c.held = c.held[:0]
	if c.buffer = c.buffer[:0]; cap(c.buffer) > 2*mostBuffered {
		c.buffer = nil
	}
	return err == nil
}
