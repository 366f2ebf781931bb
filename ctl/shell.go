package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// runShell shows the status and then performs a line after the other. Errors
// never end it; its exit code is always 0.
func (s *session) runShell(ctx context.Context, prompt string) int {
	s.interactive, s.shell = true, true
	s.perform(ctx, "status")
	for !s.ended {
		s.names, s.groups = nil, nil
		line, err := s.ask(ctx, prompt+"> ")
		if err != nil {
			s.unanswered(err)
			if !errors.Is(err, io.EOF) && !interrupted(err) {
				s.explain(err)
			}
			break
		}
		s.in.remember(line)
		s.perform(ctx, line)
	}
	return 0
}

func (s *session) ask(ctx context.Context, prompt string) (string, error) {
	ctx, stop := interruptible(ctx)
	defer stop()
	prompt = s.label + prompt
	if s.wantsJSON() { // the standard output is for JSON alone
		fmt.Fprint(s.errs, prompt)
		return s.in.body(ctx)
	}
	return s.in.line(ctx, prompt)
}

// unanswered ends the line of a question that got no answer. Ctrl-C ends the
// shell too.
func (s *session) unanswered(err error) {
	if !errors.Is(err, errInterrupted) { // the editor has ended the line itself
		fmt.Fprintln(s.out)
	}
	s.ended = s.ended || interrupted(err)
}

// interrupted tells whether an error of a prompt is Ctrl-C.
func interrupted(err error) bool {
	return errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled)
}

// perform runs a line; Ctrl-C ends the line and not the shell.
func (s *session) perform(ctx context.Context, line string) {
	ctx, stop := interruptible(ctx)
	defer stop()
	s.execute(ctx, line)
}
