package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// update makes the daemon read its configuration and brings what runs into
// line with it: groups that went, groups that changed, groups that came. With
// --dry-run it only says what that would take.
func (s *session) update(ctx context.Context, arg string) error {
	s.entries()
	names := strings.Fields(arg)
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	diff, err := c.Reread(ctx)
	if err != nil {
		return s.unlessDown(s.unlessUnreadable(err), textAlreadyDown)
	}
	if diff, err = withHooks(ctx, c, diff); err != nil {
		return s.unlessDown(err, textAlreadyDown)
	}
	if len(names) > 0 && !wantsAll(names) {
		if err := s.checkGroups(ctx, c, names, diff); err != nil {
			return err
		}
		other := func(group string) bool { return !slices.Contains(names, group) }
		diff.Added = slices.DeleteFunc(diff.Added, other)
		diff.Changed = slices.DeleteFunc(diff.Changed, other)
		diff.Removed = slices.DeleteFunc(diff.Removed, other)
	}
	if s.flags.on("dry-run") {
		return s.printPlan(ctx, c, diff)
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
		if !slices.Contains(known, name) && !isHook(ctx, c, name) {
			s.groupEntry(name, api.NewFault(api.BadName, name))
			s.printf("ERROR: no such group: %s", s.name(name))
			s.fail(exitGeneric)
		}
	}
	return nil
}

// apply updates the groups one after another. Our own daemon has one request
// for that, which leaves alone what does not differ; the original is taken
// through the steps.
func (s *session) apply(ctx context.Context, c *client.Client, diff api.Reread) error {
	total, at := len(diff.Removed)+len(diff.Changed)+len(diff.Added), 0
	current := ""
	defer s.showProgress(func(context.Context) string { return fmt.Sprintf("update of %s (%d of %d)", current, at, total) })()
	inSteps := false
	for _, kind := range []struct {
		groups []string
		change api.Change
		steps  func(context.Context, *client.Client, string) error
	}{
		{diff.Removed, api.Removed, s.removeInSteps},
		{diff.Changed, api.Changed, s.replaceInSteps},
		{diff.Added, api.Added, s.addInSteps},
	} {
		for _, group := range kind.groups {
			current, at = group, at+1
			if !inSteps {
				err := s.updateGroup(ctx, c, group, kind.change)
				if inSteps = isUnknown(err); !inSteps && err != nil {
					return err
				}
			}
			if inSteps {
				if err := kind.steps(ctx, c, group); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// isUnknown tells whether the server does not have what it was asked for.
func isUnknown(err error) bool {
	var fault *api.Fault
	return errors.As(err, &fault) && fault.Code == api.UnknownMethod
}

// updateGroup has the daemon update a group, and tells what it did in the words
// of the steps.
func (s *session) updateGroup(ctx context.Context, c *client.Client, group string, change api.Change) error {
	var done api.GroupChange
	err := s.meanwhile(ctx, func() (err error) { done, err = c.UpdateGroup(ctx, group); return err })
	var fault *api.Fault
	failed := errors.As(err, &fault) && fault.Code == api.Failed
	if failed {
		s.groupEntry(group, err)
	}
	switch {
	case failed && change == api.Removed:
		s.printf("%s: stopped", s.name(group))
		s.printf(textNotRemoving, s.name(group))
		s.fail(exitGeneric)
		return nil
	case failed:
		s.printf("%s: ERROR (%s)", s.name(group), s.name(fault.Text()))
		s.fail(exitGeneric)
		return nil
	case err != nil:
		return s.unlessDown(err, textAlreadyDown)
	}
	s.entry(done)
	stops := func(m api.MemberChange) bool { return m.Stop }
	if done.Change != api.Added && done.Whole || slices.ContainsFunc(done.Members, stops) {
		s.printf("%s: stopped", s.name(group))
	}
	what := "process group"
	if strings.HasPrefix(group, hookPrefix) {
		what = "hook"
	}
	switch done.Change {
	case api.Removed:
		s.printf("%s: removed %s", s.name(group), what)
	case api.Changed:
		s.printf("%s: updated %s", s.name(group), what)
	case api.Added:
		s.printf("%s: added %s", s.name(group), what)
	}
	return nil
}

func (s *session) removeInSteps(ctx context.Context, c *client.Client, group string) error {
	gone, err := s.stopGroup(ctx, c, group)
	if err != nil {
		return err
	}
	if !gone {
		s.groupEntry(group, api.NewFault(api.Failed, "a process of the group did not stop"))
		s.printf(textNotRemoving, s.name(group))
		s.fail(exitGeneric)
		return nil
	}
	if err := c.RemoveGroup(ctx, group); err != nil {
		return err
	}
	s.entry(inSteps(group, api.Removed))
	s.printf("%s: removed process group", s.name(group))
	return nil
}

// inSteps is what is known of a group that the original has updated.
func inSteps(group string, change api.Change) api.GroupChange {
	return api.GroupChange{Name: group, Change: change, Whole: true, Keys: []api.KeyChange{}, Members: []api.MemberChange{}}
}

func (s *session) replaceInSteps(ctx context.Context, c *client.Client, group string) error {
	if _, err := s.stopGroup(ctx, c, group); err != nil {
		return err
	}
	if err := c.RemoveGroup(ctx, group); err != nil {
		return err
	}
	if err := c.AddGroup(ctx, group); err != nil {
		return err
	}
	s.entry(inSteps(group, api.Changed))
	s.printf("%s: updated process group", s.name(group))
	return nil
}

func (s *session) addInSteps(ctx context.Context, c *client.Client, group string) error {
	if err := c.AddGroup(ctx, group); err != nil {
		return err
	}
	s.entry(inSteps(group, api.Added))
	s.printf("%s: added process group", s.name(group))
	return nil
}

// stopGroup stops a group and says so, whether anything ran or not. It tells
// whether every process could be stopped.
func (s *session) stopGroup(ctx context.Context, c *client.Client, group string) (bool, error) {
	var results []api.Status
	err := s.meanwhile(ctx, func() (err error) { results, err = c.StopGroup(ctx, group); return err })
	if err != nil {
		return false, err
	}
	s.printf("%s: stopped", s.name(group))
	problem := func(r api.Status) bool { return r.Status != api.Success && r.Status != api.NotRunning }
	return !slices.ContainsFunc(results, problem), nil
}
