package ctl

import (
	"context"
	"errors"
	"strings"

	"gosupervisor/ctl/api"
)

// remove takes stopped groups out of the daemon.
func (s *session) remove(ctx context.Context, arg string) error {
	s.entries()
	names := strings.Fields(arg)
	if len(names) == 0 {
		return nil
	}
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := c.RemoveGroup(ctx, name)
		s.groupEntry(name, err)
		var fault *api.Fault
		switch {
		case err == nil:
			s.printf("%s: removed process group", s.name(name))
			continue
		case !errors.As(err, &fault):
			return err
		case fault.Code == api.StillRunning:
			s.printf("ERROR: process/group still running: %s", s.name(name))
		case fault.Code == api.BadName:
			s.printf("ERROR: no such process/group: %s", s.name(name))
		default:
			return err
		}
		s.fail(exitGeneric)
	}
	return nil
}
