package ctl

import (
	"context"
	"errors"
	"fmt"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// shutdown makes the daemon stop everything and end.
func (s *session) shutdown(ctx context.Context, arg string) error {
	if !s.noArguments("shutdown", arg) {
		return nil
	}
	if yes, err := s.confirm(ctx, textAskShutdown); !yes {
		return err
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
		s.complain(0, problemOf(err), textAlreadyDown)
	case errors.Is(err, client.ErrRefused) || errors.Is(err, client.ErrNoFile):
		s.complainOf(exitGeneric, err, fmt.Sprintf(textMaybeDown, err))
	default:
		return err
	}
	return nil
}
