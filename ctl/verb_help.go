package ctl

import (
	"context"
	"fmt"
	"strings"
)

// The titles of what help lists.
const (
	helpTitle    = "default commands (type help <topic>):"
	ownHelpTitle = "more commands (type help <topic>):"
)

// help lists the verbs, or prints the help of one.
func (s *session) help(_ context.Context, topic string) error {
	if topic != "" {
		return s.helpTopic(topic)
	}
	fmt.Fprintln(s.out)
	for _, block := range []struct {
		title string
		verbs []verb
	}{{helpTitle, classicVerbs()}, {ownHelpTitle, ownVerbs()}} {
		if names := listed(block.verbs); len(names) > 0 {
			fmt.Fprintf(s.out, "%s\n%s\n%s\n", block.title, strings.Repeat("=", len(block.title)), columns(names))
		}
	}
	s.entries()
	for _, v := range verbs() {
		if v.help != "" {
			s.entry(v.describe())
		}
	}
	return nil
}

// helpTopic prints the help of a verb with its flags.
func (s *session) helpTopic(topic string) error {
	v, ok := findVerb(topic)
	s.printHelp(topic)
	if !ok || v.help == "" {
		p := newProblem(codeBadUsage, "no help on "+topic)
		if near := nearest(topic, append(listed(verbs()), "help")); near != "" {
			p.Hint = fmt.Sprintf(textDidYouMean, near)
		}
		s.record(p)
		s.printHint(p.Hint)
		return nil
	}
	for _, f := range v.takes {
		s.printf("%s %s\t%s", v.name, f.form(), f.help)
	}
	s.result(v.describe())
	return nil
}

// verbHelp is the help of a verb in JSON.
type verbHelp struct {
	Name  string     `json:"name"`
	Help  string     `json:"help"`
	Flags []flagHelp `json:"flags"`
}

type flagHelp struct {
	Name  string `json:"name"`
	Short string `json:"short,omitempty"`
	Value string `json:"value,omitempty"` // what its value is; absent: it takes none
	Help  string `json:"help"`
}

func (v verb) describe() verbHelp {
	h := verbHelp{Name: v.name, Help: v.help}
	for _, f := range v.flags() {
		h.Flags = append(h.Flags, flagHelp{f.name, f.short, f.value, f.help})
	}
	return h
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
