package conf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// A corpus is a directory of configurations and, for each, what the original
// made of it. world.json there describes the machine on which it did.

type world struct {
	CWD         string            `json:"cwd"`
	Directories []string          `json:"directories"`
	Groups      map[string]int    `json:"groups"`
	Hostname    string            `json:"hostname"`
	Included    string            `json:"included"`
	Main        string            `json:"main"`
	Plugins     []string          `json:"plugins"`
	TempDir     string            `json:"tmpdir"`
	UID         int               `json:"uid"`
	Users       map[string][3]any `json:"users"`
	Wrapper     string            `json:"wrapper"`
}

type answer struct {
	Env      map[string]string `json:"env"`
	Direct   map[string]run    `json:"direct"`
	Included map[string]run    `json:"included"`
}

type run struct {
	Verdict string          `json:"verdict"`
	Config  json.RawMessage `json:"config"`
	Error   string          `json:"error"`
	Class   string          `json:"class"`
}

// deliberate lists the configurations that are read otherwise on purpose. Each
// must really be read otherwise, so that the list cannot outlive its reasons.
var deliberate = map[string]string{
	"P001-bom":          "a byte-order mark before the first line is skipped",
	"P002-bom-included": "a byte-order mark before the first line is skipped",
}

// otherText lists the messages that differ on purpose while verdict and class are
// the same.
var otherText = []struct{ original, ours *regexp.Regexp }{
	// The original shows the two halves of its own format call.
	{regexp.MustCompile(`^\('Bad socket format %s', '(.*)'\) in `), regexp.MustCompile(`^Bad socket format .* in `)},
	{regexp.MustCompile(`^\('Unix socket path %s is not an absolute path', '(.*)'\) in `), regexp.MustCompile(`^Unix socket path .* is not an absolute path in `)},
	// After the first member the original names the member before, not the group.
	{regexp.MustCompile(`^\[program:.*\] names unknown program or fcgi-program `), regexp.MustCompile(`^\[group:.*\] names unknown program or fcgi-program `)},
}

func TestCorpus(t *testing.T) {
	dir, named := os.LookupEnv("CORPUS")
	if !named {
		dir = "../../shared/corpus"
	}
	if _, err := os.Stat(filepath.Join(dir, "world.json")); err != nil {
		if named {
			t.Fatalf("CORPUS names no corpus: %v", err)
		}
		t.Skipf("no corpus at %s; set CORPUS to the directory of one", dir)
	}
	checkCorpus(t, dir, deliberate)
}

// TestOwnCorpus reads the smaller corpus that comes with the package, so that its
// tests are whole by themselves.
func TestOwnCorpus(t *testing.T) {
	checkCorpus(t, "testdata/corpus", nil)
}

func checkCorpus(t *testing.T, dir string, deliberate map[string]string) {
	t.Helper()
	var w world
	readJSON(t, filepath.Join(dir, "world.json"), &w)
	files, err := filepath.Glob(filepath.Join(dir, "*.expected.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds no answers (%v)", dir, err)
	}
	good := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".expected.json")
		var a answer
		readJSON(t, file, &a)
		text, err := os.ReadFile(filepath.Join(dir, name+".conf"))
		if err != nil {
			t.Error(err)
			continue
		}
		diffs := w.check(a, string(text), filepath.Join(dir, name+".tree"))
		reason, expected := deliberate[name]
		switch {
		case len(diffs) == 0 && expected:
			t.Errorf("%s is read as the original reads it, but is listed as different: %s", name, reason)
		case len(diffs) > 0 && !expected:
			t.Errorf("%s:\n  %s", name, strings.Join(diffs, "\n  "))
		case len(diffs) == 0:
			good++
		}
	}
	fmt.Printf("corpus: %d of %d as the original reads them\n", good, len(files))
	for _, name := range sortedKeys(deliberate) {
		fmt.Printf("corpus: different on purpose: %s: %s\n", name, deliberate[name])
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// check compares every run of one configuration.
func (w *world) check(a answer, text, tree string) []string {
	var diffs []string
	for _, mode := range []string{"as_is", "lenient"} {
		h := w.host(a.Env, map[string]string{w.Main: text}, tree, mode == "lenient")
		diffs = append(diffs, compareRun("direct/"+mode, a.Direct[mode], w.Main, h, a.Direct["lenient"])...)
		if a.Included == nil {
			continue
		}
		h = w.host(a.Env, map[string]string{w.Main: w.Wrapper, w.Included: text}, tree, mode == "lenient")
		diffs = append(diffs, compareRun("included/"+mode, a.Included[mode], w.Main, h, a.Included["lenient"])...)
	}
	return diffs
}

func compareRun(label string, want run, main string, h *Host, lenient run) []string {
	cfg, err := load(main, h.whole())
	if err != nil {
		var le *LoadError
		if !errors.As(err, &le) {
			return []string{label + ": not a LoadError: " + err.Error()}
		}
		if want.Verdict != "reject" {
			return []string{label + ": rejected: " + err.Error()}
		}
		if c := classOf(le.First()); c != want.Class {
			return []string{fmt.Sprintf("%s: class %s, want %s: %s", label, c, want.Class, le.First())}
		}
		if le.First() != want.Error && !differentOnPurpose(want.Error, le.First()) {
			return []string{fmt.Sprintf("%s: text\n    got  %q\n    want %q", label, le.First(), want.Error)}
		}
		return nil
	}
	if want.Verdict != "accept" {
		return []string{label + ": accepted, but the original says " + want.Error}
	}
	var expected any
	if err := json.Unmarshal(lenient.Config, &expected); err != nil {
		return []string{label + ": " + err.Error()}
	}
	normalize(expected)
	return differences(label, roundTrip(canonical(cfg)), expected)
}

func differentOnPurpose(original, ours string) bool {
	for _, o := range otherText {
		if o.original.MatchString(original) && o.ours.MatchString(ours) {
			return true
		}
	}
	return false
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

// differences lists where two decoded JSON values are not the same.
func differences(at string, got, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		var diffs []string
		keys := map[string]string{}
		for k := range want {
			keys[k] = ""
		}
		for k := range g {
			keys[k] = ""
		}
		for _, k := range sortedKeys(keys) {
			diffs = append(diffs, differences(at+"."+k, g[k], want[k])...)
		}
		return diffs
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			break
		}
		var diffs []string
		for i := range want {
			diffs = append(diffs, differences(fmt.Sprintf("%s[%d]", at, i), g[i], want[i])...)
		}
		return diffs
	}
	if reflect.DeepEqual(got, want) {
		return nil
	}
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	return []string{fmt.Sprintf("%s\n    got  %.400s\n    want %.400s", at, g, w)}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func roundTrip(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var out any
	json.Unmarshal(data, &out)
	return out
}
