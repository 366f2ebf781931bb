package ctl

import (
	"context"
	"slices"
	"strings"
)

// open turns to another server and shows its status. What that status says of
// its processes does not change the exit code.
func (s *session) open(ctx context.Context, arg string) error {
	scheme, _, ok := strings.Cut(arg, ":")
	if !ok || !slices.Contains([]string{"unix", "http", "https"}, strings.ToLower(scheme)) {
		s.complain(exitGeneric, newProblem(codeBadURL, textBadURL), textBadURL)
		return nil
	}
	s.url, s.server, s.guessed, s.members = arg, nil, false, nil
	before := s.exit
	err := s.status(ctx, "")
	s.exit = before
	return err
}
