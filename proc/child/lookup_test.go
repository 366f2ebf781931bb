package child_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gosupervisor/proc/child"
)

// lay makes the files of the lookup tests and enters their directory.
func lay(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"good", "plain", "empty", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"good/run": 0o755, "plain/run": 0o644, "other/only": 0o755, "here": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "empty/run"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return dir
}

func TestResolve(t *testing.T) {
	dir := lay(t)
	path := func(names ...string) string {
		for i, name := range names {
			names[i] = filepath.Join(dir, name)
		}
		return strings.Join(names, ":")
	}
	with := func(value string) map[string]string { return map[string]string{"PATH": value} }
	for _, row := range []struct {
		name string
		argv []string
		env  map[string]string
		own  string
		want string // the file, or the error's text
		kind child.LookupKind
	}{
		{"no command", nil, nil, "", "command is empty", child.NotExecutable},
		{"an absolute path", []string{"/bin/sh"}, nil, "", "/bin/sh", 0},
		{"a relative path stays as written", []string{"./good/run"}, nil, "", "./good/run", 0},
		{"a missing path", []string{"/nonexistent/cmd"}, nil, "", "can't find command '/nonexistent/cmd'", child.NoFile},
		{"a directory", []string{"/tmp"}, nil, "", "command at '/tmp' is a directory", child.NotExecutable},
		{"a file without x bit", []string{"/etc/passwd"}, nil, "", "command at '/etc/passwd' is not executable", child.NotExecutable},
		{"a path below a file", []string{"/etc/passwd/x"}, nil, "", "can't find command '/etc/passwd/x'", child.NoFile},
		{"our own PATH", []string{"run"}, nil, path("other", "good"), dir + "/good/run", 0},
		{"the configured PATH counts before ours", []string{"run"}, with(path("good")), path("plain"), dir + "/good/run", 0},
		{"a configured PATH hides ours", []string{"run"}, with(path("other")), path("good"), "can't find command 'run'", child.NoFile},
		{"no PATH at all", []string{"sh"}, map[string]string{"A": "b"}, "", "/bin/sh", 0},
		{"the search stops at a file that is not executable", []string{"run"}, nil, path("plain", "good"),
			"command at '" + dir + "/plain/run' is not executable", child.NotExecutable},
		{"the search stops at a directory", []string{"run"}, nil, path("empty", "good"),
			"command at '" + dir + "/empty/run' is a directory", child.NotExecutable},
		{"an empty element is the current directory", []string{"here"}, nil, path("other") + "::/bin", "here", 0},
		{"an empty PATH is the current directory", []string{"here"}, with(""), "/bin", "here", 0},
		{"a relative element", []string{"run"}, nil, "good", "good/run", 0},
		{"an element with a slash at its end", []string{"run"}, nil, "good/", "good/run", 0},
		{"an empty word", []string{""}, nil, "/tmp", "command at '/tmp/' is a directory", child.NotExecutable},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := child.Resolve(row.argv, row.env, row.own)
			var failure *child.LookupError
			if errors.As(err, &failure) {
				got = failure.Error()
				if failure.Kind != row.kind {
					t.Errorf("kind = %d, want %d", failure.Kind, row.kind)
				}
			} else if strings.Contains(row.want, "command") {
				t.Errorf("no error, want %q", row.want)
			}
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// The check is made with the rights of the real user, who may lack what the x
// bit of others grants.
func TestResolveRespectsPermissions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir := file; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if dir != file {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := newRig(t).run(t, as(t, "resolver", file))
	if want := "no permission to run command '" + file + "'\n"; got.out != want {
		t.Errorf("got %q (%s), want %q", got.out, got.err, want)
	}
}

func TestQuotesAreTheOriginals(t *testing.T) {
	for text, want := range map[string]string{
		`plain`:      `'plain'`,
		`it's`:       `"it's"`,
		`"x"`:        `'"x"'`,
		`it's "x"`:   `'it\'s "x"'`,
		`back\slash`: `'back\\slash'`,
		"a\nb\r\t":   `'a\nb\r\t'`,
		"\x01\x7f":   `'\x01\x7f'`,
		"é \u00a0":   `'é \xa0'`,
		"\u200b":     `'\u200b'`,
		"\U000e0001": `'\U000e0001'`,
		"bad\xff":    `'bad\udcff'`,
		"\ufffd":     "'\ufffd'",
		"":           `''`,
	} {
		if got := child.Quote(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func FuzzLookPath(f *testing.F) {
	f.Add("sh", "/bin:/usr/bin")
	f.Add("", ":")
	f.Add("it's", "\xff")
	f.Fuzz(func(t *testing.T, word, path string) {
		file, err := child.LookPath(word, path)
		if (err == nil) != (file != "") {
			t.Errorf("got %q, %v", file, err)
		}
	})
}
