package ctl

import "context"

// version prints the version of the daemon.
func (s *session) version(ctx context.Context, arg string) error {
	if !s.noArguments("version", arg) {
		return nil
	}
	c, err := s.upcheck(ctx)
	if err != nil {
		return err
	}
	v, err := c.SupervisorVersion(ctx)
	if err == nil {
		s.printf("%s", v)
		s.result(v)
	}
	return err
}
