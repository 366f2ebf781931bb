package ctl

import (
	"context"

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
	return promtext.Write(s.out, list)
}
