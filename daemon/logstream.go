package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/output"
)

// logStream is a followLogs under way. It takes what programs write from where
// they write it, so that it holds no file open and needs no watch, however many
// there are: what is already there is read first, and what is written meanwhile
// waits in the feed. The goroutine of its client owns it, but for fresh, which
// is the loop's.
type logStream struct {
	req   api.FollowLogs
	feed  *output.Feed
	emit  func(any) error
	stops []func()                 // end the taps
	fresh map[core.ProcID][]func() // those of slots that were added
}

// logTag is what a logStream knows of one channel.
type logTag struct {
	piece api.LogPiece // without its data
	held  []byte       // of a character whose end is missing
	begun bool         // a piece was emitted
}

// followLogs emits the logs of many processes.
func (h *host) followLogs(ctx context.Context, r api.FollowLogs, emit func(any) error) error {
	st := &logStream{req: r, feed: output.NewFeed(api.MaxFollowHeld), emit: emit, fresh: map[core.ProcID][]func(){}}
	begun := make(chan []*slot, 1)
	full := make(chan int, 1)
	h.inbox.post(message{do: func() {
		if n := len(h.streams); !r.Once && n >= api.MaxFollowLogs {
			full <- n
			return
		}
		if !r.Once {
			h.streams[st] = struct{}{}
		}
		begun <- h.named(r.Names)
	}})
	defer h.leave(st)
	select {
	case slots := <-begun:
		return st.run(ctx, slots)
	case n := <-full:
		return &api.Fault{Code: api.Failed, Detail: fmt.Sprintf("%d streams of many logs are open, and there may not be more", n),
			Hint: "supervisor.followProcessLog follows a single log"}
	case <-h.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave ends the taps of a stream. A log whose disk hangs would hold up the
// loop, so that is done here, once the loop adds no more of them.
func (h *host) leave(st *logStream) {
	left := make(chan struct{})
	h.inbox.post(message{do: func() {
		delete(h.streams, st)
		close(left)
	}})
	select {
	case <-left:
	case <-h.done:
	}
	for _, stops := range st.fresh {
		st.stops = append(st.stops, stops...)
	}
	for _, stop := range st.stops {
		stop()
	}
}

// named returns the slots of the processes that names mean, by group and name.
// It runs on the loop.
func (h *host) named(names []string) []*slot {
	var slots []*slot
	for _, s := range h.slots {
		if meant(names, s) {
			slots = append(slots, s)
		}
	}
	sort.Slice(slots, func(i, j int) bool {
		a, b := slots[i].prog, slots[j].prog
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) < 0
	})
	return slots
}

// meant tells whether names mean a process. No names mean all.
func meant(names []string, s *slot) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return api.Matches(n, s.prog.Group, s.prog.Name) })
}

// followNew lets the streams hear of a slot that nobody has written to yet. It
// runs on the loop.
func (h *host) followNew(s *slot) {
	for st := range h.streams {
		if !meant(st.req.Names, s) {
			continue
		}
		for _, c := range st.wanted(s) {
			tap := st.feed.Source(newTag(s, c)).Write
			if c.file != nil {
				st.fresh[s.id] = append(st.fresh[s.id], c.file.Tap(tap))
			}
			if c.ring != nil {
				_, stop := c.ring.Tap(logfile.Backlog{}, tap)
				st.fresh[s.id] = append(st.fresh[s.id], stop)
			}
		}
	}
}

// followGone forgets a slot that nobody will write to any more. It runs on the
// loop.
func (h *host) followGone(id core.ProcID) {
	for st := range h.streams {
		delete(st.fresh, id)
	}
}

// wanted returns the channels of a slot that the stream is to show.
func (st *logStream) wanted(s *slot) []*channel {
	return slices.DeleteFunc(s.channels(), func(c *channel) bool { return st.req.Channel != "" && st.req.Channel != c.name })
}

