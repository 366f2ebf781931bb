package ctl

import (
	"context"
	"fmt"
	"strings"
)

// restart is stop and then start, each for all names.
func (s *session) restart(ctx context.Context, arg string) error {
	if _, err := s.upcheck(ctx); err != nil {
		return err
	}
	if len(strings.Fields(arg)) == 0 {
		s.misuse("restart", exitGeneric, fmt.Sprintf(textNeedsName, "restart"))
		return nil
	}
	if err := s.stop(ctx, arg); err != nil {
		return err
	}
	return s.start(ctx, arg)
}
