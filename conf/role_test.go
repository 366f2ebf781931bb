package conf

import (
	"reflect"
	"strings"
	"testing"
)

// accountsHost knows the users root and web and the groups root and staff.
func accountsHost(text string) *Host {
	h := checked(map[string]string{"/c/s.conf": text})
	h.UserByName = func(name string) (User, bool) {
		u, ok := map[string]User{"root": {Name: "root"}, "web": {Name: "web", UID: 33, GID: 34}}[name]
		return u, ok
	}
	h.UserByID = func(id int) (User, bool) { return User{Name: "web", UID: 33, GID: 34}, id == 33 }
	h.GroupByName = func(name string) (int, bool) {
		gid, ok := map[string]int{"root": 0, "staff": 50}[name]
		return gid, ok
	}
	h.HasUsers = func() bool { return true }
	return h
}

func TestRoles(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []Role
		fault      string // how a line of the error reads, without the file
	}{
		{"users by name and by number, also one that nobody knows", "[role:a]\nuids = 1000, web\n", []Role{{Name: "a", UIDs: []int{1000, 33}, Access: AccessRead, Programs: []string{"*"}}}, ""},
		{"groups by name and by number", "[role:a]\ngids=staff,7\naccess=Operate\nprograms=web*, db:*\n", []Role{{Name: "a", GIDs: []int{50, 7}, Access: AccessOperate, Programs: []string{"web*", "db:*"}}}, ""},
		{"several, in their order", "[role:b]\nuids=0\naccess=admin\n[role:a]\ngids=0\n", []Role{
			{Name: "b", UIDs: []int{0}, Access: AccessAdmin, Programs: []string{"*"}}, {Name: "a", GIDs: []int{0}, Access: AccessRead, Programs: []string{"*"}}}, ""},
		{"a role of nobody", "[role:a]\naccess=read\n", nil, ":2: [role:a] uids: section [role:a] has neither uids nor gids"},
		{"an unknown user", "[role:a]\nuids=nosuch\n", nil, ":3: [role:a] uids: Invalid user name nosuch (no such user in /etc/passwd)"},
		{"a number that can be no user", "[role:a]\nuids=-1\n", nil, ":3: [role:a] uids: Invalid user id -1 (no such user in /etc/passwd)"},
		{"an unknown group", "[role:a]\ngids=nosuch\n", nil, ":3: [role:a] gids: Invalid group name nosuch (no such group in /etc/group)"},
		{"a number that can be no group", "[role:a]\ngids=4294967295\n", nil, ":3: [role:a] gids: Invalid group id 4294967295"},
		{"an unknown access", "[role:a]\nuids=1\naccess=write\n", nil, ":4: [role:a] access: not an access: 'write' (one of read, operate, admin)"},
		{"a pattern that is none", "[role:a]\nuids=1\nprograms=[\n", nil, ":4: [role:a] programs: not a pattern of names: '['"},
		{"a pattern of three names", "[role:a]\nuids=1\nprograms=a:b:c\n", nil, ":4: [role:a] programs: not a pattern of names: 'a:b:c'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := Load("/c/s.conf", accountsHost("[supervisord]\n"+tt.text))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("got %v, want %s", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(cfg.Roles, tt.want) {
				t.Errorf("got  %+v\nwant %+v", cfg.Roles, tt.want)
			}
		})
	}
}

func TestWhatARoleCovers(t *testing.T) {
	for _, tt := range []struct {
		programs, group, process string
		want                     bool
	}{
		{"*", "web", "web", true},
		{"*", "web", "", true},
		{"web", "web", "web", true},
		{"web", "web", "", true},
		{"web", "web", "web_01", true},
		{"web", "site", "web", true},
		{"web", "site", "", false},
		{"web", "webs", "webs", false},
		{"web*", "site", "web_01", true},
		{"web*", "site", "db", false},
		{"web*", "webs", "", true},
		{"site:*", "site", "", true},
		{"site:", "site", "", true},
		{"site:", "site", "db", true},
		{"site:web*", "site", "web_01", true},
		{"site:web*", "site", "db", false},
		{"site:web*", "site", "", false},
		{"site:web*", "other", "web_01", false},
		{"site:?*", "site", "", false},
		{"*:web", "site", "web", true},
		{"*:web", "site", "", false},
		{"db,web", "web", "web", true},
		{"", "web", "web", false},
		{"", "", "", false},
		{"*", "a/b", "", false}, // no group has such a name
	} {
		patterns, err := parsePatterns(tt.programs)
		if err != nil {
			t.Fatal(err)
		}
		r := &Role{Programs: patterns}
		if got := r.Covers(tt.group, tt.process); got != tt.want {
			t.Errorf("%q covers %q:%q: %v", tt.programs, tt.group, tt.process, got)
		}
	}
	for programs, want := range map[string]bool{"*": true, "web,*": true, "*:*": true, "*:": true, "web*": false, "?*": false, "": false} {
		patterns, _ := parsePatterns(programs)
		if got := (&Role{Programs: patterns}).CoversAll(); got != want {
			t.Errorf("%q covers all: %v", programs, got)
		}
	}
}

