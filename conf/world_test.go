package conf

import (
	"bytes"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// host is the machine of world.json, with the given files on it.
func (w *world) host(env, files map[string]string, tree string, lenient bool) *Host {
	present := map[string][]byte{}
	for name, text := range files {
		present[name] = []byte(text)
	}
	dirs := map[string]bool{}
	for _, d := range w.Directories {
		dirs[d] = true
	}
	here := path.Dir(w.Main)
	filepath.WalkDir(tree, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(tree, p)
		data, err := os.ReadFile(p)
		if err == nil {
			present[path.Join(here, rel)] = data
		}
		return nil
	})
	entries := map[string][]string{} // for patterns only: nothing but files to include
	for f := range present {
		for d := f; d != "/"; d = path.Dir(d) {
			entries[path.Dir(d)] = append(entries[path.Dir(d)], path.Base(d))
		}
	}
	h := &Host{
		Environ:  []string{},
		Getuid:   func() int { return w.UID },
		Getwd:    func() (string, error) { return w.CWD, nil },
		Hostname: func() (string, error) { return w.Hostname, nil },
		TempDir:  func() string { return w.TempDir },
		Open: func(p string) (io.ReadCloser, error) {
			data, ok := present[p]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
			}
			return io.NopCloser(bytes.NewReader(data)), nil
		},
		Exists: func(p string) bool { return present[p] != nil || len(entries[path.Clean(p)]) > 0 },
		IsDir: func(p string) bool {
			if !path.IsAbs(p) {
				p = path.Join(w.CWD, p)
			}
			return lenient || dirs[path.Clean(p)]
		},
		ReadDir: func(p string) ([]string, error) {
			names := entries[path.Clean(p)]
			sort.Strings(names)
			return compact(names), nil
		},
		HasUsers: func() bool { return true },
		GroupsOf: func(string) []int { return nil },
	}
	for _, k := range sortedKeys(env) {
		h.Environ = append(h.Environ, k+"="+env[k])
	}
	w.people(h, lenient)
	return h
}

func compact(sorted []string) []string {
	var out []string
	for i, s := range sorted {
		if i == 0 || s != sorted[i-1] {
			out = append(out, s)
		}
	}
	return out
}

// people gives the host its users, groups and plugins.
func (w *world) people(h *Host, lenient bool) {
	number := func(name string) int { return 100000 + int(crc32.ChecksumIEEE([]byte(name))%100000) }
	named := func(name string) (User, bool) {
		u, ok := w.Users[name]
		if !ok {
			return User{}, false
		}
		return User{Name: name, UID: int(u[0].(float64)), GID: int(u[1].(float64)), Home: u[2].(string)}, true
	}
	h.UserByName = func(name string) (User, bool) {
		if u, ok := named(name); ok || !lenient {
			return u, ok
		}
		return User{Name: name, UID: number(name), GID: number(name), Home: "/home/" + name}, true
	}
	h.UserByID = func(uid int) (User, bool) {
		for name := range w.Users {
			if u, _ := named(name); u.UID == uid {
				return u, true
			}
		}
		return User{Name: strconv.Itoa(uid), UID: uid, GID: uid}, lenient
	}
	h.GroupByName = func(name string) (int, bool) {
		if gid, ok := w.Groups[name]; ok || !lenient {
			return gid, ok
		}
		return number(name), true
	}
	h.GroupByID = func(gid int) bool {
		for _, g := range w.Groups {
			if g == gid {
				return true
			}
		}
		return lenient
	}
	h.Plugin = func(spec string) bool {
		for _, p := range w.Plugins {
			if p == spec {
				return true
			}
		}
		return lenient && strings.Contains(spec, ":")
	}
}

// classes tells the kinds of rejection apart by what the text says.
var classes = []struct {
	class string
	says  *regexp.Regexp
}{
	{"encoding", regexp.MustCompile(`codec can't decode`)},
	{"no-section-header", regexp.MustCompile(`File contains no section headers`)},
	{"parse", regexp.MustCompile(`Source contains parsing errors`)},
	{"no-supervisord-section", regexp.MustCompile(`does not include supervisord section`)},
	{"include-without-files", regexp.MustCompile(`has \[include\] section, but no files setting`)},
	{"expand-unknown-name", regexp.MustCompile(`which cannot be expanded`)},
	{"expand-bad-format", regexp.MustCompile(`is badly formatted`)},
	{"missing-directory", regexp.MustCompile(`The directory named as part of the path|is not an existing directory`)},
	{"unknown-user", regexp.MustCompile(`Invalid user (name|id)`)},
	{"bad-socket-owner", regexp.MustCompile(`Invalid (socket_owner|sockchown) value`)},
	{"bad-octal", regexp.MustCompile(`converted to an octal type|Invalid (socket_mode|chmod) value`)},
	{"bad-socket", regexp.MustCompile(`requires a "socket" line|\] socket$|Invalid socket_backlog`)},
	{"bad-integer", regexp.MustCompile(`invalid literal for int\(\)`)},
	{"bad-boolean", regexp.MustCompile(`not a valid boolean`)},
	{"bad-signal", regexp.MustCompile(`not a valid signal`)},
	{"bad-autorestart", regexp.MustCompile(`invalid 'autorestart' value`)},
	{"bad-exitcodes", regexp.MustCompile(`not a valid list of exit codes`)},
	{"bad-loglevel", regexp.MustCompile(`bad logging level name`)},
	{"bad-name", regexp.MustCompile(`Invalid name: `)},
	{"bad-environment", regexp.MustCompile(`Unexpected end of key/value pairs|No closing quotation`)},
	{"numprocs-name", regexp.MustCompile(`\(process_num\) must be present`)},
	{"stopasgroup-killasgroup", regexp.MustCompile(`Cannot set stopasgroup=true`)},
	{"no-command", regexp.MustCompile(`does not specify a command`)},
	{"group-unknown-program", regexp.MustCompile(`names unknown program|is ambiguous`)},
	{"plugin-unresolved", regexp.MustCompile(`cannot be resolved within`)},
	{"plugin-missing", regexp.MustCompile(`does not specify a supervisor\.`)},
	{"listener-buffer", regexp.MustCompile(`invalid buffer_size`)},
	{"listener-events", regexp.MustCompile(`requires an "events" line|Unknown event type`)},
	{"listener-redirect", regexp.MustCompile(`sets redirect_stderr=true`)},
	{"http-auth", regexp.MustCompile(`incomplete authentication`)},
	{"http-address", regexp.MustCompile(`has no (port|file) value`)},
	{"bad-port", regexp.MustCompile(`port number|above upper bound|below lower bound`)},
}

func classOf(text string) string {
	for _, c := range classes {
		if c.says.MatchString(text) {
			return c.class
		}
	}
	return "none"
}
