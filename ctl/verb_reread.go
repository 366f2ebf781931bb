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
	words, diff, ok := s.cutFlag("reread", arg, "--diff")
	if !ok || !s.noArguments("reread", strings.Join(words, " ")) {
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
	if diff {
		return s.printDiff(ctx, c)
	}
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

// unlessUnreadable prints that the configuration cannot be read, and where it is
// wrong, if that is what err says.
func (s *session) unlessUnreadable(err error) error {
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Code == api.CantReread {
		s.printf("ERROR: %s", fault.Text())
		for line := range strings.Lines(fault.Hint) {
			s.printf("  %s", strings.TrimSuffix(line, "\n"))
		}
		s.fail(exitGeneric)
		return errReported
	}
	return err
}

// unlessDown prints text if err says that the daemon is going down.
func (s *session) unlessDown(err error, text string) error {
	var fault *api.Fault
	if errors.As(err, &fault) && fault.Code == api.ShutdownState {
		s.printf("%s", text)
		s.fail(exitGeneric)
		return errReported
	}
	return err
}
