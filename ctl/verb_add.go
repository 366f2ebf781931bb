package ctl

import (
	"context"
	"errors"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// add activates groups of the configuration as last read.
func (s *session) add(ctx context.Context, arg string) error {
	return s.eachGroup(ctx, arg, (*client.Client).AddGroup, "%s: added process group", outcomes{
		{api.AlreadyAdded, outcome{"ERROR: process group already active", 0}},
		{api.BadName, outcome{"ERROR: no such process/group: %s", exitGeneric}},
		{api.ShutdownState, outcome{"ERROR: shutting down", exitGeneric}},
	})
}

// eachGroup does something to each of the groups that arg names, and tells of it:
// done is the line for one where it went well, faults those for the others.
func (s *session) eachGroup(ctx context.Context, arg string, act func(*client.Client, context.Context, string) error, done string, faults outcomes) error {
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
		err := act(c, ctx, name)
		s.groupEntry(name, err)
		told := outcome{text: done}
		if err != nil {
			var fault *api.Fault
			if !errors.As(err, &fault) {
				return err
			}
			if told, _ = faults.of(fault.Code); told.text == "" {
				return err
			}
		}
		s.printf("%s", strings.Replace(told.text, "%s", s.name(name), 1))
		if told.exit != 0 {
			s.fail(told.exit)
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
