package ctl

import (
	"context"
	"fmt"
	"strings"
)

const helpTitle = "default commands (type help <topic>):"

// help lists the verbs, or prints the help of one.
func (s *session) help(_ context.Context, topic string) error {
	if topic != "" {
		s.printHelp(topic)
		return nil
	}
	fmt.Fprintf(s.out, "\n%s\n%s\n%s\n", helpTitle, strings.Repeat("=", len(helpTitle)), columns(listed()))
	return nil
}

func (s *session) printHelp(topic string) {
	if v, ok := findVerb(topic); ok && v.help != "" {
		fmt.Fprint(s.out, v.help)
		return
	}
	s.printf(textNoHelp, topic)
}

// quit ends the shell.
func (s *session) quit(context.Context, string) error {
	fmt.Fprintln(s.out)
	s.ended = true
	return nil
}
