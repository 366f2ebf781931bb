package core

import (
	"strings"
	"testing"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// TestWhatIsReadAgainAndUnchangedIsInMemoryOnce changes one program of three, and
// updates it: what is configured is then what runs.
func TestWhatIsReadAgainAndUnchangedIsInMemoryOnce(t *testing.T) {
	const text = "[supervisord]\n[program-defaults]\nautostart=false\n[program:a]\ncommand=/a\n[program:b]\ncommand=/b\n[program:c]\ncommand=/c\n[program:d]\ncommand=/d\n[group:g]\nprograms=c,d\n"
	load := func(text string) *conf.Config {
		cfg, err := loadText(text)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	c := New(load(text), Options{PID: 1})
	step := func(in Input) { c.Step(0, birth, in) }
	step(Boot{})
	again := func(text string) (same []string) {
		step(Request{ID: 1, Req: api.ReloadConfig{}})
		step(Loaded{ID: 1, Config: load(text)})
		for _, g := range c.config.Groups {
			run := c.findGroup(g.Name)
			if g == run.conf {
				same = append(same, g.Name)
			}
			for i, p := range g.Programs {
				if p == run.conf.Programs[i] {
					same = append(same, g.Name+":"+p.Name)
				}
			}
		}
		return same
	}
	check := func(text, want string) {
		t.Helper()
		if got := strings.Join(again(text), " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check(text, "a a:a b b:b g g:c g:d")
	changed := strings.NewReplacer("command=/b", "command=/B", "command=/d", "command=/D").Replace(text)
	check(changed, "a a:a g:c")
	for _, name := range []string{"b", "g"} {
		step(Request{ID: 2, Req: api.UpdateGroup{Name: name}})
	}
	check(changed, "a a:a b b:b g g:c g:d")
}
