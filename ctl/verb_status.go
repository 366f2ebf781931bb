package ctl

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// stopped are the states that make the exit code of status 3.
var stopped = []string{"STOPPED", "EXITED", "FATAL", "UNKNOWN"}

// status prints a line for each process that is asked for.
func (s *session) status(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if errors.Is(err, errReported) || errors.Is(err, client.ErrTimeout) {
		s.explain(err)
		s.fail(exitStatus)
		return errReported
	}
	if err != nil {
		return err
	}
	all, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if len(names) > 0 && !wantsAll(names) {
		all = s.pick(all, names)
	}
	if s.flags.on("watch") {
		return s.watch(ctx, c, all, names)
	}
	s.table(all)
	s.entries()
	if s.replies != nil { // an entry takes memory that nobody else needs
		for _, p := range all {
			s.entry(p)
		}
	}
	for i := range all {
		if slices.Contains(stopped, all[i].StateName) {
			s.fail(exitStopped)
			break
		}
	}
	return nil
}

// pick returns the processes that names mean, in their order, and complains
// about names that mean none.
func (s *session) pick(all []api.ProcessInfo, names []string) []api.ProcessInfo {
	var picked []api.ProcessInfo
	for _, name := range names {
		if found := meantByOne(all, name); len(found) > 0 {
			picked = append(picked, found...)
			continue
		}
		group, process := splitName(name)
		s.entry(missing(name, api.NewFault(api.BadName, name)))
		if process == "" {
			s.printf("%s: %s", group, textNoSuchGroup)
		} else {
			s.printf("%s: %s", name, textNoSuchProcess)
		}
		s.fail(exitStatus)
	}
	return picked
}
