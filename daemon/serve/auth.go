package serve

import (
	"context"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gosupervisor/conf"
)

// guarded tells whether clients must give a user name and a password.
func (s *Server) guarded() bool { return s.conf.Username != nil && *s.conf.Username != "" }

// allowed compares credentials in constant time. A configured password that
// begins with {SHA} is the SHA-1 of the real one, in hex.
func (s *Server) allowed(username, password string) bool {
	want := ""
	if s.conf.Password != nil {
		want = *s.conf.Password
	}
	if digest, ok := strings.CutPrefix(want, "{SHA}"); ok {
		sum := sha1.Sum([]byte(password))
		want, password = digest, hex.EncodeToString(sum[:])
	}
	return same(username, *s.conf.Username)&same(password, want) == 1
}

// same compares digests, so that not even the length is told by the time.
func same(a, b string) int {
	x, y := sha1.Sum([]byte(a)), sha1.Sum([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// Limits of wrong logins.
const (
	loginPause  = 200 * time.Millisecond // before the answer
	loginPauses = 64                     // at once on a server; more wait for their turn
	loginEvery  = time.Second            // a line about them
)

// wrongLogin tells of a wrong login and holds up its answer, so that guessing
// takes its time.
func (s *Server) wrongLogin(ctx context.Context) {
	if more, ok := s.wrongLogins.pass(time.Now(), loginEvery); ok {
		s.log(conf.Warn, "wrong user name or password in a login on "+s.conf.Section+andMore(more))
	}
	select {
	case s.pauses <- struct{}{}:
		defer func() { <-s.pauses }()
	case <-ctx.Done():
		return
	}
	t := time.NewTimer(loginPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.closing.Done():
	}
}

// authorized checks the credentials of an HTTP request.
func (s *Server) authorized(r *http.Request) bool {
	if !s.guarded() {
		return true
	}
	username, password, ok := r.BasicAuth()
	return ok && s.allowed(username, password)
}

// strangeHost tells whether an HTTP request names a host that is not ours. A
// server on the loopback address that wants no password trusts whoever can
// reach it; a page whose name suddenly leads to this machine can, by way of a
// browser, but its requests carry its name.
func (s *Server) strangeHost(r *http.Request) bool {
	addr, inet := s.l.Addr().(*net.TCPAddr)
	if s.guarded() || !inet || !addr.IP.IsLoopback() || r.Host == "" {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ip, _, _ := strings.Cut(host, "%"); net.ParseIP(ip) != nil {
		return false
	}
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && host != s.conf.Host
}

// crossSite tells whether a browser sent the request on behalf of a page of
// another site.
func crossSite(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
}
