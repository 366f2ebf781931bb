package serve

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gosupervisor/conf"
)

func TestWrongLoginsAreToldAndHeldUp(t *testing.T) {
	guarded := conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}
	const line = "wrong user name or password in a login on unix_http_server"
	ask := func(t *testing.T, r *rig, password string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, "http://x/ok.html", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			request.SetBasicAuth("joe", password)
		}
		resp, err := r.web().Do(request)
		if err != nil {
			t.Error(err)
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	t.Run("one over HTTP", func(t *testing.T) {
		r := newRig(t, guarded, Options{Namespace: "supervisor"})
		start := time.Now()
		if status := ask(t, r, "nope"); status != http.StatusUnauthorized || time.Since(start) < loginPause {
			t.Errorf("got %d after %v", status, time.Since(start))
		}
		r.logged(line)
	})
	t.Run("many are few lines", func(t *testing.T) {
		r := newRig(t, guarded, Options{Namespace: "supervisor"})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { ask(t, r, "nope") })
		}
		all.Wait()
		k := r.dial()
		k.ask(`{"id":1,"method":"system.login","params":["joe","nope"]}`)
		told := 0
		for len(r.lines) > 0 {
			if strings.Contains(<-r.lines, line) {
				told++
			}
		}
		if told < 1 || told > 5 { // a slow machine takes some seconds
			t.Errorf("21 wrong logins were told %d times", told)
		}
	})
	t.Run("a right one is not, nor one without a password", func(t *testing.T) {
		r := newRig(t, guarded, Options{Namespace: "supervisor"})
		if status := ask(t, r, "secret"); status != http.StatusOK {
			t.Errorf("got %d", status)
		}
		if status := ask(t, r, ""); status != http.StatusUnauthorized {
			t.Errorf("got %d", status)
		}
		for len(r.lines) > 0 {
			if text := <-r.lines; strings.Contains(text, line) {
				t.Errorf("told: %s", text)
			}
		}
	})
}

func TestHostOfARequestIsOneOfOurs(t *testing.T) {
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9001}
	open := conf.HTTPServer{Section: "inet_http_server", Family: conf.Inet, Host: "box.local", Port: 9001}
	guarded := open
	guarded.Username, guarded.Password = ptr("joe"), ptr("x")
	for _, tt := range []struct {
		name, host string
		conf       conf.HTTPServer
		addr       net.Addr
		want       int
	}{
		{"an address", "127.0.0.1:9001", open, loopback, 200},
		{"an address of another kind", "[::1]:9001", open, loopback, 200},
		{"an address without a port", "[::1]", open, loopback, 200},
		{"localhost", "LocalHost:9001", open, loopback, 200},
		{"a name below localhost", "app.localhost:1", open, loopback, 200},
		{"the host of the section", "Box.local:9001", open, loopback, 200},
		{"the host of the section with its dot", "box.local.", open, loopback, 200},
		{"no host", "", open, loopback, 200},
		{"another name", "evil.example:9001", open, loopback, 403},
		{"another name without a port", "evil.example", open, loopback, 403},
		{"a name that begins as ours", "localhost.evil.example", open, loopback, 403},
		{"a name that looks like an address", "127.0.0.1.evil.example", open, loopback, 403},
		{"another name on ::1", "evil.example", open, &net.TCPAddr{IP: net.IPv6loopback}, 403},
		{"another name where all can come", "evil.example", open, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, 200},
		{"another name with a password", "evil.example", guarded, loopback, 200},
		{"another name on a UNIX socket", "evil.example", conf.HTTPServer{Family: conf.Unix}, &net.UnixAddr{Name: "/s"}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newHanded()
			l.addr = tt.addr
			s := New(newFake(), tt.conf, l, func(conf.Level, string) {}, Options{})
			defer s.Shutdown(t.Context())
			r := httptest.NewRequest(http.MethodGet, "/ok.html", nil)
			r.Host = tt.host
			r.SetBasicAuth("joe", "x")
			w := httptest.NewRecorder()
			s.serveHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
		})
	}
}
