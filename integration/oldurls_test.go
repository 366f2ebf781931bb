package integration

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestURLsOfTheOldPage calls them as scripts do. The original gives the same
// messages.
func TestURLsOfTheOldPage(t *testing.T) {
	t.Parallel()
	s := newSup(t, `
[program:web]
command=/bin/cat
stdout_logfile=DIR/web.log
[program:bad]
command=/bin/false
autostart=false
startretries=0
[program:nofile]
command=/nonexistent/x
autostart=false
[group:g]
programs=a
[program:a]
command=/bin/cat
`).start()
	s.waitState("web", "RUNNING")
	s.waitState("g:a", "RUNNING")
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.path("s.sock"))
		}}}
	fetch := func(path, form string) (*http.Response, string) {
		t.Helper()
		var r *http.Response
		var err error
		if form == "" {
			r, err = client.Get("http://sup.example:9001" + path)
		} else {
			r, err = client.Post("http://sup.example:9001"+path, "application/x-www-form-urlencoded", strings.NewReader(form))
		}
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r, string(text)
	}
	now := regexp.MustCompile(`[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d \d{4}`)

	for _, tt := range []struct{ path, form, want string }{ // want: the message
		{"/?action=stop&processname=web", "", "Process web stopped"},
		{"/?action=stop&processname=web", "", "unexpected rpc fault [70] NOT_RUNNING: web"},
		{"/index.html?action=start&processname=web", "", "Process web started"},
		{"/?action=start&processname=web", "", "ERROR: Process web: already started"},
		{"/?action=start&processname=bad", "", "ERROR: Process bad: spawn error"},
		{"/?action=start&processname=nofile", "", "ERROR: Process nofile: no such file"},
		{"/?action=restart&processname=bad", "", "Process bad restarted"},
		{"/?action=restart&processname=web", "", "Process web restarted"},
		{"/?action=restart&processname=nosuch", "", "No such process named nosuch"},
		{"/?action=start&processname=g:*", "", "No such process named g:*"},
		{"/?action=start&processname=g:", "", "No such process named g:"},
		{"/?action=stop&processname=%E2%82%AC/%20x&x=1", "", "No such process named €/ x"},
		{"/", "action=stop&processname=g:a", "Process g:a stopped"},
		{"/?action=start&processname=nosuch", "action=start&processname=g%3Aa", "Process g:a started"},
		{"/?action=clearlog&processname=web", "", "Log for web cleared"},
		{"/?action=refresh", "", "Page refreshed at TIME"},
		{"/?action=stopall", "", "All stopped at TIME"},
		{"/index.html?action=restartall", "", "All restarted at TIME"},
	} {
		r, _ := fetch(tt.path, tt.form)
		to, err := r.Location()
		if err != nil || r.StatusCode/100 != 3 {
			t.Errorf("%s %s: %s, %v", tt.path, tt.form, r.Status, err)
			continue
		}
		if got := now.ReplaceAllString(to.Query().Get("message"), "TIME"); got != tt.want || to.Path != "/" || to.Host != "sup.example:9001" {
			t.Errorf("%s %s: led to %s, message %q, want %q", tt.path, tt.form, to, got, tt.want)
		}
		if strings.Contains(r.Header.Get("Location"), "+") {
			t.Errorf("%s: a blank is a plus in %s", tt.path, r.Header.Get("Location"))
		}
	}

	s.waitState("web", "RUNNING")
	writeFile(t, s.path("web.log"), strings.Repeat("0123456789abcde\n", 200)+"<last> caf\u00e9\n", 0o644)
	pre := regexp.MustCompile(`(?s)<pre[^>]*>\n?(.*?)</pre>`)
	for _, tt := range []struct{ query, want string }{ // want: the end of what is shown
		{"processname=web", "\n<last> café\n"},
		{"processname=nosuch", "ERROR: unexpected rpc fault [10] BAD_NAME: nosuch"},
		{"", "No process name found"},
	} {
		r, text := fetch("/tail.html?"+tt.query, "")
		m := pre.FindStringSubmatch(text)
		if r.StatusCode != 200 || m == nil || !strings.HasSuffix(html.UnescapeString(m[1]), tt.want) || strings.Contains(m[1], "<") {
			t.Errorf("tail.html?%s: %s, want %q in %s", tt.query, r.Status, tt.want, tail(text))
		}
		if got := r.Header.Get("Content-Type"); got != "text/html;charset=utf-8" {
			t.Errorf("tail.html?%s is %s", tt.query, got)
		}
	}
	for limit, lines := range map[string]int{"": 65, "&limit=5": 65, "&limit=x": 65, "&limit=2048": 129, "&limit=100000": 201} {
		_, text := fetch("/tail.html?processname=web"+limit, "")
		m := pre.FindStringSubmatch(text)
		if m == nil || strings.Count(m[1], "\n") != lines {
			t.Errorf("tail.html?processname=web%s: want %d lines of %s", limit, lines, tail(text))
		}
	}

	for path, status := range map[string]int{"/": 200, "/index.html": 200, "/?x": 200, "/?a;b=%zz": 200, "/stylesheets/supervisor.css": 200, "/images/icon.png": 200, "/ok.html": 200, "/images/": 404, "/nosuch": 404} {
		if r, _ := fetch(path, ""); r.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, r.Status, status)
		}
	}
	if _, text := fetch("/?message="+url.QueryEscape(`<i>"hi"`), ""); !strings.Contains(html.UnescapeString(text), `<i>"hi"</div>`) || strings.Contains(text, "<i>") {
		t.Errorf("the message is not shown, or not escaped: %s", tail(text))
	}
	for _, query := range []string{"action=explode", "action=start"} {
		if r, _ := fetch("/?"+query, ""); r.StatusCode < 400 {
			t.Errorf("%s: %s", query, r.Status)
		}
	}
}
