package openssl

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is the test, or a program that connects, says to whom it has given
// birth, and stays.
func TestMain(m *testing.M) {
	if address := os.Getenv("TEST_OPENSSL_CONNECT"); address != "" {
		fmt.Println("connecting")
		_, err := Dial(context.Background(), address, "localhost")
		fmt.Println("connected", err)
		select {}
	}
	os.Exit(m.Run())
}

// until waits for something to become true.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come: %s", what)
		}
	}
}

// children are the pids below one, of all its threads.
func children(pid int) (pids []string) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

func alive(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z ")
}

func TestItEndsWithWhoeverConnected(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	for name, row := range map[string]struct {
		address string
		says    string
	}{
		"connected":      {secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, echo), "connected <nil>"},
		"not so far yet": {listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { io.Copy(io.Discard, c) }), "connecting"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "TEST_OPENSSL_CONNECT="+row.address)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			for r := bufio.NewScanner(out); r.Scan() && r.Text() != row.says; {
			}
			var pid string
			until(t, "there is an openssl", func() bool {
				for _, pid = range children(cmd.Process.Pid) {
					if name, _ := os.ReadFile("/proc/" + pid + "/comm"); string(name) == "openssl\n" {
						return true
					}
				}
				return false
			})
			cmd.Process.Kill()
			until(t, "it ends", func() bool { return !alive(pid) })
		})
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	good := secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, echo)
	silent := listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { io.Copy(io.Discard, c) })
	deaf := secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, func(*tls.Conn) { select {} })
	fds := func() (n int) { // pipes and pairs of sockets: the servers here have other ones
		for fd := range 1000 {
			target, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			address, _ := syscall.Getsockname(fd)
			if _, ok := address.(*syscall.SockaddrUnix); ok || strings.HasPrefix(target, "pipe:") {
				n++
			}
		}
		return n
	}
	late := errors.New("too late")
	before := 0
	for i := range 3 { // the first round opens what stays
		c := dial(t, good, "localhost")
		exchange(t, c, []byte("hello"))
		c.Close()
		c.Close()
		c = dial(t, deaf, "localhost")
		c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := c.Write(make([]byte, 64<<20)); err == nil {
			t.Errorf("somebody took %d bytes", n)
		}
		c.Close()
		if _, err := Dial(t.Context(), good, "other.example"); !errors.Is(err, ErrName) {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, late)
		if _, err := Dial(ctx, silent, "localhost"); err != late {
			t.Errorf("of a server that says nothing: got %v, want %v", err, late)
		}
		cancel()
		if pids := children(os.Getpid()); len(pids) > 0 {
			t.Errorf("children are left: %v", pids)
		}
		if i == 0 {
			before = fds()
		}
	}
	until(t, "as many descriptors as before", func() bool { return fds() <= before })
}

// A server that begins well and then says nothing more is given up, too.
func TestHalfAHandshakeIsNone(t *testing.T) {
	need(t)
	a := newAuthority(t, time.Now().Add(time.Hour))
	a.trusted(t)
	good := secure(t, &tls.Config{Certificates: []tls.Certificate{a.certificate(t, time.Now().Add(time.Hour), "localhost")}}, echo)
	half := listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		behind, err := net.Dial("tcp", good)
		if err != nil {
			return
		}
		defer behind.Close()
		go io.Copy(behind, c)
		io.CopyN(c, behind, 100)
		select {}
	})
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, late)
	defer cancel()
	if _, err := Dial(ctx, half, "localhost"); err != late {
		t.Errorf("got %v, want %v", err, late)
	}
}

