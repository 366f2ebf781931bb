package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"
)

// slowest is how many bytes a second a server must send for as long as it owes
// some: one that only drips is given up as one that says nothing.
const slowest = 4 << 10

// patience is how a Client waits for a server, in the caller's goroutine. A
// server owes the answer to a short question, the rest of a line that it has
// begun, and a sign of life when it is asked for one, each within the limit.
// While it may take its time for something, it owes nothing, but is asked for a
// sign of life once in a while.
type patience struct {
	limit time.Duration
	late  func() error // what the caller gets when the limit has passed

	// ask asks for a sign of life, which is told by alive, or sent to signs
	// where something else than the answer shows it. Without ask the answer
	// itself is owed.
	ask   func()
	signs chan error
	asked bool

	begun bool          // a line has, and is not complete
	owed  bool          // in the last wait
	spent time.Duration // waiting, since that has changed
}

// alive says that there was a sign of life.
func (p *patience) alive() { p.asked = false }

// left returns how long the next wait may last.
func (p *patience) left() time.Duration {
	if owed := p.ask == nil || p.asked || p.begun; owed != p.owed {
		p.owed, p.spent = owed, 0
	}
	if p.owed {
		return max(0, p.limit-p.spent)
	}
	return max(0, p.limit/2-p.spent)
}

// received says that n bytes came.
func (p *patience) received(n int) {
	p.spent = max(0, p.spent-time.Duration(n)*time.Second/slowest)
}

// await waits for a value.
func await[T any](ctx context.Context, p *patience, from <-chan T) (v T, err error) {
	for {
		timer := time.NewTimer(p.left())
		began := time.Now()
		select {
		case v = <-from:
			p.spent += time.Since(began)
			return v, nil
		case err := <-p.signs:
			if err != nil {
				return v, err
			}
			p.alive()
		case <-timer.C:
			if p.owed {
				return v, p.late()
			}
			p.asked = true
			p.ask()
		case <-ctx.Done():
			return v, context.Cause(ctx)
		}
	}
}

// inbound is what a server sends, read with patience. A goroutine of its own
// reads from the server, a piece whenever the caller wants one; it ends when
// the source does, or with close.
type inbound struct {
	ctx   context.Context
	p     *patience
	lines bool // what comes are lines

	want  chan struct{}
	got   chan piece
	rest  []byte
	ended error
	late  bool // it did not come in time
}

type piece struct {
	data []byte
	err  error
}

// newInbound reads from a source that lets go of a pending Read when the
// caller is done with it.
func newInbound(ctx context.Context, from io.Reader, p *patience, lines bool) *inbound {
	in := &inbound{ctx: ctx, p: p, lines: lines, want: make(chan struct{}), got: make(chan piece, 1)}
	go func() {
		buf := make([]byte, 32<<10)
		for range in.want {
			n, err := from.Read(buf)
			in.got <- piece{buf[:n], err}
			if err != nil {
				return
			}
		}
	}()
	return in
}

// Read implements io.Reader.
func (in *inbound) Read(b []byte) (int, error) {
	for len(in.rest) == 0 {
		if in.ended != nil {
			return 0, in.ended
		}
		in.want <- struct{}{}
		got, err := await(in.ctx, in.p, in.got)
		if err != nil {
			in.ended, in.late = err, true
			return 0, err
		}
		in.rest, in.ended = got.data, got.err
		in.p.received(len(in.rest))
		if n := len(in.rest); n > 0 {
			in.p.begun = in.lines && in.rest[n-1] != '\n'
		}
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// drained tells whether all that came was read, and more may come.
func (in *inbound) drained(buffered *bufio.Reader) bool {
	return in.ended == nil && len(in.rest) == 0 && buffered.Buffered() == 0
}

// close ends the goroutine, once its Read returns.
func (in *inbound) close() { close(in.want) }

// patience returns what one exchange with the server may take.
func (c *Client) patience() *patience {
	return &patience{limit: c.limit, late: func() error { return c.lateError(hintSilent) }}
}

const (
	hintSilent = "it accepts connections, but says nothing, or only half of it: it may be stopped (SIGSTOP), stuck or overloaded, or be something else"
	hintDeaf   = "it does not accept connections: a firewall may drop them, or it is stopped (SIGSTOP), stuck or overloaded"
	hintNoTLS  = "it accepts connections, but does not begin TLS: with a port that has none, the URL begins with http://"
)

// lateError says that the server did not answer within the limit.
func (c *Client) lateError(hint string) *Error {
	return c.fail(ErrTimeout, fmt.Sprintf("waited %v", c.limit.Round(time.Millisecond)), hint)
}
