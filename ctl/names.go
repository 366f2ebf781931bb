package ctl

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
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

// sweep is a request that takes a name, a group or everything.
type sweep struct {
	outcomes outcomes
	goal     *goal // of one that takes its time; nil: it does not
	client   *client.Client
	noGroup  int // the exit code for a group that is not there
	one      func(ctx context.Context, name string) error
	group    func(ctx context.Context, group string) ([]api.Status, error) // nil: a group is a bad name
	all      func(ctx context.Context) ([]api.Status, error)
}

// sweep performs w for every name, one after another, and tells the results.
// An error ends it.
func (s *session) sweep(ctx context.Context, names []string, w sweep) error {
	s.entries()
	if wantsAll(names) {
		names = []string{"all"}
	}
	if w.goal != nil && isMany(names) {
		defer s.showProgress(func(ctx context.Context) string {
			all, err := w.client.Processes(ctx)
			if err != nil {
				return ""
			}
			return w.goal.sketch(all, names)
		})()
	}
	for _, name := range names {
		err := s.sweepName(ctx, name, w)
		var late *lateError
		if errors.As(err, &late) {
			s.reportLate(name, late)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) sweepName(ctx context.Context, name string, w sweep) error {
	group, process := splitName(name)
	var results []api.Status
	var err error
	switch {
	case name == "all":
		err = s.meanwhile(ctx, func() (err error) { results, err = w.all(ctx); return err })
	case process == "" && w.group != nil:
		err = s.meanwhile(ctx, func() (err error) { results, err = w.group(ctx, group); return err })
		if isBadName(err) {
			s.entry(statusOf(group, "*", err))
			s.printf("%s: %s", s.name(group), textNoSuchGroup)
			s.fail(w.noGroup)
			return nil
		}
	default:
		if process == "" {
			process = "*"
		}
		err = s.meanwhile(ctx, func() error { return w.one(ctx, name) })
		var fault *api.Fault
		if err == nil || errors.As(err, &fault) {
			s.report(w.outcomes, statusOf(group, process, err))
			return nil
		}
	}
	for _, r := range results {
		s.report(w.outcomes, r)
	}
	return err
}

// reportLate tells that there was no time for a name.
func (s *session) reportLate(name string, late *lateError) {
	s.entry(missing(name, late))
	s.printf("%s: ERROR (timed out after %v)", s.name(name), late.time)
	s.fail(exitTimeout)
}

// isBadName tells whether err says that there is no such process or group.
func isBadName(err error) bool {
	var fault *api.Fault
	return errors.As(err, &fault) && fault.Code == api.BadName
}

// statusOf makes a status of the result of a request about one process.
func statusOf(group, process string, err error) api.Status {
	if err == nil {
		return api.Status{Name: process, Group: group, Status: api.Success, Description: "OK"}
	}
	p := problemOf(err)
	return api.Status{Name: process, Group: group, Status: p.Code, Description: p.Message}
}

// missing is the status of a name that means nothing.
func missing(name string, err error) api.Status {
	group, process := splitName(name)
	return statusOf(group, cmp.Or(process, "*"), err)
}
