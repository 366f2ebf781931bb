package conf

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// showChanges writes changes in one line: groups between semicolons, and of each
// its keys and its members.
func showChanges(changes []GroupChange) string {
	keys := func(list []KeyChange) (out string) {
		for _, k := range list {
			out += fmt.Sprintf(" %s(%s|%s)", k.Key, k.Old, k.New)
		}
		return out
	}
	var groups []string
	for _, g := range changes {
		line := fmt.Sprintf("%s %s", g.Name, g.Kind) + keys(g.Keys)
		for _, m := range g.Members {
			line += fmt.Sprintf(" [%s %s%s]", m.Name, m.Kind, keys(m.Keys))
		}
		groups = append(groups, line)
	}
	return strings.Join(groups, "; ")
}

func TestChanges(t *testing.T) {
	const base = "[supervisord]\n[program:p]\ncommand=x\n"
	const many = base + "process_name=%(process_num)d\n"
	const fcgi = "[supervisord]\n[fcgi-program:f]\ncommand=x\nsocket=unix:///s\n"
	const pool = "[supervisord]\n[eventlistener:e]\ncommand=x\nevents=TICK_5,EVENT\n"
	const two = "[supervisord]\n[program:a]\ncommand=x\n[program:b]\ncommand=x\n[group:g]\n"
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", base, base + "autostart=true\n", ""},
		{"a group more", base, base + "[program:q]\ncommand=x\n[program:a]\ncommand=x\n", "a added [a added]; q added [q added]"},
		{"a group less", base, "[supervisord]\n", "p removed [p removed]"},
		{"all at once", base + "[program:q]\ncommand=x\n", "[supervisord]\n[program:p]\ncommand=y\n[program:a]\ncommand=x\n",
			"a added [a added]; p changed [p changed command(x|y)]; q removed [q removed]"},
		{"a command and a directory", base, base + "command=y\ndirectory=/tmp\n", "p changed [p changed command(x|y) directory(|/tmp)]"},
		{"a process more", many, many + "numprocs=2\n", "p changed [1 added]"},
		{"processes less", many + "numprocs=3\n", many, "p changed [1 removed] [2 removed]"},
		{"other numbers", many + "numprocs=2\n", many + "numprocs=2\nnumprocs_start=1\n", "p changed [2 added] [0 removed]"},
		{"another name", base, many, "p changed [0 added] [p removed]"},
		{"a member", two + "programs=a,b\n", two + "programs=b\n", "a added [a added]; g changed [a removed]"},
		{"another order", two + "programs=a,b\n", two + "programs=b,a\n", "g changed order(a,b|b,a)"},
		{"the priority of the group alone", two + "programs=a,b\n", two + "programs=a,b\npriority=5\n", "g changed priority(999|5)"},
		{"the priority of a program and of its group", base, base + "priority=5\n", "p changed priority(999|5) [p changed priority(999|5)]"},
		{"a variable", base + "environment=A=1,B=2\n", base + "environment=A=1,B=3\n", `p changed [p changed environment(B="2"|B="3")]`},
		{"variables that come and go", base + "environment=A=1,B=2\n", base + "environment=B=2,C=3\n",
			`p changed [p changed environment(A="1"|) environment(|C="3")]`},
		{"a variable for all", base, "[supervisord]\nenvironment=A=1\n[program:p]\ncommand=x\n", `p changed [p changed environment(|A="1")]`},
		{"secrets", base + "environment=DB_PASSWORD=1,api_key=2,MY_SECRET=3,Token=4,CREDENTIALS=5,PLAIN=6\n", base,
			`p changed [p changed environment(CREDENTIALS=***|) environment(DB_PASSWORD=***|) environment(MY_SECRET=***|) environment(PLAIN="6"|) environment(Token=***|) environment(api_key=***|)]`},
		{"another secret", base + "environment=PASS=1\n", base + "environment=PASS=2\n", "p changed [p changed environment(PASS=***|PASS=***)]"},
		{"a secret in another key, and a password in a URL", base + "environment=API_KEY=topsecret,DB=\"pg://u:pw@h\"\n",
			base + "environment=API_KEY=otherone,DB=\"pg://u:wp@h\"\ncommand=x -k otherone http://joe:pw@h\n",
			`p changed [p changed command(x|x -k *** http://joe:***@h) environment(API_KEY=***|API_KEY=***) environment(DB="pg://u:***@h"|DB="pg://u:***@h")]`},
		{"a log", base + "stdout_logfile=/tmp/x\n", base + "stderr_logfile=NONE\nstdout_logfile_maxbytes=3MB\nstdout_logfile_backups=1\n",
			"p changed [p changed stdout_logfile(/tmp/x|AUTO) stdout_logfile_maxbytes(50MB|3MB) stdout_logfile_backups(10|1) stderr_logfile(AUTO|NONE)]"},
		{"a user", base, base + "user=web\n", "p changed [p changed user(|web (uid 33, gid 34, groups 34 4 5))]"},
		{"a user under another name, and more", base + "user=33\n", base + "user=web\nstopsignal=INT\n", "p changed [p changed stopsignal(TERM|INT)]"},
		{"numbers", base, base + "exitcodes=0,2\numask=022\nstartsecs=0\nstopwaitsecs=3\nstartretries=1\n",
			"p changed [p changed umask(|022) startsecs(1|0) startretries(3|1) exitcodes(0|0,2) stopwaitsecs(10|3)]"},
		{"words", base, base + "autostart=false\nautorestart=true\nstopasgroup=true\nredirect_stderr=true\n",
			"p changed [p changed autostart(true|false) autorestart(unexpected|true) stopasgroup(false|true) killasgroup(false|true) redirect_stderr(false|true) stderr_logfile(AUTO|NONE)]"},
		{"the ring", base, base + "log_ring=0\n", "p changed [p changed log_ring(64KB|0)]"},
		{"lines", base, base + "log_format=json\nlog_prefix=x\nlog_timestamps=epoch\nlog_max_line=1KB\nlog_partial_ms=0\nlog_backpressure=ring\n",
			"p changed [p changed log_format(raw|json) log_prefix(p ||x) log_timestamps(none|epoch) log_max_line(16KB|1KB) log_partial_ms(200|0) log_backpressure(block|ring)]"},
		{"limits", base + "rlimit_core=0\nrlimit_nofile=1:2\nnice=0\n", base + "rlimit_nofile=1:unlimited\nrlimit_as=1GB\nnice=5\ncapabilities=none\ncpu_affinity=0-2\npdeathsig=9\noom_score_adj=-5\n",
			"p changed [p changed rlimit_as(|1073741824) rlimit_core(0|) rlimit_nofile(1:2|1:unlimited) nice(0|5) oom_score_adj(|-5) cpu_affinity(|0,1,2) capabilities(|none) pdeathsig(|KILL)]"},
		{"limits of a control group", base + "cpu_max=1\npids_max=5\n", base + "memory_max=1GB\ncpu_max=50000 200000\npids_max=5\n",
			"p changed [p changed cpu_max(1|50000 200000) memory_max(max|1GB)]"},
		{"what a stop reaches", base + "kill_scope=tree\n", base + "kill_scope=cgroup\n", "p changed [p changed kill_scope(tree|cgroup)]"},
		{"a server's address", base, base + "serverurl=http://h:1\n", "p changed [p changed serverurl(AUTO|http://h:1)]"},
		{"another kind of group", base, base + "[group:p]\nprograms=p\n", "p changed kind(program|group)"},
		{"another program in its place", base, "[supervisord]\n[program:q]\ncommand=x\nprocess_name=p\n[group:p]\nprograms=q\n",
			"p changed kind(program|group) [p changed section(program:p|program:q)]"},
		{"a listener in its place", "[supervisord]\n[program:e]\ncommand=x\n", pool,
			"e changed kind(program|eventlistener) priority(999|-1) events(|EVENT,TICK_5) buffer_size(|10) len_unit(|characters) buffer_policy(|drop_oldest) result_handler(|supervisor.dispatchers:default_handler) [e changed section(program:e|eventlistener:e)]"},
		{"the unit of lengths", pool, pool + "len_unit=Bytes\n", "e changed len_unit(characters|bytes)"},
		{"a policy", pool, pool + "buffer_policy=GROW: 99\n", "e changed buffer_policy(drop_oldest|grow:99)"},
		{"events and a buffer", pool, pool + "events=EVENT\nbuffer_size=11\n", "e changed events(EVENT,TICK_5|EVENT) buffer_size(10|11)"},
		{"a socket", fcgi, fcgi + "socket=tcp://h:1\n", "f changed [f changed socket(unix:///s|tcp://h:1)]"},
		{"what a socket is like", fcgi, fcgi + "socket_owner=web\nsocket_mode=0777\nsocket_backlog=1\n",
			"f changed [f changed socket_backlog(|1) socket_mode(700|777) socket_owner(|33)]"},
		{"the daemon", base, "[supervisord]\nstrip_ansi=true\nidentifier=x\n[program:p]\ncommand=x\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, after := mustLoad(t, tt.old), mustLoad(t, tt.new)
			if got := showChanges(Changes(before.Groups, after.Groups)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			checkAgreement(t, before.Groups, after.Groups)
			checkAgreement(t, after.Groups, before.Groups)
		})
	}
}

