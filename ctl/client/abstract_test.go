package client

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/lacking"
)

// listenAs listens under a name as another user: of one thread, which is not used again.
func listenAs(t *testing.T, uid int, name string) net.Listener {
	t.Helper()
	type made struct {
		l   net.Listener
		err error
	}
	done := make(chan made, 1)
	go func() {
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			done <- made{err: errno}
			return
		}
		l, err := new(net.ListenConfig).Listen(t.Context(), "unix", name)
		done <- made{l, err}
	}()
	m := <-done
	if m.err != nil {
		t.Fatal(m.err)
	}
	t.Cleanup(func() { m.l.Close() })
	return m.l
}

// TestAnAbstractNameMayBeAnybodys has somebody else listen where a server of ours would:
// found in the place of a socket that is not there, and named by itself.
func TestAnAbstractNameMayBeAnybodys(t *testing.T) {
	if os.Geteuid() != 0 {
		lacking.Skip(t, "only root can be somebody else")
	}
	const stranger = 12345
	path := filepath.Join(t.TempDir(), "s.sock")
	name := conf.AbstractSocket(path, 0)
	l := listenAs(t, stranger, name)
	heard := make(chan string, 2)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 100)
			n, err := conn.Read(b)
			heard <- fmt.Sprintf("%q %v", b[:n], err)
			conn.Close()
		}
	}()
	for _, url := range []string{"unix://" + path, "unix://" + name} {
		user, pass := "user", "secret"
		c, err := New(url, &user, &pass, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.PID(t.Context())
		want := fmt.Sprintf("%s is a socket of uid %d, pid %d", name, stranger, os.Getpid())
		if !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", url, err, want)
		}
		if got := <-heard; got != `"" EOF` {
			t.Errorf("%s: the stranger was told %s", url, got)
		}
	}
	for uid, want := range map[int]string{0: "root, who you are", 4242: "root or of uid 4242, who you are"} {
		if got := whoseNames(uid); got != want {
			t.Errorf("uid %d: got %q, want %q", uid, got, want)
		}
	}
	c, err := New("unix://@nobody-listens-here", nil, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := c.PID(t.Context()); !errors.As(err, &e) || !errors.Is(err, ErrRefused) || !strings.HasPrefix(strings.Join(e.Hints, ""), "nobody listens under that name") {
		t.Errorf("got %v", err)
	}
}
