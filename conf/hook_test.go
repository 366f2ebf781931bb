package conf

import (
	"slices"
	"strings"
	"testing"
)

const someHook = "[supervisord]\nenvironment=A=1,B=2\n[hook:h]\nevents=tick_5,PROCESS_STATE,TICK_5\ncommand=/bin/cat\n"

func TestHooks(t *testing.T) {
	h := mustLoad(t, someHook).Hooks[0]
	if h.Name != "h" || !slices.Equal(h.Events, []string{"PROCESS_STATE", "TICK_5"}) || h.Programs != nil ||
		h.Timeout != 30 || h.Parallel != 1 || h.BufferSize != 100 {
		t.Errorf("defaults: %+v", h)
	}
	p := h.Child
	if p.Section != "hook:h" || p.Command != "/bin/cat" || p.Directory != "" || p.Umask != -1 || p.User != nil || p.Environment["B"] != "2" {
		t.Errorf("defaults of what is run: %+v", p)
	}
	h = mustLoad(t, someHook+"programs= web , db:* \ntimeout=0\nparallel=100\nbuffer_size=1\ndirectory=/x\numask=027\nuser=web\nrlimit_nofile=10:20\nnice=%(ENV_NICE)s\nno_new_privs=true\nlimits_strict=true\n"+
		"environment=B=3,NICE=3,C=\"%(hook_name)s\"\n[hook:g]\nevents=EVENT\ncommand=%(ENV_A)s %(here)s %(hook_name)s\n").Hooks[0]
	if !slices.Equal(h.Programs, []string{"web", "db:*"}) || h.Timeout != 0 || h.Parallel != 100 || h.BufferSize != 1 {
		t.Errorf("all set: %+v", h)
	}
	p = h.Child
	if got := p.Limits; len(got.Resources) != 1 || got.Resources[0].String() != "10:20" || *got.Nice != 3 || !got.NoNewPrivs || !got.Strict {
		t.Errorf("all limits set: %+v", got)
	}
	if p.Directory != "/x" || p.Umask != 0o27 || p.User == nil || p.Environment["A"] != "1" || p.Environment["B"] != "3" || p.Environment["C"] != "h" {
		t.Errorf("all set of what is run: %+v", p)
	}
}