// checkAgreement checks that Changes and Compare name the same groups, and that a
// changed one says why.
func checkAgreement(t *testing.T, old, new []*Group) {
	t.Helper()
	got := map[ChangeKind][]string{}
	for _, g := range Changes(old, new) {
		got[g.Kind] = append(got[g.Kind], g.Name)
		if g.Kind == ChangeChanged && len(g.Keys)+len(g.Members) == 0 {
			t.Errorf("%s has changed, and nothing in it", g.Name)
		}
		for _, m := range g.Members {
			if (m.Kind == ChangeChanged) != (len(m.Keys) > 0) {
				t.Errorf("%s is %s with %d keys", m.Name, m.Kind, len(m.Keys))
			}
		}
	}
	d := Compare(old, new)
	for kind, want := range map[ChangeKind][]string{ChangeAdded: d.Added, ChangeChanged: d.Changed, ChangeRemoved: d.Removed} {
		if !slices.Equal(got[kind], want) {
			t.Errorf("%s: got %v, Compare has %v", kind, got[kind], want)
		}
	}
}

// TestEveryFieldOfAProgramIsAKey changes one field after another: whatever makes
// two groups differ is named.
func TestEveryFieldOfAProgramIsAKey(t *testing.T) {
	fresh := func() *Group {
		return &Group{Name: "g", Kind: KindListener, Pool: &Pool{BufferSize: 1, Events: []string{"EVENT"}}, Programs: []*Program{{
			Section: "program:p", Group: "g", Name: "p", Environment: map[string]string{"A": "1"}, ExitCodes: []int{0}, StopSignal: syscall.SIGTERM,
			Limits: Limits{
				Resources: []ResourceLimit{{"nofile", 1, 2}}, Nice: new(int), OOMScoreAdj: new(int),
				CPUs: []int{1}, Capabilities: []string{"CHOWN"}, DeathSignal: 9,
				CPUMax: &CPUMax{1000, 1000}, MemoryMax: new(int64), PIDsMax: new(int64),
			},
			Env: EnvSources{
				Files: []EnvPath{{"/a", true}}, Dirs: []EnvPath{{"/b", false}}, From: []EnvFrom{{"C", EnvPath{"/c", true}}},
				Unset: []string{"D"}, Pass: []string{"E"},
			},
			User: &Account{Groups: []int{0}}, Login: &Login{}, Socket: &Socket{URL: "tcp://h:1", Owner: &[2]int{0, 0}},
		}}}
	}
	// These follow from another field, or take a restart, or name a group or
	// a user that is the same, or are of no file, or have a row in TestChanges.
	silent := []string{"Program.Main", "Limits.Resources", "Family", "Path", "Host", "Port", "StripANSI", "User.Name"}
	fields := 0
	var walk func(t *testing.T, path string, at func(*Group) reflect.Value)
	walk = func(t *testing.T, path string, at func(*Group) reflect.Value) {
		switch v := at(fresh()); v.Kind() {
		case reflect.Pointer:
			walk(t, path, func(g *Group) reflect.Value { return at(g).Elem() })
		case reflect.Struct:
			for i := range v.NumField() {
				walk(t, path+"."+v.Type().Field(i).Name, func(g *Group) reflect.Value { return at(g).Field(i) })
			}
		default:
			if slices.ContainsFunc(silent, func(s string) bool { return strings.HasSuffix(path, s) }) {
				return
			}
			fields++
			t.Run(path, func(t *testing.T) {
				old, new := fresh(), fresh()
				alter(t, at(new))
				if len(Changes([]*Group{old}, []*Group{new})) == 0 {
					t.Error("nothing is said")
				}
				checkAgreement(t, []*Group{old}, []*Group{new})
			})
		}
	}
	walk(t, "Pool", func(g *Group) reflect.Value { return reflect.ValueOf(g.Pool) })
	walk(t, "Program", func(g *Group) reflect.Value { return reflect.ValueOf(g.Programs[0]) })
	if fields < 40 {
		t.Errorf("only %d fields were found", fields)
	}
}

// alter gives a field another value.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Uint32:
		v.SetUint(v.Uint() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
	case reflect.Array:
		v.Index(1).SetInt(7)
	case reflect.Map:
		v.SetMapIndex(reflect.ValueOf("B"), reflect.ValueOf("2"))
	default:
		t.Fatalf("no other value for a %s", v.Kind())
	}
}

func TestUpdateMode(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"by default", "", "process"},
		{"process", "update_mode=process\n", "process"},
		{"group, in capitals", "update_mode=GROUP\n", "group"},
		{"anything else", "update_mode=all\n", "not an update mode: 'all'\n/c/s.conf:2: [supervisord] update_mode: not an update mode: 'all' (one of process, group)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadString("[supervisord]\n" + tt.line)
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = string(cfg.Server.UpdateMode)
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
