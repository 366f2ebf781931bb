package ctl

import (
	"context"
	"fmt"
)

// avail lists what the configuration has, as last read.
func (s *session) avail(ctx context.Context, arg string) error {
	if !s.noArguments("avail", arg) {
		return nil
	}
	c, err := s.reach(ctx)
	if err != nil {
		return err
	}
	all, err := c.Configured(ctx)
	if err != nil {
		return s.unlessDown(err, textShuttingDown)
	}
	s.entries()
	for _, p := range all {
		s.entry(p)
		use, start := "avail", "manual"
		if p.InUse {
			use = "in use"
		}
		if p.Autostart {
			start = "auto"
		}
		name := p.Group + ":" + p.Name
		if p.Group == p.Name {
			name = p.Name
		}
		fmt.Fprintf(s.out, "%-32s %-9s %-9s %d:%d\n", s.name(name), use, start, p.GroupPrio, p.ProcessPrio)
	}
	return nil
}
