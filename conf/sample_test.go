package conf

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	sampleSection = regexp.MustCompile(`^(;? ?)\[(.+)\]$`)
	sampleKey     = regexp.MustCompile(`^(;? ?)([a-z_.]+) ?=(.*)$`)
)

// uncommented takes the semicolon from every ";key=value" and ";[section]" line
// for which pick says so.
func uncommented(pick func(section, key string) bool) string {
	var out []string
	section := ""
	for _, line := range strings.Split(Sample, "\n") {
		if m := sampleSection.FindStringSubmatch(line); m != nil {
			if section = m[2]; m[1] == ";" && pick(section, "") {
				line = line[1:]
			}
		} else if m := sampleKey.FindStringSubmatch(line); m != nil && m[1] == ";" && pick(section, m[2]) {
			line = line[1:]
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// inDir writes a configuration into a directory of its own, with that
// directory in place of /tmp.
func inDir(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/tmp", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func loadText(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := Load(inDir(t, text), &Host{Environ: []string{"PATH=/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestEchoMainPrintsTheSample(t *testing.T) {
	var out strings.Builder
	if code := EchoMain(&out); code != 0 || out.String() != Sample {
		t.Errorf("exit status %d, output %q", code, out.String())
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if !strings.Contains(first, "Sample supervisor config file") {
		t.Errorf("the first line is %q", first)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestEchoMainFailsWhenNobodyTakesTheSample(t *testing.T) {
	if code := EchoMain(brokenWriter{}); code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
}

func TestSampleShowsEveryKeyOfEverySection(t *testing.T) {
	shown := make(map[string][]string)
	section := ""
	for line := range strings.SplitSeq(Sample, "\n") {
		if m := sampleSection.FindStringSubmatch(line); m != nil {
			section = m[2]
		} else if m := sampleKey.FindStringSubmatch(line); m != nil && section != "" {
			shown[section] = append(shown[section], m[2])
		}
	}
	// One limit stands for all.
	oneLimit := func(keys []string) []string {
		return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
			return strings.HasPrefix(key, rlimitPrefix) && key != "rlimit_nofile"
		})
	}
	programKeys, hookKeys := oneLimit(programKeys()), oneLimit(hookKeys())
	want := map[string][]string{
		"unix_http_server": unixKeys, "inet_http_server": inetKeys, "supervisord": serverKeys,
		"supervisorctl":                      append(slices.Clone(ctlKeys), "serverurl"), // the socket and the port
		"rpcinterface:supervisor":            {"supervisor.rpcinterface_factory"},
		"program:theprogramname":             programKeys,
		"fcgi-program:thefcgiprogramname":    fcgiKeys, // the rest is said to be as for a program
		"eventlistener:theeventlistenername": slices.Concat(programKeys, listenerKeys),
		"group:thegroupname":                 groupKeys,
		"hook:thehookname":                   hookKeys,
		"role:therolename":                   roleKeys,
		"metrics":                            metricsKeys,
		"include":                            includeKeys,
	}
	for section, keys := range want {
		if got, want := slices.Sorted(slices.Values(shown[section])), slices.Sorted(slices.Values(keys)); !slices.Equal(got, want) {
			t.Errorf("[%s] shows\n%q, want\n%q", section, got, want)
		}
		delete(shown, section)
	}
	for section := range shown {
		t.Errorf("[%s] is not a section that we know", section)
	}
}

func TestSampleLinesAreWrittenForSed(t *testing.T) {
	for i, line := range strings.Split(Sample, "\n") {
		m := sampleKey.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if value, comment, found := strings.Cut(m[3], ";"); found && !strings.HasSuffix(value, " ") {
			t.Errorf("line %d: no blank before the comment %q", i+1, comment)
		}
		if len(line) > 100 {
			t.Errorf("line %d has %d bytes", i+1, len(line))
		}
	}
}

func TestSampleLoadsAsItStands(t *testing.T) {
	cfg := loadText(t, Sample)
	dir := cfg.Here
	if len(cfg.Groups) != 0 || len(cfg.HTTP) != 1 || len(cfg.RPCInterfaces) != 1 {
		t.Errorf("got %d groups, %d servers, %d interfaces", len(cfg.Groups), len(cfg.HTTP), len(cfg.RPCInterfaces))
	}
	if got, want := cfg.HTTP[0].File, dir+"/supervisor.sock"; got != want {
		t.Errorf("socket %q, want %q", got, want)
	}
	// With these three set as they are, nothing may differ from a file that
	// sets nothing else.
	bare := loadText(t, "[supervisord]\nlogfile=/tmp/supervisord.log\npidfile=/tmp/supervisord.pid\n[unix_http_server]\nfile=/tmp/supervisor.sock\n")
	got, want := cfg.Server, bare.Server
	for _, s := range []*Server{&got, &want} {
		s.Logfile, s.Pidfile, s.ServerURL = filepath.Base(s.Logfile), filepath.Base(s.Pidfile), filepath.Base(s.ServerURL)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	ctl, err := LoadCtl(cfg.Path, nil)
	if err != nil || ctl.ServerURL != "unix://"+dir+"/supervisor.sock" {
		t.Errorf("supervisorctl: %+v, %v", ctl, err)
	}
}

// examples are the keys that are shown with an example for want of a default.
var examples = []string{"directory", "umask", "user", "group", "environment", "env_file", "env_dir", "env_from_file", "env_pass", "env_unset", "stop_command", "reload_command",
	"rlimit_nofile", "nice", "oom_score_adj", "cpu_affinity", "capabilities", "pdeathsig",
}

func TestSampleShowsTheDefaultsOfProgramsAndListeners(t *testing.T) {
	shown := loadText(t, uncommented(func(section, key string) bool {
		switch section {
		case "program:theprogramname", "eventlistener:theeventlistenername":
			return !slices.Contains(examples, key)
		}
		return false
	}))
	bare := loadText(t, Sample+`
[program:theprogramname]
command=/bin/cat
[eventlistener:theeventlistenername]
command=/bin/eventlistener
events=PROCESS_STATE
`)
	if len(shown.Groups) != 2 || len(bare.Groups) != 2 {
		t.Fatalf("got %d groups, want %d", len(shown.Groups), len(bare.Groups))
	}
	for i, g := range shown.Groups {
		if g.Kind == KindListener {
			// A default of the pool; what it runs keeps that of a program.
			g.Programs[0].Priority = 999
		}
		if got, want := *g.Programs[0], *bare.Groups[i].Programs[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		g.Programs, bare.Groups[i].Programs = nil, nil
		if !reflect.DeepEqual(g, bare.Groups[i]) {
			t.Errorf("got  %+v\nwant %+v", g, bare.Groups[i])
		}
	}
}

func TestSampleLoadsWithEverythingUncommented(t *testing.T) {
	text := strings.NewReplacer("nogroup", "nobody").Replace(uncommented(func(string, string) bool { return true }))
	nobody := User{Name: "nobody", UID: 65534, GID: 65534, Home: "/"}
	cfg, err := Load(inDir(t, text), &Host{
		Environ:     []string{"PATH=/bin"},
		UserByName:  func(name string) (User, bool) { return nobody, name == "nobody" },
		GroupByName: func(name string) (int, bool) { return 65534, name == "nobody" },
		GroupsOf:    func(string) []int { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Groups) != 2 || len(cfg.HTTP) != 2 {
		t.Errorf("got %d groups and %d servers, want 2 and 2", len(cfg.Groups), len(cfg.HTTP))
	}
	if got := cfg.Groups[1]; got.Name != "thegroupname" || got.Programs[0].User == nil || got.Programs[0].Environment["B"] != "2" {
		t.Errorf("the group is %+v", got)
	}
}
