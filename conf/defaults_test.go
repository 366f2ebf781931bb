package conf

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// shown lists the processes of a configuration as group:name command directory
// autorestart.
func shown(c *Config) []string {
	var list []string
	for _, g := range c.Groups {
		for _, p := range g.Programs {
			list = append(list, fmt.Sprintf("%s:%s %s %s %s", p.Group, p.Name, p.Command, p.Directory, p.Autorestart))
		}
	}
	return list
}

func TestProgramDefaults(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"fill what a program leaves out, in its own context",
			"[program-defaults]\ncommand=/bin/%(program_name)s -g %(group_name)s\nautorestart=true\n[program:a]\n[program:b]\n[group:g]\nprograms=b\n",
			[]string{"a:a /bin/a -g a  true", "g:b /bin/b -g g  true"}},
		{"know the environment of the program",
			"[program-defaults]\ncommand=/bin/x %(ENV_A)s %(process_num)d\n[program:a]\nenvironment=A=1\n",
			[]string{"a:a /bin/x 1 0  unexpected"}},
		{"give way to the program's own keys", "[program-defaults]\ncommand=x\ndirectory=/d\n[program:a]\ndirectory=/own\n", []string{"a:a x /own unexpected"}},
		{"win over DEFAULT", "[DEFAULT]\ndirectory=/tmp\nautorestart=false\n[program-defaults]\ndirectory=/d\n[program:a]\ncommand=x\n", []string{"a:a x /d false"}},
		{"go by another name", "[program-default]\ncommand=x\n[program:a]\n", []string{"a:a x  unexpected"}},
		{"go by both names, of which the plural wins", "[program-default]\ncommand=x\ndirectory=/d\n[program-defaults]\ncommand=y\n[program:a]\n", []string{"a:a y /d unexpected"}},
		{"make several processes", "[program-defaults]\nnumprocs=2\nprocess_name=%(program_name)s%(process_num)d\n[program:a]\ncommand=x\n", []string{"a:a0 x  unexpected", "a:a1 x  unexpected"}},
		{"reach fcgi programs and listeners", "[program-defaults]\ncommand=x\nsocket=unix:///tmp/%(program_name)s\nevents=TICK_5\n[fcgi-program:f]\n[eventlistener:e]\n",
			[]string{"e:e x  unexpected", "f:f x  unexpected"}},
		{"do not redirect the stderr of a listener", "[program-defaults]\nredirect_stderr=true\n[eventlistener:e]\ncommand=x\nevents=EVENT\n", []string{"e:e x  unexpected"}},
		{"do not reach groups and servers", "[program-defaults]\npriority=5\nport=1\n[group:g]\nprograms=\n[inet_http_server]\nport=80\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, "[supervisord]\n"+tt.text)
			if got := shown(c); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			for _, g := range c.Groups {
				if g.Kind == KindGroup && g.Priority != 999 {
					t.Errorf("group %s has priority %d", g.Name, g.Priority)
				}
				if g.Kind == KindFCGI && g.Programs[0].Socket.Path != "/tmp/f" {
					t.Errorf("the socket is %+v", g.Programs[0].Socket)
				}
			}
		})
	}
}

func TestAWrongDefaultIsReportedWhereItStands(t *testing.T) {
	_, err := loadString("[supervisord]\n[program-defaults]\nautostart=maybe\n[program:a]\ncommand=x\n")
	var le *LoadError
	if !errors.As(err, &le) {
		t.Fatalf("got %v", err)
	}
	want := []string{"/c/s.conf:3: [program:a] autostart: not a valid boolean value: 'maybe' (one of true, false)"}
	if !slices.Equal(le.Details(), want) || le.First() != "not a valid boolean value: 'maybe' in section 'program:a' (file: '/c/s.conf')" {
		t.Errorf("got %q, %q", le.First(), le.Details())
	}
}

func TestEnvDefault(t *testing.T) {
	// HOME=/root and PORT=80 are in the environment.
	for _, tt := range []struct{ name, text, want string }{
		{"fills what is not set", "env_default=WORKERS=\"4\"\n[program:a]\ncommand=x %(ENV_WORKERS)s\n", "x 4"},
		{"gives way to the environment", "env_default=PORT=\"8080\",X=y\n[program:a]\ncommand=x %(ENV_PORT)s %(ENV_X)s\n", "x 80 y"},
		{"gives way to environment= of the daemon", "env_default=A=1\nenvironment=A=2\n[program:a]\ncommand=x %(ENV_A)s\n", "x 2"},
		{"gives way to environment= of the program", "env_default=A=1\n[program:a]\nenvironment=A=3\ncommand=x %(ENV_A)s\n", "x 3"},
		{"may use what is known", "env_default=A=\"%(ENV_HOME)s%(here)s/%(host_node_name)s\"\n[program:a]\ncommand=x %(ENV_A)s\n", "x /root/c/node"},
		{"is known to every key of the daemon", "identifier=%(ENV_ID)s\nenv_default=ID=me\n[program:a]\ncommand=x\n", "x"},
		{"is known to environment=", "environment=A=\"%(ENV_B)s\"\nenv_default=B=b\n[program:a]\ncommand=x %(ENV_A)s\n", "x b"},
		{"is known to servers", "env_default=P=81\n[inet_http_server]\nport=%(ENV_P)s\n[program:a]\ncommand=x\n", "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, "[supervisord]\n"+tt.text)
			p := c.Groups[0].Programs[0]
			if p.Command != tt.want {
				t.Errorf("got %q, want %q", p.Command, tt.want)
			}
			for name := range c.Server.EnvDefault {
				if v, given := p.Environment[name]; given && v == c.Server.EnvDefault[name] {
					t.Errorf("the child is given %s=%s", name, v)
				}
			}
		})
	}
	_, err := loadString("[supervisord]\nenv_default=A\n[include]\nfiles=%(ENV_A)s\n")
	var le *LoadError
	if !errors.As(err, &le) || len(le.Problems()) != 2 || le.Problems()[1].Key != "env_default" {
		t.Errorf("got %v", err)
	}
}
