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
	return func(_ context.Context, emit func(any) error) error {
		if err := c.each(b, pieces(emit)); err != nil {
			return c.logFault(err)
		}
		return nil
	}
}

// errKeptNowhere says that a channel has neither a log that could be read nor a
// ring.
var errKeptNowhere = errors.New("it is kept nowhere")

// each calls emit with the end of what the process has written to a channel,
// from its log or from memory. It waits for the disk.
func (c *channel) each(b logfile.Backlog, emit func([]byte) error) error {
	if path, ok := readable(c); ok {
		end, err := logfile.End(path, b)
		if err == nil {
			defer end.Close()
			return end.Each(emit)
		}
		if !errors.Is(err, logfile.ErrNotRegular) || c.ring == nil {
			return err
		}
	}
	if c.ring == nil {
		return errKeptNowhere
	}
	return emit(c.ring.Last(b))
}

// logFault words an error of each for a client.
func (c *channel) logFault(err error) *api.Fault {
	switch {
	case errors.Is(err, errKeptNowhere):
		return api.NewFault(api.NoFile, "")
	case errors.Is(err, logfile.ErrNoFile), errors.Is(err, logfile.ErrNotRegular):
		return api.NewFault(api.NoFile, c.path)
	}
	return api.AsFault(err)
}

// tail returns the last lines that the process has written to a channel, of
// these the last most bytes. whole tells that this is all of them. Whoever in
// the daemon wants to show last words takes them from here.
func (c *channel) tail(lines, most int64) (text []byte, whole bool, err error) {
	whole = true
	err = c.each(logfile.Backlog{Lines: lines}, func(p []byte) error {
		text = append(text, p...)
		if over := int64(len(text)) - most; over > 0 {
			text, whole = append(text[:0], text[over:]...), false
		}
		return nil
	})
	return text, whole, err
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
