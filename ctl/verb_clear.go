package ctl

import (
	"context"
	"fmt"
	"strings"
)

// clear empties logs. A group is not a name that the server clears.
func (s *session) clear(ctx context.Context, arg string) error {
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if len(names) == 0 {
		s.misuse("clear", exitGeneric, fmt.Sprintf(textNeedsName, "clear"))
		return nil
	}
	return s.sweep(ctx, names, sweep{outcomes: clearOutcomes, one: c.ClearLogs, all: c.ClearAllLogs})
}
