package ctl

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
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
		if strings.HasPrefix(word, typed) && typeable(word) {
			if !strings.HasSuffix(word, "=") {
				word += " "
			}
			words = append(words, word)
		}
	}
	return head, words, tail
}

// typeable tells whether a name can be a word of a line. Others come from a
// server that means ill.
func typeable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || isHighControl(r) })
}

// candidates returns all words that may stand after head.
func (s *session) candidates(head, typed string) []string {
	first, before := splitLine(strings.TrimSpace(head))
	if strings.TrimSpace(head) == "" {
		return append(listed(verbs()), "help")
	}
	v, ok := findVerb(first)
	if !ok {
		return nil
	}
	if strings.HasPrefix(typed, "-") {
		return v.flagWords()
	}
	switch v.args {
	case verbNames:
		return append(listed(verbs()), "help")
	case groupNames:
		return s.knownGroups()
	case signalThenProcesses:
		if before == "" {
			return signalNames
		}
		return namesOf(s.known(), strings.Contains(typed, ":"))
	case processNames:
		return namesOf(s.known(), strings.Contains(typed, ":"))
	case shellNames:
		return shells()
	}
	return nil
}

// flagWords returns the words with a dash that may stand behind a verb. One
// that takes a value ends with an equals sign.
func (v verb) flagWords() []string {
	words := append([]string{}, oddWords(v.name)...)
	for _, f := range v.flags() {
		word := "--" + f.name
		if f.value != "" {
			word += "="
		}
		words = append(words, word)
	}
	return words
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

// knownGroups returns the groups of the server, also those that only its
// configuration has.
func (s *session) knownGroups() []string {
	if s.groups != nil {
		return s.groups
	}
	all := s.known()
	c, err := s.connect()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completePatience)
	defer cancel()
	s.groups = listOf(groupNamesOf(ctx, c, all))
	return s.groups
}

// groupNamesOf returns the groups of processes, and those of the configuration
// where the server tells it.
func groupNamesOf(ctx context.Context, c *client.Client, all []api.ProcessInfo) []string {
	var groups []string
	for _, p := range all {
		groups = append(groups, p.Group)
	}
	if configured, err := c.Configured(ctx); err == nil {
		for _, p := range configured {
			groups = append(groups, p.Group)
		}
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
