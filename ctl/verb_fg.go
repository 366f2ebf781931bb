package ctl

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// linger is how long fg still shows output when its input has ended, so that
// the answer to the last line is seen.
const linger = 300 * time.Millisecond

// fg shows the output of a process and sends it what is typed.
func (s *session) fg(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	words := strings.Fields(arg)
	if len(words) == 0 {
		s.misuse("fg", exitGeneric, textFgNoName)
		return nil
	}
	if len(words) > 1 {
		s.wrongUse(exitGeneric, textFgTooMany)
		return nil
	}
	running, err := isRunning(ctx, c, words[0])
	switch {
	case isBadName(err):
		s.complain(exitGeneric, problemOf(err), textFgBadName)
	case err != nil:
		return err
	case !running:
		s.complain(exitGeneric, newProblem(api.NotRunning, words[0]), textFgStopped)
	default:
		s.printf(textPressCtrlC)
		return s.foreground(ctx, c, words[0])
	}
	return nil
}

func isRunning(ctx context.Context, c *client.Client, name string) (bool, error) {
	p, err := c.Process(ctx, name)
	return p.StateName == "RUNNING", err
}

// foreground owns the goroutines that wait for the two logs and the keyboard;
// all output is written here.
func (s *session) foreground(ctx context.Context, c *client.Client, name string) error {
	ctx, stop := interruptible(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	pieces := make(chan []byte)
	ends := make(chan func())
	for _, channel := range []api.Channel{api.Stdout, api.Stderr} {
		t := tailRequest{name: name, channel: channel}
		readers.Go(func() {
			err := stream(ctx, c, t, func(piece []byte) error {
				return send(ctx, pieces, append([]byte(nil), piece...))
			})
			send(ctx, ends, func() { s.streamError(c, t, err) })
		})
	}
	lines := make(chan string)
	readers.Go(func() {
		defer close(lines)
		for {
			line, err := s.in.body(ctx)
			if err != nil || send(ctx, lines, line) != nil {
				return
			}
		}
	})
	defer s.printf(textFgExit)
	var quiet <-chan time.Time // closes fg when the input has ended
	for {
		select {
		case piece := <-pieces:
			s.out.Write(piece)
			s.data(api.Bytes(piece))
		case end := <-ends:
			end()
		case line, ok := <-lines:
			if !ok {
				lines, quiet = nil, time.After(linger)
				continue
			}
			if more, err := s.typed(ctx, c, name, line); !more {
				return err
			}
		case <-quiet:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// typed sends a line to the process; false means that it cannot take more.
func (s *session) typed(ctx context.Context, c *client.Client, name, line string) (bool, error) {
	err := c.SendStdin(ctx, name, []byte(line+"\n"))
	running := false
	if err == nil {
		running, err = isRunning(ctx, c, name)
	}
	var fault *api.Fault
	switch {
	case errors.As(err, &fault):
		s.complain(exitGeneric, problemOf(err), "ERROR: "+fault.Text())
	case err != nil && ctx.Err() == nil:
		return false, err
	case err == nil && !running:
		s.complain(0, newProblem(api.NotRunning, name), textFgKilled)
	}
	return err == nil && running, nil
}

// send delivers v unless ctx ends first.
func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
