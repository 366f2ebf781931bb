package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// overSocket returns a client that speaks HTTP to the daemon's socket.
func (s *sup) overSocket() *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.path("s.sock"))
	}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// fetch gets a page, with the user and password in the URL if there are any.
func fetch(t testing.TB, client *http.Client, url string) (status int, body string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestProbesTellWhetherEverythingIsUp(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it answers no probes")
	port := freePort(t)
	s := newSup(t, fmt.Sprintf(`
[inet_http_server]
port=*:%d
username=joe
password=sec
health_without_auth=true
[program:web]
command=/bin/cat
[program:job]
command=/bin/true
startsecs=0
autorestart=false
[program:later]
command=/bin/cat
autostart=false
`, port)).start()
	inside := s.overSocket()
	until(t, "everything is up", func() (string, bool) {
		status, body := fetch(t, inside, "http://x/readyz")
		return body, status == 200 && body == `{"ready":true,"processes":2}`+"\n"
	})
	s.must(0, "web: stopped", "stop", "web")
	const why = `{"ready":false,"processes":2,"not_ready":[{"name":"web","state":"STOPPED","reason":"`
	if status, body := fetch(t, inside, "http://x/readyz"); status != 503 || !strings.HasPrefix(body, why) {
		t.Errorf("got %d %s", status, body)
	}
	// From outside, without the password, it is told that and not why.
	outside := fmt.Sprintf("127.0.0.1:%d", port)
	for path, want := range map[string]string{"/livez": "200 {\"live\":true}\n", "/readyz": "503 {\"ready\":false}\n"} {
		if status, body := fetch(t, http.DefaultClient, "http://"+outside+path); fmt.Sprintf("%d %s", status, body) != want {
			t.Errorf("%s: got %d %s, want %s", path, status, body, want)
		}
	}
	if status, _ := fetch(t, http.DefaultClient, "http://"+outside+"/ok.html"); status != 401 {
		t.Errorf("/ok.html: got %d", status)
	}
	if status, body := fetch(t, http.DefaultClient, "http://joe:sec@"+outside+"/readyz"); status != 503 || !strings.HasPrefix(body, why) {
		t.Errorf("with the password: got %d %s", status, body)
	}
	s.must(0, "web: started", "start", "web")
	if status, body := fetch(t, http.DefaultClient, "http://"+outside+"/readyz"); status != 200 || body != "{\"ready\":true}\n" {
		t.Errorf("got %d %s", status, body)
	}
	s.terminate()
}

func TestProbesWhileTheDaemonShutsDown(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it answers no probes")
	s := newSup(t, `
[program:lazy]
command=/bin/sh -c 'trap "" TERM; echo trapped; while :; do sleep 0.1; done'
stdout_logfile=DIR/lazy.log
stopwaitsecs=100
killasgroup=true
`).start()
	waitFile(t, s.path("lazy.log"), "trapped")
	pid := s.waitPID("lazy")
	s.must(0, "Shut down", "shutdown")
	inside := s.overSocket()
	if status, body := fetch(t, inside, "http://x/livez"); status != 200 || !strings.Contains(body, `"live":true,"reason":"the supervisor is shutting down"`) {
		t.Errorf("got %d %s", status, body)
	}
	if status, body := fetch(t, inside, "http://x/readyz"); status != 503 || !strings.Contains(body, `"ready":false,"reason":"the supervisor is shutting down"`) {
		t.Errorf("got %d %s", status, body)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := s.waitExit(); code != 0 {
		t.Errorf("it leaves with %d", code)
	}
}
