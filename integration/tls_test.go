package integration

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestNoPasswordGoesToAStranger has supervisorctl come, with a password, to
// servers that are not what its URL says, and to one that sends it elsewhere.
func TestNoPasswordGoesToAStranger(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no https")
	s := newSup(t, webConf)
	a, unknown := newAuthority(t), newAuthority(t)
	later := time.Now().Add(time.Hour)
	var heard atomic.Int64 // requests at the stranger
	stranger := func(config *tls.Config) (port string) {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		if server.TLS = config; config != nil {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		_, port, _ = strings.Cut(server.Listener.Addr().String(), ":")
		return port
	}
	sends := func(status int, to string) string { // a good server that sends its visitors elsewhere
		server := httptest.NewUnstartedServer(http.RedirectHandler(to, status))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{a.certificate(t, "localhost", later)}}
		server.StartTLS()
		t.Cleanup(server.Close)
		_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
		return "https://localhost:" + port
	}
	with := func(c tls.Certificate, versions ...uint16) *tls.Config {
		config := &tls.Config{Certificates: []tls.Certificate{c}}
		if len(versions) > 0 {
			config.MinVersion, config.MaxVersion = versions[0], versions[1]
		}
		return config
	}
	good := a.certificate(t, "localhost", later)
	plain := "http://localhost:" + stranger(nil) + "/"
	secure := "https://localhost:" + stranger(with(good)) + "/"
	for name, row := range map[string]struct{ url, want string }{
		"another name":             {"https://localhost:" + stranger(with(a.certificate(t, "evil.example", later))), "it is not for localhost"},
		"a name above":             {"https://localhost:" + stranger(with(a.certificate(t, "*.localhost", later))), "it is not for localhost"},
		"an address for a name":    {"https://127.0.0.1:" + stranger(with(good)), "it is not for 127.0.0.1"},
		"one that has run out":     {"https://localhost:" + stranger(with(a.certificate(t, "localhost", time.Now().Add(-time.Hour)))), "it is not valid today"},
		"an unknown authority":     {"https://localhost:" + stranger(with(unknown.certificate(t, "localhost", later))), "its authority is unknown here"},
		"TLS 1.0":                  {"https://localhost:" + stranger(with(good, tls.VersionTLS10, tls.VersionTLS10)), "it may have none of version 1.2 or later"},
		"TLS 1.1":                  {"https://localhost:" + stranger(with(good, tls.VersionTLS10, tls.VersionTLS11)), "it may have none of version 1.2 or later"},
		"sent to a plain server":   {sends(http.StatusTemporaryRedirect, plain), "HTTP status 307"},
		"sent so for good":         {sends(http.StatusPermanentRedirect, plain), "HTTP status 308"},
		"sent to look elsewhere":   {sends(http.StatusFound, plain), "HTTP status 302"},
		"sent to a secure server":  {sends(http.StatusTemporaryRedirect, secure), "HTTP status 307"},
		"a password in the answer": {sends(http.StatusSeeOther, strings.Replace(plain, "//", "//joe:"+url.QueryEscape("x y")+"@", 1)), "HTTP status 303"},
	} {
		for _, line := range []string{"pid", "status --json", "tail -f cat", "shutdown"} {
			cmd := s.ctlCommand("-s", row.url, "--", line)
			cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+a.file)
			if r := runCommand(t, cmd); !strings.Contains(r.all(), row.want) {
				t.Errorf("%s: %s: exit status %d, got %q, which must contain %q", name, line, r.code, r.all(), row.want)
			}
		}
	}
	if n := heard.Load(); n > 0 {
		t.Errorf("a stranger heard %d requests", n)
	}
}
