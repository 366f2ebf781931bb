package serve

import (
	"context"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/http1"
)

// guarded tells whether clients must give a user name and a password.
func (s *Server) guarded() bool { return s.conf.Guarded() }

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
	loginPauses = 64                     // at once on a server; more of them end their connections
	loginEvery  = time.Second            // a line about them
)

// wrongLogin tells of a wrong login and holds up its answer, so that guessing
// takes its time. With false so many are held up that this one is not: its
// connection is to end. Nobody waits for a turn, since whoever guesses would have
// others wait, and would fill the memory with those that do.
func (s *Server) wrongLogin(ctx context.Context) bool {
	s.counts.badLogins.Add(1)
	if more, ok := s.wrongLogins.pass(time.Now(), loginEvery); ok {
		s.log(conf.Warn, fmt.Sprintf("wrong user name or password in a login on %s, by %s%s", s.conf.Section, s.whoIn(ctx), andMore(more)))
	}
	select {
	case s.pauses <- struct{}{}:
		defer func() { <-s.pauses }()
	default:
		return false
	}
	t := time.NewTimer(loginPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.closing.Done():
	}
	return true
}

// whoIn says who is at the other end of the connection of a request.
func (s *Server) whoIn(ctx context.Context) string {
	conn, ok := ctx.Value(connKey{}).(*firstByteConn)
	switch {
	case !ok:
		return clientIn(ctx).who
	case conn.client != nil:
		return conn.client.who
	}
	return s.o.whois(conn.Conn, nil).who
}

// busyLogins is said to whom it ends.
const busyLogins = "too many wrong logins at once"

// authorized checks the credentials of an HTTP request.
func (s *Server) authorized(q *http1.Request) bool {
	if !s.guarded() {
		return true
	}
	username, password, ok := q.BasicAuth()
	return ok && s.allowed(username, password)
}

// strangeHost tells whether an HTTP request names a host that is not ours. A
// server on the loopback address that wants no password trusts whoever can
// reach it; a page whose name suddenly leads to this machine can, by way of a
// browser, but its requests carry its name.
func (s *Server) strangeHost(q *http1.Request) bool {
	addr, inet := s.l.Addr().(*net.TCPAddr)
	if s.guarded() || !inet || !addr.IP.IsLoopback() || q.Host == "" {
		return false
	}
	host := q.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ip, _, _ := strings.Cut(host, "%"); net.ParseIP(ip) != nil {
		return false
	}
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && host != s.conf.Host
}

// acts tells whether an HTTP request may do something. The original has links
// that act; whatever else is fetched only tells something.
func acts(q *http1.Request) bool {
	return q.Method != http1.MethodGet && q.Method != http1.MethodHead || q.Query != "" && q.Form(nil).Has("action")
}

// crossSite tells whether a browser sent the request on behalf of a page of
// another site, or may have. Of the signs that browsers give the most certain
// one counts: new ones say of every request where it comes from, though only to
// a server that they deem secure; all of them name the page behind a POST; and
// nearly all the one behind a link, unless that page forbids it. A browser that
// gives no sign is one of a page that hides, or of somebody who typed the
// address. It is refused, unless the type of the content shows that a browser
// has asked before, or would have had to, if the page were another site's.
// Programs give no sign either, and do not call themselves browsers.
func crossSite(q *http1.Request) bool {
	if site := q.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin" && site != "none" // none: typed, or a bookmark
	}
	for _, sign := range []string{"Origin", "Referer"} {
		if from := q.Header.Get(sign); from != "" {
			u, err := url.Parse(from)
			return err != nil || u.Host == "" || !strings.EqualFold(u.Host, q.Host)
		}
	}
	return strings.HasPrefix(q.Header.Get("User-Agent"), "Mozilla/") && anyPageMaySend(q)
}

// anyPageMaySend tells whether a page may have a browser send such a request to
// another site without asking there first.
func anyPageMaySend(q *http1.Request) bool {
	if q.Method != http1.MethodPost {
		return q.Method == http1.MethodGet || q.Method == http1.MethodHead
	}
	kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data":
		return true
	}
	return false
}