func TestCheckOfRoles(t *testing.T) {
	const rpc = "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n"
	const programs = "[program:web]\ncommand=cat\nprocess_name=w%(process_num)d\nnumprocs=2\n"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"one that some can play", rpc + programs + "[unix_http_server]\nfile=/var/log/s\nchmod=0770\n[role:a]\nuids=1\nprograms=web,web:w0,w1\n", nil},
		{"without a socket", rpc + "[role:a]\nuids=1\n", []string{
			":4: warning: [role:a] the role has no effect: there is no [unix_http_server], and only a UNIX socket tells who connects"}},
		{"with a socket for its owner alone", rpc + "[unix_http_server]\nfile=/var/log/s\n[role:a]\nuids=1\n", []string{
			":6: warning: [role:a] the socket /var/log/s has the mode 700, so that only its owner can connect (set chmod=0770 and chown=, or chmod=0777, in [unix_http_server])"}},
		{"about programs that are not there", rpc + programs + "[unix_http_server]\nfile=/var/log/s\nchmod=777\n[role:a]\nuids=1\nprograms=wbe,web:v*,cat w0\n", []string{
			":13: warning: [role:a] programs: no process is named 'cat w0' (names have commas between them)",
			":13: warning: [role:a] programs: no process is named 'wbe' (did you mean web?)",
			":13: warning: [role:a] programs: no process is named 'web:v*' (did you mean web:w0?)"}},
		{"about a group and a process of another one", "shutdown_timeout=9\n" + rpc + programs + "[program:w1]\ncommand=cat\n[unix_http_server]\nfile=/var/log/s\nchmod=777\n[role:a]\nuids=1\nprograms=web,w1,w1:*,w0,*\n", []string{
			":16: warning: [role:a] programs: 'w1' is a group here, and gives the process web:w1 of another group too (write w1:* for the group alone, or *:w1 for the processes)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lines(Check("/c/s.conf", accountsHost("[supervisord]\n"+tt.text)))
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "/c/s.conf")
			}
			compareLines(t, got, tt.want)
		})
	}
}

func TestServerWithoutAPasswordIsExposed(t *testing.T) {
	const auth = "username=u\npassword=p\n"
	for _, tt := range []struct{ name, text, want string }{
		{"on every address", "port=9001\n", ":3: [inet_http_server] port: Server 'inet_http_server' on *:9001 would take orders from whoever can reach it: it has no username and password (set both; or port=127.0.0.1:9001 for this machine alone; or allow_unauthenticated=true)"},
		{"on an address of its own", "port=192.0.2.1:9001\n", "Server 'inet_http_server' on 192.0.2.1:9001 would"},
		{"on a name that may be anything", "port=box:9001\n", "Server 'inet_http_server' on box:9001 would"},
		{"on the loopback address", "port=127.0.0.1:9001\n", ""},
		{"on another one", "port=127.8.8.8:9001\n", ""},
		{"on that of the sixth version", "port=[::1]:9001\n", ""},
		{"on every address of that", "port=[::]:9001\n", "Server 'inet_http_server' on [::]:9001 would"},
		{"on localhost", "port=LocalHost:9001\n", ""},
		{"with a password", "port=9001\n" + auth, ""},
		{"with an empty user name", "port=9001\nusername=\npassword=p\n", "Server 'inet_http_server' on *:9001 would"},
		{"because somebody wants it so", "port=9001\nallow_unauthenticated=true\n", ""},
		{"although nobody wants it", "port=9001\nallow_unauthenticated=false\n", "Server 'inet_http_server' on *:9001 would"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := checked(map[string]string{"/c/s.conf": "[supervisord]\n[inet_http_server]\n" + tt.text})
			cfg, err := Load("/c/s.conf", h)
			if err != nil {
				t.Fatal(err) // such a file is no broken one
			}
			err = cfg.Exposed()
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			found := strings.Join(lines(Check("/c/s.conf", h)), "\n")
			if strings.Contains(found, "error: [inet_http_server] port: Server ") != (tt.want != "") {
				t.Errorf("the check says %s", found)
			}
		})
	}
}

func TestMetricsSection(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Metrics
		fault      string
	}{
		{"none", "", Metrics{Interval: 15}, ""},
		{"a file", "[metrics]\ntextfile=/var/log/m.prom\n", Metrics{"/var/log/m.prom", 15}, ""},
		{"a file beside the configuration", "[metrics]\ntextfile=%(here)s/m.prom\ninterval=60\n", Metrics{"/c/m.prom", 60}, ""},
		{"no file", "[metrics]\ninterval=1\n", Metrics{"", 1}, ""},
		{"a missing directory", "[metrics]\ntextfile=/nope/m.prom\n", Metrics{}, "[metrics] textfile: The directory named as part of the path /nope/m.prom does not exist"},
		{"too often", "[metrics]\ninterval=0\n", Metrics{}, "[metrics] interval: 0 is less than a second"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := Load("/c/s.conf", checked(map[string]string{"/c/s.conf": "[supervisord]\n" + tt.text}))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("got %v, want %s", err, tt.fault)
				}
				return
			}
			if err != nil || cfg.Metrics != tt.want {
				t.Errorf("got %+v, %v; want %+v", cfg, err, tt.want)
			}
		})
	}
}
