package conf

import (
	"path"
	"slices"
	"sort"
	"strings"
)

// EnvSources says what the environment of a child is made of beside environment=.
// Files are read when the child starts and not before, so that a new secret takes a
// restart of the program alone, and no value is ever part of a configuration.
type EnvSources struct {
	Files []EnvPath // env_file=, each over the ones before it
	Dirs  []EnvPath // env_dir=, likewise; a file is a variable
	From  []EnvFrom // env_from_file=, by name
	Unset []string  // patterns of names that the child does not get, whoever sets them
	Clear bool      // nothing is inherited from the daemon
	Pass  []string  // but what these patterns name
}

// EnvPath is a file or directory that variables come from.
type EnvPath struct {
	Path     string // absolute
	Optional bool   // it need not be there
}

// EnvFrom is a variable whose value is what a file holds.
type EnvFrom struct {
	Name string
	EnvPath
}

// maxEnvSources bounds the paths of one key, and the patterns of another: each is
// read or tried at every start.
const maxEnvSources = 100

// environmentSources reads the keys that say what else makes the environment.
func (s *scope) environmentSources() (e EnvSources) {
	if s.original {
		return e
	}
	e.Files = s.envPaths("env_file")
	e.Dirs = s.envPaths("env_dir")
	e.From = read(s, "env_from_file", nil, s.envFrom)
	e.Unset = read(s, "env_unset", nil, parseEnvNames)
	e.Clear = read(s, "env_clear", false, ParseBool)
	e.Pass = read(s, "env_pass", nil, parseEnvNames)
	return e
}

// envPaths reads a list of paths, of which some may begin with the sign of an
// optional one.
func (s *scope) envPaths(key string) []EnvPath {
	return read(s, key, nil, func(value string) ([]EnvPath, error) {
		var list []EnvPath
		for _, item := range parseList(value) {
			p, err := s.envPath(key, item)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
		return list, atMost(maxEnvSources, len(list))
	})
}

// envPath reads one path. A relative one counts from the directory of the file that
// names it, as %(here)s does.
func (s *scope) envPath(key, item string) (p EnvPath, err error) {
	item, p.Optional = strings.CutPrefix(item, "-")
	if item = s.host.expandUser(trim(item)); item == "" {
		return p, text(msgEnvPath)
	}
	if !strings.HasPrefix(item, "/") {
		item = s.option(key).origin.here + "/" + item
	}
	p.Path = path.Clean(item)
	return p, nil
}

// envFrom reads NAME=PATH,... in the grammar of environment=.
func (s *scope) envFrom(value string) ([]EnvFrom, error) {
	const key = "env_from_file"
	env, err := s.variablesOf(key, value)
	if err != nil {
		return nil, err
	}
	var list []EnvFrom
	for name, item := range env {
		p, err := s.envPath(key, item)
		if err != nil {
			return nil, err
		}
		list = append(list, EnvFrom{name, p})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, atMost(maxEnvSources, len(list))
}

// parseEnvNames reads names of variables, in which * and ? stand for others.
func parseEnvNames(value string) ([]string, error) {
	names := parseList(value)
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil || name == "" || strings.ContainsAny(name, "= \t\n\x00") {
			return nil, textf(msgEnvName, Repr(name))
		}
	}
	return names, atMost(maxEnvSources, len(names))
}

// atMost is an error for a list with too many entries.
func atMost(most, n int) error {
	if n > most {
		return textf(msgEnvMany, n, most)
	}
	return nil
}

// Inherits says whether a child gets a variable of the daemon's own environment,
// where nothing else sets it.
func (e *EnvSources) Inherits(name string) bool {
	return !e.Clear || matchesAny(e.Pass, name)
}

// Unsets says whether a child goes without a variable, whoever sets it.
func (e *EnvSources) Unsets(name string) bool { return matchesAny(e.Unset, name) }

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}

// String shows the path as it could stand in a file.
func (p EnvPath) String() string {
	if p.Optional {
		return "-" + p.Path
	}
	return p.Path
}

func (f EnvFrom) String() string { return f.Name + "=" + f.EnvPath.String() }

// joined shows a list as it could stand in a file.
func joined[T interface{ String() string }](list []T) string {
	words := make([]string, len(list))
	for i, item := range list {
		words[i] = item.String()
	}
	return strings.Join(words, ",")
}
