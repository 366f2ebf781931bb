package ctl

import (
	"context"
	"strings"

	"gosupervisor/ctl/api"
)

// signal sends a signal to processes.
func (s *session) signal(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	words := strings.Fields(arg)
	if len(words) < 2 {
		s.misuse("signal", exitGeneric, textNeedsSignal)
		return nil
	}
	sig := words[0]
	return s.sweep(ctx, words[1:], sweep{
		outcomes: signalOutcomes,
		noGroup:  exitGeneric,
		one:      func(ctx context.Context, name string) error { return c.Signal(ctx, name, sig) },
		group: func(ctx context.Context, group string) ([]api.Status, error) {
			return c.SignalGroup(ctx, group, sig)
		},
		all: func(ctx context.Context) ([]api.Status, error) { return c.SignalAll(ctx, sig) },
	})
}
