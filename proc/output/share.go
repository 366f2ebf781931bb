package output

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shareAhead is how much further than another one a program may get that writes as
	// much as it can. Four full pipes: to stop it costs little against that.
	shareAhead = 4 * chunk
	// shareBack is how much of what a program could not write it may have later.
	shareBack = 16 * chunk
	// shareFor is for how long those that are behind are waited for when nobody writes who
	// may go on. The kernel adds what it may be late with a timer, 50 us for most processes.
	shareFor = 100 * time.Microsecond
	// shareMost is how long that goes on at most, while some of those that are behind write
	// now and then.
	shareMost = 5 * time.Millisecond
)

// share is the part that a Pump has in what its poller passes on.
type share struct {
	wants atomic.Bool // the program has waited for us: its pipe was full. Set under shares.mu

	bytes int64 // passed on; what counts is the difference to others
	held  bool  // it has got ahead, and waits to be kicked
}

// shares keeps programs alike that write more than is passed on. Each waits for us when its
// pipe is full, so that all would have the same if the kernel let them run in turn. It does
// not: who shares a processor with us fills his pipe again later than others do, time after
// time, and with fifty of them the last has half of what the first has. So who has got ahead
// is not read while there is somebody behind who may write, and when nobody else is to be read
// either, the latter is waited for, shareFor. Then the processor is free for him. If he has
// not written by then he does not want to.
type shares struct {
	many atomic.Int32 // len(all)

	mu    sync.Mutex
	all   []*Pump // who wants
	most  int64   // of the bytes of all, before the last read
	held  []*Pump // whom the keeper kicks
	keeps bool    // there is a keeper: one that has got ahead, and waits for the others itself
	reads uint    // of those in all
}

// note hears of a read of n bytes.
func (s *shares) note(p *Pump, n int) {
	if n <= trickle && !p.share.wants.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Who begins, or was quiet, does not get now what he has not had.
	p.share.bytes = max(p.share.bytes, s.most-shareBack)
	s.most = max(s.most, p.share.bytes)
	p.share.bytes += int64(n)
	if p.share.wants.Load() {
		s.reads++
	}
	if full := n >= gatherFull; !full {
		s.drop(p)
	} else if p.share.wants.CompareAndSwap(false, true) {
		s.all = append(s.all, p)
		s.many.Store(int32(len(s.all)))
	}
}

// drop notes that p does not want more than it gets.
func (s *shares) drop(p *Pump) {
	if p.share.wants.CompareAndSwap(true, false) {
		s.all = slices.DeleteFunc(s.all, func(q *Pump) bool { return q == p })
		s.many.Store(int32(len(s.all)))
	}
}

// end is for a pump that will read no more.
func (s *shares) end(p *Pump) {
	if p.share.wants.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(p)
	}
}

// others tells whether anybody but p wants.
func (s *shares) others(p *Pump) bool {
	n := s.many.Load()
	return n > 1 || n == 1 && !p.share.wants.Load()
}

// behind tells whether q may write, and p has to wait until it has.
func (q *Pump) behind(p *Pump) bool {
	if q.share.bytes+shareAhead >= p.share.bytes || q.share.held {
		return false
	}
	// Who is read at this moment waits for nobody but perhaps a disk.
	state := q.state.Load()
	return state == armed || state == waiting
}

// ahead tells whether p has to wait for another one.
func (s *shares) ahead(p *Pump) bool {
	return slices.ContainsFunc(s.all, func(q *Pump) bool { return q.behind(p) })
}

// hold returns when p may read, or, with true, when somebody else is going to kick it then.
func (s *shares) hold(p *Pump) (held bool) {
	if !s.others(p) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.ahead(p):
		return false
	case !s.keeps:
		s.keep(p)
		return false
	}
	p.state.Store(arming)
	if hurried(p.hurry) || !p.state.CompareAndSwap(arming, armed) {
		p.state.Store(running)
		return false
	}
	p.share.held = true
	s.held = append(s.held, p)
	return true
}

// vigil is how long somebody who is behind is waited for. Times are of a clock that only goes
// forward.
type vigil struct {
	begin time.Duration
	since time.Duration // when one of those that want has been read, or begin
	reads uint
}

// over tells whether it has lasted long enough. reads counts what was read of those that want.
func (v *vigil) over(reads uint, now time.Duration) bool {
	if reads != v.reads {
		v.reads, v.since = reads, now
	}
	return now-v.begin >= shareMost || now-v.since >= shareFor
}

// keep waits until p may read, and kicks the others that wait when they may.
func (s *shares) keep(p *Pump) {
	s.keeps = true
	v := vigil{begin: time.Since(clock), reads: s.reads}
	v.since = v.begin
	for s.ahead(p) && !hurried(p.hurry) {
		s.mu.Unlock()
		p.end.poller.linger(shareFor)
		if p.end.poller.others() {
			runtime.Gosched()
		}
		s.mu.Lock()
		if v.over(s.reads, time.Since(clock)) {
			for _, q := range slices.Clone(s.all) {
				if q.behind(p) {
					// It does not want what it has not had, either.
					s.drop(q)
					q.share.bytes = p.share.bytes
				}
			}
		}
		s.kick(func(q *Pump) bool { return !s.ahead(q) })
	}
	s.keeps = false
	s.kick(func(*Pump) bool { return true }) // and one of them keeps the rest
}

// kick has those run of whom may says so, out of those that are held.
func (s *shares) kick(may func(*Pump) bool) {
	s.held = slices.DeleteFunc(s.held, func(q *Pump) bool {
		if !may(q) {
			return false
		}
		q.share.held = false
		q.kick()
		return true
	})
}
