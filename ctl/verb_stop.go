package ctl

import (
	"context"
	"fmt"
	"strings"
)

// stop stops processes and waits for their end.
func (s *session) stop(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if len(names) == 0 {
		s.misuse("stop", exitGeneric, fmt.Sprintf(textNeedsName, "stop"))
		return nil
	}
	return s.sweep(ctx, names, sweep{stopOutcomes, goalStopped, c, exitGeneric, c.Stop, c.StopGroup, c.StopAll})
}
