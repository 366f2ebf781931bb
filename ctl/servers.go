package ctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"gosupervisor/ctl/api"
)

// spread is how a verb goes to several servers.
type spread int

const (
	alone spread = iota // it does not: it needs the keyboard or the screen
	here                // it asks no server
	looks               // to all of them at the same time
	acts                // to one after another
)

// spreads says how a verb goes to several servers, if it knows what to do with them.
func spreads(verb string) spread {
	switch verb {
	case "EOF", "exit", "quit", "help", "completion", "open", hiddenNames:
		return here
	case "status", "version", "pid", "avail", "tail", "maintail", "logs", "why", "wait", "events", "metrics", "orphans":
		return looks
	case "start", "stop", "restart", "signal", "clear", "add", "remove", "reread", "update", "reload", "shutdown":
		return acts
	}
	return alone
}

// enlist has the session work with several servers, each by a session of its
// own.
func (s *session) enlist(urls []string) {
	width := 0
	for _, url := range urls {
		width = max(width, utf8.RuneCountInString(s.name(url)))
	}
	for _, url := range urls {
		m := *s
		m.url, m.guessed, m.sketches = url, false, false
		m.label = fmt.Sprintf("%-*s  ", width, s.name(url))
		s.members = append(s.members, &m)
	}
}

// goesRound tells whether a verb goes to several servers.
func (s *session) goesRound(v verb) bool {
	how := spreads(v.name)
	return len(s.members) > 0 && (how == looks || how == acts)
}

// toServers performs a verb on each of the servers. The exit code is the highest
// of theirs.
func (s *session) toServers(ctx context.Context, v verb, arg string) {
	for _, m := range s.members {
		m.flags, m.exit, m.sheet, m.interactive, m.shell = s.flags, 0, nil, false, s.shell
	}
	switch {
	case spreads(v.name) == acts:
		s.inTurn(ctx, v, arg)
	case s.flags.on("follow") || s.flags.on("watch") || slices.Contains(strings.Fields(arg), "-f"):
		s.flowing(ctx, v, arg)
	default:
		s.atOnce(ctx, v, arg)
	}
	worst := 0
	for _, m := range s.members {
		worst = max(worst, m.exit)
	}
	if worst != 0 {
		s.fail(worst)
	}
}

// inTurn performs a verb on one server after another. Ctrl-C leaves out those
// that are left.
func (s *session) inTurn(ctx context.Context, v verb, arg string) {
	for _, m := range s.members {
		if s.ended || errors.Is(context.Cause(ctx), context.Canceled) {
			return
		}
		m.interactive = s.interactive
		s.serve(ctx, m, v, arg, s.out, s.errs)
		s.ended = m.ended
	}
}

// atOnce performs a verb on all servers and tells of one after another. Their
// tables become one.
func (s *session) atOnce(ctx context.Context, v verb, arg string) {
	told := make([]struct {
		out, errs bytes.Buffer
		rows      []api.ProcessInfo
	}, len(s.members))
	var running sync.WaitGroup
	for i, m := range s.members {
		if !s.flags.on(jsonFlag.name) {
			m.sheet = &told[i].rows
		}
		running.Go(func() { s.serve(ctx, m, v, arg, &told[i].out, &told[i].errs) })
	}
	running.Wait()
	width := 0
	for i := range told {
		width = max(width, s.nameWidth(told[i].rows))
	}
	for i, m := range s.members {
		s.out.Write(told[i].out.Bytes())
		lines := s.tableLines(told[i].rows, width)
		for j := range lines {
			lines[j] = m.label + lines[j]
		}
		s.write(lines)
		s.errs.Write(told[i].errs.Bytes())
	}
}

// flowing performs a verb that goes on, and writes lines as they come. All of
// them are written here.
func (s *session) flowing(ctx context.Context, v verb, arg string) {
	ctx, stop := interruptible(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	parcels, ended := make(chan parcel), make(chan struct{})
	for _, m := range s.members {
		running.Go(func() {
			s.serve(ctx, m, v, arg, &sender{parcels, s.out}, &sender{parcels, s.errs})
			ended <- struct{}{}
		})
	}
	for left := len(s.members); left > 0; {
		select {
		case p := <-parcels:
			p.to.Write(p.text)
		case <-ended:
			left--
		}
	}
}

// serve performs a verb for one of the servers. out and errs get whole lines.
func (s *session) serve(ctx context.Context, m *session, v verb, arg string, out, errs io.Writer) {
	texts := &labelled{to: out, label: m.label}
	troubles := &labelled{to: errs, label: m.label, clean: isTerminal(s.errs)}
	defer texts.flush()
	defer troubles.flush()
	m.out, m.errs = texts, troubles
	if m.flags.on(jsonFlag.name) {
		m.out = out
		defer m.openReplies()()
	}
	m.run(ctx, v, arg)
}

// labelled puts the name of a server in front of each line.
type labelled struct {
	to    io.Writer
	label string
	clean bool   // control characters are to be seen
	begun []byte // a line without its end
}

// Write implements io.Writer.
func (l *labelled) Write(p []byte) (int, error) {
	l.begun = append(l.begun, p...)
	end := bytes.LastIndexByte(l.begun, '\n') + 1
	if end == 0 && len(l.begun) < longestLine {
		return len(p), nil
	}
	if end == 0 {
		l.begun = append(l.begun, '\n')
		end = len(l.begun)
	}
	var lines bytes.Buffer
	for line := range bytes.Lines(l.begun[:end]) {
		text := string(line)
		if l.clean {
			text = visible(text, "\n\t")
		}
		lines.WriteString(l.label + text)
	}
	l.begun = append(l.begun[:0], l.begun[end:]...)
	if _, err := l.to.Write(lines.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush ends a line that has begun.
func (l *labelled) flush() {
	if len(l.begun) > 0 {
		l.Write([]byte("\n"))
	}
}

// sender hands what is written to it to the goroutine that writes.
type sender struct {
	parcels chan<- parcel
	to      io.Writer
}

// parcel is a text, and where it goes.
type parcel struct {
	to   io.Writer
	text []byte
}

// Write implements io.Writer.
func (w *sender) Write(p []byte) (int, error) {
	w.parcels <- parcel{w.to, bytes.Clone(p)}
	return len(p), nil
}
