package ctl

import (
	"context"
	"slices"
	"strings"
	"time"

	"gosupervisor/ctl/api"
)

// completePatience is how long Tab may wait for the server.
const completePatience = 2 * time.Second

// complete offers words for the one that ends at pos, counted in characters.
// head and tail are what stands before and after it.
func (s *session) complete(line string, pos int) (head string, words []string, tail string) {
	runes := []rune(line)
	pos = min(max(pos, 0), len(runes))
	before := string(runes[:pos])
	start := strings.LastIndexAny(before, " \t") + 1
	head, typed, tail := before[:start], before[start:], string(runes[pos:])
	for _, word := range s.candidates(head, typed) {
		if strings.HasPrefix(word, typed) {
			words = append(words, word+" ")
		}
	}
	return head, words, tail
}

// candidates returns all words that may stand after head.
func (s *session) candidates(head, typed string) []string {
	first, _ := splitLine(strings.TrimSpace(head))
	if strings.TrimSpace(head) == "" {
		return append(listed(verbs()), "help")
	}
	v, ok := findVerb(first)
	if !ok {
		return nil
	}
	switch v.args {
	case verbNames:
		return append(listed(verbs()), "help")
	case groupNames:
		return groupsOf(s.known())
	case processNames:
		return namesOf(s.known(), strings.Contains(typed, ":"))
	}
	return nil
}

// known returns the processes of the server, asked for once a line.
func (s *session) known() []api.ProcessInfo {
	if s.names != nil {
		return s.names
	}
	s.names = []api.ProcessInfo{}
	c, err := s.connect()
	if err != nil {
		return s.names
	}
	ctx, cancel := context.WithTimeout(context.Background(), completePatience)
	defer cancel()
	if all, err := c.Processes(ctx); err == nil && all != nil {
		s.names = all
	}
	return s.names
}

func groupsOf(all []api.ProcessInfo) []string {
	var groups []string
	for _, p := range all {
		groups = append(groups, p.Group)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// namesOf returns the processes as a command line names them: group:name and
// group:*, or the bare name where group and name are equal and no colon was
// typed yet.
func namesOf(all []api.ProcessInfo, colon bool) []string {
	var names []string
	for _, p := range all {
		if p.Group == p.Name && !colon {
			names = append(names, p.Name)
			continue
		}
		names = append(names, p.Group+":"+p.Name, p.Group+":*")
	}
	slices.Sort(names)
	return slices.Compact(names)
}
