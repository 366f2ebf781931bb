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
	err := s.stop(ctx, arg)
	stopped := s.takeEntries()
	if err == nil && ctx.Err() == nil {
		err = s.start(ctx, arg)
	}
	s.result(struct {
		Stop  []any `json:"stop"`
		Start []any `json:"start"`
	}{stopped, s.takeEntries()})
	return err
}
