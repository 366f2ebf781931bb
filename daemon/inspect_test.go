package daemon

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosupervisor/conf"
)

// inspected runs supervisord with a configuration and gives its exit code and
// what it wrote.
func inspected(t *testing.T, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "s.conf")
	text = "[supervisord]\nlogfile=%(here)s/log\npidfile=%(here)s/pid\n" + text
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	opts, err := parseOptions(append([]string{"-c", file}, args...), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	d := &daemon{argv0: "supervisord", opts: opts, path: file, stderr: &errs}
	code = d.inspect(&out)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("something was made: %v, %v", entries, err)
	}
	unplaced := strings.NewReplacer(dir+"/", "")
	return code, unplaced.Replace(out.String()), unplaced.Replace(errs.String())
}

func TestInspection(t *testing.T) {
	const program = "[program:a]\ncommand=/bin/true\n"
	for _, tt := range []struct {
		name, text     string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"a good configuration", program, []string{"--check"}, 0, "", "s.conf: good\n"},
		{"a warning", "foo=1\n" + program, []string{"--check"}, 2, "s.conf:4: warning: [supervisord] foo: the key is unknown and ignored\n", "s.conf: 0 errors, 1 warning\n"},
		{"an error", "minfds=x\nfoo=1\n", []string{"--check"}, 1,
			"s.conf:4: error: [supervisord] minfds: invalid literal for int() with base 10: 'x'\ns.conf:5: warning: [supervisord] foo: the key is unknown and ignored\n", "s.conf: 1 error, 1 warning\n"},
		{"a good configuration as JSON", program, []string{"--check", "--json"}, 0, "[]\n", ""},
		{"what the original ignores", "strict=true\n" + program, []string{"--check", "--lint=upstream"}, 2, "s.conf:4: warning: [supervisord] strict: the key is an extension and ignored\n", "s.conf: 0 errors, 1 warning\n"},
		{"what the original refuses", "env_default=A=1\nidentifier=%(ENV_A)s\n", []string{"--check", "--lint", "upstream", "--json"}, 1, "", ""},
		{"a name that is none", program, []string{"--print-config", "b"}, 2, "", "Error: no section, group or process is named 'b'\nFor help, use supervisord -h\n"},
		{"nothing to print of what is refused", "minfds=x\n", []string{"--print-config"}, 2, "",
			"Error: invalid literal for int() with base 10: 'x'\nFor help, use supervisord -h\n  s.conf:4: [supervisord] minfds: invalid literal for int() with base 10: 'x'\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := inspected(t, tt.text, tt.args...)
			if code != tt.code || stderr != tt.stderr || stdout != tt.stdout && tt.stdout != "" {
				t.Errorf("got %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
}

func TestPrintConfig(t *testing.T) {
	const program = "loglevel=warn\n[program:a]\ncommand=/bin/true\n"
	code, out, errs := inspected(t, program, "--print-config", "supervisord", "-e", "debug", "-n")
	for _, want := range []string{"[supervisord]\n", "loglevel = debug", "; command line, -e\n", "nodaemon = true", "; command line, -n\n", "; s.conf:2\n", "; default\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if code != 0 || errs != "" || strings.Contains(out, "[program:a]") {
		t.Errorf("got %d, %s\n%s", code, errs, out)
	}
	code, out, _ = inspected(t, program, "--print-config", "--json", "a")
	var blocks []conf.Block
	if err := json.Unmarshal([]byte(out), &blocks); err != nil || code != 0 || len(blocks) != 1 || blocks[0].Process != "a:a" {
		t.Errorf("got %d, %v\n%s", code, err, out)
	}
}

func TestStrictKeepsTheDaemonFromStarting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.conf")
	if err := os.WriteFile(file, []byte("[supervisord]\nstrict=true\nfoo=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	d := &daemon{argv0: "supervisord", opts: &options{}, path: file, stderr: &errs}
	_, err := d.load()
	if err == nil {
		t.Fatal("it was read")
	}
	want := "Error: strict=true is set, and the check has warnings: 1\nFor help, use supervisord -h\n  " + file + ":3: [supervisord] foo: the key is unknown and ignored\n"
	if code := d.usage(err); code != exitUsage || errs.String() != want {
		t.Errorf("got %d and %s", code, errs.String())
	}
}

// Scripts may cut the original's options short; ours must not get in their way.
func TestNewOptionsMakeNoOldOneAmbiguous(t *testing.T) {
	var old []string
	for _, long := range longOptions {
		if !strings.HasPrefix(long, "+") {
			old = append(old, long)
		}
	}
	if len(old) != 20 || len(longOptions) == len(old) {
		t.Fatalf("the original has %q", old)
	}
	for _, long := range longOptions {
		name := strings.Trim(long, "+=")
		for n := 1; n <= len(name); n++ {
			word := "--" + name[:n]
			if strings.HasPrefix(long, "+") && n == len(name) {
				continue // the one spelling of a new option
			}
			was, _, wasErr := conf.Getopt([]string{word, "x"}, "", old)
			is, _, isErr := conf.Getopt([]string{word, "x"}, "", longOptions)
			if (wasErr == nil) != (isErr == nil) || wasErr != nil && wasErr.Error() != isErr.Error() || wasErr == nil && was[0] != is[0] {
				t.Errorf("%s was %v (%v) and is %v (%v)", word, was, wasErr, is, isErr)
			}
		}
	}
}

func TestBadInspections(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"both at once", []string{"--check", "--print-config"}, "--check and --print-config cannot be given together"},
		{"a lint of nothing", []string{"--lint=upstream"}, "--lint needs --check"},
		{"a lint that is unknown", []string{"--check", "--lint=x"}, "invalid value for --lint 'x': only upstream is known"},
		{"JSON of nothing", []string{"--json"}, "--json needs --check or --print-config"},
		{"a name for a check", []string{"--check", "web"}, "positional arguments are not supported: ['web']"},
		{"two names", []string{"--print-config", "a", "-n", "b"}, "positional arguments are not supported: ['b']"},
		{"a bad option behind the name", []string{"--print-config", "a", "--foo"}, "option --foo not recognized"},
		{"an option on both sides of the name", []string{"-n", "--print-config", "a", "-n"}, "conflicting command line option '-n'"},
		{"a short form", []string{"--chec"}, "option --chec not recognized"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parseOptions(c.args, nil); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
