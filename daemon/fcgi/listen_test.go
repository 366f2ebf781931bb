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
	"gosupervisor/daemon/socket"
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

func TestWhyThereIsNoUnixSocket(t *testing.T) {
	failed := func(step socket.Step, err error) error { return &socket.Error{Step: step, Path: "/x", Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{failed(socket.TooLong, unix.ENAMETOOLONG), "the path is longer than the 107 bytes that a socket may have"},
		{failed(socket.Binding, unix.ENOENT), "[Errno 2] No such file or directory"},
		{failed(socket.Mode, unix.EPERM), "Could not change permissions of socket file: [Errno 1] Operation not permitted"},
		{failed(socket.Owner, unix.EPERM), "Could not change ownership of socket file: [Errno 1] Operation not permitted"},
		{failed(socket.Replaced, unix.EPERM), "somebody replaced the new socket /x"},
		{failed(socket.Taken, unix.EACCES), "cannot tell whether another program listens on /x: [Errno 13] Permission denied"},
		{failed(socket.Clearing, unix.EACCES), "cannot remove the stale socket: permission denied"},
		{failed(socket.Contended, unix.EADDRINUSE), "another program keeps creating /x"},
		{failed(socket.Placing, unix.EROFS), "[Errno 30] Read-only file system"},
	} {
		if got := cause(worded(c.err)); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
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
