package ctl

import (
	"context"
	"errors"
	"strings"
)

// reload makes the daemon stop everything and start over.
func (s *session) reload(ctx context.Context, arg string) error {
	if !s.noArguments("reload", arg) {
		return nil
	}
	if yes, err := s.confirm(ctx, textAskReload); !yes {
		return err
	}
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	if err := c.Restart(ctx); err != nil {
		return s.unlessDown(err, textAlreadyDown)
	}
	s.printf(textReloaded)
	return nil
}

// confirm asks before a drastic action, where there is somebody to ask. The
// error is that there was no answer in time.
func (s *session) confirm(ctx context.Context, question string) (bool, error) {
	if !s.interactive {
		return true, nil
	}
	answer, err := s.ask(ctx, question)
	if err != nil {
		s.unanswered(err)
		s.result(false)
		if errors.Is(err, context.DeadlineExceeded) {
			return false, context.Cause(ctx)
		}
		return false, nil
	}
	yes := strings.HasPrefix(answer, "y") || strings.HasPrefix(answer, "Y")
	s.result(yes)
	return yes, nil
}
