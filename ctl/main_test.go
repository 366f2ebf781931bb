package ctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosupervisor/conf"
)

func TestOptions(t *testing.T) {
	f := newFake(t, nil)
	other := newFake(t, map[string]any{"supervisor.getPID": 99})
	for _, row := range []struct {
		name string
		args []string
		out  string
		exit int
	}{
		{"a file", []string{"-c", f.config, "pid"}, "1234\n", 0},
		{"a file in the same word", []string{"-c" + f.config, "pid"}, "1234\n", 0},
		{"a long option", []string{"--configuration=" + f.config, "pid"}, "1234\n", 0},
		{"a long option cut short", []string{"--conf", f.config, "pid"}, "1234\n", 0},
		{"a URL over the file's", []string{"-c", f.config, "-s", other.url, "pid"}, "99\n", 0},
		{"a history file", []string{"-c", f.config, "-r", "/x", "pid"}, "1234\n", 0},
		{"the spelling of the help", []string{"-c", f.config, "--history-file", "/x", "pid"}, "1234\n", 0},
		{"the spelling that was taken", []string{"-c", f.config, "--history_file=/x", "pid"}, "1234\n", 0},
		{"an option behind the action", []string{"-c", f.config, "tail", "-20", "cat"}, "log from -20\n", 0},
		{"help before an error", []string{"-h", "-s", "nonsense"}, strings.ReplaceAll(usage, "%s", "supervisorctl"), 0},
		{"help in full", []string{"--help"}, strings.ReplaceAll(usage, "%s", "supervisorctl"), 0},
		{"help as a question", []string{"-?"}, strings.ReplaceAll(usage, "%s", "supervisorctl"), 0},
	} {
		if got := supervisorctl(t, "", row.args...); got.out != row.out || got.errs != "" || got.exit != row.exit {
			t.Errorf("%s: got %q and %q, exit %d", row.name, got.out, got.errs, got.exit)
		}
	}
}

func TestBadOptionsAndFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.conf")
	if err := os.WriteFile(empty, []byte("[supervisord]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-X"}, "option -X not recognized"},
		{[]string{"--nope"}, "option --nope not recognized"},
		{[]string{"-c"}, "option -c requires argument"},
		{[]string{"-c", dir + "/none", "pid"}, "could not find config file " + dir + "/none"},
		{[]string{"-c", empty, "pid"}, ".ini file does not include supervisorctl section"},
		{[]string{"-c", empty, "-c", empty}, "conflicting command line option '-c'"},
		{[]string{"-i", "--interactive"}, "conflicting command line option '--interactive'"},
		{[]string{"-s", "nonsense"}, "invalid value for -s 'nonsense': value 'nonsense' is not a URL"},
		{[]string{"-s", "unix://"}, "invalid value for -s 'unix://': value 'unix://' is not a URL"},
		{[]string{"-s", ""}, "invalid value for -s '': value '' is not a URL"},
	} {
		got := supervisorctl(t, "", row.args...)
		if want := "Error: " + row.want + "\nFor help, use supervisorctl -h\n"; !strings.HasPrefix(got.errs, want) || got.out != "" || got.exit != 2 {
			t.Errorf("%q: exit %d, got %q and %q, want %q", row.args, got.exit, got.out, got.errs, want)
		}
	}
}

func TestAURLThatNobodyNamedIsExplained(t *testing.T) {
	nowhere := &conf.Host{Exists: func(string) bool { return false }}
	f := newFake(t, nil)
	for _, row := range []struct {
		args []string
		want bool
	}{{nil, true}, {[]string{"-s", "unix:///no/such"}, false}, {[]string{"-c", f.config}, false}} {
		o, err := parseOptions(row.args)
		if err != nil {
			t.Fatal(err)
		}
		if c, guessed, err := o.settings("supervisorctl", nowhere); err != nil || guessed != row.want || guessed && c.ServerURL != "http://localhost:9001" {
			t.Errorf("%q: guessed %v, %v", row.args, guessed, err)
		}
	}
	for line, want := range map[string]string{
		"status":         "unix:///no/such no such file\n",
		"shutdown":       "ERROR: unix:///no/such no such file (already shut down?)\n",
		"reread":         "error: unix:///no/such no such file\n",
		"nope":           "",
		"open " + f.url:  statusTable,
		"open unix:///x": "unix:///x no such file\n",
	} {
		var out, errs strings.Builder
		s := &session{out: &out, errs: &errs, url: "unix:///no/such", guessed: true}
		hint := "  there is no directory /no\n" + textGuessedURL + "\n"
		if line == "open unix:///x" {
			hint = "  there is nothing of that name in /: supervisord does not run, or file= in its [unix_http_server] is another path\n"
		} else if strings.HasPrefix(line, "open") || line == "nope" {
			hint = ""
		}
		s.execute(t.Context(), line)
		if line != "nope" && out.String() != want || errs.String() != hint {
			t.Errorf("%s: got %q and %q, want %q and %q", line, out.String(), errs.String(), want, hint)
		}
		s.execute(t.Context(), "status")
		if n := strings.Count(errs.String(), textGuessedURL); n > 1 {
			t.Errorf("%s: the hint comes more than once: %q", line, errs.String())
		}
	}
}

func TestPluginsAreIgnoredAloud(t *testing.T) {
	f := newFake(t, nil)
	file, err := os.OpenFile(f.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString("[ctlplugin:x]\nsupervisor.ctl_factory=a.b:c\n")
	file.Close()
	got := supervisorctl(t, "", "-c", f.config, "pid")
	if got.out != "1234\n" || got.exit != 0 || !strings.HasPrefix(got.errs, "Warning: [ctlplugin:x] is ignored") {
		t.Errorf("got %q and %q, exit %d", got.out, got.errs, got.exit)
	}
}
