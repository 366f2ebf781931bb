package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSocketFallbacks(t *testing.T) {
	h := &Host{Environ: []string{"XDG_RUNTIME_DIR=/run/user/7"}}
	got := SocketFallbacks("/var/run//supervisor.sock", 7, h)
	if len(got) != 4 || !strings.HasPrefix(got[0], "/run/user/7/supervisor-7/") || !strings.HasPrefix(got[1], "/run/supervisor-7/") {
		t.Errorf("got %q", got)
	}
	h.Environ = []string{"XDG_RUNTIME_DIR=here"}
	same := SocketFallbacks("/var/run/supervisor.sock", 7, h)
	if !slices.Equal(same, got[1:]) {
		t.Errorf("by another spelling, without a directory of the user's: %q", same)
	}
	if other := SocketFallbacks("/var/run/other.sock", 7, h); slices.Equal(other, same) {
		t.Errorf("another socket has the same places: %q", other)
	}
}

func TestAbstractSocket(t *testing.T) {
	name := AbstractSocket("/run//s.sock", 7)
	if !IsAbstract(name) || !strings.HasPrefix(name, "@supervisor-7-") || len(name) > 100 || name != AbstractSocket("/run/s.sock", 7) {
		t.Errorf("got %q", name)
	}
	for _, other := range []string{AbstractSocket("/run/other.sock", 7), AbstractSocket("/run/s.sock", 8)} {
		if other == name {
			t.Errorf("one name for two: %q", name)
		}
	}
	if IsAbstract("/run/@x") || IsAbstract("") {
		t.Error("a path is taken for a name")
	}
}

func TestOwnDir(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"own": 0o700, "shared": 0o750} {
		if err := os.Mkdir(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("own", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	uid := os.Geteuid()
	for _, tt := range []struct {
		name string
		uid  int
		want bool
	}{{"own", uid, true}, {"own", uid + 1, false}, {"shared", uid, false}, {"link", uid, false}, {"none", uid, false}} {
		if got := OwnDir(filepath.Join(dir, tt.name), tt.uid); got != tt.want {
			t.Errorf("%s of %d: %v", tt.name, tt.uid, got)
		}
	}
}
