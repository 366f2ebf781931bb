package conf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestLoadCtl(t *testing.T) {
	show := func(c *Ctl) string {
		text := func(s *string) string {
			if s == nil {
				return "-"
			}
			return *s
		}
		return fmt.Sprint(c.ServerURL, " ", text(c.Username), " ", text(c.Password), " ", c.Prompt, " ", c.HistoryFile)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"defaults", "[supervisorctl]\n", "http://localhost:9001 - - supervisor "},
		{"everything", "[supervisorctl]\nserverurl=unix://~/a/../%(ENV_PORT)s.sock\nusername=u\npassword=%(ENV_PORT)s%%\nprompt=p%%\nhistory_file=~/.h\n", "unix:///root/80.sock u 80% p% /root/.h"},
		{"here", "[supervisorctl]\nserverurl=unix://%(here)s/x\nhistory_file=%(here)s/h\n", "unix:///c/x - - supervisor /c/h"},
		{"other schemes stay as they are", "[supervisorctl]\nserverurl=foo\n", "foo - - supervisor "},
		{"an include is not followed", "[supervisorctl]\n[include]\nfiles=%(nope)s\n", "http://localhost:9001 - - supervisor "},
		{"no section", "[supervisord]\n", "! .ini file does not include supervisorctl section"},
		{"the prompt does not know here", "[supervisorctl]\nprompt=%(here)s\n", "! Format string '%(here)s' for 'supervisorctl.prompt' contains names ('here') which cannot be expanded. Available names: ENV_HOME, ENV_PORT"},
		{"no section header", "serverurl=x\n", "! File contains no section headers.\nfile: '/c/s.conf', line: 1\n'serverurl=x\\n'"},
		{"programs are passed over", "[program:x]\n" + strings.Repeat("a=%(b)s\n c\n", 2000) + "[supervisorctl]\nprompt=p\n[program:y]\nprompt=q\n[supervisorctl]\n", "http://localhost:9001 - - p "},
		{"a line in a program that is none", "[supervisorctl]\n[program:x]\nnope\n", "! Source contains parsing errors: '/c/s.conf'\n\t[line  3]: 'nope\\n'"},
		{"a plugin without factory", "[supervisorctl]\n[ctlplugin:x]\n", "! section [ctlplugin:x] does not specify a supervisor.ctl_factory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := LoadCtl("/c/s.conf", machine(map[string]string{"/c/s.conf": tt.text}))
			got := ""
			var le *LoadError
			switch {
			case errors.As(err, &le):
				got = "! " + le.First()
			case err != nil:
				t.Fatal(err)
			default:
				got = show(c)
			}
			if got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestASectionOfTheDaemonIsNotMeantToBeOurs(t *testing.T) {
	for text, want := range map[string]string{
		"[supervisord]\n":    "add a line [supervisorctl]",
		"[supervisorctrl]\n": "is [supervisorctrl] meant to be it?",
	} {
		_, err := LoadCtl("/c/s.conf", machine(map[string]string{"/c/s.conf": text}))
		var le *LoadError
		if !errors.As(err, &le) || le.Problems()[0].Hint != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestCtlPluginsAreIgnoredAloud(t *testing.T) {
	c, err := LoadCtl("/c/s.conf", machine(map[string]string{"/c/s.conf": "[supervisorctl]\n[ctlplugin:x]\nsupervisor.ctl_factory=a.b:c\n"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Notes) != 1 || c.Notes[0] != (Note{Warn, "[ctlplugin:x] is ignored: Python plugins such as a.b:c cannot be loaded"}) {
		t.Errorf("got %v", c.Notes)
	}
}

func TestFind(t *testing.T) {
	const etc = "/etc/supervisord.conf /etc/supervisor/supervisord.conf"
	for _, tt := range []struct{ name, argv0, there, searched, want string }{
		{"nothing there", "/usr/bin/supervisord", "", "/usr/etc/supervisord.conf /usr/supervisord.conf supervisord.conf etc/supervisord.conf " + etc, ""},
		{"beside the program", "/opt/s/bin/supervisord", "/opt/s/etc/supervisord.conf", "/opt/s/etc/supervisord.conf /opt/s/supervisord.conf supervisord.conf etc/supervisord.conf " + etc, "/opt/s/etc/supervisord.conf"},
		{"at the root", "/supervisord", "/etc/supervisord.conf", "/etc/supervisord.conf /supervisord.conf supervisord.conf etc/supervisord.conf " + etc, "/etc/supervisord.conf"},
		{"through PATH", "supervisord", "/a/bin/supervisord supervisord.conf", "/a/etc/supervisord.conf /a/supervisord.conf supervisord.conf etc/supervisord.conf " + etc, "supervisord.conf"},
		{"relative", "bin/supervisord", "/etc/supervisor/supervisord.conf", "/w/etc/supervisord.conf /w/supervisord.conf supervisord.conf etc/supervisord.conf " + etc, "/etc/supervisor/supervisord.conf"},
		{"a bare name that is not in PATH", "supervisord", "", "/etc/supervisord.conf /supervisord.conf supervisord.conf etc/supervisord.conf " + etc, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			there := strings.Fields(tt.there)
			h := &Host{
				Environ: []string{"PATH=/b/bin:/a/bin"},
				Getwd:   func() (string, error) { return "/w", nil },
				IsDir:   func(string) bool { return false },
				Exists: func(p string) bool {
					for _, f := range there {
						if f == p {
							return true
						}
					}
					return false
				},
			}
			path, searched, found := Find(tt.argv0, h)
			if path != tt.want || found != (tt.want != "") || strings.Join(searched, " ") != tt.searched {
				t.Errorf("got %q (%v) of %q", path, found, searched)
			}
		})
	}
}