func TestHooksThatAreRefused(t *testing.T) {
	const start = "[supervisord]\n[hook:h]\n"
	for _, tt := range []struct{ name, text, want string }{
		{"no events", start + "command=x\n", `[hook:h] section requires an "events" line`},
		{"an event that is none", start + "command=x\nevents=TICK_6\n", "Unknown event type TICK_6 in [hook:h] events"},
		{"no command", start + "events=EVENT\n", "section [hook:h] does not specify a command"},
		{"an empty command", start + "events=EVENT\ncommand=\n", "section [hook:h] does not specify a command"},
		{"no number", start + "events=EVENT\ncommand=x\ntimeout=x\n", "invalid literal for int() with base 10: 'x'"},
		{"a number below", start + "events=EVENT\ncommand=x\ntimeout=-1\n", "-1 is not between 0 and 2147483647"},
		{"none at once", start + "events=EVENT\ncommand=x\nparallel=0\n", "0 is not between 1 and 100"},
		{"too many at once", start + "events=EVENT\ncommand=x\nparallel=101\n", "101 is not between 1 and 100"},
		{"too many that wait", start + "events=EVENT\ncommand=x\nbuffer_size=10001\n", "10001 is not between 1 and 10000"},
		{"a pattern that is none", start + "events=EVENT\ncommand=x\nprograms=a,[\n", "not a pattern of names: '['"},
		{"an empty pattern", start + "events=EVENT\ncommand=x\nprograms=a,\n", "not a pattern of names: ''"},
		{"a pattern of three parts", start + "events=EVENT\ncommand=x\nprograms=a:b:c\n", "not a pattern of names: 'a:b:c'"},
		{"an unknown user", start + "events=EVENT\ncommand=x\nuser=nobodyatall\n", "Invalid user name nobodyatall"},
		{"a limit that is none", start + "events=EVENT\ncommand=x\nrlimit_nofile=lots\n", "not a limit: 'lots'"},
		{"no capability", start + "events=EVENT\ncommand=x\ncapabilities=FLY\n", "not a capability: 'FLY'"},
		{"a bad name", "[supervisord]\n[hook:a b]\nevents=EVENT\ncommand=x\n", "Invalid name: 'a b' because of character: ' '"},
		{"one name twice", start + "events=EVENT\ncommand=x\n[hook: h]\nevents=EVENT\ncommand=x\n", "two hooks are named 'h'"},
		{"too many", "[supervisord]\n" + manyHooks(maxHooks+1), "more than 1000 [hook:] sections"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := loadString(tt.text); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func manyHooks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("[hook:" + strings.Repeat("y", i+1) + "]\nevents=EVENT\ncommand=x\n")
	}
	return b.String()
}

func TestHooksAreNothingToTheOriginal(t *testing.T) {
	h := checked(map[string]string{"/c/s.conf": "[supervisord]\n[hook:h]\nevents=nonsense\n"})
	compareLines(t, lines(CheckUpstream("/c/s.conf", h)), []string{
		"/c/s.conf:2: warning: [hook:h] the section is an extension and ignored",
		"/c/s.conf:3: warning: [hook:h] events: the key is in a section that is ignored",
	})
}

func TestTheCheckLooksAtHooks(t *testing.T) {
	h := checked(map[string]string{"/c/s.conf": `[supervisord]
[program:web]
command=cat
numprocs=2
process_name=web-%(process_num)d
[hook:h]
events=EVENT
programs=web, web-1, web:web-*, wbe, a b, other:*
command=nope
retries=3
`})
	compareLines(t, lines(Check("/c/s.conf", h)), []string{
		"/c/s.conf:8: warning: [hook:h] programs: no process is named 'a b' (names have commas between them)",
		"/c/s.conf:8: warning: [hook:h] programs: no process is named 'other:*' (the names are those that supervisorctl status prints)",
		"/c/s.conf:8: warning: [hook:h] programs: no process is named 'wbe' (did you mean web?)",
		"/c/s.conf:9: warning: [hook:h] command: can't find command 'nope' (PATH is /bin)",
		"/c/s.conf:10: warning: [hook:h] retries: the key is unknown and ignored",
	})
}

func TestHooksWantTheEventsOfSomeProcesses(t *testing.T) {
	for _, tt := range []struct {
		patterns    string
		group, name string
		want        bool
	}{
		{"web", "web", "web", true},
		{"web", "web", "web-1", true},
		{"web-1", "web", "web-1", true},
		{"web", "web", "", true}, // the group itself
		{"web:*", "web", "", true},
		{"web:web-1", "web", "", false},
		{"web:web-1", "web", "web-1", true},
		{"web:web-1", "web", "web-2", false},
		{"*:web-?", "any", "web-2", true},
		{"w*", "other", "worker", true},
		{"w*", "other", "x", false},
		{"a,b", "b", "c", true},
		{"a,b", "c", "c", false},
	} {
		patterns, err := parsePatterns(tt.patterns)
		if err != nil {
			t.Fatal(err)
		}
		h := &Hook{Programs: patterns}
		if got := h.WantsProcess(tt.group, tt.name); got != tt.want {
			t.Errorf("%s of %s:%s: got %v", tt.patterns, tt.group, tt.name, got)
		}
	}
	if !(&Hook{}).WantsProcess("a", "b") {
		t.Error("without patterns every process is meant")
	}
}

func TestHookChanges(t *testing.T) {
	const other = "[hook:g]\nevents=EVENT\ncommand=x\n"
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", someHook, someHook + "timeout=30\n", ""},
		{"one more", someHook, someHook + other, "hook:g added"},
		{"one less", someHook + other, someHook, "hook:g removed"},
		{"numbers", someHook, someHook + "timeout=5\nparallel=2\nbuffer_size=3\n", "hook:h changed timeout(30|5) parallel(1|2) buffer_size(100|3)"},
		{"words", someHook, someHook + "programs=a\ndirectory=/x\numask=022\n", "hook:h changed programs(|a) directory(|/x) umask(|022)"},
		{"secrets", someHook, someHook + "environment=X_TOKEN=12345678\n", "hook:h changed environment(|X_TOKEN=***)"},
		{"events", someHook, strings.Replace(someHook, "tick_5", "tick_60", 1), "hook:h changed events(PROCESS_STATE,TICK_5|PROCESS_STATE,TICK_5,TICK_60)"},
		{"a variable for all", someHook, strings.Replace(someHook, "A=1", "A=2", 1), `hook:h changed environment(A="1"|A="2")`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := showChanges(HookChanges(mustLoad(t, tt.old).Hooks, mustLoad(t, tt.new).Hooks)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
