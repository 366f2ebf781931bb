package applet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes a binary in opt/prog/bin of a temporary directory, an empty
// directory usr/bin, and returns all three paths.
func tree(t *testing.T) (root, binary, dir string) {
	t.Helper()
	root = t.TempDir()
	dir = filepath.Join(root, "usr", "bin")
	binary = filepath.Join(root, "opt", "prog", "bin", "daemon")
	for _, d := range []string{dir, filepath.Dir(binary)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, binary, "the binary")
	return root, binary, dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// links are what the names in dir lead to, as written; "-" where there is
// something that is no link.
func links(t *testing.T, b *Binary, dir string) string {
	t.Helper()
	var all []string
	for _, a := range b.Applets {
		text, err := os.Readlink(filepath.Join(dir, a.Name))
		if err != nil {
			text = "-"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestLinksAreRelativeAndMadeOnce(t *testing.T) {
	_, binary, dir := tree(t)
	b, out, errs := said()
	want := strings.TrimSpace(strings.Repeat(" ../../opt/prog/bin/daemon", 3))
	for range 2 {
		if code := b.link(binary, dir); code != 0 || errs.Len() != 0 {
			t.Fatalf("exit status %d, stderr %q", code, errs)
		}
		if got := links(t, b, dir); got != want {
			t.Fatalf("links to %q, want %q", got, want)
		}
	}
	if got := strings.Count(out.String(), " -> "); got != 3 {
		t.Errorf("%d links were announced, want 3: %q", got, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "sample"))
	if string(text) != "the binary" {
		t.Errorf("the link leads to %q, %v", text, err)
	}
}

func TestLinksBesideTheBinaryLeaveItAlone(t *testing.T) {
	_, binary, _ := tree(t)
	b, _, errs := said()
	if code := b.link(binary, filepath.Dir(binary)); code != 0 || errs.Len() != 0 {
		t.Fatalf("exit status %d, stderr %q", code, errs)
	}
	if got := links(t, b, filepath.Dir(binary)); got != "- daemon daemon" {
		t.Errorf("links to %q", got)
	}
	if text, _ := os.ReadFile(binary); string(text) != "the binary" {
		t.Errorf("the binary holds %q", text)
	}
}

func TestLinksThroughLinkedDirectoriesStillArrive(t *testing.T) {
	root, binary, dir := tree(t)
	symlink(t, dir, filepath.Join(root, "deep"))
	b, _, errs := said()
	if code := b.link(binary, filepath.Join(root, "deep")); code != 0 {
		t.Fatalf("exit status %d, stderr %q", code, errs)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "client")); string(text) != "the binary" {
		t.Errorf("the link leads to %q, %v", text, err)
	}
}

func TestWhatItDidNotMakeStays(t *testing.T) {
	tests := []struct {
		name  string
		place func(t *testing.T, path, binary string)
		want  string // in the report; "" for none
	}{
		{"another program", func(t *testing.T, path, _ string) { write(t, path, "other") }, "exists and is not this binary"},
		{"a directory", func(t *testing.T, path, _ string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "exists and is not this binary"},
		{"a link elsewhere", func(t *testing.T, path, _ string) { symlink(t, "/bin/sh", path) }, "is a link to /bin/sh"},
		{"a link to nothing", func(t *testing.T, path, _ string) { symlink(t, "gone", path) }, "is a link to gone"},
		{"a link to us by another way", func(t *testing.T, path, binary string) { symlink(t, binary, path) }, ""},
		{"ourselves by another name", func(t *testing.T, path, binary string) {
			if err := os.Link(binary, path); err != nil {
				t.Fatal(err)
			}
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, binary, dir := tree(t)
			path := filepath.Join(dir, "client")
			tt.place(t, path, binary)
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			b, _, errs := said()
			code := b.link(binary, dir)
			if (code == 0) != (tt.want == "") || !strings.Contains(errs.String(), tt.want) || strings.Count(errs.String(), "\n") > 1 {
				t.Errorf("exit status %d, stderr %q, want %q", code, errs, tt.want)
			}
			after, err := os.Lstat(path)
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("it was replaced (%v)", err)
			}
			if _, err := os.Readlink(filepath.Join(dir, "sample")); err != nil {
				t.Errorf("the next link was not made: %v", err)
			}
		})
	}
}

func TestADirectoryThatCannotHoldLinks(t *testing.T) {
	root, binary, _ := tree(t)
	write(t, filepath.Join(root, "file"), "")
	tests := []struct{ name, dir, want string }{
		{"a missing one", filepath.Join(root, "nope"), "no such file or directory"},
		{"a file", filepath.Join(root, "file"), "is not a directory"},
		{"one that takes no links", "/proc/self", "make the link /proc/self/daemon: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, _, errs := said()
			if code := b.link(binary, tt.dir); code != 1 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("exit status %d, stderr %q, want 1, %q", code, errs, tt.want)
			}
		})
	}
}

func TestInstallTakesOneDirectory(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"a", "b"}} {
		b, _, errs := said()
		if code := b.Run(append([]string{"prog", "--install"}, args...)); code != 2 {
			t.Errorf("%q: exit status %d, stderr %q", args, code, errs)
		}
	}
}

func TestInstallLinksToTheRunningBinary(t *testing.T) {
	dir := t.TempDir()
	b, _, errs := said()
	if code := b.Run([]string{"daemon", "--install", dir}); code != 0 {
		t.Fatalf("exit status %d, stderr %q", code, errs)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, _ := os.Stat(self)
	if got, err := os.Stat(filepath.Join(dir, "client")); err != nil || !os.SameFile(got, want) {
		t.Errorf("the link does not lead to %s: %v", self, err)
	}
}
