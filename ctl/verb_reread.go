package ctl

import (
	"context"
	"errors"
	"sort"
	"strings"

	"gosupervisor/ctl/api"
)

// reread makes the daemon read its configuration and prints what differs, by
// group or, with --diff, by key.
func (s *session) reread(ctx context.Context, arg string) error {
	if !s.noArguments("reread", arg) {
		return nil
	}
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	r, err := c.Reread(ctx)
	if err != nil {
		return s.unlessDown(s.unlessUnreadable(err), textShuttingDown)
	}
	if r, err = withHooks(ctx, c, r); err != nil {
		return s.unlessDown(err, textShuttingDown)
	}
	if s.flags.on("diff") {
		return s.printDiff(ctx, c)
	}
	s.result(api.Reread{Added: listOf(r.Added), Changed: listOf(r.Changed), Removed: listOf(r.Removed)})
	var lines []string
	for _, found := range []struct {
		groups []string
		text   string
	}{{r.Added, "available"}, {r.Changed, "changed"}, {r.Removed, "disappeared"}} {
		for _, g := range found.groups {
			lines = append(lines, s.name(g)+": "+found.text)
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		s.printf("%s", line)
	}
	if len(lines) == 0 {
		s.printf(textNothingToReread)
	}
	return nil
}

// listOf makes an empty list of nil, which JSON would call null.
func listOf[T any](list []T) []T { return append([]T{}, list...) }

// unlessUnreadable prints that the configuration cannot be read, and where it is
// wrong, if that is what err says.
func (s *session) unlessUnreadable(err error) error {
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Code == api.CantReread {
		s.complain(exitGeneric, problemOf(err), "ERROR: "+fault.Text())
		for line := range strings.Lines(fault.Hint) {
			s.printf("  %s", strings.TrimSuffix(line, "\n"))
		}
		return errReported
	}
	return err
}

// unlessDown prints text if err says that the daemon is going down.
func (s *session) unlessDown(err error, text string) error {
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Code == api.ShutdownState {
		s.complain(exitGeneric, problemOf(err), text)
		return errReported
	}
	return err
}
