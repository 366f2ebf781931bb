package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestCommandsBesideAProgram(t *testing.T) {
	const program = "[program:p]\ncommand=x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"none", program, `stop "" reload "" 30`},
		{"both", program + "stop_command=/bin/quit %(program_name)s %(process_num)d\nreload_command=x 'a b'\nreload_timeout=5\n", `stop "/bin/quit p 0" reload "x 'a b'" 5`},
		{"variables of the program", program + "environment=PORT=8080\nstop_command=quit %(ENV_PORT)s\n", `stop "quit 8080" reload "" 30`},
		{"none after a default", "[program-defaults]\nstop_command=quit\n" + program + "stop_command=\n", `stop "" reload ""`},
		{"a default", "[program-defaults]\nreload_command=again\n" + program, `reload "again"`},
		{"no timeout", program + "reload_timeout=0\n", `reload "" 0`},
		{"an open quote", program + "stop_command=sh -c 'x\n", "/c/s.conf:4: [program:p] stop_command: not a command: \"sh -c 'x\": No closing quotation (a quote that is meant as such"},
		{"an open quote to reload", program + "reload_command=sh -c \"x\n", "/c/s.conf:4: [program:p] reload_command: not a command: 'sh -c \"x': No closing quotation"},
		{"a time before now", program + "reload_timeout=-1\n", "/c/s.conf:4: [program:p] reload_timeout: not a number of seconds from 0: '-1' (seconds; 0: as long as it takes)"},
		{"no time", program + "reload_timeout=soon\n", "reload_timeout: invalid literal for int() with base 10: 'soon' (seconds; 0: as long as it takes)"},
		{"an unknown variable", program + "stop_command=%(nope)s\n", "/c/s.conf:4: [program:p] stop_command: the name 'nope' is unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadString("[supervisord]\n" + tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				p := cfg.Groups[0].Programs[0]
				got = fmt.Sprintf("stop %q reload %q %d", p.StopCommand, p.ReloadCommand, p.ReloadTimeout)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCommandsOfProgramsDiffer(t *testing.T) {
	load := func(keys string) *Config {
		cfg, err := loadString("[supervisord]\n[program:p]\ncommand=x\n" + keys)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	changes := Changes(load("stop_command=a\nreload_timeout=3\n").Groups, load("stop_command=b\nreload_command=c\n").Groups)
	want := "[{stop_command a b} {reload_command  c} {reload_timeout 3 30}]"
	if got := fmt.Sprint(changes[0].Members[0].Keys); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
