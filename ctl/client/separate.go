package client

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gosupervisor/ctl/api"
)

const (
	// separateBytes is how far back separate logs are looked through for lines.
	separateBytes = 64 << 10
	// mostSeparate is how many of them are followed at once; each takes a
	// connection.
	mostSeparate = 64
	// lookAgain is how often a server is asked for new processes.
	lookAgain = 2 * time.Second
)

// separate is the logs of a server that does not put them into one stream. One
// goroutine owns it; each log has one of its own that tells what it finds.
type separate struct {
	c       *Client
	q       LogsQuery
	emit    func(api.LogPiece) error
	pieces  chan api.LogPiece
	ends    chan ended
	open    map[logKey]bool
	given   map[logKey]int64 // up until the process starts again; by its last start
	streams sync.WaitGroup
}

// logKey names a log.
type logKey struct {
	group, name string
	channel     api.Channel
}

// ended says that a log is not followed any more.
type ended struct {
	key logKey
	err error
}

// separateLogs does what Logs does with a request for each log.
func (c *Client) separateLogs(ctx context.Context, q LogsQuery, emit func(api.LogPiece) error) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &separate{c: c, q: q, emit: emit, pieces: make(chan api.LogPiece), ends: make(chan ended),
		open: map[logKey]bool{}, given: map[logKey]int64{}}
	defer s.streams.Wait()
	defer cancel()
	if err := s.look(ctx, q.Lines); err != nil || q.Once {
		return err
	}
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		select {
		case p := <-s.pieces:
			if err := emit(p); err != nil {
				return err
			}
		case e := <-s.ends:
			delete(s.open, e.key)
			var fault *api.Fault
			if e.err != nil && !errors.As(e.err, &fault) {
				return c.ioError(ctx, e.err)
			}
		case <-again.C:
			if err := s.look(ctx, 1<<40); err != nil { // what is new now is new as a whole
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look finds the logs that are wanted, and begins with those that it has not
// begun with yet.
func (s *separate) look(ctx context.Context, lines int64) error {
	all, err := s.c.Processes(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if len(s.q.Names) > 0 && !slices.ContainsFunc(s.q.Names, func(n string) bool { return api.Matches(n, p.Group, p.Name) }) {
			continue
		}
		for _, channel := range []api.Channel{api.Stdout, api.Stderr} {
			if s.q.Channel != "" && s.q.Channel != channel {
				continue
			}
			if err := s.begin(ctx, p, channel, lines); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin shows a log, or begins to follow it. One that cannot be followed is
// looked at again when its process has been started once more.
func (s *separate) begin(ctx context.Context, p api.ProcessInfo, channel api.Channel, lines int64) error {
	key := logKey{p.Group, p.Name, channel}
	if start, tried := s.given[key]; s.open[key] || tried && start == p.Start {
		return nil
	}
	s.given[key] = p.Start
	path := p.StdoutLogfile
	if channel == api.Stderr {
		path = p.StderrLogfile
	}
	switch {
	case path == "":
		return s.fault(key, api.NewFault(api.NoFile, ""))
	case s.q.Once:
		return s.show(ctx, key)
	case len(s.open) >= mostSeparate:
		return s.fault(key, api.NewFault(api.Failed, "this server lets too few logs be followed at once"))
	}
	s.open[key] = true
	s.streams.Go(func() {
		err := s.follow(ctx, key, lines)
		select {
		case s.ends <- ended{key, err}:
		case <-ctx.Done():
		}
	})
	return nil
}

// fault tells why there is nothing of a log.
func (s *separate) fault(key logKey, f *api.Fault) error {
	p := key.piece(nil)
	p.Fault = f.Text()
	return s.emit(p)
}

func (k logKey) piece(data []byte) api.LogPiece {
	return api.LogPiece{Group: k.group, Name: k.name, Channel: k.channel, Data: data}
}

// show tells the last lines of a log.
func (s *separate) show(ctx context.Context, key logKey) error {
	text, err := s.c.ReadProcessLog(ctx, api.Namespec(key.group, key.name), key.channel, -separateBytes, 0)
	var fault *api.Fault
	switch {
	case errors.As(err, &fault):
		return s.fault(key, fault)
	case err != nil:
		return err
	}
	return s.emit(key.piece(lastLines(text, s.q.Lines, len(text) == separateBytes)))
}

// follow tells the last lines of a log and what comes. It cannot know exactly
// which of the first bytes were there before: all, if there were any.
func (s *separate) follow(ctx context.Context, key logKey, lines int64) error {
	name := api.Namespec(key.group, key.name)
	before, err := s.c.ReadProcessLog(ctx, name, key.channel, -1, 0)
	if err != nil {
		return err
	}
	backlog := len(before) > 0
	if !backlog {
		if err := s.send(ctx, key.piece(nil)); err != nil {
			return err
		}
	}
	return s.c.wire.follow(ctx, log{name, key.channel}, func(p []byte) error {
		if backlog {
			backlog = false
			p = lastLines(p, lines, len(p) >= followBacklog)
		}
		return s.send(ctx, key.piece(bytes.Clone(p)))
	})
}

func (s *separate) send(ctx context.Context, p api.LogPiece) error {
	select {
	case s.pieces <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastLines returns the last n lines of a text. If the text is the end of a
// longer one, its first line is the end of one too and does not count, unless
// it is all there is.
func lastLines(text []byte, n int64, cut bool) []byte {
	if cut {
		if i := bytes.IndexByte(text, '\n') + 1; i < len(text) {
			text = text[i:]
		}
	}
	if n <= 0 {
		return nil
	}
	end := len(text)
	if end > 0 && text[end-1] == '\n' {
		end--
	}
	for ; n > 0; n-- {
		if end = bytes.LastIndexByte(text[:end], '\n'); end < 0 {
			return text
		}
	}
	return text[end+1:]
}