func TestWhatTheProgramHasOfOurs(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	program(t, `{ /usr/bin/env; echo; ls -l /proc/$$/fd; echo; cat /proc/$$/stat; echo; echo "$*"; } >`+out+"; exit 1")
	t.Setenv("SECRET", "s3cret")
	t.Setenv("SSL_CERT_FILE", "/some/ca.pem")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	given, err := syscall.Open("/etc/passwd", syscall.O_RDONLY, 0) // with no mark on it
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(given)
	Dial(t.Context(), "127.0.0.1:1", "-host")
	if _, err := os.Stat(out); err == nil {
		t.Error("it was run for a name that is none")
	}
	Dial(t.Context(), "127.0.0.1:1", "localhost")
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(string(text), "\n\n")
	if strings.Contains(part[0], "SECRET") || !strings.Contains(part[0]+"\n", "SSL_CERT_FILE=/some/ca.pem\n") || !strings.Contains(part[0]+"\n", "LC_ALL=C\n") {
		t.Errorf("its environment is\n%s", part[0])
	}
	if strings.Contains(part[1], "/etc/passwd") {
		t.Errorf("its descriptors are\n%s", part[1])
	}
	_, stat, _ := strings.Cut(part[2], ") ")
	pid, _, _ := strings.Cut(part[2], " ")
	if f := strings.Fields(stat); len(f) < 5 || f[3] != pid || f[4] != "0" || pid == strconv.Itoa(os.Getpid()) {
		t.Errorf("its session and terminal are not its own: %s", part[2])
	}
	const want = "s_client -brief -no_ign_eof -nocommands -no_renegotiation -min_protocol TLSv1.2 -alpn http/1.1 -verify_return_error -connect 127.0.0.1:1" +
		" -servername localhost -verify_hostname localhost\n"
	if part[3] != want {
		t.Errorf("its arguments are %q, want %q", part[3], want)
	}
}

func TestWhereTheProgramIs(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name, "openssl")
		if err := os.WriteFile(file, nil, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good, plain := write("good", 0o755), filepath.Dir(write("plain", 0o644))
	if err := os.MkdirAll(filepath.Join(dir, "tree", "openssl"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(good))
	for name, row := range map[string]struct{ path, want string }{
		"nowhere":                    {dir + "/none:" + plain + ":" + dir + "/tree", ""},
		"the first that can be run":  {plain + ":" + dir + "/tree:" + filepath.Dir(good) + ":/usr/bin", good},
		"here is no place":           {"", ""},
		"nor is an empty one":        {":.:../good", ""},
		"nothing is said of the way": {"\x00", usual(t)},
	} {
		t.Setenv("PATH", "")
		if row.path == "\x00" {
			os.Unsetenv("PATH")
		} else {
			os.Setenv("PATH", row.path)
		}
		got, err := find()
		if got != row.want || (err != nil) != (row.want == "") || err != nil && !errors.Is(err, ErrMissing) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, row.want)
		}
	}
}

// usual is where an openssl is without PATH.
func usual(t *testing.T) string {
	for _, dir := range filepath.SplitList(usualPath) {
		if _, err := os.Stat(dir + "/openssl"); err == nil {
			return dir + "/openssl"
		}
	}
	return ""
}

// TestWhatWeWereGivenIsKeptFromTheProgram marks a descriptor that a program would get.
func TestWhatWeWereGivenIsKeptFromTheProgram(t *testing.T) {
	for name, closeRange := range map[string]func(uint, uint, uint) error{
		"this system":         unix.CloseRange,
		"no such call":        func(uint, uint, uint) error { return unix.ENOSYS },
		"no such flag":        func(uint, uint, uint) error { return unix.EINVAL },
		"a filter forbids it": func(uint, uint, uint) error { return unix.EPERM },
	} {
		t.Run(name, func(t *testing.T) {
			var fds [2]int
			if err := unix.Pipe2(fds[:], 0); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fds[0])
			defer unix.Close(fds[1])
			if err := keepToUs(closeRange); err != nil {
				t.Fatal(err)
			}
			for _, fd := range fds {
				if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("descriptor %d would reach the program: %#x, %v", fd, flags, err)
				}
			}
			if flags, err := unix.FcntlInt(2, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
				t.Errorf("the standard error would not: %#x, %v", flags, err)
			}
		})
	}
}
