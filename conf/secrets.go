package conf

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
)

// hidden stands for a secret.
const hidden = "***"

// A secret is hidden wherever it appears when it is long enough to be no everyday
// word; where it was put in by name, a shorter one is too.
const (
	longSecret  = 8
	shortSecret = 4
)

// userinfo finds the password in a URL.
var userinfo = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(://[^\s/:@]*:)[^\s/@]+@`) })

// secrets knows what must not be printed.
type secrets struct {
	known *strings.Replacer
}

// newSecrets collects passwords, and the values of variables whose names look like
// secrets: those that the configuration sets, and those of our own environment
// that it mentions.
func newSecrets(l *loader) *secrets {
	set := make(map[string]bool)
	add := func(env map[string]string) {
		for name, value := range env {
			if looksSecret(name) && len(value) >= longSecret {
				set[value] = true
			}
		}
	}
	add(l.cfg.Server.EnvDefault)
	add(l.cfg.Server.Environment)
	for _, g := range l.cfg.Groups {
		for _, p := range g.Programs {
			add(p.Environment)
		}
	}
	for _, h := range l.cfg.Hooks {
		add(h.Child.Environment)
	}
	for _, srv := range l.cfg.HTTP {
		if srv.Password != nil && len(*srv.Password) >= longSecret {
			set[*srv.Password] = true
		}
	}
	given := make(map[string]string)
	for _, sec := range l.sections() {
		for _, key := range sec.keys() {
			for _, name := range variablesIn(l.doc.value(sec.name, key)) {
				given[name], _ = l.host.getenv(name)
			}
		}
	}
	add(given)
	return &secrets{replacer(slices.Collect(maps.Keys(set)))}
}

// replacer hides values, the longest first.
func replacer(values []string) *strings.Replacer {
	sort.Slice(values, func(i, j int) bool {
		a, b := values[i], values[j]
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) < 0
	})
	var pairs []string
	for _, v := range values {
		if v == "" {
			continue
		}
		pairs = append(pairs, v, hidden)
	}
	return strings.NewReplacer(pairs...)
}

// hide takes the secrets out of a value, into which those of put were put by
// name.
func (s *secrets) hide(value string, put []string) string {
	for _, v := range put {
		if v != "" && (len(v) < shortSecret || !strings.Contains(value, v)) {
			return hidden // too short to be found for certain, or put in with a format
		}
	}
	value = replacer(put).Replace(value)
	return userinfo().ReplaceAllString(s.known.Replace(value), "${1}"+hidden+"@")
}
