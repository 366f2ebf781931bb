package conf

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checked is the machine of the checks: it has a few commands, of which all but
// /bin/plain can be run.
func checked(files map[string]string) *Host {
	all := map[string]string{"/bin/cat": "", "/bin/plain": "", "/opt/bin/tool": "", "/app/run": "", "/dev/stdout": ""}
	for name, text := range files {
		all[name] = text
	}
	h := machine(all)
	h.Environ = append(h.Environ, "PATH=/bin")
	h.Executable = func(p string) bool { return p != "/bin/plain" }
	return h
}

func lines(findings []Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, f.String())
	}
	return list
}

// withoutNotes takes out what TestStopTime is about.
func withoutNotes(findings []Finding) []Finding {
	return slices.DeleteFunc(findings, func(f Finding) bool { return f.Severity == SeverityNote })
}

// withoutHints takes the hints from the errors, which are those of loading.
func withoutHints(findings []Finding) []Finding {
	for i := range findings {
		if findings[i].Severity == SeverityError {
			findings[i].Hint = ""
		}
	}
	return findings
}

func compareLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// Every configuration begins with [supervisord] on line 1; want leaves the name
// of the file out.
func TestCheck(t *testing.T) {
	const in = "a ; behind a blank begins a comment, even in quotes"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing to say", "[program:a]\ncommand=cat ; a comment\nstdout_logfile=/var/log/a\n", nil},
		{"an error", "minfds=x\n", []string{":2: error: [supervisord] minfds: invalid literal for int() with base 10: 'x'"}},
		{"an error without the list of names", "identifier=%(ENV_NO)s\n",
			[]string{":2: error: [supervisord] identifier: Format string '%(ENV_NO)s' for 'supervisord.identifier' contains names ('ENV_NO') which cannot be expanded"}},
		{"errors before warnings", "foo=1\nminfds=x\n", []string{
			":3: error: [supervisord] minfds: invalid literal for int() with base 10: 'x'",
			":2: warning: [supervisord] foo: the key is unknown and ignored"}},

		{"signals for nobody", "signal_map=USR1:a=HUP,USR1:web=HUP,USR2:g:x=HUP,HUP:all=HUP\n[program:a]\ncommand=cat\n", []string{
			":2: warning: [supervisord] signal_map: nothing is named g:x",
			":2: warning: [supervisord] signal_map: nothing is named web"}},
		{"an exit that restarts for ever", "[program:a]\ncommand=cat\nautorestart=true\non_exit=shutdown\n", []string{
			":5: warning: [program:a] on_exit: on_exit never takes effect, because autorestart=true starts the program again after every exit (set autorestart=false, or use on_fatal)"}},
		{"forms of lines that have none", "[program:a]\ncommand=cat\nlog_prefix=x\nlog_timestamps=epoch\n", []string{
			":4: warning: [program:a] log_prefix: log_prefix has no effect with log_format=raw (set log_format=prefix, json or logfmt)",
			":5: warning: [program:a] log_timestamps: log_timestamps has no effect with log_format=raw (set log_format=prefix, json or logfmt)"}},
		{"a form of lines that go elsewhere", "[program:a]\ncommand=cat\nlog_format=json\nlog_backpressure=drop\n", []string{
			":4: warning: [program:a] log_format: log_format has no effect: neither output goes to that of supervisord (set stdout_logfile=/dev/stdout)",
			":5: warning: [program:a] log_backpressure: log_backpressure has no effect: neither output goes to that of supervisord (set stdout_logfile=/dev/stdout)"}},
		{"forms of lines for all", "[program-defaults]\nlog_format=json\nlog_prefix=x\n[program:a]\ncommand=cat\n[program:b]\ncommand=cat\nstdout_logfile=-\nlog_format=raw\n", nil},
		{"an exit that may be for good", "[program:a]\ncommand=cat\nautorestart=unexpected\non_exit=shutdown\n", nil},
		{"a key that is misspelt", "[program:a]\ncommand=cat\nstopsignl=INT\n", []string{":4: warning: [program:a] stopsignl: the key is unknown and ignored (did you mean stopsignal?)"}},
		{"a key of another section", "[program:a]\ncommand=cat\nnodaemon=true\nevents=EVENT\nlogfile=/x\n", []string{
			":4: warning: [program:a] nodaemon: the key is unknown and ignored (it is a key of [supervisord])",
			":5: warning: [program:a] events: the key is unknown and ignored (it is a key of [eventlistener:NAME])",
			":6: warning: [program:a] logfile: the key is unknown and ignored (did you mean stdout_logfile?)"}},
		{"keys of programs in the daemon's section", "log_format=prefix\nautorestart=true\nprocess_name=x\n", []string{
			":2: warning: [supervisord] log_format: the key is unknown and ignored (it is a key of [program:NAME], for all programs of [program-defaults])",
			":3: warning: [supervisord] autorestart: the key is unknown and ignored (it is a key of [program:NAME], for all programs of [program-defaults])",
			":4: warning: [supervisord] process_name: the key is unknown and ignored (it is a key of [program:NAME])"}},
		{"keys of the daemon in the defaults of programs", "[program-defaults]\nloglevel=debug\ncwd=/\n", []string{
			":3: warning: [program-defaults] loglevel: the key is unknown and ignored (it is a key of [supervisord])",
			":4: warning: [program-defaults] cwd: the key is unknown and ignored (did you mean directory?)"}},
		{"keys by the names that others give them", "[unix_http_server]\nfile=/tmp/s\nchmod=0777\nowner=root\n[rpcinterface:s]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n" +
			"[role:r]\nuids=0\ngroups=root\nfoo=1\n", []string{
			":5: warning: [unix_http_server] owner: the key is unknown and ignored (did you mean chown?)",
			":10: warning: [role:r] groups: the key is unknown and ignored (did you mean gids?)",
			":11: warning: [role:r] foo: the key is unknown and ignored"}},
		{"a role of nobody, by another name", "[role:r]\nusers=root\n", []string{
			":2: error: [role:r] uids: section [role:r] has neither uids nor gids",
			":2: warning: [role:r] the role has no effect: there is no [unix_http_server], and only a UNIX socket tells who connects",
			":3: warning: [role:r] users: the key is unknown and ignored (did you mean uids?)"}},
		{"a key of DEFAULT that nobody reads", "[DEFAULT]\ndirectory=/tmp\nfoo=x\n", []string{":4: warning: [DEFAULT] foo: the key is unknown and ignored"}},
		{"sections that are misspelt", "[progam:a]\n[Program:b]\n[ program:c]\n[program d]\n[program]\n[inet_htp_server]\n[zzz]\nk=v\n", []string{
			":2: warning: [progam:a] the section is unknown and ignored (did you mean [program:a]?)",
			":3: warning: [Program:b] the section is unknown and ignored (did you mean [program:b]?)",
			":4: warning: [ program:c] the section is unknown and ignored (did you mean [program:c]?)",
			":5: warning: [program d] the section is unknown and ignored (did you mean [program:d]?)",
			":6: warning: [program] the section is unknown and ignored (did you mean [program:NAME]?)",
			":7: warning: [inet_htp_server] the section is unknown and ignored (did you mean [inet_http_server]?)",
			":8: warning: [zzz] the section is unknown and ignored"}},
		{"both names of the defaults", "[program-default]\nstartsecs=1\n[program-defaults]\nstartsecs=2\n",
			[]string{":2: warning: [program-default] there is [program-defaults] too, which wins where both set a key (keep one of them)"}},
		{"a header without its bracket", "[program:a\ncommand=cat\n", []string{
			`:2: warning: "[program:a" is no section header, because it has no closing bracket; it was read as a key of [supervisord]`,
			":3: warning: [supervisord] command: the key is unknown and ignored (it is a key of [program:NAME])"}},

		{"a key that is set twice", "[program:a]\ncommand=cat\npriority=1\n[group:g]\nprograms=a\n[program:a]\npriority=2\n",
			[]string{":4: warning: [program:a] priority: the value is not used: /c/s.conf:8 sets the key again"}},

		{"quotes that a comment cuts", "[program:a]\ncommand=cat \"a ; b\"\n", []string{
			":3: warning: [program:a] command: the command cannot be split into words: No closing quotation",
			`:3: warning: [program:a] command: the value ends before '; b"', which is taken for a comment (` + in + "; leave the blank out, or move the command into a script)"}},
		{"a command that a comment cuts", "[program:a]\ncommand=cat x ; cd /y\n", []string{
			":3: warning: [program:a] command: the value ends before '; cd /y', which is taken for a comment (" + in + "; leave the blank out, or move the command into a script)"}},
		{"a password that a comment cuts", "[unix_http_server]\nfile=/tmp/s\nusername=u\npassword=ab #cd\n[rpcinterface:s]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n",
			[]string{":5: warning: [unix_http_server] password: the value ends before '#...', which is taken for a comment (a # behind a blank begins a comment, even in quotes)"}},
		{"a later line that a comment cuts", "[program:a]\ncommand=cat\n  'x\n  #y\n  z ;w'\n", []string{
			":3: warning: [program:a] command: the command cannot be split into words: No closing quotation",
			`:6: warning: [program:a] command: the value ends before ";w'", which is taken for a comment (` + in + "; leave the blank out, or move the command into a script)"}},
		{"quotes around another value", "identifier=\"a ; b\"\n", []string{`:2: warning: [supervisord] identifier: the value ends before '; b"', which is taken for a comment (` + in + ")"}},
		{"ordinary comments", "identifier=it's ; don't\n[program:a]\ncommand=cat ; the program\n  -u ;; flags\nenvironment=A=\"x\" # a, b\npriority=1 ;low\n", nil},

		{"commands that are not there", "[program:a]\ncommand=dog -x\n[program:b]\ncommand=/bin/dog\n[program:c]\ncommand=./dog\n[program:d]\ncommand=~/dog\n[program:e]\ncommand=cd /x\n[program:f]\ncommand=A=1 cat\n", []string{
			":3: warning: [program:a] command: can't find command 'dog' (PATH is /bin)",
			":5: warning: [program:b] command: can't find command '/bin/dog'",
			":7: warning: [program:c] command: can't find command './dog' (a relative path begins where supervisord was started, not in directory=)",
			":9: warning: [program:d] command: can't find command '~/dog' (no shell reads the command: write the path in full, or %(ENV_NAME)s for a variable)",
			":11: warning: [program:e] command: can't find command 'cd' (it is a word of the shell: write /bin/sh -c '...')",
			":13: warning: [program:f] command: can't find command 'A=1' (variables are set in environment=)"}},
		{"commands beside a program", "[program:a]\ncommand=cat\nstop_command=quit now\nreload_command=cat x > y\nstopwaitsecs=0\n", []string{
			":4: warning: [program:a] stop_command: can't find command 'quit' (PATH is /bin)",
			":4: warning: [program:a] stop_command: stop_command is never run, because stopwaitsecs leaves it no time",
			":5: warning: [program:a] reload_command: '>' is given to the program as an argument: no shell reads the command (write /bin/sh -c '...')"}},
		{"commands that cannot be run", "[program:a]\ncommand=plain\n[program:b]\ncommand=/opt/bin\n[program:c]\ncommand=\n", []string{
			":3: warning: [program:a] command: command at '/bin/plain' is not executable (PATH is /bin)",
			":5: warning: [program:b] command: command at '/opt/bin' is a directory",
			":7: warning: [program:c] command: the command is empty"}},
		{"the PATH of the program counts", "[program:a]\ncommand=tool\nenvironment=PATH=\"/opt/bin:/bin\"\n[program:b]\ncommand=cat\nenvironment=PATH=\"/opt/bin\"\n",
			[]string{":6: warning: [program:b] command: can't find command 'cat' (PATH is /opt/bin)"}},
		{"the listener that is built in", "[eventlistener:e]\ncommand=supervisor_stdout\nevents=PROCESS_LOG\nresult_handler=" + StdoutHandler + "\n[program:b]\ncommand=./supervisor_stdout\n",
			[]string{":7: warning: [program:b] command: can't find command './supervisor_stdout' (a relative path begins where supervisord was started, not in directory=)"}},
		{"the first command of PATH counts", "environment=PATH=\"/:/bin\"\n[program:a]\ncommand=app\n", []string{":4: warning: [program:a] command: command at '/app' is a directory (PATH is /:/bin)"}},
		{"a relative command begins in the daemon's directory", "directory=/app\n[program:a]\ncommand=./run\ndirectory=/tmp\n", nil},
		{"words that only a shell understands", "[program:a]\ncommand=cat a && cat b\n[program:b]\ncommand=cat '&&'x > y\n", []string{
			":3: warning: [program:a] command: '&&' is given to the program as an argument: no shell reads the command (write /bin/sh -c '...')",
			":5: warning: [program:b] command: '>' is given to the program as an argument: no shell reads the command (write /bin/sh -c '...')"}},
		{"directories that are not there", "[program:a]\ncommand=cat\ndirectory=/nope\n[program:b]\ncommand=cat\ndirectory=~root\n[unix_http_server]\nfile=/nope/s\n[rpcinterface:s]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n[fcgi-program:f]\ncommand=cat\nsocket=unix:///nope/f\n", []string{
			":4: warning: [program:a] directory: /nope is not an existing directory",
			":7: warning: [program:b] directory: ~root is not an existing directory (the ~ is not expanded here)",
			":9: warning: [unix_http_server] file: /nope is not an existing directory",
			":14: warning: [fcgi-program:f] socket: /nope is not an existing directory"}},
		{"a user that is not there", "[program:a]\ncommand=cat\nuser=nope\n", []string{":4: error: [program:a] user: Invalid user name nope"}},
		{"a log in a directory that is not there", "[program:a]\ncommand=cat\nstdout_logfile=/nope/x\n", []string{":4: error: [program:a] stdout_logfile: The directory named as part of the path /nope/x does not exist"}},

		{"one log of two programs", "[program:a]\ncommand=cat\nstdout_logfile=/var/log/x\n[program:b]\ncommand=cat\nstderr_logfile=/var/log/../log/x\n",
			[]string{":7: warning: [program:b] stderr_logfile: the log file /var/log/x is also stdout_logfile of [program:a] (/c/s.conf:4) (give each a file of its own: one rotates it under the other)"}},
		{"one log of two channels", "[program:a]\ncommand=cat\nstdout_logfile=/var/log/x\nstderr_logfile=/var/log/x\nstdout_logfile_maxbytes=0\nstderr_logfile_maxbytes=0\n",
			[]string{":5: warning: [program:a] stderr_logfile: the log file /var/log/x is also stdout_logfile of [program:a] (/c/s.conf:4) (set redirect_stderr=true and leave stderr_logfile out)"}},
		{"one log of the daemon and a program", "[program:a]\ncommand=cat\nstdout_logfile=/supervisord.log\n",
			[]string{":4: warning: [program:a] stdout_logfile: the log file /supervisord.log is also logfile of [supervisord] (/c/s.conf:1) (give each a file of its own: one rotates it under the other)"}},
		{"one log of several processes", "[program:a]\ncommand=cat\nnumprocs=3\nprocess_name=%(process_num)d\nstdout_logfile=/var/log/x\n",
			[]string{":6: warning: [program:a] stdout_logfile: several processes write to the same log file /var/log/x (put %(process_num)d into its name)"}},
		{"devices may have many writers", "logfile=/dev/stdout\n[program:a]\ncommand=cat\nstdout_logfile=/dev/stdout\nstderr_logfile=/dev/stdout\n", nil},
		{"a stderr log that is not used", "[program:a]\ncommand=cat\nredirect_stderr=true\nstderr_logfile=/var/log/x\n",
			[]string{":5: warning: [program:a] stderr_logfile: redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored"}},
		{"a log that grows for ever", "[program:a]\ncommand=cat\nstdout_logfile_maxbytes=0\n",
			[]string{":4: warning: [program:a] stdout_logfile_maxbytes: AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally"}},

		{"two readings of one value", "[program:a]\ncommand=cat\nenvironment=A='\"x\"',MY_KEY='\"y\"',\"B\"=1\n", []string{
			`:4: warning: [program:a] environment: A is 'x' here and up to 4.3, but may be '"x"' in releases after it (write NAME="value", with no other quotes and no backslash in it)`,
			`:4: warning: [program:a] environment: MY_KEY has another value here than in releases of Supervisor after 4.3 (write NAME="value", with no other quotes and no backslash in it)`,
			`:4: warning: [program:a] environment: the name '"B"' is read otherwise by releases of Supervisor after 4.3 (write names without quotes)`}},
		{"a reading that a later release refuses", "environment=A=it's\n",
			[]string{`:2: warning: [supervisord] environment: releases of Supervisor after 4.3 may refuse the value: No closing quotation (write NAME="value", with no other quotes and no backslash in it)`}},
		{"text that is dropped", "environment=A=a b\n", []string{":2: warning: [supervisord] environment: the value of A ends before 'b', which is dropped; put it in quotes"}},
		{"a variable that is none", "environment=A=$HOME\n", []string{":2: warning: [supervisord] environment: the value of A ends before 'HOME', which is dropped; put it in quotes (write %(ENV_NAME)s for the variable NAME)"}},
		{"a comment within the value", "environment=A=a#b,B=\"#\"\n", []string{`:2: warning: [supervisord] environment: '#b,B="#"' is dropped: outside quotes a # begins a comment (put the value in quotes)`}},
		{"a variable that is set twice", "environment=A=1,B=2,A=3\nenv_default=A='\"'\n", []string{":2: warning: [supervisord] environment: A is set twice; the last one counts"}},

		{"processes of one name", "[program:a]\ncommand=cat\nnumprocs=2\nprocess_name=x%(process_num).0s\n",
			[]string{":5: warning: [program:a] process_name: several processes of group a are named x; only the last one, of [program:a], is used"}},
		{"groups of one name", "[program:a]\ncommand=cat\n[program:b]\ncommand=cat\n[group:a]\nprograms=b\npriority=1000\n",
			[]string{":6: warning: [group:a] another group is named a, that of [program:a]; this one is ignored"}},
		{"a group without programs", "[group:g]\n[group:h]\nprograms=\n", []string{
			":2: warning: [group:g] programs: the group has no programs", ":4: warning: [group:h] programs: the group has no programs"}},
		{"a program in two groups", "[program:a]\ncommand=cat\n[group:g]\nprograms=a\n[group:h]\nprograms=a\n",
			[]string{":7: warning: [group:h] programs: [program:a] is in [group:g] too, and runs once for each"}},
		{"plugins", "[ctlplugin:x]\nsupervisor.ctl_factory=a:b\n[rpcinterface:s]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\na=b\n", []string{
			":2: warning: [ctlplugin:x] the section is ignored: Python plugins cannot be loaded",
			":6: warning: [rpcinterface:s] a: the setting has no effect: the built-in interface takes none"}},
		{"a server without an interface", "[inet_http_server]\nport=localhost:80\n",
			[]string{":2: warning: [inet_http_server] there is no [rpcinterface:supervisor], so supervisorctl cannot work (add it, with supervisor.rpcinterface_factory=" + MainRPCInterface + ")"}},
		{"numbers that nobody means", "[program:a]\ncommand=cat\nstartsecs=-1\nstopwaitsecs=-2\nstopsignal=0\nstdout_logfile_backups=-1\n[program:b]\ncommand=cat\nnumprocs=0\n", []string{
			":4: warning: [program:a] startsecs: the number is negative: -1",
			":5: warning: [program:a] stopwaitsecs: the number is negative: -2",
			":6: warning: [program:a] stopsignal: 0 is no signal: the program is only killed, after stopwaitsecs",
			":7: warning: [program:a] stdout_logfile_backups: the number is negative: -1",
			":10: warning: [program:b] numprocs: with 0 processes nothing is run"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lines(withoutHints(withoutNotes(Check("/c/s.conf", checked(map[string]string{"/c/s.conf": "[supervisord]\n" + tt.text})))))
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], "/c/s.conf")
			}
			compareLines(t, got, tt.want)
		})
	}
}