func newTag(s *slot, c *channel) *logTag {
	return &logTag{piece: api.LogPiece{Group: s.prog.Group, Name: s.prog.Name, Channel: c.name}}
}

// run emits the ends of the logs, and then what comes.
func (st *logStream) run(ctx context.Context, slots []*slot) error {
	for _, s := range slots {
		for _, c := range st.wanted(s) {
			if err := st.begin(newTag(s, c), c); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	for !st.req.Once {
		for i, ok := st.feed.Take(); ok; i, ok = st.feed.Take() {
			if err := st.pass(i); err != nil {
				return err
			}
		}
		select {
		case <-st.feed.Ready():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// begin emits the end of one channel and has the stream hear what comes after
// it. A channel of which there is nothing yet has an empty piece.
func (st *logStream) begin(tag *logTag, c *channel) error {
	b := logfile.Backlog{Lines: st.req.Lines}
	if st.req.Once {
		gone := error(nil)
		err := c.each(b, func(p []byte) error { gone = st.send(tag, p); return gone })
		if err != nil && gone == nil {
			return st.fault(tag, c.logFault(err))
		}
		if err != nil {
			return err
		}
		if err := st.flush(tag); err != nil {
			return err
		}
		return st.open(tag)
	}
	_, inFile := readable(c)
	if !inFile && c.ring == nil {
		return st.fault(tag, api.NewFault(api.NoFile, ""))
	}
	write := st.feed.Source(tag).Write
	var kept []byte
	if c.ring != nil {
		last, stop := c.ring.Tap(b, write)
		kept, st.stops = last, append(st.stops, stop)
	}
	if inFile {
		last, stop, err := c.file.TapEnd(b, write)
		if err != nil {
			return st.fault(tag, api.NewFault(api.Failed, err.Error()))
		}
		st.stops = append(st.stops, stop)
		if last != nil {
			defer last.Close()
			if err := last.Each(func(p []byte) error { return st.send(tag, p) }); err != nil {
				return err
			}
			return st.open(tag)
		}
	}
	if err := st.send(tag, kept); err != nil {
		return err
	}
	return st.open(tag)
}

// open emits an empty piece, unless there has been another.
func (st *logStream) open(tag *logTag) error {
	if tag.begun {
		return nil
	}
	tag.begun = true
	return st.emit(tag.piece)
}

// fault emits why there is nothing to show of a channel.
func (st *logStream) fault(tag *logTag, f *api.Fault) error {
	piece := tag.piece
	piece.Fault = f.Text()
	return st.emit(piece)
}

// pass emits what the feed had.
func (st *logStream) pass(i output.Item) error {
	tag := i.Tag.(*logTag)
	if i.Missed == 0 {
		return st.send(tag, i.Data)
	}
	if err := st.flush(tag); err != nil {
		return err
	}
	piece := tag.piece
	piece.Missed = i.Missed
	return st.emit(piece)
}

// longestPiece is the most that one piece carries.
const longestPiece = 64 << 10

// send emits bytes of a channel, but for a character at their end that is not
// whole yet.
func (st *logStream) send(tag *logTag, p []byte) error {
	if len(tag.held) > 0 {
		p = append(tag.held, p...)
		tag.held = nil
	}
	for len(p) > 0 {
		cut := api.WholeText(p[:min(len(p), longestPiece)])
		if cut == 0 {
			break
		}
		piece := tag.piece
		piece.Data, tag.begun = p[:cut], true
		if err := st.emit(piece); err != nil {
			return err
		}
		p = p[cut:]
	}
	tag.held = append([]byte(nil), p...)
	return nil
}

// flush emits what is held, whole or not.
func (st *logStream) flush(tag *logTag) error {
	if len(tag.held) == 0 {
		return nil
	}
	piece := tag.piece
	piece.Data, tag.held, tag.begun = tag.held, nil, true
	return st.emit(piece)
}
