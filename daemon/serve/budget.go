package serve

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"gosupervisor/ctl/api"
)

// Limits of what replies may hold in memory.
const (
	MaxMulticall = 64 << 20  // bytes of all results of a multicall
	MaxConnHeld  = 128 << 20 // bytes of long replies on the way to one connection
	MaxHeld      = 256 << 20 // the same for all connections to all servers
	maxWaitHeld  = 30 * time.Second

	longestRead = 64 << 20  // what one read of a log returns at the most
	explanation = 160 << 10 // what an explanation has at the most, lines of two logs included
	smallReply  = 16 << 10  // replies up to here are not counted
	unit        = 1 << 20   // of a purse
)

// purse is a number of bytes that replies share, in units. Whoever takes gets
// all it wants or waits; one waits at a time for its units and the others for
// their turn, so that nobody starves and no two wait for each other.
type purse struct {
	turn  chan struct{} // one token, held while taking
	taken chan struct{} // one token for each unit; full: none is left
}

func newPurse(bytes int64) *purse {
	return &purse{turn: make(chan struct{}, 1), taken: make(chan struct{}, bytes/unit)}
}

// left returns how many units there are.
func (p *purse) left() int { return cap(p.taken) - len(p.taken) }

func (p *purse) take(ctx context.Context, n int) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	for got := range n {
		select {
		case p.taken <- struct{}{}:
		case <-ctx.Done():
			p.give(got)
			return ctx.Err()
		}
	}
	return nil
}

// takeAtOnce takes nothing where it would have to wait.
func (p *purse) takeAtOnce(n int) bool {
	select {
	case p.turn <- struct{}{}:
	default:
		return false
	}
	defer func() { <-p.turn }()
	for got := range n {
		select {
		case p.taken <- struct{}{}:
		default:
			p.give(got)
			return false
		}
	}
	return true
}

func (p *purse) give(n int) {
	for range n {
		<-p.taken
	}
}

// grant is what one call holds of the purse of its connection and of that of
// all. It belongs to the goroutine of the call, and then to whoever writes
// the reply.
type grant struct {
	purses []*purse // the first is the connection's, if there are two
	space  [2]*purse
	wait   time.Duration
	limit  int64 // of a multicall
	held   int
	many   bool  // a multicall: it takes for all its results at once
	used   int64 // by the results of a multicall
}

// newGrant returns a grant for one call of a connection with the purse local,
// which is nil where there is one call at a time.
func (s *Server) newGrant(local *purse) *grant {
	g := &grant{wait: s.o.Bounds.wait, limit: s.o.Bounds.multicall}
	g.purses = g.space[:0]
	if local != nil {
		g.purses = append(g.purses, local)
	}
	g.purses = append(g.purses, s.o.Bounds.replies)
	return g
}

// reserve makes room for a result of up to n bytes.
func (g *grant) reserve(ctx context.Context, n int64) *api.Fault {
	if g.many {
		if g.used+n <= smallReply {
			return nil
		}
		n = MaxMulticall + longestRead // the last one is read before it is too much
	}
	if n <= smallReply || g.held > 0 {
		return nil
	}
	units := int((n + unit - 1) / unit)
	bounded, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	for i, p := range g.purses {
		err := p.take(bounded, units)
		if err == nil {
			continue
		}
		for _, before := range g.purses[:i] {
			before.give(units)
		}
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return &api.Fault{Code: api.Failed, Detail: fmt.Sprintf("the %d bytes for long replies are in use", MaxHeld), Hint: "try again later, or ask for less"}
		}
		return api.AsFault(err)
	}
	g.held = units
	return nil
}

// reserveAtOnce is reserve for a result that is there, and does not wait.
func (g *grant) reserveAtOnce(n int64) bool {
	units := int((n + unit - 1) / unit)
	for i, p := range g.purses {
		if !p.takeAtOnce(units) {
			for _, before := range g.purses[:i] {
				before.give(units)
			}
			return false
		}
	}
	g.held = units
	return true
}

// shrink gives back what a result of n bytes does not need.
func (g *grant) shrink(n int64) {
	keep := int((n + unit - 1) / unit)
	if n <= smallReply {
		keep = 0
	}
	if keep >= g.held {
		return
	}
	for _, p := range g.purses {
		p.give(g.held - keep)
	}
	g.held = keep
}

// room tells whether a multicall may go on.
func (g *grant) room() *api.Fault {
	if g.used < g.limit {
		return nil
	}
	return g.tooMuch()
}

// keep counts a result of a multicall, or refuses it. A small one, such as
// that of a start, is always told.
func (g *grant) keep(ctx context.Context, n int64) *api.Fault {
	if n > smallReply && g.used+n > g.limit {
		g.used = g.limit
		return g.tooMuch()
	}
	if f := g.reserve(ctx, n); f != nil {
		return f
	}
	g.used += n
	return nil
}

func (g *grant) tooMuch() *api.Fault {
	return api.NewFault(api.Failed, fmt.Sprintf("the results of a multicall may have %d bytes together", g.limit))
}

// release gives everything back.
func (g *grant) release() { g.shrink(0) }

// readSize returns the most that the answer to a request can be where that is
// a log, else 0.
func readSize(r api.Request) int64 {
	var length int64
	switch r := r.(type) {
	case api.ReadLog:
		length = wanted(r.Offset, r.Length)
	case api.ReadProcessLog:
		length = wanted(r.Offset, r.Length)
	case api.TailProcessLog:
		length = r.Length
	case api.ExplainProcess:
		length = explanation
	default:
		return 0
	}
	return min(max(length, 0), longestRead)
}

// wanted is the length that a read asks for: none means all that follows, and
// an offset from the end that much.
func wanted(offset, length int64) int64 {
	switch {
	case length > 0:
		return length
	case offset < 0 && offset > -longestRead:
		return -offset
	}
	return longestRead
}

// weight estimates the memory that a result takes.
func weight(v any) int64 {
	switch v := v.(type) {
	case api.ProcessInfo:
		return weightOfInfo(&v)
	case []api.ProcessInfo:
		n := int64(reflect.TypeOf(v).Size())
		for i := range v {
			n += weightOfInfo(&v[i])
		}
		return n
	}
	return weigh(reflect.ValueOf(v), 8)
}

// weightOfInfo is what weigh finds, quickly: it is what is asked for most.
func weightOfInfo(p *api.ProcessInfo) int64 {
	fixed := 2 * int64(reflect.TypeFor[api.ProcessInfo]().Size()) // as a whole, and its fields
	return fixed + int64(len(p.Name)+len(p.Group)+len(p.StateName)+len(p.SpawnErr)+len(p.Logfile)+len(p.StdoutLogfile)+len(p.StderrLogfile)+len(p.Description))
}

func weigh(v reflect.Value, depth int) int64 {
	if depth == 0 || !v.IsValid() {
		return 0
	}
	n := int64(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		n += int64(v.Len())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return n + int64(v.Len())
		}
		for i := range v.Len() {
			n += weigh(v.Index(i), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			n += weigh(v.Field(i), depth-1)
		}
	case reflect.Interface, reflect.Pointer:
		n += weigh(v.Elem(), depth-1)
	}
	return n
}

// writeTime is how long an answer of size bytes may take on its way: a client
// that reads, however slowly, gets it, and one that does not is cut off.
func writeTime(size int64) time.Duration {
	const slowest = 128 << 10 // bytes a second
	return writeTimeout + time.Duration(size/slowest)*time.Second
}
