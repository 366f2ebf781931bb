package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestDefaults(t *testing.T) {
	c := mustLoad(t, "[supervisord]\n[program:p]\ncommand=/bin/p\n")
	want := Server{
		Logfile: "/supervisord.log", LogfileMaxBytes: 50 << 20, LogfileBackups: 10, Loglevel: Info,
		Pidfile: "/supervisord.pid", SupplementaryFrom: FromFiles, Umask: 0o22, MinFDs: 1024, MinProcs: 200, ChildLogDir: "/tmp",
		Environment: map[string]string{}, Identifier: "supervisor", UpdateMode: UpdateProcess,
		UserMismatch: MismatchFails, ExitStatus: ExitAuto, FatalTailLines: -1,
	}
	if got := fmt.Sprintf("%+v", c.Server); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got %s\nwant %+v", got, want)
	}
	out := Output{Auto: true, MaxBytes: 50 << 20, Backups: 10}
	program := Program{
		Section: "program:p", Group: "p", Name: "p", Command: "/bin/p", Umask: -1,
		Environment: map[string]string{}, Priority: 999, Autostart: true, Autorestart: RestartUnexpected,
		StartSecs: 1, StartRetries: 3, ExitCodes: []int{0}, StopSignal: 15, StopWaitSecs: 10, LogRing: 64 << 10,
		Log:          LineLog{LogRaw, "p |", StampNone, 16384, 200, BackpressureBlock},
		ReloadSignal: 1, ReloadTimeout: 30, OnFatal: FatalIgnored, OnExit: ExitIgnored, Stdout: out, Stderr: out,
	}
	if got := *c.Groups[0].Programs[0]; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", program) {
		t.Errorf("got %+v\nwant %+v", got, program)
	}
	if c.Path != "/c/s.conf" || c.File != "/c/s.conf" || c.Here != "/c" {
		t.Errorf("the file is %s, %s in %s", c.Path, c.File, c.Here)
	}
}

