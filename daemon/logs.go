package daemon

import (
	"context"
	"errors"

	"gosupervisor/ctl/api"
	"gosupervisor/proc/logfile"
)

// channel returns an output of the process; nil for stderr that goes into
// stdout.
func (s *slot) channel(name api.Channel) *channel {
	if name == api.Stderr {
		return s.stderr
	}
	return s.stdout
}

// channels returns the outputs that the process has.
func (s *slot) channels() []*channel {
	if s.stderr == nil {
		return []*channel{s.stdout}
	}
	return []*channel{s.stdout, s.stderr}
}

func readLog(path string, offset, length int64) (any, error) {
	b, err := logfile.Read(path, offset, length)
	switch {
	case errors.Is(err, logfile.ErrBadArguments):
		return nil, api.NewFault(api.BadArguments, "")
	case errors.Is(err, logfile.ErrNoFile), errors.Is(err, logfile.ErrNotRegular):
		return nil, api.NewFault(api.NoFile, path)
	case err != nil:
		return nil, api.NewFault(api.Failed, err.Error())
	}
	return api.Bytes(b), nil
}

// readable returns the path of a channel's log if there is one to read: a
// descriptor that we write to is none.
func readable(c *channel) (path string, ok bool) {
	if c == nil || c.file == nil || c.lost.Load() {
		return "", false
	}
	return c.path, true
}

func readChannel(c *channel, offset, length int64) (any, error) {
	path, ok := readable(c)
	if !ok {
		return nil, api.NewFault(api.NoFile, "")
	}
	return readLog(path, offset, length)
}

func tailChannel(c *channel, offset, length int64) (any, error) {
	path, ok := readable(c)
	if !ok {
		return api.TailChunk{Data: api.Bytes{}}, nil
	}
	data, size, overflow, err := logfile.Tail(path, offset, length)
	if err != nil && !errors.Is(err, logfile.ErrNoFile) {
		return api.TailChunk{Data: api.Bytes{}, Offset: offset}, nil
	}
	return api.TailChunk{Data: data, Offset: size, Overflow: overflow}, nil
}

// followChannel follows the log of a channel, or, where it has none, what is kept
// in memory.
func followChannel(c *channel, r api.FollowProcessLog) (any, error) {
	b := logfile.Backlog{Bytes: r.Backlog, Lines: r.Lines}
	if _, ok := readable(c); ok {
		_, err := c.file.Size()
		if !errors.Is(err, logfile.ErrNotRegular) || c.ring == nil || r.FileOnly {
			if r.Once && err == nil {
				return lastOf(c, b), nil
			}
			return followFile(c.file, b)
		}
	}
	switch {
	case c == nil || c.ring == nil || r.FileOnly:
		return nil, api.NewFault(api.NoFile, r.Name)
	case r.Once:
		return lastOf(c, b), nil
	}
	return follower(func(ctx context.Context, emit func(any) error) error {
		return c.ring.Follow(ctx, b, pieces(emit))
	}), nil
}

// lastOf streams the end of a channel and no more.
func lastOf(c *channel, b logfile.Backlog) follower {
	return func(_ context.Context, emit func(any) error) error { return c.each(b, pieces(emit)) }
}

// each calls emit with the end of what the process has written to a channel,
// from its log or from memory. It waits for the disk.
func (c *channel) each(b logfile.Backlog, emit func([]byte) error) error {
	if path, ok := readable(c); ok {
		end, err := logfile.End(path, b)
		switch {
		case err == nil:
			defer end.Close()
			return end.Each(emit)
		case errors.Is(err, logfile.ErrNoFile):
			return api.NewFault(api.NoFile, path)
		case !errors.Is(err, logfile.ErrNotRegular):
			return err
		}
	}
	if c.ring == nil {
		return api.NewFault(api.NoFile, "")
	}
	return emit(c.ring.Last(b))
}

// last returns what each emits, for whoever in the daemon wants to show it. A
// channel without a log has no last lines.
func (c *channel) last(b logfile.Backlog) []byte {
	var text []byte
	_ = c.each(b, func(p []byte) error { text = append(text, p...); return nil })
	return text
}

// pieces makes the bytes of a log pieces of a stream.
func pieces(emit func(any) error) func([]byte) error {
	return func(p []byte) error { return emit(api.Bytes(p)) }
}

// followFile checks that there is something to follow, so that the client
// hears of a missing file before the stream begins.
func followFile(f *logfile.File, b logfile.Backlog) (any, error) {
	if _, err := f.Size(); err != nil {
		return nil, api.NewFault(api.NoFile, f.Path())
	}
	return follower(func(ctx context.Context, emit func(any) error) error {
		return logfile.Follow(ctx, f.Path(), b, f.Watch, pieces(emit))
	}), nil
}
