package ctl

import (
	"context"
	"errors"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// shutdown makes the daemon stop everything and end.
func (s *session) shutdown(ctx context.Context, arg string) error {
	if !s.noArguments("shutdown", arg) || !s.confirm(ctx, textAskShutdown) {
		return nil
	}
	c, err := s.reach(ctx)
	if err == nil {
		err = c.Shutdown(ctx)
	}
	var fault *api.Fault
	switch {
	case err == nil:
		s.printf(textShutDown)
	case errors.As(err, &fault) && fault.Code == api.ShutdownState:
		s.printf(textAlreadyDown)
	case errors.Is(err, client.ErrRefused) || errors.Is(err, client.ErrNoFile):
		s.printf(textMaybeDown, err)
		s.fail(exitGeneric)
	default:
		return err
	}
	return nil
}
