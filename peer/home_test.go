package peer

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gosupervisor/lacking"
)

// TestMain is the test, or a program that connects and stays until it hears something.
func TestMain(m *testing.M) {
	if name := os.Getenv("TEST_PEER_CONNECT"); name != "" {
		if conn, err := net.Dial("unix", name); err == nil {
			_, _ = conn.Read(make([]byte, 1))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestWhoLivesElsewhereIsTold(t *testing.T) {
	for name, row := range map[string]struct {
		unshare []string
		want    string // none: it lives here
	}{
		"a program of ours":         {nil, ""},
		"of another container":      {[]string{"unshare", "-m"}, "lives in another mount namespace"},
		"of another user namespace": {[]string{"unshare", "-U"}, "lives in another user namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.unshare != nil && exec.Command(row.unshare[0], append(row.unshare[1:], "true")...).Run() != nil {
				lacking.Skip(t, "no namespaces can be made")
			}
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "@test-" + strings.ReplaceAll(t.Name(), "/", "-"), Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			args := append(row.unshare, os.Args[0])
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "TEST_PEER_CONNECT="+l.Addr().String())
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			conn, err := l.AcceptUnix()
			if err != nil {
				t.Fatal(err)
			}
			err = SameHome(conn)
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want %q", err, row.want)
			}
			_, _ = conn.Write([]byte("x"))
			_ = cmd.Wait()
			if err := SameHome(conn); err == nil {
				t.Error("one that has ended lives here")
			}
			_ = conn.Close()
		})
	}
}

func TestBeginOfAProcess(t *testing.T) {
	first, err := begun(os.Getpid())
	if again, _ := begun(os.Getpid()); err != nil || first == "" || first != again {
		t.Errorf("got %q, then %q, %v", first, again, err)
	}
	if one, err := begun(1); err != nil || one == first {
		t.Errorf("pid 1 began at %q, we at %q, %v", one, first, err)
	}
	for _, pid := range []int{0, -1} {
		if _, err := begun(pid); err == nil {
			t.Errorf("pid %d has a beginning", pid)
		}
	}
}
