package fcgi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// makeStale leaves a socket at path that nobody listens on.
func makeStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestWhatIsAtThePathOfAUnixSocket(t *testing.T) {
	listening := func(network string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			l, err := net.Listen(network, path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want string // of the error; "": it works
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"a stale socket is replaced", makeStale, ""},
		{"a live socket is left alone", listening("unix"), "another program listens on PATH"},
		{"a live packet socket is left alone", listening("unixpacket"), "another program listens on PATH"},
		{"a live datagram socket is left alone", func(t *testing.T, path string) {
			l, err := net.ListenPacket("unixgram", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "another program listens on PATH"},
		{"a live socket with a full queue is left alone", func(t *testing.T, path string) {
			full := unixSocket(path)
			full.Backlog = 1
			l, err := listen(full)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.close)
			fill(t, path)
		}, "another program listens on PATH"},
		{"a file is left alone", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "PATH exists and is not a socket; it was left alone"},
		{"a directory is left alone", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "PATH exists and is not a socket; it was left alone"},
		{"a link is left alone", func(t *testing.T, path string) {
			if err := os.Symlink("/nowhere", path); err != nil {
				t.Fatal(err)
			}
		}, "PATH exists and is not a socket; it was left alone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f.sock")
			c.make(t, path)
			before, _ := os.Lstat(path)
			l, err := listen(unixSocket(path))
			if err == nil {
				defer l.close()
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if want := strings.ReplaceAll(c.want, "PATH", path); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			if now, err := os.Lstat(path); c.want != "" && (err != nil || !os.SameFile(before, now)) {
				t.Errorf("it was not left alone: %v", err)
			}
			if got := names(t, dir); !slices.Equal(got, []string{"f.sock"}) {
				t.Errorf("the directory holds %q", got)
			}
		})
	}
}

// fill connects to a socket until its queue is full, and returns how many
// connections that took.
func fill(t *testing.T, path string) int {
	t.Helper()
	for n := range 1 << 12 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err {
		case nil:
		case unix.EAGAIN:
			return n
		default:
			t.Fatal(err)
		}
	}
	t.Fatal("the queue has no end")
	return 0
}

func TestTheBacklogIsTheQueueOfConnections(t *testing.T) {
	c := unixSocket(filepath.Join(t.TempDir(), "f.sock"))
	c.Backlog = 3
	l, err := listen(c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if n := fill(t, c.Path); n != 4 { // the kernel lets one more wait
		t.Errorf("%d connections wait, want 4", n)
	}
	if got := backlog(&conf.Socket{}); got < 4096 {
		t.Errorf("without a number the queue holds %d", got)
	}
}

func TestClosingRemovesOnlyWhatWeMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sock")
	for _, c := range []struct {
		name    string
		replace func()
		left    bool
	}{
		{"our own socket goes", func() {}, false},
		{"a socket that was removed stays away", func() { os.Remove(path) }, false},
		{"a socket that somebody else put there stays", func() { os.Remove(path); makeStale(t, path) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := listen(unixSocket(path))
			if err != nil {
				t.Fatal(err)
			}
			c.replace()
			l.close()
			if _, err := os.Lstat(path); (err == nil) != c.left {
				t.Errorf("the path: %v", err)
			}
		})
	}
}

func TestALongPathIsRefusedInWords(t *testing.T) {
	dir := t.TempDir()
	pad := func(n int) string { return filepath.Join(dir, strings.Repeat("x", n-len(dir)-1)) }
	l, err := listen(unixSocket(pad(longestPath)))
	if err != nil {
		t.Fatalf("the longest path: %v", err)
	}
	l.close()
	deep := pad(longestPath - 2)
	if err := os.Mkdir(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pad(longestPath + 1), deep + "/f"} {
		if _, err := listen(unixSocket(path)); err == nil || !strings.Contains(err.Error(), "longer than the 107 bytes") {
			t.Errorf("%d bytes: got %v", len(path), err)
		}
	}
}