func TestCheckOfIncludes(t *testing.T) {
	h := checked(map[string]string{
		"/c/s.conf":   "[supervisord]\n[include]\nfiles = no*.conf d/*.conf\n  d/a.conf s.conf d\n[program:a]\ncommand=dog\n",
		"/c/d/a.conf": "[program:a]\ncommand=cat\n[include]\nfiles=x\n",
		"/c/d/b.conf": "[program:a]\ncommand=cat\nfoo=1\n",
	})
	compareLines(t, lines(Check("/c/s.conf", h)), []string{
		"/c/s.conf:3: warning: [include] files: /c/d cannot be read: file does not exist",
		"/c/s.conf:3: warning: [include] files: /c/d/a.conf is included twice",
		"/c/s.conf:3: warning: [include] files: /c/s.conf includes itself",
		"/c/s.conf:3: warning: [include] files: no file matches /c/no*.conf",
		"/c/s.conf:6: warning: [program:a] command: can't find command 'dog' (PATH is /bin)",
		"/c/d/a.conf:2: warning: [program:a] command: the value is not used: /c/s.conf:6 sets the key again",
		"/c/d/a.conf:3: warning: an included file includes nothing itself: this [include] is ignored",
		"/c/d/a.conf:4: warning: [include] files: the value is not used: /c/s.conf:3 sets the key again",
		"/c/d/b.conf:2: warning: [program:a] command: the value is not used: /c/s.conf:6 sets the key again",
		"/c/d/b.conf:3: warning: [program:a] foo: the key is unknown and ignored",
	})
}

