package serve

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/daemon/socket"
	"gosupervisor/lacking"
)

// unixConf is a section whose socket lies in a fresh directory with a short name.
func unixConf(t *testing.T) conf.HTTPServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "listen")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return conf.HTTPServer{Section: "unix_http_server", Family: conf.Unix, File: filepath.Join(dir, "s.sock"), Mode: 0o700, OwnerUID: -1, OwnerGID: -1}
}

func mustListen(t *testing.T, c conf.HTTPServer, o ListenOptions) net.Listener {
	t.Helper()
	l, err := Listen(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// mustFail checks text and hint of an error.
func mustFail(t *testing.T, c conf.HTTPServer, o ListenOptions, text, hint string) {
	t.Helper()
	l, err := Listen(c, o)
	var e *ListenError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, %v", l, err)
	}
	if e.Error() != text || !strings.Contains(e.Hint, hint) || (hint == "" && e.Hint != "") {
		t.Errorf("got %q, hint %q\nwant %q, %q", e.Text, e.Hint, text, hint)
	}
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 || names[0].Name() != filepath.Base(path) {
		t.Errorf("beside %s there is %v, %v", path, names, err)
	}
}

func TestUnixSocketAppearsWithModeAndOwner(t *testing.T) {
	c := unixConf(t)
	c.Mode, c.OwnerUID, c.OwnerGID = 0o620, os.Geteuid(), os.Getegid()
	if os.Geteuid() == 0 {
		c.OwnerUID, c.OwnerGID = 12345, 54321
	}
	mustListen(t, c, ListenOptions{})
	st, err := os.Lstat(c.File)
	if err != nil {
		t.Fatal(err)
	}
	sys, _ := st.Sys().(*syscall.Stat_t)
	if st.Mode().Perm() != 0o620 || int(sys.Uid) != c.OwnerUID || int(sys.Gid) != c.OwnerGID {
		t.Errorf("got %v %d:%d", st.Mode(), sys.Uid, sys.Gid)
	}
	onlyFile(t, c.File)
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

func TestStaleSocketIsTakenOver(t *testing.T) {
	c := unixConf(t)
	leaveStale(t, c.File)
	var notices []string
	l := mustListen(t, c, ListenOptions{Notice: func(s string) { notices = append(notices, s) }})
	if len(notices) != 1 || notices[0] != "Unlinking stale socket "+c.File {
		t.Errorf("got %q", notices)
	}
	conn, err := net.Dial("unix", c.File)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	onlyFile(t, c.File)
	_ = l.Close()
	if _, err := os.Lstat(c.File); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
}

func TestTooLongAPathIsRefused(t *testing.T) {
	c := unixConf(t)
	c.File = filepath.Join(filepath.Dir(c.File), strings.Repeat("s", socket.LongestPath-len(filepath.Dir(c.File))))
	mustFail(t, c, ListenOptions{}, "Cannot open an HTTP server: socket.error reported errno.ENAMETOOLONG (36)", "is longer than the 107 bytes")
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"that answers":          func(c net.Conn) { _, _ = c.Write([]byte("x")); _ = c.Close() },
		"that stays silent":     func(net.Conn) {},
		"that hangs up at once": func(c net.Conn) { _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c := unixConf(t)
			l, err := net.Listen("unix", c.File)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					serve(conn)
				}
			}()
			mustFail(t, c, ListenOptions{Timeout: 50 * time.Millisecond}, inUseText, "")
			onlyFile(t, c.File)
		})
	}
	t.Run("that never accepts", func(t *testing.T) {
		c := unixConf(t)
		l, err := net.Listen("unix", c.File)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		mustFail(t, c, ListenOptions{Timeout: 50 * time.Millisecond}, inUseText, "")
	})
	t.Run("of our own kind", func(t *testing.T) {
		r := standard(t)
		mustFail(t, r.server.conf, ListenOptions{}, inUseText, "")
		if v, err := r.rpc("supervisor.getPID"); err != nil || v != int64(42) {
			t.Errorf("the first one suffered: %v, %v", v, err)
		}
	})
}

