package ctl

import (
	"context"
	"strings"
)

// reload makes the daemon stop everything and start over.
func (s *session) reload(ctx context.Context, arg string) error {
	if !s.noArguments("reload", arg) || !s.confirm(ctx, textAskReload) {
		return nil
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

// confirm asks before a drastic action, where there is somebody to ask.
func (s *session) confirm(ctx context.Context, question string) bool {
	if !s.interactive {
		return true
	}
	answer, err := s.ask(ctx, question)
	if err != nil {
		s.unanswered(err)
		return false
	}
	return strings.HasPrefix(answer, "y") || strings.HasPrefix(answer, "Y")
}
