package listener

import (
	"bytes"
	"strconv"
	"strings"
)

// State is what the supervisor may expect of a listener.
type State int

// The states; the numbers are the original's.
const (
	Ready        State = 10 // waits for an event
	Busy         State = 20 // was sent one and owes a result
	Acknowledged State = 30 // is yet to say that it is ready
	Unknown      State = 40 // broke the protocol; gets nothing until it is started again
)

// String returns the name that the activity log uses.
func (s State) String() string {
	switch s {
	case Ready:
		return "READY"
	case Busy:
		return "BUSY"
	case Acknowledged:
		return "ACKNOWLEDGED"
	}
	return "UNKNOWN"
}

const (
	readyToken = "READY\n"
	resultWord = "RESULT "
	okResult   = "OK"

	// longestLine bounds a result line: the word, a number, and some grace.
	longestLine = 256
)

// Signal is something that a listener said, as far as it matters outside.
type Signal struct {
	Kind Kind
	Line string // BadResult: the line that is none
}

// Kind names a Signal.
type Kind uint8

// What a listener can say.
const (
	BecameReady Kind = iota
	Processed        // the result was OK
	Rejected         // it was anything else
	BadResult        // a line that should have been a result; the state is Unknown
	Violation        // other bytes at the wrong time; the state is Unknown
)

// Parser follows one listener. The zero value is one that was never started;
// Reset makes it fit for a child.
type Parser struct {
	state  State
	line   []byte // of a token that has not ended
	left   int    // of a result: bytes still to come; -1: its line is still to come
	result []byte // its first bytes, enough to tell OK from the rest
}

// State returns the state of the listener.
func (p *Parser) State() State {
	if p.state == 0 {
		return Acknowledged
	}
	return p.state
}

// Reset begins anew, for a new child.
func (p *Parser) Reset() { *p = Parser{state: Acknowledged, left: -1} }

// Sent notes that the listener was given an event.
func (p *Parser) Sent() { p.state, p.left = Busy, -1 }

// Unsent takes Sent back: the event did not reach the listener.
func (p *Parser) Unsent() { p.state = Ready }

// Feed takes bytes that the listener wrote and returns what they say, in order.
func (p *Parser) Feed(data []byte) []Signal {
	var out []Signal
	for len(data) > 0 {
		var s Signal
		var said bool
		switch p.State() {
		case Acknowledged:
			data, s, said = p.acknowledged(data)
		case Ready:
			data, s, said = p.violate()
		case Busy:
			data, s, said = p.busy(data)
		case Unknown:
			return out
		}
		if said {
			out = append(out, s)
		}
	}
	return out
}

// violate ends the trust in the listener; the rest of what it wrote is dropped.
func (p *Parser) violate() ([]byte, Signal, bool) {
	p.state, p.line, p.result = Unknown, nil, nil
	return nil, Signal{Kind: Violation}, true
}

// acknowledged waits for the six bytes that say that the listener is ready.
func (p *Parser) acknowledged(data []byte) ([]byte, Signal, bool) {
	n := min(len(readyToken)-len(p.line), len(data))
	p.line = append(p.line, data[:n]...)
	switch {
	case len(p.line) < len(readyToken):
		return nil, Signal{}, false
	case string(p.line) != readyToken:
		return p.violate()
	}
	p.line, p.state = p.line[:0], Ready
	return data[n:], Signal{Kind: BecameReady}, true
}

// busy collects the result of an event: its line, then as many bytes as that
// says. It is judged as soon as it is complete.
func (p *Parser) busy(data []byte) ([]byte, Signal, bool) {
	if p.left < 0 {
		rest, bad, done := p.resultLine(data)
		if bad.Kind == BadResult {
			return nil, bad, true
		}
		if !done {
			return nil, Signal{}, false
		}
		data = rest
	}
	n := min(p.left, len(data))
	if keep := min(len(okResult)+1-len(p.result), n); keep > 0 {
		p.result = append(p.result, data[:keep]...)
	}
	if p.left -= n; p.left > 0 {
		return nil, Signal{}, false
	}
	s := Signal{Kind: Rejected}
	if string(p.result) == okResult {
		s.Kind = Processed
	}
	p.state, p.left, p.result = Acknowledged, -1, p.result[:0]
	return data[n:], s, true
}

// resultLine collects "RESULT N\n" and reads N.
func (p *Parser) resultLine(data []byte) (rest []byte, bad Signal, done bool) {
	line, rest, ended := bytes.Cut(data, []byte{'\n'})
	if room := longestLine - len(p.line); len(line) > room {
		line, ended = line[:room], true // no result line is that long
	}
	p.line = append(p.line, line...)
	if !ended {
		return nil, Signal{}, false
	}
	text := string(p.line)
	p.line = p.line[:0]
	number, ok := strings.CutPrefix(text, resultWord)
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if !ok || err != nil || n < 0 {
		p.violate()
		return nil, Signal{Kind: BadResult, Line: text}, false
	}
	p.left, p.result = n, p.result[:0]
	return rest, Signal{}, true
}
