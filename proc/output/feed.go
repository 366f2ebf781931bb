package output

import (
	"bytes"
	"sync"
)

const (
	// feedPiece is how long pieces become that are queued one after another.
	feedPiece = 32 << 10
	// feedOverhead is what an item takes beside its bytes.
	feedOverhead = 64
)

// Feed is the one queue through which one reader hears of many outputs. Those
// who write never wait: what a slow reader has no room for is counted, and it
// is told how much that was.
type Feed struct {
	max int

	mu    sync.Mutex
	queue []Item
	held  int
	gaps  []*Source     // may have missed something that is not queued yet
	ready chan struct{} // holds one token while there is something to take
}

// Source is one output of a Feed. It is given to the writer as a tap.
type Source struct {
	feed *Feed
	tag  any

	// All under the lock of the feed.
	midLine bool  // the last byte that was written ended no line
	gap     bool  // what is written is missed
	missed  int64 // bytes, not queued yet
	skipped int   // of them, since there is room again, for want of a line
	listed  bool  // among the gaps of the feed
}

// Item is a piece of one output, or how much of it was missed.
type Item struct {
	Tag    any
	Data   []byte
	Missed int64
}

// NewFeed returns a feed that queues about max bytes at most.
func NewFeed(max int) *Feed { return &Feed{max: max, ready: make(chan struct{}, 1)} }

// Source returns a new output of the feed. Its items carry tag.
func (f *Feed) Source(tag any) *Source { return &Source{feed: f, tag: tag} }

// Write queues p, or counts it as missed. After a gap it goes on with the next
// line. It never waits.
func (s *Source) Write(p []byte) {
	if len(p) == 0 {
		return
	}
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	midLine := s.midLine
	s.midLine = p[len(p)-1] != '\n'
	if s.gap {
		if p = s.resume(p, midLine); len(p) == 0 {
			return
		}
	}
	if f.held+len(p)+feedOverhead > f.max {
		s.gap, s.skipped = true, 0
		s.miss(len(p))
		return
	}
	f.push(Item{Tag: s.tag, Data: p})
}

// resume ends a gap when there is room again, at the beginning of a line, and
// returns what of p comes after it. A line that never ends is not waited for.
func (s *Source) resume(p []byte, midLine bool) []byte {
	if s.feed.held > s.feed.max/2 {
		s.miss(len(p))
		return nil
	}
	if midLine && s.skipped < feedPiece {
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			s.skipped += len(p)
			s.miss(len(p))
			return nil
		}
		s.miss(end)
		p = p[end:]
	}
	s.gap = false
	s.tell()
	return p
}

// miss counts n bytes. The caller holds the lock.
func (s *Source) miss(n int) {
	if !s.listed {
		s.listed = true
		s.feed.gaps = append(s.feed.gaps, s)
	}
	s.missed += int64(n)
	s.feed.wake()
}

// tell queues how much was missed. The caller holds the lock.
func (s *Source) tell() {
	if s.missed > 0 {
		s.feed.push(Item{Tag: s.tag, Missed: s.missed})
		s.missed = 0
	}
}

// push queues an item, or lengthens the one before it. It keeps no hold of the
// item's bytes. The caller holds the lock.
func (f *Feed) push(i Item) {
	if last := len(f.queue) - 1; last >= 0 && i.Missed == 0 {
		if q := &f.queue[last]; q.Tag == i.Tag && q.Missed == 0 && len(q.Data)+len(i.Data) <= feedPiece {
			q.Data = append(q.Data, i.Data...)
			f.held += len(i.Data)
			f.wake()
			return
		}
	}
	i.Data = bytes.Clone(i.Data)
	f.queue = append(f.queue, i)
	f.held += len(i.Data) + feedOverhead
	f.wake()
}

func (f *Feed) wake() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// Ready returns a channel that receives when there may be something to take.
func (f *Feed) Ready() <-chan struct{} { return f.ready }

// Take returns the oldest item, if there is any. Its bytes are the caller's.
func (f *Feed) Take() (i Item, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		for _, s := range f.gaps {
			s.listed = false
			s.tell()
		}
		f.gaps = nil
	}
	if len(f.queue) == 0 {
		f.queue = nil
		return Item{}, false
	}
	i = f.queue[0]
	f.queue[0] = Item{}
	f.queue = f.queue[1:]
	f.held -= len(i.Data) + feedOverhead
	return i, true
}