func TestUnixErrors(t *testing.T) {
	t.Run("the directory is missing", func(t *testing.T) {
		c := unixConf(t)
		c.File = filepath.Join(filepath.Dir(c.File), "x", "s.sock")
		mustFail(t, c, ListenOptions{}, "Cannot open an HTTP server: socket.error reported errno.ENOENT (2)",
			"the directory "+filepath.Dir(c.File)+" does not exist")
	})
	t.Run("the directory is a file", func(t *testing.T) {
		c := unixConf(t)
		dir := filepath.Join(filepath.Dir(c.File), "x")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c.File = filepath.Join(dir, "s.sock")
		mustFail(t, c, ListenOptions{}, "Cannot open an HTTP server: socket.error reported errno.ENOTDIR (20)", dir+" is not a directory")
	})
	for name, make := range map[string]func(string) error{
		"a file is in the way":          func(p string) error { return os.WriteFile(p, []byte("mine"), 0o600) },
		"a directory is in the way":     func(p string) error { return os.Mkdir(p, 0o700) },
		"a dangling link is in the way": func(p string) error { return os.Symlink("nowhere", p) },
	} {
		t.Run(name, func(t *testing.T) {
			c := unixConf(t)
			if err := make(c.File); err != nil {
				t.Fatal(err)
			}
			mustFail(t, c, ListenOptions{}, "Cannot open an HTTP server: socket.error reported errno.ENOTSOCK (88)",
				c.File+" exists and is not a socket; it was left alone")
			onlyFile(t, c.File)
		})
	}
	t.Run("the owner cannot be given", func(t *testing.T) {
		e := chownError("/x.sock", 1, 2, syscall.EPERM)
		want := "Not permitted to chown /x.sock to uid/gid (1, 2); adjust \"sockchown\" value in config file or on command line to values that the current user ("
		if !strings.HasPrefix(e.Text, want) || !errors.Is(e, syscall.EPERM) {
			t.Errorf("got %q", e.Text)
		}
	})
}

func TestInetErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, tt := range []struct {
		name, host string
		port       int
		text, hint string
	}{
		{"the port is taken", "127.0.0.1", port, inUseText, ""},
		{"the address is not ours", "192.0.2.1", 1, "Cannot open an HTTP server: socket.error reported errno.EADDRNOTAVAIL (99)", "192.0.2.1 is no address of this machine"},
		{"the name cannot be one", "no such host", 1, "Cannot open an HTTP server: socket.error reported -2", "no such host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mustFail(t, conf.HTTPServer{Family: conf.Inet, Host: tt.host, Port: tt.port}, ListenOptions{}, tt.text, tt.hint)
		})
	}
}

func TestInetOnAllInterfaces(t *testing.T) {
	l := mustListen(t, conf.HTTPServer{Family: conf.Inet}, ListenOptions{})
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestInetOfTheSixthVersion(t *testing.T) {
	l, err := Listen(conf.HTTPServer{Family: conf.Inet, Host: "[::1]"}, ListenOptions{})
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
		lacking.Skip(t, "the machine has no such addresses")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.Equal(net.IPv6loopback) {
		t.Errorf("it listens on %v", ip)
	}
}

func TestADirectoryThatCannotTakeASocketComesWithAdvice(t *testing.T) {
	dir := t.TempDir()
	for err, want := range map[error]string{
		syscall.EROFS:  dir + " is on a read-only file system: mount a tmpfs there (docker run --tmpfs " + dir + ")",
		syscall.EACCES: "no permission to create a file in " + dir,
		syscall.ENOSPC: "no space left in " + dir,
		syscall.EIO:    "",
	} {
		if got := directoryHint(dir, err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
	for _, dir := range []string{"/", "/etc", "/usr/lib"} {
		want := dir + " is on a read-only file system: set file=/run/supervisor.sock, and mount a tmpfs there (docker run --tmpfs /run)"
		if got := directoryHint(dir, syscall.EROFS); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := directoryHint(dir+"/none", syscall.ENOENT); got != "the directory "+dir+"/none does not exist" {
		t.Errorf("got %q", got)
	}
}
