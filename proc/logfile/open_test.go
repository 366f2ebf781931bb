package logfile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A user who is not root; the tests run as root, as the daemon mostly does.
const stranger = 65534

func link(t *testing.T, to, path string, owner int) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(path, owner, owner); err != nil {
		t.Fatal(err)
	}
}

func TestRootFollowsNoLinkOfAnotherUser(t *testing.T) {
	tests := []struct {
		name   string
		owners []int // of a link to a link to the file
		ok     bool
	}{
		{"root's link", []int{0}, true},
		{"root's link to root's", []int{0, 0}, true},
		{"a user's link", []int{stranger}, false},
		{"root's link to a user's", []int{stranger, 0}, false},
		{"a user's link to root's", []int{0, stranger}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			secret := filepath.Join(dir, "secret")
			if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			path := "secret" // and relative ones
			for i, owner := range tt.owners {
				at := filepath.Join(dir, strings.Repeat("l", i+1))
				link(t, path, at, owner)
				path = at
			}
			f := New(Spec{Path: path})
			err := f.Open()
			f.Write([]byte("+"))
			f.Close()
			_, readErr := Read(path, 0, 0)
			_, _, _, tailErr := Tail(path, 0, 10)
			if tt.ok {
				if err != nil || readErr != nil || tailErr != nil {
					t.Errorf("got %v, %v, %v", err, readErr, tailErr)
				}
				wantFile(t, secret, "secret+")
				return
			}
			for _, err := range []error{err, readErr, tailErr} {
				if err == nil || !strings.Contains(err.Error(), "is a symbolic link of user 65534") {
					t.Errorf("got %v", err)
				}
			}
			wantFile(t, secret, "secret")
		})
	}
}

func TestALinkOfTheSystemIsFollowed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	rc, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.log")
	rc.Control(func(fd uintptr) { link(t, "/proc/self/fd/"+strconv.Itoa(int(fd)), path, 0) })
	f := newLog(t, Spec{Path: path})
	write(t, f, "through")
	p := make([]byte, 16)
	if n, _ := r.Read(p); string(p[:n]) != "through" {
		t.Errorf("got %q", p[:n])
	}
}

func TestALinkThatLeadsNowhereIsCreatedAtItsEnd(t *testing.T) {
	dir := t.TempDir()
	link(t, "there", filepath.Join(dir, "x.log"), 0)
	write(t, newLog(t, Spec{Path: filepath.Join(dir, "x.log")}), "a")
	wantFile(t, filepath.Join(dir, "there"), "a")
	link(t, "round", filepath.Join(dir, "round"), 0)
	if err := New(Spec{Path: filepath.Join(dir, "round")}).Open(); err == nil {
		t.Error("a circle of links was opened")
	}
}

func TestAnAutomaticLogIsNoLinkAndOurs(t *testing.T) {
	plant := map[string]func(t *testing.T, path, target string){
		"root's link": func(t *testing.T, path, target string) { link(t, target, path, 0) },
		"another user's file": func(t *testing.T, path, _ string) {
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(path, stranger, stranger); err != nil {
				t.Fatal(err)
			}
		},
		"a fifo": func(t *testing.T, path, _ string) {
			if err := unix.Mkfifo(path, 0o666); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, plant := range plant {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, target := filepath.Join(dir, "x.log"), filepath.Join(dir, "target")
			if err := os.WriteFile(target, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			plant(t, path, target)
			f := New(Spec{Path: path, Mode: AutoMode})
			if err := f.Open(); err == nil {
				t.Error("it was opened")
			}
			f.Write([]byte("text"))
			f.Close()
			wantFile(t, target, "")
		})
	}
}

func TestNothingIsFoundWhereAnAutomaticLogWasMovedAway(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if file, _, err := openAppend(path, AutoMode, true); err == nil {
		file.Close()
		t.Error("a file that somebody put there was taken for a new one")
	}
	file, _, err := openAppend(path, AutoMode, false)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}

func TestAnAutomaticLogIsCutWhenItCannotBeMoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	if err := os.MkdirAll(filepath.Join(path+".1", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	var told []Problem
	f := newLog(t, Spec{Path: path, MaxBytes: 10, Backups: 1, Mode: AutoMode, OnProblem: func(p Problem) { told = append(told, p) }})
	for range 10 {
		write(t, f, "0123456")
	}
	if size, err := f.Size(); err != nil || size > 16 {
		t.Errorf("the log is %d bytes long (%v)", size, err)
	}
	if len(told) != 1 || told[0].Err == nil {
		t.Errorf("told %+v, want one problem", told)
	}
}