func TestCheckOfFilesThatAreNone(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        {"/c/s.conf: error: .ini file does not include supervisord section"},
		"[program:a]\ncomand=x\n": {"/c/s.conf: error: .ini file does not include supervisord section", "/c/s.conf:2: warning: [program:a] comand: the key is unknown and ignored (did you mean command?)"},
		"x=y\n":                   {`/c/s.conf:1: error: "x=y" stands before the first section`},
		"[supervisord]\nx\n":      {`/c/s.conf:2: error: "x" is neither a section, a key with a value, nor a comment`},
	} {
		compareLines(t, lines(withoutHints(Check("/c/s.conf", checked(map[string]string{"/c/s.conf": text})))), want)
	}
	compareLines(t, lines(withoutHints(Check("/c/none", checked(nil)))), []string{"/c/none: error: could not find config file /c/none"})
}

func TestStrictMakesWarningsErrors(t *testing.T) {
	load := func(text string) error {
		_, err := Load("/c/s.conf", checked(map[string]string{"/c/s.conf": text}))
		return err
	}
	const program = "[program:a]\ncommand=dog\nenvironment=A=it's\nfoo=1\n"
	if err := load("[supervisord]\nstrict=false\n" + program); err != nil {
		t.Errorf("without strict: %v", err)
	}
	if err := load("[supervisord]\nstrict=true\n[program:a]\ncommand=cat\n"); err != nil {
		t.Errorf("without warnings: %v", err)
	}
	var le *LoadError
	if err := load("[supervisord]\nstrict=Yes\n" + program); !errors.As(err, &le) {
		t.Fatalf("got %v", err)
	}
	if want := "strict=true is set, and the check has warnings: 3"; le.First() != want {
		t.Errorf("got %s, want %s", le.First(), want)
	}
	compareLines(t, le.Details(), []string{
		"/c/s.conf:4: [program:a] command: can't find command 'dog' (PATH is /bin)",
		`/c/s.conf:5: [program:a] environment: releases of Supervisor after 4.3 may refuse the value: No closing quotation (write NAME="value", with no other quotes and no backslash in it)`,
		"/c/s.conf:6: [program:a] foo: the key is unknown and ignored",
	})
	if err := load("[supervisord]\nstrict=perhaps\n"); err == nil || !strings.HasPrefix(err.Error(), "not a valid boolean value: 'perhaps'") {
		t.Errorf("got %v", err)
	}
}

