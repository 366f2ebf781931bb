package socket

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// specFor describes a socket in a fresh directory with a short name.
func specFor(t *testing.T) Spec {
	t.Helper()
	dir, err := os.MkdirTemp("", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return Spec{Path: filepath.Join(dir, "s"), Mode: 0o700, UID: -1, GID: -1, Backlog: 1}
}

func mustListen(t *testing.T, s Spec) *Socket {
	t.Helper()
	made, err := Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.File.Close() })
	return made
}

// mustFail checks at which step a socket was given up, and that nothing but
// what was there before is left.
func mustFail(t *testing.T, s Spec, step Step) {
	t.Helper()
	made, err := Listen(s)
	if err == nil {
		_ = made.File.Close()
	}
	var e *Error
	if !errors.As(err, &e) || e.Step != step {
		t.Errorf("got %v, want that it cannot %s", err, step)
	}
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 || names[0].Name() != filepath.Base(path) {
		t.Errorf("beside %s there is %v, %v", path, names, err)
	}
}

// leaveStale makes a socket on which nobody listens.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestSocketHasModeAndOwnerAndListensWhenItAppears(t *testing.T) {
	s := specFor(t)
	s.Mode, s.UID, s.GID = 0o620, os.Geteuid(), os.Getegid()
	if os.Geteuid() == 0 {
		s.UID, s.GID = 12345, 54321
	}
	seen := false
	s.link = func(from, to string) error {
		seen = true
		st, err := os.Lstat(from)
		if err != nil {
			t.Fatal(err)
		}
		sys, _ := st.Sys().(*syscall.Stat_t)
		if st.Mode().Perm() != 0o620 || int(sys.Uid) != s.UID || int(sys.Gid) != s.GID {
			t.Errorf("it appears with %v %d:%d", st.Mode(), sys.Uid, sys.Gid)
		}
		if err := Probe(from); err != ErrAlive {
			t.Errorf("it appears and does not listen: %v", err)
		}
		return os.Link(from, to)
	}
	mustListen(t, s)
	if !seen {
		t.Error("it did not appear by a link")
	}
	onlyFile(t, s.Path)
}

func TestSocketIsBornWithItsModeAndGetsWhatTheUmaskTook(t *testing.T) {
	for _, mode := range []uint32{0o600, 0o700, 0o777, 0o000} {
		s := specFor(t)
		s.Mode = mode
		s.bound = func(temp string) {
			if st, err := os.Lstat(temp); err != nil || uint32(st.Mode().Perm())&^mode != 0 {
				t.Errorf("for %o it was born as %v, %v", mode, st.Mode(), err)
			}
		}
		mustListen(t, s)
		if st, err := os.Lstat(s.Path); err != nil || uint32(st.Mode().Perm()) != mode {
			t.Errorf("for %o it has %v, %v", mode, st.Mode(), err)
		}
	}
}

func TestTemporaryNameCannotBeForeseen(t *testing.T) {
	seen := map[string]bool{}
	s := specFor(t)
	s.bound = func(temp string) { seen[temp] = true }
	for range 10 {
		mustListen(t, s).Remove()
	}
	for temp := range seen {
		if filepath.Dir(temp) != filepath.Dir(s.Path) {
			t.Errorf("a socket was made as %s", temp)
		}
	}
	if len(seen) != 10 {
		t.Errorf("10 sockets had %d names", len(seen))
	}
}

func TestSocketThatSomebodyReplacesIsRefusedAndNothingElseTouched(t *testing.T) {
	for name, c := range map[string]struct {
		replace func(temp, victim string) error
		step    Step
	}{
		"by a link":          {func(temp, victim string) error { return os.Symlink(victim, temp) }, Replaced},
		"by the file itself": {func(temp, victim string) error { return os.Link(victim, temp) }, Replaced},
		"by nothing":         {func(string, string) error { return nil }, Opening},
		"by a socket of many names": {func(temp, _ string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = l.Close() })
			return os.Link(temp, temp+"2")
		}, Replaced},
	} {
		t.Run(name, func(t *testing.T) {
			s := specFor(t)
			s.Mode = 0o777
			victim := filepath.Join(t.TempDir(), "victim")
			if err := os.WriteFile(victim, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s.bound = func(temp string) {
				if err := errors.Join(os.Remove(temp), c.replace(temp, victim)); err != nil {
					t.Fatal(err)
				}
			}
			mustFail(t, s, c.step)
			if st, err := os.Lstat(victim); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("the other file has %v, %v", st.Mode(), err)
			}
		})
	}
}

