package ctl

import (
	"context"
	"strings"

	"gosupervisor/ctl/promtext"
)

// metrics prints what is counted and measured, in the form of Prometheus.
func (s *session) metrics(ctx context.Context, arg string) error {
	if !s.noArguments("metrics", arg) {
		return nil
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	list, err := c.Metrics(ctx)
	if isUnknown(err) {
		s.complain(exitGeneric, problemOf(err), textNoMetrics)
		return nil
	}
	if err != nil {
		return s.unlessDown(err, textShuttingDown)
	}
	s.result(list)
	if !s.terminal {
		return promtext.Write(s.out, list)
	}
	var text strings.Builder
	_ = promtext.Write(&text, list) // a Builder takes everything
	s.printf("%s", strings.TrimSuffix(text.String(), "\n"))
	return nil
}
