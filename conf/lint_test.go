package conf

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every configuration begins with [supervisord] on line 1; want leaves the name
// of the file out.
func TestCheckUpstream(t *testing.T) {
	const prog = "[program:a]\ncommand=cat\n"
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing that it does not take", prog + "stdout_logfile=/var/log/a%%%%b\nenvironment=A=\"1\",B='2'\n[rpcinterface:s]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\n", nil},
		{"what both refuse", "minfds=x\n", []string{":2: error: [supervisord] minfds: invalid literal for int() with base 10: 'x'"}},
		{"our keys", "strict=false\nupdate_mode=group\nenv_default=A=1\n" + prog, []string{
			":2: warning: [supervisord] strict: the key is an extension and ignored",
			":3: warning: [supervisord] update_mode: the key is an extension and ignored",
			":4: warning: [supervisord] env_default: the key is an extension and ignored"}},
		{"our keys of programs", prog + "on_exit=shutdown\n[eventlistener:e]\ncommand=cat\nevents=EVENT\nlog_ring=0\n", []string{
			":4: warning: [program:a] on_exit: the key is an extension and ignored",
			":8: warning: [eventlistener:e] log_ring: the key is an extension and ignored"}},
		{"our own output", prog + "stdout_logfile=-\nstderr_logfile=/tmp/-\n", []string{
			":4: warning: [program:a] stdout_logfile: the output goes into a file called -"}},
		{"our keys as defaults of everything", "[DEFAULT]\nstrict=false\nnope=1\n", []string{
			":3: warning: [DEFAULT] strict: the key is unknown and ignored",
			":4: warning: [DEFAULT] nope: the key is unknown and ignored"}},
		{"our section", "[program-defaults]\nstartsecs=5\nstartsecs=6\n" + prog, []string{
			":2: warning: [program-defaults] the section is an extension and ignored",
			":3: warning: [program-defaults] startsecs: the key is in a section that is ignored",
			":4: warning: [program-defaults] startsecs: the key is in a section that is ignored"}},
		{"what is missing without our section", "[program-defaults]\ncommand=cat\nsocket=unix:///tmp/x\n[program:a]\n[fcgi-program:f]\n", []string{
			":5: error: [program:a] command: program section program:a does not specify a command (that of [program-defaults] does not count)",
			`:6: error: [fcgi-program:f] socket: [fcgi-program:f] section requires a "socket" line (that of [program-defaults] does not count)`,
			":6: error: [fcgi-program:f] command: program section fcgi-program:f does not specify a command (that of [program-defaults] does not count)",
			":2: warning: [program-defaults] the section is an extension and ignored",
			":3: warning: [program-defaults] command: the key is in a section that is ignored",
			":4: warning: [program-defaults] socket: the key is in a section that is ignored"}},
		{"a wrong value in our section is nothing to it", "[program-defaults]\nautostart=perhaps\n" + prog, []string{
			":2: warning: [program-defaults] the section is an extension and ignored",
			":3: warning: [program-defaults] autostart: the key is in a section that is ignored"}},
		{"variables that only env_default sets", "env_default=A=1,PORT=2\n[program:a]\ncommand=cat %(ENV_A)s %(ENV_PORT)s\n", []string{
			":4: error: [program:a] command: Format string 'cat %(ENV_A)s %(ENV_PORT)s' for 'program:a.command' contains names ('ENV_A') which cannot be expanded (A is set by env_default= only)",
			":2: warning: [supervisord] env_default: the key is an extension and ignored"}},
		{"what nobody reads", prog + "foo=1\n[zzz]\nk=v\n[program:b\n", []string{
			":4: warning: [program:a] foo: the key is unknown and ignored",
			":5: warning: [zzz] the section is unknown and ignored",
			":6: warning: [zzz] k: the key is in a section that is ignored",
			`:7: warning: "[program:b" is no section header, because it has no closing bracket; it was read as a key of [zzz]`}},
		{"a byte-order mark", "\ufeff", []string{"/c/s.conf:1: error: the file begins with a byte-order mark, which is no section header (save it as UTF-8 without one)"}},
		{"values that only the newer grammar reads", prog + `environment=A="1",B=a\,b` + "\n", []string{
			`:4: error: [program:a] environment: Unexpected end of key/value pairs in value 'A="1",B=a\,b' (only releases after 4.3 may read quotes and backslashes so)`}},
		{"a percent sign in a log name", prog + "stdout_logfile=/var/log/a%%b\n", []string{
			":4: error: [program:a] stdout_logfile: Format string '/var/log/a%b' for 'stdout_logfile' is badly formatted: unsupported format character 'b' (0x62) at index 11 (%%%% stands for a percent sign here)"}},
		{"a percent sign in the environment of the daemon", "environment=A=\"%%x\"\n", []string{
			`:2: error: [supervisord] environment: Format string 'A="%x"' for 'environment' is badly formatted: %x at index 4 has no (name) (%%%% stands for a percent sign here)`}},
		{"the node in the environment of the daemon", "environment=A=\"%(host_node_name)s\"\n", []string{
			`:2: error: [supervisord] environment: Format string 'A="%(host_node_name)s"' for 'supervisord.environment' contains names ('host_node_name') which cannot be expanded (the name exists, but not for this key)`}},
		{"a doubled percent sign before here", "identifier=%%(here)s\n[include]\nfiles=\n", []string{
			":2: error: [supervisord] identifier: Format string '%/c' for 'supervisord.identifier' is badly formatted: unsupported format character '/' (0x2f) at index 1 (write %% for a percent sign)"}},
		{"settings of the interface and of plugins", "[rpcinterface:s]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\na=b\n[ctlplugin:p]\nsupervisor.ctl_factory=a:b\nc=d\n", []string{
			":4: error: [rpcinterface:s] a: the interface takes no such setting",
			":7: warning: [ctlplugin:p] c: the key is given to the plugin, which refuses what it does not know"}},
		{"a handler that is a plugin there", "[eventlistener:e]\ncommand=cat\nevents=EVENT\nresult_handler=" + StdoutHandler + "\n", []string{
			":5: error: [eventlistener:e] result_handler: supervisor_stdout:event_handler cannot be resolved within [eventlistener:e] (it comes with the Python package supervisor-stdout)"}},
		{"the socket of a member", "[fcgi-program:f]\ncommand=cat\nsocket=unix:///tmp/f\n[group:g]\nprograms=f\n", []string{
			":4: warning: [fcgi-program:f] socket: the program is in a group and gets no socket there"}},
		{"a name that is bad only when it is expanded", prog + "process_name=%(ENV_HOME)s\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "[supervisord]\n" + tt.text
			if tt.text == "\ufeff" {
				text = "\ufeff[supervisord]\n"
			}
			got := lines(CheckUpstream("/c/s.conf", checked(map[string]string{"/c/s.conf": text})))
			if tt.text != "\ufeff" {
				for i := range got {
					got[i] = strings.TrimPrefix(got[i], "/c/s.conf")
				}
			}
			compareLines(t, got, tt.want)
		})
	}
}

