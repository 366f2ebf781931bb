package ctl

import (
	"context"
	"fmt"
	"strings"
)

// start starts processes and waits for them.
func (s *session) start(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if len(names) == 0 {
		s.misuse("start", exitUsage, fmt.Sprintf(textNeedsName, "start"))
		return nil
	}
	return s.sweep(ctx, names, sweep{startOutcomes, goalRunning, c, exitUsage, c.Start, c.StartGroup, c.StartAll})
}
