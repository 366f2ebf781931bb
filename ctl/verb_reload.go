package ctl

import (
	"context"
	"errors"
	"strings"

	"gosupervisor/ctl/api"
)

// reload makes the daemon stop everything and start over, or, with names, has
// programs read their own configuration again.
func (s *session) reload(ctx context.Context, arg string) error {
	if names := strings.Fields(arg); len(names) > 0 {
		return s.reloadPrograms(ctx, names)
	}
	if yes, err := s.confirm(ctx, textAskReload); !yes {
		return err
	}
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	if err := c.Restart(ctx); err != nil {
		return s.unlessDown(err, textAlreadyDown)
	}
	s.printf(textReloaded)
	return nil
}

// reloadPrograms has programs read their own configuration again.
func (s *session) reloadPrograms(ctx context.Context, names []string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	return s.sweep(ctx, names, sweep{
		outcomes: reloadOutcomes,
		noGroup:  exitGeneric,
		one:      c.Reload,
		group:    c.ReloadGroup,
		all: func(ctx context.Context) ([]api.Status, error) {
			all, err := c.Processes(ctx)
			var done []api.Status
			for _, p := range all {
				if p.PID == 0 {
					continue
				}
				status := api.Status{Name: p.Name, Group: p.Group, Status: api.Success, Description: "OK"}
				var fault *api.Fault
				err := c.Reload(ctx, p.Namespec())
				switch {
				case errors.As(err, &fault):
					status.Status, status.Description = fault.Code, fault.Text()
				case err != nil:
					return done, err
				}
				done = append(done, status)
			}
			return done, err
		},
	})
}

// confirm asks before a drastic action, where there is somebody to ask. The
// error is that there was no answer in time.
func (s *session) confirm(ctx context.Context, question string) (bool, error) {
	if !s.interactive {
		return true, nil
	}
	answer, err := s.ask(ctx, question)
	if err != nil {
		s.unanswered(err)
		s.result(false)
		if errors.Is(err, context.DeadlineExceeded) {
			return false, context.Cause(ctx)
		}
		return false, nil
	}
	yes := strings.HasPrefix(answer, "y") || strings.HasPrefix(answer, "Y")
	s.result(yes)
	return yes, nil
}
