package conf

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheContainerProfile(t *testing.T) {
	show := func(p *Program) string {
		return fmt.Sprint(logfileText(p.Stdout), " ", logfileText(p.Stderr), " ", p.OnFatal, " stop ", p.StopAsGroup, " kill ", p.KillAsGroup, " tree ", p.KillTree)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing set", "", "/dev/stdout /dev/stderr shutdown stop true kill true tree true"},
		{"what is set stays", "stdout_logfile=/var/log/p\nstderr_logfile=AUTO\non_fatal=ignore\nkill_scope=process\n", "/var/log/p AUTO ignore stop false kill false tree false"},
		{"in other words", "redirect_stderr=true\nstopasgroup=false\n", "/dev/stdout NONE shutdown stop false kill false tree false"},
		{"a kill of the group", "killasgroup=true\n", "/dev/stdout /dev/stderr shutdown stop false kill true tree false"},
		{"by other defaults", "[program-defaults]\nstdout_logfile=NONE\n", "NONE /dev/stderr shutdown stop true kill true tree true"},
		{"by the oldest", "[DEFAULT]\non_fatal=ignore\n", "/dev/stdout /dev/stderr ignore stop true kill true tree true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := machine(map[string]string{"/c/s.conf": "[supervisord]\n[program:p]\ncommand=x\n" + tt.text})
			h.Container, h.IsDir = true, func(string) bool { return true }
			cfg, err := Load("/c/s.conf", h)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(cfg.Groups[0].Programs[0]); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			for _, n := range cfg.Notes {
				if strings.Contains(n.Text, "stderr_logfile") {
					t.Errorf("it notes %q", n.Text)
				}
			}
			h.Container = false
			if cfg, err = Load("/c/s.conf", h); err != nil || cfg.Groups[0].Programs[0].KillTree {
				t.Errorf("without being asked for: %v", err)
			}
		})
	}
}

func TestTheContainerProfileOfTheDaemon(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing set", "[supervisord]\n", "true /dev/null '' warn"},
		{"a pidfile that is required", "[supervisord]\nrequire_pidfile=true\n", "true /dev/null '/supervisord.pid' warn"},
		{"set", "[supervisord]\nnodaemon=false\nlogfile=/tmp/l\npidfile=/tmp/p\nuser_mismatch=fail\n", "true /tmp/l '/tmp/p' fail"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := machine(map[string]string{"/c/s.conf": tt.text + "[eventlistener:e]\ncommand=x\nevents=TICK_5\n[--container]\nx=y\n"})
			h.Container, h.IsDir = true, func(string) bool { return true }
			cfg, err := Load("/c/s.conf", h)
			if err != nil {
				t.Fatal(err)
			}
			v := &cfg.Server
			if got := fmt.Sprintf("%v %s '%s' %s", v.Nodaemon, v.Logfile, v.Pidfile, v.UserMismatch); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if e := cfg.Groups[0].Programs[0]; !e.Stdout.Auto || e.OnFatal != FatalIgnored {
				t.Errorf("a listener got %+v", e)
			}
			if note := ContainerNote(v); strings.Contains(note, "\n") || strings.Contains(note, "pidfile") != (v.Pidfile == "") {
				t.Errorf("it says %q", note)
			}
		})
	}
}

func TestTheContainerProfileIsNoFinding(t *testing.T) {
	h := checked(map[string]string{"/c/s.conf": "[supervisord]\n[program:p]\ncommand=cat\n"})
	h.Container = true
	if got := lines(Check("/c/s.conf", h)); len(got) > 0 {
		t.Errorf("the check says %q", got)
	}
	h = checked(map[string]string{"/c/s.conf": "[supervisord]\n[--container]\nstdout_logfile=/x\n[program:p]\ncommand=cat\n"})
	if got := lines(Check("/c/s.conf", h)); len(got) != 1 || !strings.Contains(got[0], "[--container] the section is unknown") {
		t.Errorf("of a file that has it, the check says %q", got)
	}
}