func TestFindingsAsJSON(t *testing.T) {
	findings := withoutHints(Check("/c/s.conf", checked(map[string]string{"/c/s.conf": "[supervisord]\nminfds=<x>\nfoo=1\n"})))
	want := `[
  {
    "severity": "error",
    "file": "/c/s.conf",
    "line": 2,
    "section": "supervisord",
    "key": "minfds",
    "text": "invalid literal for int() with base 10: '<x>'",
    "hint": ""
  },
  {
    "severity": "warning",
    "file": "/c/s.conf",
    "line": 3,
    "section": "supervisord",
    "key": "foo",
    "text": "the key is unknown and ignored",
    "hint": ""
  }
]
`
	if got := string(FindingsJSON(findings)); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(FindingsJSON(nil)); got != "[]\n" {
		t.Errorf("nothing is %q", got)
	}
}

func TestManyWarningsAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("[supervisord]\n")
	for i := range maxWarnings {
		fmt.Fprintf(&text, "[program:p%d]\ncommand=dog\n", i)
	}
	text.WriteString("[zzz]\n[yyy]\n")
	findings := withoutNotes(Check("/c/s.conf", checked(map[string]string{"/c/s.conf": text.String()})))
	last := findings[0] // it has no line
	if len(findings) != maxWarnings+1 || last.Text != "there are more warnings than are shown" {
		t.Errorf("got %d findings, with %v", len(findings), last)
	}
}

