package output

import "bytes"

const escape = 0x1b

var escapeStart = []byte{escape, '['}

// ansiEnds are the bytes that end an escape sequence.
var ansiEnds = func() (ends [256]bool) {
	for _, b := range []byte("HfABCDRsuJKhlpm") {
		ends[b] = true
	}
	return ends
}()

// ansi removes terminal escape sequences: from ESC [ up to and including the
// first byte of ansiEnds. It remembers between chunks where it was.
type ansi struct {
	held   bool // the last chunk ended with ESC; what follows decides
	inside bool // the last chunk ended inside a sequence
}

// strip returns p without escape sequences. It overwrites p.
func (a *ansi) strip(p []byte) []byte {
	if len(p) == 0 {
		return p
	}
	if a.held {
		p = append([]byte{escape}, p...)
		a.held = false
	}
	if !a.inside && bytes.IndexByte(p, escape) < 0 {
		return p
	}
	kept := p[:0]
	for len(p) > 0 {
		if a.inside {
			p = afterSequence(p)
			a.inside = p == nil
			continue
		}
		start := bytes.Index(p, escapeStart)
		if start >= 0 {
			kept = append(kept, p[:start]...)
			p = p[start+len(escapeStart):]
			a.inside = true
			continue
		}
		if p[len(p)-1] == escape {
			p = p[:len(p)-1]
			a.held = true
		}
		kept = append(kept, p...)
		break
	}
	return kept
}

// afterSequence returns what follows the end of a sequence in p; nil if it
// does not end there.
func afterSequence(p []byte) []byte {
	for i, b := range p {
		if ansiEnds[b] {
			return p[i+1:]
		}
	}
	return nil
}

// end returns what was held back when nothing more comes.
func (a *ansi) end() []byte {
	if !a.held {
		return nil
	}
	a.held = false
	return []byte{escape}
}