// refusedUpstream are configurations, from line 2 on, that only the original
// refuses.
var refusedUpstream = []string{
	"[program-defaults]\ncommand=cat\n[program:a]\n",
	"env_default=A=1\nidentifier=%(ENV_A)s\n",
	"[program:a]\ncommand=cat\nenvironment=A=a\\,b\n",
	"[program:a]\ncommand=cat\nstdout_logfile=/tmp/a%%b\n",
	"environment=A=\"%%x%(host_node_name)s\"\n",
	"environment=A=\"%%x\"\n",
	"identifier=%%(here)s\n[include]\nfiles=\n",
	"[unix_http_server]\nfile=/tmp/s\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=" + MainRPCInterface + "\na=b\n",
}

// The original itself says so too.
func TestTheOriginalRefusesWhatTheLintRefuses(t *testing.T) {
	program := original(t)
	for _, text := range refusedUpstream {
		path := inDir(t, "[supervisord]\nnodaemon=true\nlogfile=/tmp/l\npidfile=/tmp/p\n"+text)
		cmd := exec.Command(program, "-c", path)
		cmd.Dir = filepath.Dir(path)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%q: %v\n%s", text, err, out)
		}
		findings := CheckUpstream(path, nil)
		if len(findings) == 0 || findings[0].Severity != SeverityError {
			t.Errorf("%q: the lint says %q", text, lines(findings))
		}
	}
}

// What the lint calls refused must be what is accepted here.
func TestUpstreamLintIsAboutWhatWeAccept(t *testing.T) {
	for _, text := range refusedUpstream {
		h := checked(map[string]string{"/c/s.conf": "[supervisord]\n" + text})
		if _, err := Load("/c/s.conf", h); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := CheckUpstream("/c/s.conf", h); len(got) == 0 || got[0].Severity != SeverityError {
			t.Errorf("%q: the lint says %q", text, lines(got))
		}
	}
}

// otherThanTheCorpus lists the configurations on which the lint is right to say
// otherwise.
var otherThanTheCorpus = map[string]string{
	"P125-rpcinterface": "the original reads it, and refuses it when it opens its servers",
	"percent":           "one of our own, with what only we accept",
}

// TestTheLintAgreesWithTheCorpus compares it with what the original said to each
// configuration.
func TestTheLintAgreesWithTheCorpus(t *testing.T) {
	for _, dir := range []string{"testdata/corpus", cmp.Or(os.Getenv("CORPUS"), "../../shared/corpus")} {
		answers, err := filepath.Glob(filepath.Join(dir, "*.expected.json"))
		if err != nil || len(answers) == 0 {
			continue // only the first is always there; TestOwnCorpus would fail without it
		}
		var w world
		readJSON(t, filepath.Join(dir, "world.json"), &w)
		for _, file := range answers {
			base := strings.TrimSuffix(file, ".expected.json")
			text, err := os.ReadFile(base + ".conf")
			if err != nil {
				t.Fatal(err)
			}
			var a answer
			readJSON(t, file, &a)
			want, files := a.Direct["as_is"], map[string]string{w.Main: string(text)}
			if a.Included != nil {
				want, files = a.Included["as_is"], map[string]string{w.Main: w.Wrapper, w.Included: string(text)}
			}
			findings := CheckUpstream(w.Main, w.host(a.Env, files, base+".tree", false))
			refused := len(findings) > 0 && findings[0].Severity == SeverityError
			_, otherwise := otherThanTheCorpus[filepath.Base(base)]
			if otherwise == (refused == (want.Verdict == "reject")) {
				t.Errorf("%s: the original said %q %s, the lint says %q", filepath.Base(base), want.Verdict, want.Error, lines(findings))
			}
		}
	}
}
