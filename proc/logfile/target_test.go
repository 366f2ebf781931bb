package logfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInherited(t *testing.T) {
	dir := t.TempDir()
	link := func(name, to string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path string
		fd         int
		ok         bool
	}{
		{"stdout", "/dev/stdout", 1, true},
		{"stderr", "/dev/stderr", 2, true},
		{"stdin", "/dev/stdin", 0, true},
		{"a number", "/dev/fd/1", 1, true},
		{"another number", "/dev/fd/17", 17, true},
		{"the kernel's name", "/proc/self/fd/2", 2, true},
		{"a name with detours", "/dev/../dev//./stdout", 1, true},
		{"a link", link("a", "/dev/stdout"), 1, true},
		{"a link to a link", link("b", "a"), 1, true},
		{"a link to the kernel's name", link("c", "/proc/self/fd/2"), 2, true},
		{"a circle", link("d", "d"), 0, false},
		{"a link into the void", link("e", "nothing"), 0, false},
		{"a plain file", plain, 0, false},
		{"a missing file", filepath.Join(dir, "missing"), 0, false},
		{"a device", "/dev/null", 0, false},
		{"no number", "/dev/fd/x", 0, false},
		{"a number below 0", "/dev/fd/-1", 0, false},
		{"a number too large", "/dev/fd/99999999999999999999", 0, false},
		{"a number too large for a descriptor", "/dev/fd/4294967297", 0, false},
		{"nothing after the slash", "/dev/fd/", 0, false},
		{"something in a descriptor", "/dev/fd/1/x", 0, false},
		{"another process", "/proc/1/fd/1", 0, false},
		{"nothing", "", 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			fd, ok := Inherited(row.path)
			if ok != row.ok || ok && fd != row.fd {
				t.Fatalf("Inherited(%q) = %d, %v", row.path, fd, ok)
			}
		})
	}
}
