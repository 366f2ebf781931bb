package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gosupervisor/conf"
)

// words are those of an instruction in a Dockerfile; none where it is not there.
func words(t *testing.T, text, instruction string) (list []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, instruction+" "); ok {
			if err := json.Unmarshal([]byte(rest), &list); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	return list
}

func TestTheOptionsOfAnImageCanBeReplaced(t *testing.T) {
	for _, name := range []string{"Dockerfile", "examples/container-web/Dockerfile", "README.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		entry, cmd := words(t, string(text), "ENTRYPOINT"), words(t, string(text), "CMD")
		if !slices.Equal(entry, []string{"/usr/bin/supervisord"}) || !slices.Equal(cmd, []string{"-n", "-c", "/etc/supervisord.conf"}) {
			t.Errorf("%s: starts %q with %q", name, entry, cmd)
		}
	}
}

// TestEveryExampleIsGood reads the examples on a machine that has every
// directory and user that they may name.
func TestEveryExampleIsGood(t *testing.T) {
	programs := map[string][]string{
		"quickstart":    {"cat", "clock", "worker-0", "worker-1"},
		"image":         nil,
		"container-web": {"nginx", "php-fpm"},
		"workers":       {"scheduler", "web", "worker_00", "worker_01", "worker_02", "worker_03"},
		"host":          {"agent"},
	}
	paths, err := filepath.Glob("examples/*/supervisord.conf")
	if err != nil || len(paths) != len(programs) {
		t.Fatalf("found %q, %v", paths, err)
	}
	for _, path := range paths {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			cfg, err := conf.Load(path, &conf.Host{
				Environ:    []string{"APP_HOME=/srv/app"},
				IsDir:      func(string) bool { return true },
				UserByName: func(name string) (conf.User, bool) { return conf.User{Name: name, UID: 1, GID: 1}, true },
				GroupsOf:   func(string) []int { return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range cfg.Groups {
				for _, p := range g.Programs {
					got = append(got, p.Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, programs[name]) {
				t.Errorf("programs %q, want %q", got, programs[name])
			}
			if cfg.Server.User != nil && strings.HasPrefix(name, "container") {
				t.Errorf("a container may be given another user than %s", cfg.Server.User.Name)
			}
			for _, n := range cfg.Notes {
				if n.Level >= conf.Warn && name != "image" { // there the programs come later
					t.Errorf("a warning: %s", n.Text)
				}
			}
			if ctl, err := conf.LoadCtl(path, &conf.Host{Environ: []string{"APP_HOME=/srv/app"}}); err != nil || ctl.ServerURL != "unix://"+cfg.HTTP[0].File {
				t.Errorf("supervisorctl would ask %+v (%v), not %s", ctl, err, cfg.HTTP[0].File)
			}
		})
	}
}