func TestASocketThatCannotBeLinkedIsRenamed(t *testing.T) {
	dir := t.TempDir()
	path, temp := filepath.Join(dir, "f"), filepath.Join(dir, "temp")
	refuse := func(string, string) error { return &os.LinkError{Op: "link", Err: unix.EPERM} }
	makeStale(t, temp)
	makeStale(t, path)
	if err := publish(temp, path, refuse); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("the directory holds %q", got)
	}
	if err := publish(temp, path, refuse); !errors.Is(err, unix.ENOENT) {
		t.Errorf("with nothing to rename: %v", err)
	}
}

func TestAPathThatIsAlwaysTakenIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	err := publish("", path, func(string, string) error { return os.ErrExist })
	if err == nil || err.Error() != "another program keeps creating "+path {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeDressed(t *testing.T) {
	_, err := dress(filepath.Join(t.TempDir(), "gone"), &conf.Socket{})
	if err == nil || err.Error() != "Could not change permissions of socket file: [Errno 2] No such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestATCPSocketIsTakenOnce(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "0.0.0.0"} {
		c := tcpSocket(host, freePort(t))
		l, err := listen(c)
		if err != nil {
			t.Fatalf("%s: %v", c.URL, err)
		}
		_, err = listen(c)
		if !errors.Is(err, unix.EADDRINUSE) || cause(err) != "[Errno 98] Address already in use" {
			t.Errorf("%s a second time: %v", c.URL, err)
		}
		server, err := net.FileListener(l.file)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := dial(c)
		if err != nil {
			t.Fatal(err)
		}
		served, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		// The side that closes first keeps the port busy for a while, which
		// must not keep us from listening again.
		served.Close()
		conn.Close()
		server.Close()
		l.close()
		if l, err = listen(c); err != nil {
			t.Fatalf("%s again: %v", c.URL, err)
		}
		l.close()
	}
}

func TestAHostThatIsNotOursIsRefused(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1":                "[Errno 99] Cannot assign requested address",
		"no-such-host.invalid":     "no-such-host.invalid",
		strings.Repeat("x", 300):   "no such host",
		"fe80%eth0-does-not-exist": "no such host",
	} {
		_, err := listen(tcpSocket(host, freePort(t)))
		if err == nil || !strings.Contains(cause(err), want) {
			t.Errorf("%.30s: got %v, want %q", host, err, want)
		}
	}
}

func TestCauses(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{unix.EACCES, "[Errno 13] Permission denied"},
		{unix.EADDRINUSE, "[Errno 98] Address already in use"},
		{fmt.Errorf("words of our own: %w", unix.EACCES), "words of our own: permission denied"},
	} {
		if got := cause(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSocketThatSomebodyReplacesIsRefusedAndNothingElseTouched(t *testing.T) {
	for name, replace := range map[string]func(temp, victim string) error{
		"by a link":          func(temp, victim string) error { return os.Symlink(victim, temp) },
		"by the file itself": func(temp, victim string) error { return os.Link(victim, temp) },
		"by nothing":         func(string, string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			victim := filepath.Join(t.TempDir(), "victim")
			if err := os.WriteFile(victim, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			c := unixSocket(filepath.Join(t.TempDir(), "f.sock"))
			c.Mode = 0o777
			fd, temp, err := bindTemp(c.Path, c.Mode)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if err := errors.Join(os.Remove(temp), replace(temp, victim)); err != nil {
				t.Fatal(err)
			}
			if _, err := dress(temp, c); err == nil {
				t.Error("it was taken for ours")
			}
			if st, err := os.Lstat(victim); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("the other file has %v, %v", st.Mode(), err)
			}
		})
	}
}

func TestSocketIsBornWithItsModeAndGetsWhatTheUmaskTook(t *testing.T) {
	for _, mode := range []uint32{0o600, 0o777, 0o000} {
		c := unixSocket(filepath.Join(t.TempDir(), "f.sock"))
		c.Mode = mode
		fd, temp, err := bindTemp(c.Path, c.Mode)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if st, err := os.Lstat(temp); err != nil || uint32(st.Mode().Perm())&^mode != 0 {
			t.Errorf("for %o it was born as %v, %v", mode, st.Mode(), err)
		}
		if st, err := dress(temp, c); err != nil || uint32(st.Mode().Perm()) != mode {
			t.Errorf("for %o it has %v, %v", mode, st, err)
		}
	}
}
