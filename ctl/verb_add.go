package ctl

import (
	"context"
	"errors"
	"strings"

	"gosupervisor/ctl/api"
)

// add activates groups of the configuration as last read.
func (s *session) add(ctx context.Context, arg string) error {
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
		err := c.AddGroup(ctx, name)
		s.groupEntry(name, err)
		var fault *api.Fault
		switch {
		case err == nil:
			s.printf("%s: added process group", s.name(name))
		case !errors.As(err, &fault):
			return err
		case fault.Code == api.AlreadyAdded:
			s.printf("ERROR: process group already active")
		case fault.Code == api.BadName:
			s.printf("ERROR: no such process/group: %s", s.name(name))
			s.fail(exitGeneric)
		case fault.Code == api.ShutdownState:
			s.printf("ERROR: shutting down")
			s.fail(exitGeneric)
		default:
			return err
		}
	}
	return nil
}

// groupEntry adds the outcome for a group to the result, if err is nil or a
// fault: after another error nothing is known.
func (s *session) groupEntry(group string, err error) {
	var fault *api.Fault
	if err == nil || errors.As(err, &fault) {
		s.entry(statusOf(group, group, err))
	}
}
