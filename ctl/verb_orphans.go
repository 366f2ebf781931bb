package ctl

import (
	"context"
	"fmt"

	"gosupervisor/ctl/api"
)

// orphans lists the processes that the daemon has adopted.
func (s *session) orphans(ctx context.Context, arg string) error {
	if !s.noArguments("orphans", arg) {
		return nil
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	all, err := c.Orphans(ctx)
	if isUnknown(err) {
		return fmt.Errorf("this server does not tell of orphans; ours does")
	}
	if err != nil {
		return err
	}
	s.result(all)
	for _, o := range all {
		from := "unknown program"
		if o.Name != "" {
			from = api.Namespec(o.Group, o.Name)
		}
		s.printf("%-8d %-20s %s", o.PID, s.name(from), s.name(o.Command))
	}
	return nil
}
