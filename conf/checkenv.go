package conf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkEnvironment looks at a value of environment=, which could be parsed, for
// what its two grammars read differently, and for what is lost.
func (s *scope) checkEnvironment(key, value string) {
	opt := s.option(key)
	old, oldErr := lexOld(value, nil)
	if oldErr != nil {
		return // only the newer grammar can read it
	}
	first, _, oldErr := pairs(old, value, true)
	if oldErr != nil {
		return
	}
	seen := make(map[string]bool)
	for i := 0; i < len(old); i += 4 {
		if seen[old[i]] {
			s.warn(key, opt, fmt.Sprintf("%s is set twice; the last one counts", old[i]), "")
		}
		seen[old[i]] = true
	}
	if lost := lostComment(value); lost != "" {
		s.warn(key, opt, fmt.Sprintf("%s is dropped: outside quotes a # begins a comment", repr(lost)), "put the value in quotes")
	}
	if key != "environment" {
		return // no release of the original reads it
	}
	const hint = `write NAME="value", with no other quotes and no backslash in it`
	newer, newErr := lexPosix(value)
	var second map[string]string
	if newErr == nil {
		second, _, newErr = pairs(newer, value, false)
	}
	if newErr != nil {
		s.warn(key, opt, "releases of Supervisor after 4.3 may refuse the value: "+newErr.Error(), hint)
		return
	}
	s.compareReadings(key, opt, first, second, hint)
}

// compareReadings reports each variable that the two grammars give another value.
func (s *scope) compareReadings(key string, opt *option, first, second map[string]string, hint string) {
	names := maps.Clone(first)
	maps.Copy(names, second)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, inFirst := first[name]
		b, inSecond := second[name]
		switch {
		case inFirst && inSecond && a == b:
			continue
		case inFirst && inSecond:
			if looksSecret(name) {
				s.warn(key, opt, fmt.Sprintf("%s has another value here than in releases of Supervisor after 4.3", name), hint)
				continue
			}
			s.warn(key, opt, fmt.Sprintf("%s is %s here and up to 4.3, but may be %s in releases after it", name, repr(a), repr(b)), hint)
		case inFirst:
			s.warn(key, opt, fmt.Sprintf("the name %s is read otherwise by releases of Supervisor after 4.3", repr(name)), "write names without quotes")
		}
	}
}

// lostComment is the first text that a # outside quotes takes out of the value.
func lostComment(s string) string {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '#':
			return trimRight(s[i:skipLine(s, i)])
		case c == '\'' || c == '"':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				return ""
			}
			i += end + 1
		case isWord(rune(c), false):
			for i+1 < len(s) && (isWord(rune(s[i+1]), false) || s[i+1] == '\'' || s[i+1] == '"') {
				i++
			}
		}
	}
	return ""
}