func TestTheFirstErrorIsTheOriginals(t *testing.T) {
	const head = "[supervisord]\n"
	const prog = head + "[program:p]\ncommand=/bin/cat\n"
	const in = " in section 'program:p' (file: '/c/s.conf')"
	for _, tt := range []struct{ name, text, want string }{
		{"no [supervisord]", "[program:p]\n", ".ini file does not include supervisord section"},
		{"supervisord keys in their order", head + "minprocs=8x\nminfds=9x\n", "invalid literal for int() with base 10: '9x'"},
		{"the name of the daemon's user is expanded before its environment is known", head + "environment=A=1\nuser=%(ENV_A)s\numask=9\n", "Format string '%(ENV_A)s' for 'supervisord.user' contains names ('ENV_A') which cannot be expanded. Available names: ENV_HOME, ENV_PORT, here"},
		{"a bad octal number", head + "umask=9\n", "9 can not be converted to an octal type"},
		{"a log in no directory", head + "logfile=~/nope/x\n", "The directory named as part of the path ~/nope/x does not exist"},
		{"the user of the daemon comes last", head + "user=nope\n[program:p]\n", "program section program:p does not specify a command" + in},
		{"a wrong value in a program has its section and file", prog + "autostart=MAYBE\n", "not a valid boolean value: 'MAYBE'" + in},
		{"priority is read for the group first", prog + "autostart=x\npriority=y\n", "invalid literal for int() with base 10: 'y'"},
		{"a group's priority comes before its members", head + "[group:g]\nprograms=nope\npriority=abc\n", "invalid literal for int() with base 10: 'abc'"},
		{"the members of a group in order", head + "[group:g]\nprograms=p,q\n[program:p]\nautostart=x\ncommand=x\n", "not a valid boolean value: 'x'" + in},
		{"an unknown member names the group", head + "[group:g]\nprograms=p,q\n[program:p]\ncommand=x\n", "[group:g] names unknown program or fcgi-program q"},
		{"a member that is two things", head + "[group:g]\nprograms=p\n[program:p]\n[fcgi-program:p]\n", "[group:g] name p is ambiguous (exists as program and fcgi-program)"},
		{"groups before http servers", head + "[inet_http_server]\n[program:p]\n", "program section program:p does not specify a command" + in},
		{"rpcinterfaces before groups", head + "[program:p]\n[rpcinterface:x]\n", "section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory"},
		{"a plugin that cannot be had", head + "[rpcinterface:x]\nsupervisor.rpcinterface_factory=foo.bar:baz\n", "foo.bar:baz cannot be resolved within [rpcinterface:x]"},
		{"the settings of a plugin do not know here", head + "[rpcinterface:x]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\na=%(here)s\n",
			"Format string '%(here)s' for 'rpcinterface:x.a' contains names ('here') which cannot be expanded. Available names: ENV_HOME, ENV_PORT"},
		{"authentication before the port", head + "[inet_http_server]\nport=abc\nusername=x\n", "Section [inet_http_server] contains incomplete authentication: If a username or a password is specified, both the username and password must be specified"},
		{"no port", head + "[inet_http_server:b]\n", "section [inet_http_server:b] has no port value"},
		{"the file of a unix server first", head + "[unix_http_server]\nchmod=9\nusername=x\n", "section [unix_http_server] has no file value"},
		{"then its owner", head + "[unix_http_server]\nfile=/x\nchmod=9\nchown=nope\n", "Invalid sockchown value nope"},
		{"then its mode", head + "[unix_http_server]\nfile=/x\nchmod=9\n", "Invalid chmod value 9"},
		{"a bad program name", head + "[program:a b]\ncommand=x\n", "Invalid name: 'a b' because of character: ' '"},
		{"a bad listener name", head + "[eventlistener:a b]\ncommand=x\nevents=EVENT\n", "Invalid name: 'a b' because of character: ' ' in section 'eventlistener:a b' (file: '/c/s.conf')"},
		{"a bad template comes before the cross-checks", prog + "process_name=a b\nnumprocs=2\n", "Invalid name: 'a b' because of character: ' '" + in},
		{"numprocs needs process_num", prog + "numprocs=2\nstopasgroup=true\nkillasgroup=false\n", "%(process_num) must be present within process_name when numprocs > 1" + in},
		{"stopasgroup without killasgroup", prog + "stopasgroup=true\nkillasgroup=false\n", "Cannot set stopasgroup=true and killasgroup=false" + in},
		{"an expanded name is checked too", prog + "process_name=%(ENV_HOME)s\n", "Invalid name: '/root' because of character: '/'" + in},
		{"environment before directory", prog + "environment=x\ndirectory=%(q)s\n", "Unexpected end of key/value pairs in value 'x'" + in},
		{"backups before sizes", prog + "stdout_logfile_maxbytes=y\nstdout_logfile_backups=x\n", "invalid literal for int() with base 10: 'x'" + in},
		{"an unknown name", prog + "process_name=%(foo)s\n", "Format string '%(foo)s' for 'process_name' contains names ('foo') which cannot be expanded. Available names: ENV_HOME, ENV_PORT, group_name, here, host_node_name, numprocs, process_num, program_name" + in},
		{"an unknown user", prog + "user=nope\n", "Invalid user name nope" + in},
		{"a listener's unit", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nlen_unit=lines\n", "not a unit of length: 'lines'"},
		{"a unit that the built-in listener does not read", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nlen_unit=bytes\nresult_handler=supervisor_stdout:event_handler\n", "supervisor_stdout reads characters"},
		{"a listener's buffer", head + "[eventlistener:e]\ncommand=x\nbuffer_size=0\nresult_handler=a.b:c\nredirect_stderr=true\n", "[eventlistener:e] section sets invalid buffer_size (0)"},
		{"a listener's policy", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nbuffer_policy=drop\n", "not a buffer policy: 'drop'"},
		{"a policy with a number too many", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nbuffer_policy=block:5\n", "not a buffer policy: 'block:5'"},
		{"growth without a number", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nbuffer_policy=grow\n", "not a buffer policy: 'grow'"},
		{"growth to a word", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nbuffer_policy=grow:much\n", "not a buffer policy: 'grow:much' (the number must be from 1 to 1000000)"},
		{"growth without end", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nbuffer_policy=grow:1000001\n", "not a buffer policy: 'grow:1000001' (the number must be from 1 to 1000000)"},
		{"growth to less", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nbuffer_size=20\nbuffer_policy=grow:19\n", "buffer_policy grow:19 has less room than buffer_size (20)"},
		{"a listener's handler", head + "[eventlistener:e]\ncommand=x\nresult_handler=a.b:c\n", "a.b:c cannot be resolved within [eventlistener:e]"},
		{"a listener without events", head + "[eventlistener:e]\ncommand=x\nredirect_stderr=true\n", "[eventlistener:e] section requires an \"events\" line"},
		{"a listener's events", head + "[eventlistener:e]\ncommand=x\nevents=FOO,\n", "Unknown event type  in [eventlistener:e] events"},
		{"a listener's stderr", head + "[eventlistener:e]\ncommand=x\nevents=EVENT\nredirect_stderr=true\n", "[eventlistener:e] section sets redirect_stderr=true but this is not allowed because it will interfere with the eventlistener protocol"},
		{"an fcgi program's user", head + "[fcgi-program:f]\nuser=nope\nsocket_backlog=0\n", "Invalid user name nope"},
		{"an fcgi program's backlog", head + "[fcgi-program:f]\nsocket_backlog=0\n", "Invalid socket_backlog value 0"},
		{"an fcgi program's owner", head + "[fcgi-program:f]\nsocket_mode=9\nsocket_owner=nope\n", "Invalid socket_owner value nope"},
		{"an fcgi program's mode", head + "[fcgi-program:f]\nsocket_mode=9\n", "Invalid socket_mode value 9"},
		{"an fcgi program without socket", head + "[fcgi-program:f]\nsocket=\n", "[fcgi-program:f] section requires a \"socket\" line"},
		{"a relative socket", head + "[fcgi-program:f]\nsocket=unix://foo\n", "Unix socket path foo is not an absolute path in [fcgi-program:f] socket"},
		{"a socket of no kind", head + "[fcgi-program:f]\nsocket=tcp://h\n", "Bad socket format tcp://h in [fcgi-program:f] socket"},
		{"a port too high", head + "[fcgi-program:f]\nsocket=tcp://h:99999\n", "99999 is above upper bound (65535) in [fcgi-program:f] socket"},
		{"an owner of a tcp socket", head + "[fcgi-program:f]\nsocket=tcp://h:1\nsocket_owner=root\n", "socket_owner and socket_mode params should only be used with a Unix domain socket in [fcgi-program:f] socket"},
		{"an include without files", head + "[include]\n", ".ini file has [include] section, but no files setting"},
		{"an include of unknown names", head + "[include]\nfiles=%(foo)s\n", "Format string '%(foo)s' for 'include.files' contains names ('foo') which cannot be expanded. Available names: ENV_HOME, ENV_PORT, here, host_node_name"},
		{"a billion processes", prog + "numprocs=1000000000\nprocess_name=%(process_num)d\n", "numprocs 1000000000 is more than the 10000 that are allowed" + in},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadString(tt.text)
			var le *LoadError
			if !errors.As(err, &le) {
				t.Fatalf("got %v", err)
			}
			if le.First() != tt.want {
				t.Errorf("got  %s\nwant %s", le.First(), tt.want)
			}
			if !strings.HasPrefix(le.Error(), tt.want+"\n") {
				t.Errorf("the error does not begin with its first text: %s", le)
			}
		})
	}
}

func TestEverythingWrongIsReportedWithItsPlace(t *testing.T) {
	_, err := loadString(`[supervisord]
loglevel=warning
environment=A="b
[program:web]
comand=/bin/web
autostart=treu
user="web"
stdout_logfile_maxbytes=10M
directory=%(programname)s
[program:api]
command=/bin/api -p %(ENV_API_PORT)s
numprocs=3
stopsignal=TREM
[group:all]
programs=web,apo
[eventlistener:l]
command=x
events=PROCESS_STAT
[inet_http_server]
port=%(ENV_PORT)s%
`)
	var le *LoadError
	if !errors.As(err, &le) {
		t.Fatalf("got %v", err)
	}
	want := []string{
		`/c/s.conf:2: [supervisord] loglevel: bad logging level name 'warning' (write warn)`,
		`/c/s.conf:3: [supervisord] environment: No closing quotation (a closing " is missing)`,
		`/c/s.conf:6: [program:web] autostart: not a valid boolean value: 'treu' (one of true, false)`,
		`/c/s.conf:7: [program:web] user: Invalid user name "web" (leave the quotes out: they are part of the value)`,
		`/c/s.conf:9: [program:web] directory: the name 'programname' is unknown (did you mean %(program_name)s?)`,
		`/c/s.conf:8: [program:web] stdout_logfile_maxbytes: invalid literal for int() with base 10: '10m' (write 10MB)`,
		`/c/s.conf:4: [program:web] command: program section program:web does not specify a command (is comand= meant to be it?)`,
		`/c/s.conf:15: [group:all] programs: [group:all] names unknown program or fcgi-program apo (did you mean api?)`,
		`/c/s.conf:13: [program:api] stopsignal: value 'TREM' is not a valid signal name (a signal such as TERM, INT, QUIT, HUP, KILL, USR1 or USR2)`,
		`/c/s.conf:10: [program:api] process_name: %(process_num) must be present within process_name when numprocs > 1 (write process_name=%(program_name)s_%(process_num)02d)`,
		`/c/s.conf:11: [program:api] command: the environment variable API_PORT is not set`,
		`/c/s.conf:18: [eventlistener:l] events: Unknown event type PROCESS_STAT in [eventlistener:l] events (did you mean PROCESS_STATE?)`,
		`/c/s.conf:20: [inet_http_server] port: incomplete format (write %% for a percent sign)`,
	}
	if got := le.Details(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p := le.Problems()[0]; p.File != "/c/s.conf" || p.Line != 2 || p.Section != "supervisord" || p.Key != "loglevel" {
		t.Errorf("the first problem is %+v", p)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for path, want := range map[string]string{
		dir + "/none": "could not find config file " + dir + "/none",
		dir:           "could not read config file " + dir,
		huge:          "config file " + huge + " is too large: one file may have 16 MiB, all together 32",
	} {
		for name, load := range map[string]func() error{
			"Load":    func() error { _, err := Load(path, nil); return err },
			"LoadCtl": func() error { _, err := LoadCtl(path, nil); return err },
		} {
			var le *LoadError
			if err := load(); !errors.As(err, &le) || le.First() != want {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
		}
	}
}

func TestABadLineHidesNoOtherProblem(t *testing.T) {
	_, err := loadString("[supervisord]\nauto start\nminfds=x\n")
	var le *LoadError
	if !errors.As(err, &le) {
		t.Fatalf("got %v", err)
	}
	want := []string{
		`/c/s.conf:2: "auto start" is neither a section, a key with a value, nor a comment (a key needs = or : before its value; a further line of a value must be indented deeper than its key)`,
		`/c/s.conf:3: [supervisord] minfds: invalid literal for int() with base 10: 'x'`,
	}
	if !slices.Equal(le.Details(), want) {
		t.Errorf("got %q", le.Details())
	}
}

func TestHintsForBadLines(t *testing.T) {
	for line, want := range map[string]string{
		"=x": "the key is missing", "comand /bin/x": "write command=...",
		"rem x": "begin a comment with ; or #", "// x": "begin a comment with ; or #",
	} {
		_, err := loadString("[supervisord]\n" + line + "\n")
		var le *LoadError
		if !errors.As(err, &le) || le.Problems()[0].Hint != want {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
}

func TestAKeyThatStandsThereByAnotherName(t *testing.T) {
	for text, want := range map[string]string{
		"[program:x]\ncmd=cat\n":        "is cmd= meant to be it?",
		"[role:x]\ngroups=root\n":       "",
		"[role:x]\nusers=root\n":        "is users= meant to be it?",
		"[unix_http_server]\npath=/s\n": "is path= meant to be it?",
	} {
		_, err := loadString("[supervisord]\n" + text)
		var le *LoadError
		if !errors.As(err, &le) || le.Problems()[0].Hint != want {
			t.Errorf("%s: got %v, want hint %q", text, err, want)
		}
	}
}

func TestASectionThatWasMisspelt(t *testing.T) {
	for text, want := range map[string]string{
		"[supervisor]\n":  "is [supervisor] meant to be it?",
		"[Supervisord]\n": "is [Supervisord] meant to be it?",
		"[x]\n":           "add a line [supervisord]",
	} {
		_, err := loadString(text)
		var le *LoadError
		if !errors.As(err, &le) || le.Problems()[0].Hint != want {
			t.Errorf("%s: got %v, want hint %s", text, err, want)
		}
	}
}

func TestInclude(t *testing.T) {
	h := machine(map[string]string{
		"/c/s.conf":       "\ufeff[supervisord]\nidentifier=%(here)s|%%(here)s\n[include]\nfiles = d/*.conf nope.conf /c/d/z\n  %(here)s/%(host_node_name)s.conf /c/s*.conf /c/d\n[program:m]\ncommand=%(here)s %(here)4s\n[rpcinterface:x]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\na=%(here)s\n",
		"/c/d/b.conf":     "\ufeff[program:b]\ncommand=%(here)s\nenvironment=H=\"%(here)s\"\n[program:m]\ndirectory=%(here)s\n",
		"/c/d/a.conf":     "[program:a]\ncommand=a\n[include]\nfiles=/c/d/never\n[supervisord]\nminfds=7\n",
		"/c/node.conf":    "[program:b]\nnumprocs=1\n",
		"/c/d/never":      "[program:never]\n",
		"/c/d/.dot.conf":  "[program:dot]\n",
		"/c/d/not-a-conf": "[program:not]\n",
	})
	c, err := Load("/c/s.conf", h)
	if err != nil {
		t.Fatal(err)
	}
	wantNotes := `INFO Included extra file "/c/d/a.conf" during parsing
INFO Included extra file "/c/d/b.conf" during parsing
WARN No file matches via include "/c/nope.conf"
WARN No file matches via include "/c/d/z"
INFO Included extra file "/c/node.conf" during parsing
INFO Included extra file "/c/s.conf" during parsing
WARN /c/s.conf includes itself
INFO Included extra file "/c/d" during parsing
WARN included file "/c/d" cannot be read: file does not exist
WARN /c/d/a.conf:3: an included file includes nothing itself: this [include] is ignored
`
	if got := notesOf(c); got != wantNotes {
		t.Errorf("got notes\n%swant\n%s", got, wantNotes)
	}
	var got []string
	for _, g := range c.Groups {
		p := g.Programs[0]
		got = append(got, fmt.Sprint(p.Name, " ", p.Command, " ", p.Directory, " ", p.Environment))
	}
	want := []string{"a a  map[]", "b /c/d  map[H:/c/d]", "m /c   /c /c/d map[]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if c.Server.Identifier != "/c|%(here)s" || c.Server.MinFDs != 7 || c.RPCInterfaces[0].Settings["a"] != "/c" {
		t.Errorf("got %q, %d, %v", c.Server.Identifier, c.Server.MinFDs, c.RPCInterfaces)
	}
}

func TestErrorsOfIncludedFilesNameThem(t *testing.T) {
	h := machine(map[string]string{
		"/c/s.conf":   "[supervisord]\n[include]\nfiles=d/*\n",
		"/c/d/a.conf": "[program:a]\ncommand\n",
		"/c/d/b.conf": "[program:b]\ncommand=b\nautostart=x\n",
	})
	_, err := Load("/c/s.conf", h)
	want := "Source contains parsing errors: '/c/d/a.conf'\n\t[line  2]: 'command\\n'\n" +
		`/c/d/a.conf:2: "command" is neither a section, a key with a value, nor a comment (a key needs = or : before its value; a further line of a value must be indented deeper than its key)` + "\n" +
		"/c/d/a.conf:1: [program:a] command: program section program:a does not specify a command\n" +
		"/c/d/b.conf:3: [program:b] autostart: not a valid boolean value: 'x' (one of true, false)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestOutputsAndTheirWarnings(t *testing.T) {
	const base = "[supervisord]\nstrip_ansi=true\n[program:p]\ncommand=x\n"
	for _, tt := range []struct{ name, keys, stdout, stderr, notes string }{
		{"automatic", "", "auto", "auto", ""},
		{"none and off", "stdout_logfile=NONE\nstderr_logfile=off\n", "", "", ""},
		{"files", "stdout_logfile=/tmp/%(program_name)s\nstderr_logfile=~root/x\n", "/tmp/p", "! ", ""},
		{"a percent sign, the old way and the new", "stdout_logfile=/tmp/a%%%%b\nstderr_logfile=/tmp/a%%b\n", "/tmp/a%b", "/tmp/a%b", ""},
		{"syslog", "stdout_logfile=SYSLOG\nstderr_syslog=true\n", "syslog", "auto syslog", "WARN For [program:p], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead.\n"},
		{"no rotation", "stdout_logfile_maxbytes=0\n", "auto", "auto", "WARN For [program:p], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally\n"},
		{"stderr into stdout", "redirect_stderr=true\n", "auto", "", ""},
		{"stderr into stdout and a file", "redirect_stderr=true\nstderr_logfile=/tmp/x\n", "auto", "", "WARN For [program:p], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored\n"},
		{"stderr into stdout and nowhere", "redirect_stderr=true\nstderr_logfile=none\n", "auto", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := loadString(base + tt.keys)
			if tt.stderr == "! " {
				if err == nil {
					t.Error("a log in a directory that is not there was accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			p := c.Groups[0].Programs[0]
			show := func(o Output) string {
				words := []string{}
				if o.Auto {
					words = append(words, "auto")
				}
				if o.Logfile != "" {
					words = append(words, o.Logfile)
				}
				if o.Syslog {
					words = append(words, "syslog")
				}
				return strings.Join(words, " ")
			}
			if show(p.Stdout) != tt.stdout || show(p.Stderr) != tt.stderr || !p.Stdout.StripANSI {
				t.Errorf("got %q and %q", show(p.Stdout), show(p.Stderr))
			}
			if got := notesOf(c); got != tt.notes {
				t.Errorf("got notes %s, want %s", got, tt.notes)
			}
		})
	}
}

func TestNamesOfProcesses(t *testing.T) {
	c := mustLoad(t, `[supervisord]
environment=A=1,B=2
[program:p]
command=%(ENV_A)s%(ENV_B)s%(ENV_C)s%(ENV_PORT)s %(numprocs)d %(group_name)s %(host_node_name)s %(here)s
process_name=%(program_name)s%(process_num)d
numprocs=3
numprocs_start=9
environment=B=3,C="%(ENV_A)s-%(process_num)d"
[program:q]
command=%(program_name)s
[group:g]
programs=q, p, p
`)
	if len(c.Groups) != 1 {
		t.Fatalf("got %d groups", len(c.Groups))
	}
	var got []string
	for _, p := range c.Groups[0].Programs {
		got = append(got, p.Group+":"+p.Name+" "+p.Command)
	}
	want := []string{"g:q q", "g:p10 131-1080 3 g node /c", "g:p11 131-1180 3 g node /c", "g:p9 131-980 3 g node /c"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if env := c.Groups[0].Programs[1].Environment; fmt.Sprint(env) != "map[A:1 B:3 C:1-10]" {
		t.Errorf("the environment is %v", env)
	}
	if env := c.Groups[0].Programs[0].Environment; fmt.Sprint(env) != "map[A:1 B:2]" {
		t.Errorf("another program's environment is %v", env)
	}
}

func TestHiddenGroupsAndProcessesAreReported(t *testing.T) {
	c := mustLoad(t, "[supervisord]\n[program:a]\ncommand=a\n[program:b]\ncommand=b\n[group:a]\nprograms=b\npriority=1000\n"+
		"[program:n]\ncommand=%(process_num)d\nnumprocs=2\nprocess_name=x%(process_num).0s\n")
	want := "WARN Two groups are named a: the one of kind program is used, the one of kind group is ignored\n" +
		"WARN Several processes of group n are named x: only the last one, of [program:n], is used\n"
	if got := notesOf(c); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(c.Groups) != 2 || len(c.Groups[1].Programs) != 1 || c.Groups[1].Programs[0].Command != "1" {
		t.Errorf("got %d groups", len(c.Groups))
	}
}

func TestLostTextInEnvironmentIsNoted(t *testing.T) {
	c := mustLoad(t, "[supervisord]\n[program:p]\ncommand=x\nnumprocs=2\nprocess_name=%(process_num)d\nenvironment=A=a b\n")
	want := "WARN For [program:p], environment: the value of A ends before 'b', which is dropped; put it in quotes\n"
	if got := notesOf(c); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Small files that ask for a lot are refused before they cost a lot.
func TestMultiplicationIsBounded(t *testing.T) {
	var env, procs strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&env, "V%d=1,", i)
	}
	for i := range 10 {
		fmt.Fprintf(&procs, "[program:%d]\ncommand=x\nnumprocs=9999\nprocess_name=%%(process_num)d\n", i)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"environments", "[supervisord]\nenvironment=" + env.String() + "\n[program:p]\ncommand=x\nnumprocs=9999\nprocess_name=%(process_num)d\nenvironment=A=1\n", "the environments of all programs together have more than 5000000 variables"},
		{"commands", "[supervisord]\n[program:p]\ncommand=%(process_num)d" + strings.Repeat("x", 1<<19) + "\nnumprocs=9999\nprocess_name=%(process_num)d\n", "all expanded values together are longer than 256 MiB"},
		{"processes", "[supervisord]\n" + procs.String(), "more than 50000 processes in all"},
		{"rpcinterfaces", "[supervisord]\n" + manyRPC(101), "more than 100 [rpcinterface:] sections"},
		{"patterns", "[supervisord]\n[include]\nfiles=" + strings.Repeat("a ", 10_001), "more than 10000 patterns"},
		{"members", "[supervisord]\n[group:g]\nprograms=" + strings.Repeat("a,", 400_000), "[group:g] names unknown program or fcgi-program a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			cost := allocated(func() { _, err = loadString(tt.text) })
			var le *LoadError
			if !errors.As(err, &le) || !strings.HasPrefix(le.First(), tt.want) {
				t.Errorf("got %.200v, want %s", err, tt.want)
			}
			if cost > 4<<30 {
				t.Errorf("it took %d MiB in all", cost>>20)
			}
		})
	}
}

// allocated returns how many bytes f asked for, freed ones included: work that
// grows faster than its input shows in it, whatever else the machine does.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func manyRPC(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[rpcinterface:%d]\nsupervisor.rpcinterface_factory=%s\n", i, MainRPCInterface)
	}
	return b.String()
}