func TestOwnerThatMayNotBeGivenIsAnError(t *testing.T) {
	s := specFor(t)
	s.UID, s.GID = 0, 0
	if os.Geteuid() == 0 {
		mayNotGiveAway(t)
		s.UID = 12345
	}
	mustFail(t, s, Owner)
}

// mayNotGiveAway takes from root, on this thread, what lets it change owners. The
// thread is never unlocked, so that it ends with the test.
func mayNotGiveAway(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1 << unix.CAP_CHOWN
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
}

func TestStaleSocketIsTakenOver(t *testing.T) {
	noLinks := func(string, string) error { return &os.LinkError{Op: "link", Err: unix.EPERM} }
	for name, c := range map[string]struct {
		link func(string, string) error
		make func(t *testing.T, path string)
	}{
		"by a link":                            {nil, leaveStale},
		"by a rename where there are no links": {noLinks, leaveStale},
		"although it is a link to a stale one": {nil, func(t *testing.T, path string) { leaveStale(t, path+"2"); link(t, path+"2", path) }},
		"by a rename where nothing was at all": {noLinks, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := specFor(t)
			told := 0
			s.link = c.link
			s.Stale = func(path string) {
				if told++; path != s.Path {
					t.Errorf("%s is called stale", path)
				}
			}
			if c.make != nil {
				c.make(t, s.Path)
			}
			mustListen(t, s)
			if c.make != nil && told != 1 {
				t.Errorf("told %d times of a stale socket", told)
			}
			conn, err := net.Dial("unix", s.Path)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		})
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(filepath.Base(to), path); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNoStaleSocketIsLeftAlone(t *testing.T) {
	listening := func(network string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			l, err := net.Listen(network, path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		step Step
	}{
		"a socket that somebody listens on": {listening("unix"), Taken},
		"a packet socket":                   {listening("unixpacket"), Taken},
		"a file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, Occupied},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, Occupied},
		"a link to nowhere": {func(t *testing.T, path string) { link(t, path+"2", path) }, Occupied},
		"a link to itself":  {func(t *testing.T, path string) { link(t, path, path) }, Placing},
	} {
		t.Run(name, func(t *testing.T) {
			s := specFor(t)
			c.make(t, s.Path)
			before, err := os.Lstat(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			mustFail(t, s, c.step)
			if now, err := os.Lstat(s.Path); err != nil || !os.SameFile(before, now) {
				t.Errorf("it was not left alone: %v", err)
			}
			onlyFile(t, s.Path)
		})
	}
}

func TestProbeThatCannotTellLeavesTheSocketAlone(t *testing.T) {
	s := specFor(t)
	leaveStale(t, s.Path)
	doubt := errors.New("who knows")
	s.Probe = func(string) error { return doubt }
	made, err := Listen(s)
	if !errors.Is(err, doubt) {
		t.Errorf("got %v, %v", made, err)
	}
	onlyFile(t, s.Path)
}

func TestPathThatIsAlwaysTakenIsGivenUp(t *testing.T) {
	s := specFor(t)
	s.link = func(string, string) error { return os.ErrExist }
	mustFail(t, s, Contended)
}

func TestLongestPathWorksAndALongerOneDoesNot(t *testing.T) {
	s := specFor(t)
	dir := filepath.Dir(s.Path)
	pad := func(n int) string { return filepath.Join(dir, strings.Repeat("x", n-len(dir)-1)) }
	s.Path = pad(LongestPath)
	mustListen(t, s)
	onlyFile(t, s.Path)
	s.Path = pad(LongestPath + 1)
	mustFail(t, s, TooLong)
	s.Path = filepath.Join(pad(LongestPath-2), "f")
	mustFail(t, s, TooLong)
}

func TestMissingDirectoryIsAnErrorOfTheSystem(t *testing.T) {
	s := specFor(t)
	s.Path = filepath.Join(filepath.Dir(s.Path), "none", "s")
	_, err := Listen(s)
	if !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "cannot bind it") {
		t.Errorf("got %v", err)
	}
}

func TestRemovingTakesOnlyWhatWeMade(t *testing.T) {
	s := specFor(t)
	for _, c := range []struct {
		name    string
		replace func()
		left    bool
	}{
		{"our own socket goes", func() {}, false},
		{"a socket that was removed stays away", func() { os.Remove(s.Path) }, false},
		{"a socket that somebody else put there stays", func() { os.Remove(s.Path); leaveStale(t, s.Path) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := mustListen(t, s)
			c.replace()
			made.Remove()
			if _, err := os.Lstat(s.Path); (err == nil) != c.left {
				t.Errorf("the path: %v", err)
			}
		})
	}
}
