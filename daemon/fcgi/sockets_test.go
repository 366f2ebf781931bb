package fcgi

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// record is a log that can be read.
type record struct{ lines []string }

func (r *record) log(l conf.Level, text string) {
	r.lines = append(r.lines, fmt.Sprintf("%d %s", l, text))
}

// expect compares what was logged since the last time.
func (r *record) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.lines, want) {
		t.Errorf("logged %q, want %q", r.lines, want)
	}
	r.lines = nil
}

func newSockets(t *testing.T) (*Sockets, *record) {
	r := &record{}
	s := New(r.log)
	t.Cleanup(s.Close)
	return s, r
}

func unixSocket(path string) *conf.Socket {
	return &conf.Socket{URL: "unix://" + path, Family: conf.Unix, Path: path, Mode: 0o700}
}

// freePort returns a port of the loopback address that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func tcpSocket(host string, port int) *conf.Socket {
	return &conf.Socket{URL: fmt.Sprintf("tcp://%s:%d", host, port), Family: conf.TCP, Host: host, Port: port}
}

// hold takes a socket that has to be there.
func hold(t *testing.T, s *Sockets, holder uint64, section string, c *conf.Socket) *os.File {
	t.Helper()
	f, err := s.Hold(holder, section, c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// names returns what is in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestASocketIsOpenWhileSomebodyHoldsIt(t *testing.T) {
	dir := t.TempDir()
	c := unixSocket(filepath.Join(dir, "f.sock"))
	for name, c := range map[string]*conf.Socket{"unix": c, "tcp": tcpSocket("localhost", freePort(t))} {
		t.Run(name, func(t *testing.T) {
			s, log := newSockets(t)
			first := hold(t, s, 1, "fcgi-program:f", c)
			log.expect(t, "20 Creating socket "+c.URL)
			if again := hold(t, s, 2, "fcgi-program:f", c); again != first {
				t.Error("the second holder got a socket of its own")
			}
			for _, holder := range []uint64{1, 1, 3} {
				if got := s.Release(holder); got != "" {
					t.Errorf("released by %d, and %s was closed", holder, got)
				}
			}
			log.expect(t)
			conn, err := dial(c)
			if err != nil {
				t.Fatalf("with one holder left: %v", err)
			}
			conn.Close()
			if got := s.Release(2); got != c.URL {
				t.Errorf("released by the last, and %q was closed", got)
			}
			log.expect(t)
			if _, err := dial(c); err == nil {
				t.Error("somebody listens though nobody holds the socket")
			}
			hold(t, s, 1, "fcgi-program:f", c)
			log.expect(t, "20 Creating socket "+c.URL)
			s.Close()
			log.expect(t, "20 Closing socket "+c.URL)
			s.Close()
			log.expect(t)
		})
	}
	if left := names(t, dir); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func dial(c *conf.Socket) (net.Conn, error) {
	if c.Family == conf.Unix {
		return net.Dial("unix", c.Path)
	}
	return net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
}

func TestAFailureIsNothingHeld(t *testing.T) {
	s, log := newSockets(t)
	dir := t.TempDir()
	c := unixSocket(filepath.Join(dir, "missing", "f.sock"))
	_, err := s.Hold(1, "fcgi-program:f", c)
	if err == nil || err.Error() != "Could not create FastCGI socket "+c.URL+": [Errno 2] No such file or directory" {
		t.Errorf("got %v", err)
	}
	var e *Error
	if !errors.As(err, &e) || e.URL != c.URL || !errors.Is(err, unix.ENOENT) {
		t.Errorf("got %#v", err)
	}
	log.expect(t, "20 Creating socket "+c.URL)
	s.Release(1)
	log.expect(t)
	if err := os.Mkdir(filepath.Dir(c.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	hold(t, s, 1, "fcgi-program:f", c)
	log.expect(t, "20 Creating socket "+c.URL)
}

func TestTryCreatesEverySocketOfAGroupOnce(t *testing.T) {
	s, log := newSockets(t)
	dir := t.TempDir()
	a, b := unixSocket(filepath.Join(dir, "a")), unixSocket(filepath.Join(dir, "b"))
	again := *a
	g := &conf.Group{Programs: []*conf.Program{
		{Section: "program:plain"},
		{Section: "fcgi-program:a", Socket: a}, {Section: "fcgi-program:a", Socket: &again},
		{Section: "fcgi-program:b", Socket: b},
	}}
	if err := s.Try(g); err != nil {
		t.Fatal(err)
	}
	log.expect(t, "20 Creating socket "+a.URL, "20 Closing socket "+a.URL,
		"20 Creating socket "+b.URL, "20 Closing socket "+b.URL)

	hold(t, s, 1, "fcgi-program:a", a)
	log.lines = nil
	if err := s.Try(g); err != nil {
		t.Errorf("with one in use: %v", err)
	}
	log.expect(t, "20 Creating socket "+b.URL, "20 Closing socket "+b.URL)
	if conn, err := dial(a); err != nil {
		t.Errorf("the one in use was closed: %v", err)
	} else {
		conn.Close()
	}

	if err := os.WriteFile(b.Path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Try(g); err == nil {
		t.Error("a file in the way is no error")
	}
	if got, want := names(t, dir), []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("left behind %q, want %q", got, want)
	}
}

func TestTwoSectionsDoNotShare(t *testing.T) {
	s, _ := newSockets(t)
	for name, c := range map[string]*conf.Socket{
		"another program listens on": unixSocket(filepath.Join(t.TempDir(), "f")),
		"[Errno 98] Address already": tcpSocket("127.0.0.1", freePort(t)),
	} {
		hold(t, s, 1, "fcgi-program:a", c)
		if _, err := s.Hold(2, "fcgi-program:b", c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q", err, name)
		}
		s.Release(1)
		hold(t, s, 2, "fcgi-program:b", c)
		s.Release(2)
	}
}

// TestTheDescriptorIsFitForAChild checks what children share with us: that it
// blocks; and what they must not: that only their descriptor 0 is passed on.
func TestTheDescriptorIsFitForAChild(t *testing.T) {
	s, _ := newSockets(t)
	for i, c := range []*conf.Socket{unixSocket(filepath.Join(t.TempDir(), "f")), tcpSocket("127.0.0.1", freePort(t))} {
		fd := hold(t, s, uint64(i+1), "fcgi-program:f", c).Fd()
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK != 0 {
			t.Errorf("%s: it does not block: %#x %v", c.URL, flags, err)
		}
		flags, err = unix.FcntlInt(fd, unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: every child inherits it: %#x %v", c.URL, flags, err)
		}
		if on, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN); on != 1 {
			t.Errorf("%s: it does not listen: %v", c.URL, err)
		}
	}
}

func TestOwnerAndModeAreSet(t *testing.T) {
	dir := t.TempDir()
	self := [2]int{os.Getuid(), os.Getgid()}
	other := self
	if self[0] == 0 {
		other = [2]int{65534, 65533}
	}
	for _, c := range []struct {
		name  string
		mode  uint32
		owner *[2]int
		want  [2]int
	}{
		{"nothing but a mode", 0o700, nil, self},
		{"more than the umask allows", 0o777, nil, self},
		{"an owner", 0o660, &other, other},
		{"a mode without any access", 0, nil, self},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newSockets(t)
			sock := unixSocket(filepath.Join(dir, "f.sock"))
			sock.Mode, sock.Owner = c.mode, c.owner
			hold(t, s, 1, "fcgi-program:f", sock)
			st, err := os.Lstat(sock.Path)
			if err != nil {
				t.Fatal(err)
			}
			sys := st.Sys().(*syscall.Stat_t)
			if sys.Mode&0o7777 != c.mode || int(sys.Uid) != c.want[0] || int(sys.Gid) != c.want[1] {
				t.Errorf("got mode %o of %d:%d, want %o of %v", sys.Mode&0o7777, sys.Uid, sys.Gid, c.mode, c.want)
			}
			if got := names(t, dir); len(got) != 1 {
				t.Errorf("the directory holds %q", got)
			}
		})
	}
}
