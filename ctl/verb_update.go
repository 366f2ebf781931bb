package ctl

import (
	"context"
	"slices"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// update makes the daemon read its configuration and brings what runs into
// line with it: groups that went, groups that changed, groups that came.
func (s *session) update(ctx context.Context, arg string) error {
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	diff, err := c.Reread(ctx)
	if err != nil {
		return s.unlessDown(s.unlessUnreadable(err), textAlreadyDown)
	}
	if names := strings.Fields(arg); len(names) > 0 && !wantsAll(names) {
		if err := s.checkGroups(ctx, c, names, diff); err != nil {
			return err
		}
		other := func(group string) bool { return !slices.Contains(names, group) }
		diff.Added = slices.DeleteFunc(diff.Added, other)
		diff.Changed = slices.DeleteFunc(diff.Changed, other)
		diff.Removed = slices.DeleteFunc(diff.Removed, other)
	}
	return s.apply(ctx, c, diff)
}

// checkGroups complains about names that no group has, running or configured.
func (s *session) checkGroups(ctx context.Context, c *client.Client, names []string, diff api.Reread) error {
	all, err := c.Processes(ctx)
	if err != nil {
		return err
	}
	known := slices.Concat(diff.Added, diff.Changed, diff.Removed)
	for _, p := range all {
		known = append(known, p.Group)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			s.printf("ERROR: no such group: %s", s.name(name))
			s.fail(exitGeneric)
		}
	}
	return nil
}

func (s *session) apply(ctx context.Context, c *client.Client, diff api.Reread) error {
	for _, group := range diff.Removed {
		gone, err := s.stopGroup(ctx, c, group)
		if err != nil {
			return err
		}
		if !gone {
			s.printf("%s: has problems; not removing", s.name(group))
			s.fail(exitGeneric)
			continue
		}
		if err := c.RemoveGroup(ctx, group); err != nil {
			return err
		}
		s.printf("%s: removed process group", s.name(group))
	}
	for _, group := range diff.Changed {
		if _, err := s.stopGroup(ctx, c, group); err != nil {
			return err
		}
		if err := c.RemoveGroup(ctx, group); err != nil {
			return err
		}
		if err := c.AddGroup(ctx, group); err != nil {
			return err
		}
		s.printf("%s: updated process group", s.name(group))
	}
	for _, group := range diff.Added {
		if err := c.AddGroup(ctx, group); err != nil {
			return err
		}
		s.printf("%s: added process group", s.name(group))
	}
	return nil
}

// stopGroup stops a group and says so, whether anything ran or not. It tells
// whether every process could be stopped.
func (s *session) stopGroup(ctx context.Context, c *client.Client, group string) (bool, error) {
	results, err := c.StopGroup(ctx, group)
	if err != nil {
		return false, err
	}
	s.printf("%s: stopped", s.name(group))
	problem := func(r api.Status) bool { return r.Status != api.Success && r.Status != api.NotRunning }
	return !slices.ContainsFunc(results, problem), nil
}
