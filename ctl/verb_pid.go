package ctl

import (
	"context"
	"strings"
)

// pid prints process ids: supervisord's, or those of processes.
func (s *session) pid(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if len(names) == 0 {
		pid, err := c.PID(ctx)
		if err == nil {
			s.printf("%d", pid)
			s.result(pid)
		}
		return err
	}
	s.entries()
	if wantsAll(names) {
		all, err := c.Processes(ctx)
		for _, p := range all {
			s.printf("%d", p.PID)
			s.entry(p)
		}
		return err
	}
	for _, name := range names {
		p, err := c.Process(ctx, name)
		switch {
		case isBadName(err):
			s.entry(missing(name, err))
			s.printf(textNoSuchPID, name)
			s.fail(exitGeneric)
		case err != nil:
			return err
		default:
			s.entry(p)
			s.printf("%d", p.PID)
			if p.PID == 0 {
				s.fail(exitNotRunning)
			}
		}
	}
	return nil
}
