package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/http1"
)

func TestWrongLoginsAreToldAndHeldUp(t *testing.T) {
	guarded := conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}
	line := fmt.Sprintf("wrong user name or password in a login on unix_http_server, by uid %d", os.Getuid())
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

// wrongLogins are requests that log in wrongly, by what they speak. Of the last the
// body never comes, so that nobody hears the client hang up.
var wrongLogins = map[string]string{
	"lines":            `{"id":1,"method":"system.login","params":["joe","nope"]}` + "\n",
	"HTTP":             "GET /ok.html HTTP/1.1\r\nHost: x\r\nAuthorization: " + http1.Basic("joe", "nope") + "\r\n\r\n",
	"HTTP with a body": "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nAuthorization: " + http1.Basic("joe", "nope") + "\r\n\r\n",
}

func TestConnectionThatIsClosedIsNotHeldUp(t *testing.T) {
	for name, request := range wrongLogins {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(newFake(), conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}, newHanded(), func(conf.Level, string) {}, Options{Namespace: "supervisor"})
				ours, theirs := net.Pipe()
				conn, began := s.connection(theirs), time.Now()
				served := make(chan struct{})
				go func() { s.serveConn(conn); close(served) }()
				if _, err := io.WriteString(ours, request); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if len(s.pauses) != 1 {
					t.Fatalf("%d are held up", len(s.pauses))
				}
				_ = conn.Close() // as for somebody who comes later
				<-served
				if took := time.Since(began); took > 0 || len(s.pauses) != 0 {
					t.Errorf("it ends after %v, and %d are held up", took, len(s.pauses))
				}
				_ = ours.Close()
				s.Shutdown(t.Context())
			})
		})
	}
}

func TestNobodyWaitsBehindWrongLogins(t *testing.T) {
	for name, request := range wrongLogins {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}, Options{Namespace: "supervisor"})
			for range loginPauses {
				r.server.pauses <- struct{}{} // as long as this test lasts
			}
			told := r.dial()
			told.say(request)
			if first := told.hear(); !strings.Contains(first, `"message":"BUSY: too many wrong logins at once"`) && first != "HTTP/1.1 503 Service Unavailable" {
				t.Errorf("got %s", first)
			}
			_, _ = io.Copy(io.Discard, told.in)
			before := runtime.NumGoroutine()
			for range 2000 {
				var conn net.Conn
				eventually(t, "there is room in the queue of the socket", func() (ok bool) {
					var err error
					conn, err = net.Dial("unix", r.path)
					return err == nil
				})
				_, _ = io.WriteString(conn, request)
				_ = conn.Close()
			}
			eventually(t, "there is room for one more", func() bool { return len(r.server.slots) == 0 })
			r.dial().expect(`{"id":1,"method":"system.login","params":["joe","secret"]}`, `{"id":1,"result":true}`)
			eventually(t, "no wrong login is left", func() bool { return runtime.NumGoroutine() <= before+1 })
		})
	}
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
			host := "Host: " + tt.host + "\r\n"
			if tt.host == "" {
				host = ""
			}
			resp, _ := answer(t, s, "GET /ok.html HTTP/1.0\r\n"+host+"Authorization: "+http1.Basic("joe", "x")+"\r\n\r\n")
			if resp.StatusCode != tt.want {
				t.Errorf("got %d, want %d", resp.StatusCode, tt.want)
			}
		})
	}
}

