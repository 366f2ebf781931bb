package conf

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"

	"gosupervisor/lacking"
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
	Config  json.RawMessage `json:"config,omitempty"`
	Error   string          `json:"error,omitempty"`
	Class   string          `json:"class,omitempty"`
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
		lacking.Skip(t, "no corpus at ", dir, "; set CORPUS to the directory of one")
	}
	good, all := checkCorpus(t, dir, deliberate)
	fmt.Printf("corpus: %d of %d as the original reads them\n", good, all)
	for _, name := range sortedKeys(deliberate) {
		fmt.Printf("corpus: different on purpose: %s: %s\n", name, deliberate[name])
	}
}

// TestOwnCorpus reads the smaller corpus that comes with the package, so that its
// tests are whole by themselves.
//
// With -update it writes the answers anew, keeping each file's environment; they
// are then to be read before they are kept.
func TestOwnCorpus(t *testing.T) {
	if *update {
		updateCorpus(t, "testdata/corpus")
	}
	checkCorpus(t, "testdata/corpus", nil)
}

var update = flag.Bool("update", false, "write the answers of testdata anew")

func updateCorpus(t *testing.T, dir string) {
	t.Helper()
	var w world
	readJSON(t, filepath.Join(dir, "world.json"), &w)
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".conf")
		a := answer{Env: map[string]string{"HOME": "/root"}, Direct: map[string]run{}}
		if old, err := os.ReadFile(base + ".expected.json"); err == nil {
			json.Unmarshal(old, &a)
			a.Included = nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{w.Main: string(text)}
		w.answer(a.Env, files, base+".tree", a.Direct)
		if a.Direct["as_is"].Class == "no-supervisord-section" {
			a.Included = map[string]run{}
			files = map[string]string{w.Main: w.Wrapper, w.Included: string(text)}
			w.answer(a.Env, files, base+".tree", a.Included)
		}
		data, err := json.MarshalIndent(a, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(base+".expected.json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answer makes the runs of both modes.
func (w *world) answer(env, files map[string]string, tree string, runs map[string]run) {
	for _, mode := range []string{"as_is", "lenient"} {
		cfg, err := load(w.Main, w.host(env, files, tree, mode == "lenient").whole())
		r := run{Verdict: "accept"}
		var le *LoadError
		if errors.As(err, &le) {
			r = run{Verdict: "reject", Error: le.First(), Class: classOf(le.First())}
		} else if mode == "lenient" {
			r.Config, _ = json.Marshal(canonical(cfg))
		}
		runs[mode] = r
	}
}

func checkCorpus(t *testing.T, dir string, deliberate map[string]string) (good, all int) {
	t.Helper()
	var w world
	readJSON(t, filepath.Join(dir, "world.json"), &w)
	files, err := filepath.Glob(filepath.Join(dir, "*.expected.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds no answers (%v)", dir, err)
	}
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
	return good, len(files)
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

// load is Load without the removal of what hides something else.
func load(path string, h *Host) (*Config, error) {
	l := newLoader(path, h)
	if err := l.run(); err != nil {
		return nil, err
	}
	return l.cfg, nil
}