// TestCheckOfARealDirectory uses the machine as it is.
func TestCheckOfARealDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"run": 0o755, "plain": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "s.conf")
	text := "[supervisord]\nlogfile=%(here)s/l\npidfile=%(here)s/p\n[program:a]\ncommand=%(here)s/run\n[program:b]\ncommand=%(here)s/plain\n[program:c]\ncommand=%(here)s/none\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	compareLines(t, lines(withoutNotes(Check(file, nil))), []string{
		file + ":7: warning: [program:b] command: command at '" + dir + "/plain' is not executable",
		file + ":9: warning: [program:c] command: can't find command '" + dir + "/none'",
	})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("the check left something behind: %v, %v", entries, err)
	}
}

func TestEveryKeyIsKnownSomewhere(t *testing.T) {
	for _, key := range allKeys() {
		if !slices.ContainsFunc(kinds, func(k kind) bool { return k.word != defaultSection && slices.Contains(k.keys(), key) }) {
			t.Errorf("no kind of section has %s", key)
		}
	}
	for section, keys := range extensions() {
		if kindOf(section) == nil {
			section += ":x" // a kind with names
		}
		for _, key := range keys {
			if !slices.Contains(knownKeys(section), key) {
				t.Errorf("[%s] does not have %s", section, key)
			}
		}
		if kindOf(section) == nil {
			t.Errorf("[%s] is no section", section)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("[supervisord]\nenvironment=A='\"',B=#\n[program:a]\ncommand=x \"; y\" && z\nstdout_logfile=/tmp/a%%b\n[program:a]\ncommand=./y ;z\n")
	f.Add("\ufeff[supervisord]\nstrict=1\nenv_default=A_KEY=secretsecret\n[program-defaults]\ncommand=%(ENV_A_KEY).3s\n[program:p]\n[include]\nfiles=/c/*\n")
	f.Add("[supervisord]\n[fcgi-program:f]\ncommand=x\nsocket=unix:///x/y\n[group:g]\nprograms=f\n[eventlistener:e]\nevents=EVENT\ncommand=\nnumprocs=-1\n")
	f.Add("[supervisord]\n[inet_http_server]\nport=80\n[role:x]\nuids=0,root\naccess=operate\nprograms=a*,b:*\n[metrics]\ntextfile=/m\ninterval=1\n")
	f.Add("[DEFAULT]\na=b\n[x\n[rpcinterface:x]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n[ctlplugin:y]\nb=c\n[supervisord]\nk=\"a ; b\"\n")
	f.Add("[supervisord]\n[hook:h]\nevents=TICK_5,\nprograms=a*,b:?\ncommand=x %(hook_name)s\ntimeout=0\nparallel=0\nenvironment=A_KEY=secretsecret\n")
	f.Fuzz(func(t *testing.T, text string) {
		h := checked(map[string]string{"/c/s.conf": text})
		findings := Check("/c/s.conf", h)
		refused := slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == SeverityError })
		r, err := Read("/c/s.conf", h)
		if err == nil {
			err = r.Config.Exposed()
		}
		if refused != (err != nil) && !strings.Contains(fmt.Sprint(err), "strict=true") {
			t.Errorf("the check says %q, but loading %v", lines(findings), err)
		}
		if !slices.Equal(lines(findings), lines(Check("/c/s.conf", h))) {
			t.Error("two checks differ")
		}
		for _, list := range [][]Finding{findings, CheckUpstream("/c/s.conf", h)} {
			var back []Finding
			if err := json.Unmarshal(FindingsJSON(list), &back); err != nil || len(back) != len(list) {
				t.Errorf("%d findings became %d (%v)", len(list), len(back), err)
			}
		}
		if r != nil {
			var out strings.Builder
			WriteBlocks(&out, r.Explain(nil))
			for _, secret := range []string{"secretsecret"} {
				if strings.Contains(out.String(), "A_KEY=\""+secret) {
					t.Errorf("a secret was printed: %s", out.String())
				}
			}
		}
	})
}

func BenchmarkCheckThousandPrograms(b *testing.B) {
	h := checked(map[string]string{"/c/s.conf": thousandPrograms()})
	for b.Loop() {
		// The command is not there, and all of them take their time to stop.
		if findings := Check("/c/s.conf", h); len(findings) != 1001 {
			b.Fatal(len(findings), lines(findings)[:5])
		}
	}
}
