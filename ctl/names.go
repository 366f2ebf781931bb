package ctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gosupervisor/ctl/api"
)

// splitName returns the group and the process that a name on the command line
// means. process is empty for all of a group: GROUP:* or GROUP:.
func splitName(name string) (group, process string) {
	group, process, ok := strings.Cut(name, ":")
	if !ok {
		return name, name
	}
	if process == "*" {
		process = ""
	}
	return group, process
}

// wantsAll tells whether names mean everything: all among them is enough.
func wantsAll(names []string) bool { return slices.Contains(names, "all") }

// cutFlag takes the words of an argument apart and says whether the one flag
// that a verb has is among them. Another word that begins like a flag it
// complains of: ok is false.
func (s *session) cutFlag(verb, arg, flag string) (words []string, set, ok bool) {
	for _, word := range strings.Fields(arg) {
		switch {
		case word == flag:
			set = true
		case strings.HasPrefix(word, "--"):
			s.misuse(verb, exitGeneric, fmt.Sprintf(textBadArgument, word))
			return nil, false, false
		default:
			words = append(words, word)
		}
	}
	return words, set, true
}

// sweep is a request that takes a name, a group or everything.
type sweep struct {
	outcomes outcomes
	noGroup  int // the exit code for a group that is not there
	one      func(ctx context.Context, name string) error
	group    func(ctx context.Context, group string) ([]api.Status, error) // nil: a group is a bad name
	all      func(ctx context.Context) ([]api.Status, error)
}

// sweep performs w for every name, one after another, and tells the results.
// An error ends it.
func (s *session) sweep(ctx context.Context, names []string, w sweep) error {
	if wantsAll(names) {
		results, err := w.all(ctx)
		s.reportAll(w.outcomes, results)
		return err
	}
	for _, name := range names {
		if err := s.sweepName(ctx, name, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) sweepName(ctx context.Context, name string, w sweep) error {
	group, process := splitName(name)
	var fault *api.Fault
	if process == "" && w.group != nil {
		results, err := w.group(ctx, group)
		if errors.As(err, &fault) && fault.Code == api.BadName {
			s.printf("%s: %s", s.name(group), textNoSuchGroup)
			s.fail(w.noGroup)
			return nil
		}
		s.reportAll(w.outcomes, results)
		return err
	}
	shown := api.Namespec(group, process)
	if process == "" {
		shown = group + ":*"
	}
	err := w.one(ctx, name)
	switch {
	case err == nil:
		s.report(w.outcomes, shown, api.Success, "")
	case errors.As(err, &fault):
		s.report(w.outcomes, shown, fault.Code, fault.Text())
	default:
		return err
	}
	return nil
}
