package serve

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/ctl/ndjson"
)

// Limits of the connections that servers admit.
const (
	MaxConns     = 1024 // connections to a server at once; more are told so and closed
	reserveFiles = 64   // descriptors that are not shared out to connections

	refusals    = 16          // connections over the limit that are told so at once
	refusalWait = time.Second // for its first byte, and for the word
	newcomerAge = time.Second // after which a newcomer makes room for the next

	firstPause  = 10 * time.Millisecond // after an error of accept
	longPause   = time.Second
	errorsEvery = 10 * time.Second // a line about such errors
)

// Bounds is what all servers of a process share. Make it with NewBounds.
type Bounds struct {
	conns   chan struct{} // one token for each open connection
	replies *purse
	wait    time.Duration // for room in it

	multicall int64 // bytes of the results of one
}

// NewBounds returns bounds that nobody uses yet. Connections get half of the
// descriptors that the process may have: the other half is for programs.
func NewBounds() *Bounds {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		limit.Cur = MaxConns
	}
	return newBounds(limit.Cur)
}

func newBounds(files uint64) *Bounds {
	const fewest, most = 8, 1 << 16
	share := (max(files, reserveFiles) - reserveFiles) / 2
	return &Bounds{conns: make(chan struct{}, min(max(share, fewest), most)), replies: newPurse(MaxHeld), wait: maxWaitHeld, multicall: MaxMulticall}
}

// maxNewcomers is how many connections of a server may not yet have made a
// request that it takes.
func (b *Bounds) maxNewcomers(maxConns int) int {
	const fewest = 4
	return max(fewest, min(cap(b.conns)/4, maxConns/2))
}

// newcomer is a connection that has not yet made a request, or not logged in.
// It points to nothing once it has, or is closed.
type newcomer struct {
	since time.Time
	conn  atomic.Pointer[firstByteConn]
}

// meter lets a line through once in a while and counts the others.
type meter struct {
	last atomic.Int64 // when, in nanoseconds
	more atomic.Int64
}

// pass tells whether a line may be written now, and how many could not since
// the one before it.
func (m *meter) pass(now time.Time, every time.Duration) (more int64, ok bool) {
	last, at := m.last.Load(), now.UnixNano()
	if last != 0 && at-last < int64(every) || !m.last.CompareAndSwap(last, at) {
		m.more.Add(1)
		return 0, false
	}
	return m.more.Swap(0), true
}

// andMore words the count of a meter.
func andMore(more int64) string {
	if more == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more times since that was last told)", more)
}

// pause waits, and tells whether to go on.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.closing.Done():
		return false
	}
}

// acceptFailed waits before another try. It is out of descriptors, most
// likely: others may give some back.
func (s *Server) acceptFailed(err error, pause *time.Duration) bool {
	if more, ok := s.acceptErrors.pass(time.Now(), errorsEvery); ok {
		s.log(conf.Error, fmt.Sprintf("cannot accept a connection on %s: %v%s", s.conf.Section, err, andMore(more)))
	}
	*pause = min(max(2**pause, firstPause), longPause)
	return s.pause(*pause)
}

// admit starts a connection, or refuses it when there are too many.
func (s *Server) admit(raw net.Conn) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.tooMany(raw, fmt.Sprintf("the server has its %d connections", cap(s.slots)))
		return
	}
	all := s.o.Bounds.conns
	select {
	case all <- struct{}{}:
	default:
		<-s.slots
		s.tooMany(raw, fmt.Sprintf("all servers together have their %d connections", cap(all)))
		return
	}
	s.counts.accepted.Add(1)
	n := &newcomer{since: time.Now()}
	conn := s.connection(raw)
	conn.newcomer, conn.write = n, s.o.write
	if s.o.asksWho() {
		conn.client = s.o.whois(raw, s.o.Roles)
		if s.o.OwnerOnly {
			conn.client = conn.client.at(raw)
		}
	}
	conn.release = func() { conn.settle(s.settled); <-all; <-s.slots }
	n.conn.Store(conn)
	s.makeRoom()
	s.newcomers = append(s.newcomers, n)
	s.conns.Go(func() { s.serveConn(conn) })
}

// makeRoom sees to it that one more newcomer is not too many. It waits a
// moment for those that have just come to make themselves known; then the one
// that was silent for the longest must go. Meanwhile nobody is accepted, and
// whoever waits for that costs nothing.
func (s *Server) makeRoom() {
	for s.closing.Err() == nil {
		left := s.newcomers[:0]
		for _, n := range s.newcomers {
			if n.conn.Load() != nil {
				left = append(left, n)
			}
		}
		clear(s.newcomers[len(left):])
		if s.newcomers = left; len(left) < s.maxNewcomers {
			return
		}
		rest := newcomerAge - time.Since(left[0].since)
		if rest <= 0 {
			if conn := left[0].conn.Swap(nil); conn != nil {
				_ = conn.Close()
			}
			continue
		}
		t := time.NewTimer(rest)
		select {
		case <-s.settled:
		case <-t.C:
		case <-s.closing.Done():
		}
		t.Stop()
	}
}

// settle ends the time of a newcomer: its first request was good, or it is
// closed.
func (c *firstByteConn) settle(settled chan<- struct{}) {
	if c.newcomer == nil || c.newcomer.conn.Swap(nil) == nil {
		return
	}
	select {
	case settled <- struct{}{}:
	default: // one word is enough
	}
}

// tooMany refuses a connection, with a word if not too many get one already.
func (s *Server) tooMany(raw net.Conn, text string) {
	s.counts.refused.Add(1)
	select {
	case s.extra <- struct{}{}:
		s.conns.Go(func() { s.refuse(raw, text) })
	default:
		_ = raw.Close()
	}
}

// refuse tells a client over the limit why it is not served.
func (s *Server) refuse(raw net.Conn, text string) {
	conn := s.connection(raw)
	conn.release = func() { <-s.extra }
	defer conn.Close()
	stop := context.AfterFunc(s.closing, func() { _ = raw.Close() })
	defer stop()
	_ = raw.SetDeadline(time.Now().Add(refusalWait))
	first, ok := conn.peek()
	if !ok {
		return
	}
	if speaksLines(first) {
		line, _ := ndjson.EncodeError(nil, ndjson.NewError(ndjson.CodeBusy, text, "try again later"))
		_, _ = raw.Write(line)
		return
	}
	_, _ = fmt.Fprintf(raw, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n", len(text)+1, text)
}
