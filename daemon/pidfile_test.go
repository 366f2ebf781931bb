package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

func TestThePidFileIsRemovedByWhoWroteIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	other := &pidfile{path: path}
	mine := &pidfile{path: path}
	if err := mine.write(42); err != nil {
		t.Fatal(err)
	}
	other.remove()
	if b, err := os.ReadFile(path); err != nil || string(b) != "42\n" {
		t.Fatalf("got %q, %v", b, err)
	}
	mine.remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if err := (&pidfile{path: filepath.Join(path, "x")}).write(1); err == nil {
		t.Error("a pid file in no directory was written")
	}
	if err := mine.write(42); err != nil {
		t.Fatal(err)
	}
	if err := other.write(43); err != nil {
		t.Fatal(err)
	}
	mine.remove()
	if b, err := os.ReadFile(path); err != nil || string(b) != "43\n" {
		t.Errorf("the file of another is gone: %q, %v", b, err)
	}
}

func TestThePidFileIsNotWrittenThroughWhatSomebodyPlanted(t *testing.T) {
	const stranger = 65534
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	planted := func(name, to string, owner int) *pidfile {
		t.Helper()
		if err := os.Symlink(to, in(name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(in(name), owner, owner); err != nil {
			t.Fatal(err)
		}
		return &pidfile{path: in(name)}
	}
	if err := os.Link(in("secret"), in("hard")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*pidfile{planted("theirs", "secret", stranger), {path: in("hard")}} {
		if err := p.write(42); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(p.path); err != nil || string(b) != "42\n" {
			t.Errorf("%s holds %q, %v", p.path, b, err)
		}
		if b, _ := os.ReadFile(in("secret")); string(b) != "secret" {
			t.Errorf("%s: the other file holds %q", p.path, b)
		}
	}
	p := planted("ours", "new", 0)
	if err := p.write(42); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(in("new")); err != nil || string(b) != "42\n" {
		t.Errorf("behind our own link: %q, %v", b, err)
	}
	if err := planted("round", "round", 0).write(42); err == nil {
		t.Error("a circle of links was followed")
	}
	if left, _ := filepath.Glob(in("*.*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestThePidFileReplacesNoDevice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "null")
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Fatal(err)
	}
	p := &pidfile{path: path}
	if err := p.write(42); err != nil {
		t.Fatal(err)
	}
	p.remove()
	if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("the device is now %v, %v", st, err)
	}
}

func TestThePidFileOfAUserInADirectoryOfRoot(t *testing.T) {
	dir, err := os.MkdirTemp("", "pid") // below it, t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pid")
	if err := os.WriteFile(path, []byte("1234567\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	nobody := &conf.Account{Name: "nobody", UID: 65534, GID: 65534, Groups: []int{65534}}
	if err := asUser(nobody, func() error { return (&pidfile{path: path}).write(42) }); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "42\n" {
		t.Errorf("got %q, %v", b, err)
	}
}
