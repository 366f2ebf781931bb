package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// logLines is how many lines of each output logs begins with.
const logLines = 10

// logsFlags are the flags of logs.
var logsFlags = []flag{
	{name: "follow", short: "f", help: "go on with what is written from now on, until Ctrl-C"},
	{name: "lines", short: "n", value: "N", parse: parseCount, help: "begin with so many lines of each output (10)"},
	{name: "stdout", help: "standard output only"},
	{name: "stderr", help: "error output only"},
	timeoutFlag,
}

// logs shows the ends of logs, line by line, and follows them.
func (s *session) logs(ctx context.Context, arg string) error {
	q := client.LogsQuery{Lines: int64(given(s.flags, "lines", logLines)), Once: !s.flags.on("follow")}
	switch out, errs := s.flags.on("stdout"), s.flags.on("stderr"); {
	case out && errs:
		s.wrongUse(exitUsage, textOneChannel)
		return nil
	case out:
		q.Channel = api.Stdout
	case errs:
		q.Channel = api.Stderr
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	all, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	m := newMerger(s)
	if words := strings.Fields(arg); len(words) > 0 && !wantsAll(words) {
		if q.Names = s.logNames(all, words); q.Names == nil {
			return nil
		}
	}
	for _, p := range all {
		if len(q.Names) == 0 || slices.ContainsFunc(q.Names, func(n string) bool { return api.Matches(n, p.Group, p.Name) }) {
			m.introduce(p.Namespec())
		}
		if slices.Contains(q.Names, p.Namespec()) {
			m.asked = append(m.asked, p.Namespec())
		}
	}
	return s.merge(ctx, c, q, m)
}

// logNames returns the names that mean something, and complains of the others.
func (s *session) logNames(all []api.ProcessInfo, words []string) (names []string) {
	for _, word := range words {
		group, process := splitName(word)
		if slices.ContainsFunc(all, func(p api.ProcessInfo) bool { return api.Matches(word, p.Group, p.Name) }) {
			if process == "" {
				process = "*"
			}
			names = append(names, api.Namespec(group, process))
			continue
		}
		text := s.name(word) + ": " + textNoSuchProcess
		if process == "" {
			text = s.name(group) + ": " + textNoSuchGroup
		}
		s.complain(exitGeneric, problemOf(api.NewFault(api.BadName, word)), text)
	}
	return names
}

const (
	// lineWait is how long a line may lack its end before it is shown without.
	lineWait = time.Second
	// settleTime is how long a server may take to say which logs there are.
	settleTime = 500 * time.Millisecond
)

// merge shows what the server streams. All output is written here; a goroutine
// of its own waits for the server.
func (s *session) merge(ctx context.Context, c *client.Client, q client.LogsQuery, m *merger) error {
	ctx, stop := interruptible(ctx)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer stop()
	pieces := make(chan api.LogPiece)
	var failure error // once pieces is closed
	reader.Go(func() {
		defer close(pieces)
		failure = c.Logs(ctx, q, func(p api.LogPiece) error { return send(ctx, pieces, p) })
	})
	settled, late := time.NewTimer(settleTime), time.NewTicker(lineWait/2)
	defer settled.Stop()
	defer late.Stop()
	for {
		select {
		case p, ok := <-pieces:
			if !ok {
				m.flush()
				m.settle()
				return s.endOfLogs(ctx, q, failure)
			}
			m.add(p, time.Now())
		case now := <-late.C:
			m.flushLate(now.Add(-lineWait))
		case <-settled.C:
			if !q.Once && m.settle() {
				return nil
			}
		}
	}
}

// endOfLogs returns why logs has ended, if that should not be.
func (s *session) endOfLogs(ctx context.Context, q client.LogsQuery, err error) error {
	switch {
	case !q.Once && errors.Is(ctx.Err(), context.Canceled): // Ctrl-C
		if s.terminal {
			fmt.Fprintln(s.out)
		}
		return nil
	case err == nil && !q.Once:
		return &client.Error{URL: s.url, Kind: client.ErrLost, Detail: "it has ended the stream"}
	}
	return err
}