func TestNoPageOfAnotherSiteActs(t *testing.T) {
	const browser, program = "Mozilla/5.0 (X11; Linux x86_64)", "curl/8"
	for _, tt := range []struct {
		name, method, target, headers string // headers: name=value, with blanks between
		agent                         string
		want                          bool // it may act
	}{
		{"a program", "POST", "/RPC2", "", program, true},
		{"a program that sends a form", "POST", "/RPC2", "Content-Type=application/x-www-form-urlencoded", program, true},
		{"a program that follows a link", "GET", "/?action=stopall", "", program, true},
		{"our page", "POST", "/ndjson", "Sec-Fetch-Site=same-origin Origin=http://box:9001", browser, true},
		{"our page behind a proxy that changes the host", "POST", "/ndjson", "Sec-Fetch-Site=same-origin Origin=https://other", browser, true},
		{"our page, in an old browser", "POST", "/ndjson", "Origin=http://box:9001", browser, true},
		{"our page, in an old browser, in capitals", "POST", "/ndjson", "Origin=http://BOX:9001", browser, true},
		{"another site", "POST", "/RPC2", "Sec-Fetch-Site=cross-site Origin=http://evil", browser, false},
		{"another site that claims to be none", "POST", "/RPC2", "Sec-Fetch-Site=cross-site Origin=http://box:9001", browser, false},
		{"another host of the same site", "POST", "/RPC2", "Sec-Fetch-Site=same-site Origin=http://evil.box", browser, false},
		{"another port of the same host", "POST", "/RPC2", "Origin=http://box:80", browser, false},
		{"another site, in an old browser", "POST", "/RPC2", "Origin=http://evil", browser, false},
		{"a file or a sandbox", "POST", "/RPC2", "Origin=null", browser, false},
		{"another site, in a very old browser", "POST", "/RPC2", "Referer=http://evil/x Content-Type=text/plain", browser, false},
		{"a very old browser that is told to hide", "POST", "/RPC2", "Content-Type=text/plain;charset=UTF-8", browser, false},
		{"the same with a form of files", "POST", "/ndjson", "Content-Type=multipart/form-data;boundary=x", browser, false},
		{"the same without a type", "POST", "/ndjson", "", browser, false},
		{"a type that no other site may send", "POST", "/RPC2", "Content-Type=text/xml", browser, true},
		{"a method that no other site may use", "PUT", "/RPC2", "", browser, true},
		{"a link of our page", "GET", "/?action=stopall", "Referer=http://box:9001/", browser, true},
		{"a link of our page, in a new browser", "GET", "/index.html?processname=x&action=stop", "Sec-Fetch-Site=same-origin", browser, true},
		{"an address that somebody typed, in a new browser", "GET", "/?action=stopall", "Sec-Fetch-Site=none", browser, true},
		{"a link of another site", "GET", "/?action=stopall", "Sec-Fetch-Site=cross-site", browser, false},
		{"a link of another site, in an old browser", "GET", "/?action=stopall", "Referer=http://evil/", browser, false},
		{"an image of a page that hides", "GET", "/?action=stopall", "", browser, false},
		{"the same without a value", "HEAD", "/?action", "", browser, false},
		{"a link of another site that does nothing", "GET", "/ok.html", "Sec-Fetch-Site=cross-site Referer=http://evil/", browser, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.method + " " + tt.target + " HTTP/1.1\r\nHost: box:9001\r\nUser-Agent: " + tt.agent + "\r\n"
			for _, h := range strings.Fields(tt.headers) {
				text += strings.Replace(h, "=", ": ", 1) + "\r\n"
			}
			var q http1.Request
			if err := q.Read(bufio.NewReader(strings.NewReader(text + "\r\n"))); err != nil {
				t.Fatal(err)
			}
			if got := !(acts(&q) && crossSite(&q)); got != tt.want {
				t.Errorf("it may act: %v", got)
			}
		})
	}
}

func TestAnswersAreConfined(t *testing.T) {
	r := standard(t)
	resp, err := r.web().Get("http://x/ok.html")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestNothingIsReachableWithoutThePassword(t *testing.T) {
	// The SHA-1 of secret.
	for name, password := range map[string]string{"plain": "secret", "hashed": "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, conf.HTTPServer{Username: ptr("joe"), Password: ptr(password)}, Options{Namespace: "supervisor"})
			for _, path := range []string{"/", "/index.html", "/ok.html", "/livez", "/readyz", "/metrics", "/RPC2", "/ndjson", "/logtail/web", "/mainlogtail",
				"/tail.html?processname=web", "/stylesheets/supervisor.css", "/images/x", "/nosuch", "/../x"} {
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions} {
					request, err := http.NewRequest(method, "http://x"+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					resp, err := r.web().Do(request)
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if resp.StatusCode != http.StatusUnauthorized || err != nil || strings.Contains(string(body), "web") {
						t.Errorf("%s %s: got %s %s, %v", method, path, resp.Status, body, err)
					}
				}
			}
			if len(r.fake.follows) > 0 {
				t.Errorf("a log was %s", <-r.fake.follows)
			}
			for password, want := range map[string]int{"secret": 200, "Secret": 401, "": 401, "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4": 401} {
				request, _ := http.NewRequest(http.MethodGet, "http://x/ok.html", nil)
				request.SetBasicAuth("joe", password)
				resp, err := r.web().Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("with %q: got %s", password, resp.Status)
				}
			}
		})
	}
}
