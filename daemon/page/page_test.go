package page

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
)

// world is a supervisor that answers by name, and remembers what it was asked.
type world struct {
	faults map[string]*api.Fault // by method, or by method and first argument
	log    string
	asked  []string

	strange bool // who asks
}

func (w *world) do(_ context.Context, method string, args ...any) (any, *api.Fault) {
	method = strings.TrimPrefix(method, api.SupervisorPrefix)
	w.asked = append(w.asked, strings.TrimSpace(method+" "+strings.Trim(fmt.Sprint(args), "[]")))
	name := ""
	if len(args) > 0 {
		name = fmt.Sprint(args[0])
	}
	for _, key := range []string{method + " " + name, method} {
		if f := w.faults[key]; f != nil {
			return nil, f
		}
	}
	if method == "readProcessStdoutLog" {
		return api.Bytes(w.log), nil
	}
	return true, nil
}

func fail(a *http1.Answer, status int) {
	_ = a.Send(status, "text/plain", []byte(http.StatusText(status)))
}

// noon is what the clock of the tests says.
func noon() time.Time { return time.Date(2026, 11, 2, 12, 0, 0, 0, time.Local) }

// send lets a handler answer a request, with headers as pairs. Package net/http
// writes the request and reads the answer.
func (w *world) send(method, target, form string, headers ...string) *http.Response {
	r, err := http.NewRequest(method, "http://sup:9001"+target, strings.NewReader(form))
	if err != nil {
		panic(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	var sent, got bytes.Buffer
	var q http1.Request
	var a http1.Answer
	if err := r.Write(&sent); err != nil {
		panic(err)
	}
	if err := q.Read(bufio.NewReader(&sent)); err != nil {
		panic(err)
	}
	a.Begin(&q, bufio.NewWriter(&got), nil)
	New(fail, noon).Serve(context.Background(), &a, &q, []byte(form), !w.strange, w.do)
	if err := a.End(); err != nil {
		panic(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(&got), r)
	if err != nil {
		panic(err)
	}
	return resp
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestActionsSayWhatCameOfThem(t *testing.T) {
	fault := func(code api.Code, detail string) *api.Fault { return api.NewFault(code, detail) }
	tests := []struct {
		name   string
		query  string
		faults map[string]*api.Fault
		want   string // the message, as it stands in the redirect
		asked  string
	}{
		{"refresh", "action=refresh", nil, "Page%20refreshed%20at%20Mon%20Nov%20%202%2012%3A00%3A00%202026", ""},
		{"stop all", "action=stopall", nil, "All%20stopped%20at%20Mon%20Nov%20%202%2012%3A00%3A00%202026", "stopAllProcesses true"},
		{"restart all", "action=restartall", nil, "All%20restarted%20at%20Mon%20Nov%20%202%2012%3A00%3A00%202026", "stopAllProcesses true, startAllProcesses true"},
		{"start", "action=start&processname=web", nil, "Process%20web%20started", "getProcessInfo web, startProcess web true"},
		{"start in a group", "action=start&processname=g%3Aweb", nil, "Process%20g%3Aweb%20started", "getProcessInfo g:web, startProcess g:web true"},
		{"start without a file", "action=start&processname=web", map[string]*api.Fault{"startProcess": fault(api.NoFile, "x")}, "ERROR%3A%20Process%20web%3A%20no%20such%20file", ""},
		{"start of a text", "action=start&processname=web", map[string]*api.Fault{"startProcess": fault(api.NotExecutable, "x")}, "ERROR%3A%20Process%20web%3A%20file%20not%20executable", ""},
		{"start again", "action=start&processname=web", map[string]*api.Fault{"startProcess": fault(api.AlreadyStarted, "web")}, "ERROR%3A%20Process%20web%3A%20already%20started", ""},
		{"start of what fails", "action=start&processname=web", map[string]*api.Fault{"startProcess": fault(api.SpawnError, "web")}, "ERROR%3A%20Process%20web%3A%20spawn%20error", ""},
		{"start of what ends", "action=start&processname=web", map[string]*api.Fault{"startProcess": fault(api.AbnormalTermination, "web")}, "ERROR%3A%20Process%20web%3A%20abnormal%20termination", ""},
		{"start that fails oddly", "action=start&processname=web", map[string]*api.Fault{"startProcess": fault(api.Failed, "moon")}, "ERROR%3A%20Process%20web%3A%20unexpected%20rpc%20fault%20%5B30%5D%20FAILED%3A%20moon", ""},
		{"stop", "action=stop&processname=web", nil, "Process%20web%20stopped", "getProcessInfo web, stopProcess web true"},
		{"stop of what is stopped", "action=stop&processname=web", map[string]*api.Fault{"stopProcess": fault(api.NotRunning, "web")}, "unexpected%20rpc%20fault%20%5B70%5D%20NOT_RUNNING%3A%20web", ""},
		{"restart", "action=restart&processname=web", nil, "Process%20web%20restarted", "getProcessInfo web, stopProcess web true, startProcess web true"},
		{"restart of what is stopped", "action=restart&processname=web", map[string]*api.Fault{"stopProcess": fault(api.NotRunning, "web")}, "Process%20web%20restarted", "getProcessInfo web, stopProcess web true, startProcess web true"},
		{"restart that fails", "action=restart&processname=web", map[string]*api.Fault{"startProcess": fault(api.SpawnError, "web")}, "Process%20web%20restarted", ""},
		{"clear", "action=clearlog&processname=web", nil, "Log%20for%20web%20cleared", "getProcessInfo web, clearProcessLogs web"},
		{"clear that fails", "action=clearlog&processname=web", map[string]*api.Fault{"clearProcessLogs": fault(api.Failed, "web")}, "unexpected%20rpc%20fault%20%5B30%5D%20FAILED%3A%20web", ""},
		{"nobody", "action=stop&processname=%E2%82%AC/%20x%25s", map[string]*api.Fault{"getProcessInfo": fault(api.BadName, "x")}, "No%20such%20process%20named%20%E2%82%AC/%20x%25s", "getProcessInfo €/ x%s"},
		{"a group is nobody", "action=stop&processname=g:*", map[string]*api.Fault{"getProcessInfo": fault(api.BadName, "g:*")}, "No%20such%20process%20named%20g%3A%2A", "getProcessInfo g:*"},
		{"the first of two", "action=stop&processname=a&processname=b", nil, "Process%20a%20stopped", "getProcessInfo a, stopProcess a true"},
		{"what else is in the query", "x=%zz&action=stop;&action=stop&processname=a", nil, "Process%20a%20stopped", "getProcessInfo a, stopProcess a true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{faults: tt.faults}
			r := w.send("GET", "/?"+tt.query, "")
			if got, want := r.Header.Get("Location"), "./?message="+tt.want; r.StatusCode != http.StatusSeeOther || got != want {
				t.Errorf("got %s to %s, want %s", r.Status, got, want)
			}
			if got := strings.Join(w.asked, ", "); tt.asked != "" && got != tt.asked {
				t.Errorf("asked %s, want %s", got, tt.asked)
			}
			if r.Header.Get("Cache-Control") != "no-cache" {
				t.Error("the answer may be kept")
			}
		})
	}
}

func TestActionsThatAreRefused(t *testing.T) {
	ending := map[string]*api.Fault{"getProcessInfo": api.NewFault(api.ShutdownState, ""), "stopAllProcesses": api.NewFault(api.ShutdownState, "")}
	tests := []struct {
		name, method, target, form string
		status                     int
	}{
		{"an unknown action", "GET", "/?action=explode", "", 400},
		{"no process", "GET", "/?action=start", "", 400},
		{"an empty process", "GET", "/index.html?action=start&processname=", "", 400},
		{"during the shutdown", "GET", "/?action=start&processname=web", "", 503},
		{"all during the shutdown", "GET", "/?action=stopall", "", 503},
		{"another method", "PUT", "/", "", 400},
		{"a file by POST", "POST", "/page.js", "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := (&world{faults: ending}).send(tt.method, tt.target, tt.form); r.StatusCode != tt.status {
				t.Errorf("got %s, want %d", r.Status, tt.status)
			}
		})
	}
}

func TestFieldsOfAPostComeBeforeThoseOfTheQuery(t *testing.T) {
	w := &world{}
	r := w.send("POST", "/?action=start&processname=b", "action=stop&processname=a")
	if got := r.Header.Get("Location"); got != "./?message=Process%20a%20stopped" {
		t.Errorf("led to %s", got)
	}
}

func TestStrangersAreAskedFirst(t *testing.T) {
	for _, query := range []string{"action=stopall", "action=stop&processname=a%22b"} {
		w := &world{strange: true}
		r := w.send("GET", "/?"+query, "")
		if text := body(t, r); r.StatusCode != http.StatusForbidden || !strings.Contains(text, `<form method="post" action="./">`) || strings.Contains(text, `a"b`) {
			t.Errorf("%s: %s\n%s", query, r.Status, text)
		}
		if r := w.send("POST", "/", query); r.StatusCode != http.StatusForbidden || strings.Contains(body(t, r), "<form") {
			t.Errorf("%s by POST: %s", query, r.Status)
		}
		if len(w.asked) > 0 {
			t.Errorf("%s: asked %q", query, w.asked)
		}
	}
	if r := (&world{strange: true}).send("GET", "/?action=refresh", ""); r.StatusCode != http.StatusSeeOther {
		t.Errorf("a refresh, which does nothing: %s", r.Status)
	}
}

func TestHeadDoesNothing(t *testing.T) {
	w := &world{}
	if r := w.send("HEAD", "/?action=stopall", ""); r.StatusCode != 200 || len(w.asked) > 0 {
		t.Errorf("%s, asked %q", r.Status, w.asked)
	}
}

// TestTheQuestionActsWhenItIsAnswered presses the button of the page that asks.
func TestTheQuestionActsWhenItIsAnswered(t *testing.T) {
	w := &world{strange: true}
	text := body(t, w.send("GET", "/?action=restart&processname=a%26b%3C", ""))
	fields := url.Values{}
	for _, m := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	w.strange = false
	w.send("POST", "/", fields.Encode())
	if got := strings.Join(w.asked, ", "); got != "getProcessInfo a&b<, stopProcess a&b< true, startProcess a&b< true" {
		t.Errorf("asked %s of\n%s", got, text)
	}
}

func TestMessageIsShownEscaped(t *testing.T) {
	for _, target := range []string{"/", "/index.html"} {
		r := (&world{}).send("GET", target+"?message=%3Cb%3E+%22%26%27+%1b%5B0m%00%FF", "")
		text := body(t, r)
		if want := `role="status">&lt;b&gt; &#34;&amp;&#39; ␛[0m␀` + "\uFFFD</div>"; r.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %s, no %s", target, r.Status, want)
		}
		if got := r.Header.Get("Content-Type"); got != "text/html;charset=utf-8" {
			t.Errorf("it is %s", got)
		}
		for name, want := range map[string]string{"Pragma": "no-cache", "Cache-Control": "no-cache", "Expires": "Thu, 01 Jan 1970 00:00:00 GMT"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	if text := body(t, (&world{}).send("GET", "/", "")); !strings.Contains(text, `id="message" role="status" hidden></div>`) {
		t.Error("an empty message is shown")
	}
}

func TestTail(t *testing.T) {
	tests := []struct {
		name, query string
		fault       *api.Fault
		asked, want string
	}{
		{"the end of a log", "processname=web", nil, "readProcessStdoutLog web -1024 0", "<pre class=\"tail\">\n&lt;i&gt;caf\uFFFD␛[0m\n</pre>"},
		{"more of it", "processname=web&limit=5000", nil, "readProcessStdoutLog web -5000 0", "limit=5000\""},
		{"less than there must be", "processname=web&limit=5", nil, "readProcessStdoutLog web -1024 0", "limit=1024\""},
		{"a limit that is none", "processname=web&limit=many", nil, "readProcessStdoutLog web -1024 0", "limit=1024\""},
		{"more than there may be", "processname=web&limit=999999999999", nil, "readProcessStdoutLog web -1048576 0", "limit=1048576\""},
		{"a name that is no URL", "processname=%3Cg%3E:a+b", nil, "readProcessStdoutLog <g>:a b -1024 0", `href="tail.html?processname=%3Cg%3E%3Aa%20b&amp;limit=1024"`},
		{"no name", "", nil, "", "\nNo process name found</pre>"},
		{"no log", "processname=web", api.NewFault(api.NoFile, ""), "readProcessStdoutLog web -1024 0", "\nNo file for web</pre>"},
		{"nobody", "processname=x%3Cy", api.NewFault(api.BadName, "x<y"), "readProcessStdoutLog x<y -1024 0", "\nERROR: unexpected rpc fault [10] BAD_NAME: x&lt;y</pre>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{log: "<i>caf\xc3\x1b[0m\n"}
			if tt.fault != nil {
				w.faults = map[string]*api.Fault{"readProcessStdoutLog": tt.fault}
			}
			r := w.send("GET", "/tail.html?"+tt.query, "")
			if text := body(t, r); r.StatusCode != 200 || !strings.Contains(text, tt.want) {
				t.Errorf("%s, no %s in\n%s", r.Status, tt.want, text)
			}
			if got := strings.Join(w.asked, ", "); got != tt.asked {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
		})
	}
}

func TestFilesAreSentOnce(t *testing.T) {
	for target, mime := range map[string]string{
		"/page.js": "text/javascript;charset=utf-8", "/stylesheets/supervisor.css": "text/css;charset=utf-8", "/icon.svg": "image/svg+xml",
		"/favicon.ico": "image/svg+xml", "/images/icon.png": "image/svg+xml",
	} {
		if !Serves(target) {
			t.Fatalf("%s is not served", target)
		}
		r := (&world{}).send("GET", target, "")
		if got := r.Header.Get("Content-Type"); r.StatusCode != 200 || got != mime || len(body(t, r)) == 0 {
			t.Errorf("%s: %s, %s", target, r.Status, got)
		}
		for _, header := range []string{"ETag", "Last-Modified"} {
			if got := (&world{}).send("GET", target, "", map[string]string{"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[header], r.Header.Get(header)); got.StatusCode != http.StatusNotModified {
				t.Errorf("%s again by %s: %s", target, header, got.Status)
			}
		}
		if head := (&world{}).send("HEAD", target, ""); head.StatusCode != 200 || head.Header.Get("Content-Length") == "" {
			t.Errorf("the head of %s: %s", target, head.Status)
		}
	}
	for _, target := range []string{"/status.html", "/images/", "/images/../page.js", "/assets/page.js", "/stylesheets", "/page.go", ""} {
		if Serves(target) {
			t.Errorf("%q is served", target)
		}
	}
}

// TestPagesRunNothingButTheirOwn is about what browsers are told, and that the
// page obeys it.
func TestPagesRunNothingButTheirOwn(t *testing.T) {
	for _, target := range []string{"/", "/tail.html?processname=web", "/page.js", "/?action=explode", "/?action=stopall"} {
		h := (&world{strange: true}).send("GET", target, "").Header
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), want) {
				t.Errorf("%s: no %s in %q", target, want, h.Get("Content-Security-Policy"))
			}
		}
	}
	text := body(t, (&world{}).send("GET", "/", ""))
	if m := regexp.MustCompile(`(?i)<style|<script(?:>| [^>]*>[^<])|\son\w+=|\sstyle=|javascript:`).FindString(text); m != "" {
		t.Errorf("the page has %q in itself", m)
	}
	for _, m := range regexp.MustCompile(`(?:src|<link[^>]*href)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if target := path.Join("/", m[1]); strings.Contains(m[1], ":") || m[1][0] == '/' || !Serves(target) {
			t.Errorf("the page needs %s", m[1])
		}
	}
}

func TestThePageIsSmall(t *testing.T) {
	entries, err := assets.ReadDir("assets")
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 60<<10 {
		t.Errorf("the files of the page have %d bytes", total)
	}
}
