package output

import "bytes"

// The tokens between which a program's output is an event, not log text.
var (
	captureBegin = []byte("<!--XSUPERVISOR:BEGIN-->")
	captureEnd   = []byte("<!--XSUPERVISOR:END-->")
)

// capture splits output into log text and captured text. It recognises tokens
// across chunks and holds back no more than the beginning of one.
type capture struct {
	max    int    // how many bytes of captured text are kept: the last ones
	inside bool   // between the tokens
	held   []byte // the end of the last chunk, if a token may begin so
	text   []byte // captured so far; at most twice max
}

// split passes on what of p is log text, and each captured text that ends in
// p. log's argument is valid during the call only; comm's is comm's.
func (c *capture) split(p []byte, log, comm func([]byte)) {
	if len(c.held) > 0 {
		p = append(c.held, p...)
		c.held = nil
	}
	for {
		token := captureBegin
		if c.inside {
			token = captureEnd
		}
		at := bytes.Index(p, token)
		if at < 0 {
			keep := beginning(p, token)
			c.put(p[:len(p)-keep], log)
			c.held = append(c.held, p[len(p)-keep:]...)
			return
		}
		c.put(p[:at], log)
		p = p[at+len(token):]
		if c.inside {
			comm(c.text[max(0, len(c.text)-c.max):])
			c.text = nil
		}
		c.inside = !c.inside
	}
}

// beginning returns the length of the longest end of p that is a beginning of
// token.
func beginning(p, token []byte) int {
	for n := min(len(p), len(token)-1); n > 0; n-- {
		if bytes.HasSuffix(p, token[:n]) {
			return n
		}
	}
	return 0
}

// put passes on log text and keeps captured text.
func (c *capture) put(p []byte, log func([]byte)) {
	switch {
	case len(p) == 0:
	case !c.inside:
		log(p)
	case len(p) >= c.max:
		c.text = append(c.text[:0], p[len(p)-c.max:]...)
	default:
		c.text = append(c.text, p...)
		if len(c.text) > 2*c.max { // moving it for every chunk would be slow
			c.text = append(c.text[:0], c.text[len(c.text)-c.max:]...)
		}
	}
}

// end passes on what was held back when nothing more comes. A captured text
// that has not ended is given up.
func (c *capture) end(log func([]byte)) {
	if !c.inside && len(c.held) > 0 {
		log(c.held)
	}
	c.held, c.text = nil, nil
}
