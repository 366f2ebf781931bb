package conf

import (
	"strings"
	"testing"
)

func TestStopTime(t *testing.T) {
	program := func(name, keys string) string { return "[program:" + name + "]\ncommand=cat\n" + keys }
	for _, tt := range []struct {
		name, env, text string
		worst           int
		note            string // "": none
	}{
		{"one", "", program("a", ""), 10, ""},
		{"one after the other, the last one first", "", program("a", "priority=2\n") + program("b", "stopwaitsecs=3\npriority=1\n"), 13,
			"note: [supervisord] stopping everything takes 13 s at worst (a 10 s, then b 3 s) (docker kills a container after 10 s: lower"},
		{"a group at once", "", program("a", "stopwaitsecs=4\n") + program("b", "stopwaitsecs=5\n") + "[group:g]\nprograms=a,b\n", 5, ""},
		{"beyond Kubernetes", "", program("a", "stopwaitsecs=31\n"), 31, "docker kills a container after 10 s, and Kubernetes after 30 s:"},
		{"a limit for all", "", "shutdown_timeout=8\n" + program("a", "stopwaitsecs=600\n"), 8, ""},
		{"a limit beyond what is needed", "", "shutdown_timeout=80\n" + program("a", ""), 10, ""},
		{"a limit from outside", "SUPERVISOR_SHUTDOWN_TIMEOUT=25", "shutdown_timeout=8\n" + program("a", "stopwaitsecs=600\n"), 25, "takes 25 s at worst (a 600 s)"},
		{"one from outside that says nothing", "SUPERVISOR_SHUTDOWN_TIMEOUT=", "shutdown_timeout=8\n" + program("a", ""), 8, ""},
		{"for ever", "", program("a", "stopwaitsecs=9999999999\n") + program("b", "stopwaitsecs=9999999999\n"), maxStopSeconds, "then a 2147483647 s)"},
		{"a sequence", "", program("a", "stop_sequence=TERM:4 INT:3 QUIT:5\n"), 12, "takes 12 s at worst (a 12 s)"},
		{"many", "", program("a", "") + program("b", "") + program("c", "") + program("d", "") + program("e", "") + program("f", "") + program("g", ""),
			70, "takes 70 s at worst (g 10 s, then f 10 s, then e 10 s, then d 10 s, then c 10 s, then 2 more)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := checked(map[string]string{"/c/s.conf": "[supervisord]\n" + tt.text})
			if tt.env != "" {
				h.Environ = append(h.Environ, tt.env)
			}
			cfg, err := Load("/c/s.conf", h)
			if err != nil {
				t.Fatal(err)
			}
			if _, worst := cfg.StopPhases(); worst != tt.worst {
				t.Errorf("%d seconds at worst, want %d", worst, tt.worst)
			}
			findings := lines(Check("/c/s.conf", h))
			switch {
			case tt.note == "" && len(findings) > 0:
				t.Errorf("it says %q", findings)
			case tt.note != "" && (len(findings) != 1 || !strings.Contains(findings[0], tt.note)):
				t.Errorf("it says %q, want %q", findings, tt.note)
			}
		})
	}
}

func TestWrongShutdownTimeouts(t *testing.T) {
	for _, tt := range []struct{ name, env, text, want string }{
		{"in the file", "", "shutdown_timeout=soon\n", "invalid literal for int() with base 10: 'soon'"},
		{"below zero", "", "shutdown_timeout=-1\n", "not a number of seconds from 0: '-1'"},
		{"in the environment", "SUPERVISOR_SHUTDOWN_TIMEOUT=8s", "", "the variable SUPERVISOR_SHUTDOWN_TIMEOUT of the environment: invalid literal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := checked(map[string]string{"/c/s.conf": "[supervisord]\n" + tt.text})
			if tt.env != "" {
				h.Environ = append(h.Environ, tt.env)
			}
			if _, err := Load("/c/s.conf", h); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
