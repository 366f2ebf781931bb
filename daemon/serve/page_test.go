package serve

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/daemon/page"
)

// fetch gets a path, as a script does.
func (r *rig) fetch(path string) (*http.Response, string) {
	r.t.Helper()
	resp, err := r.web().Get("http://x" + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(text)
}

func TestPageIsServed(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{}) // it publishes no methods, and has its page all the same
	for path, want := range map[string]string{
		"/": "<title>Supervisor Status</title>", "/index.html?message=hello": ">hello</div>", "/page.js": `"use strict"`,
		"/stylesheets/supervisor.css": "prefers-color-scheme", "/tail.html?processname=big": "a line of é\n",
	} {
		if resp, text := r.fetch(path); resp.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %s, %.300q", path, resp.Status, text)
		}
	}
	if resp, _ := r.fetch("/?action=stopall"); !strings.HasPrefix(resp.Header.Get("Location"), "./?message=All%20stopped%20at%20") {
		t.Errorf("stopall: %s to %s", resp.Status, resp.Header.Get("Location"))
	}
	r.logged("page method called: supervisor.stopAllProcesses()")
	if resp, _ := r.fetch("/?action=stop&processname=nosuch"); resp.Header.Get("Location") != "./?message=No%20such%20process%20named%20nosuch" {
		t.Errorf("stop: %s to %s", resp.Status, resp.Header.Get("Location"))
	}
}

func TestPageIsBehindTheLogin(t *testing.T) {
	r := newRig(t, conf.HTTPServer{Username: ptr("joe"), Password: ptr("secret")}, Options{Namespace: "supervisor"})
	for _, path := range []string{"/", "/page.js", "/tail.html?processname=web", "/?action=stopall", "/stylesheets/supervisor.css"} {
		if resp, _ := r.fetch(path); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	req, _ := http.NewRequest("GET", "http://x/", nil)
	req.SetBasicAuth("joe", "secret")
	resp, err := r.web().Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("got %v, %v", resp, err)
	}
}

// TestLinksThatActAreAskedAbout has what browsers say with a link, and what
// they leave out. Which signs count is a matter of crossSite.
func TestLinksThatActAreAskedAbout(t *testing.T) {
	r := standard(t)
	for _, tt := range []struct {
		name, sign, value string
		acts              bool
	}{
		{"a script", "User-Agent", "curl/8.5.0", true},
		{"our page", "Sec-Fetch-Site", "same-origin", true},
		{"our page, over plain HTTP", "Referer", "http://x/?message=x", true},
		{"another site", "Sec-Fetch-Site", "cross-site", false},
		{"another page, over plain HTTP", "Referer", "http://evil/", false},
		{"a link in a mail, or a bookmark", "Sec-Fetch-Site", "none", false},
		{"a browser that says nothing", "User-Agent", "Mozilla/5.0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, _ := http.NewRequest("GET", "http://x/?action=stopall", nil)
			req.Header.Set(tt.sign, tt.value)
			resp, err := r.web().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			if asked := strings.Contains(string(text), "<h1>Stop all programs?</h1>"); asked == tt.acts || tt.acts != (resp.StatusCode == http.StatusSeeOther) {
				t.Errorf("%s, asked back: %v", resp.Status, asked)
			}
		})
	}
}

func TestFormsAreBounded(t *testing.T) {
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", body: 50 * time.Millisecond})
	post := "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n%s\r\n%s"
	form := "action=refresh&x=" + strings.Repeat("x", page.MaxForm)
	for _, tt := range []struct{ name, request, want string }{
		{"a form", fmt.Sprintf(post, 14, "", "action=refresh"), "303 See Other"},
		{"a form of another site", fmt.Sprintf(post, 14, "Origin: http://evil\r\n", "action=refresh"), "403 Forbidden"},
		{"a form without end", fmt.Sprintf(post, len(form), "", form), "413 Request Entity Too Large"},
		{"a form that does not come", fmt.Sprintf(post, 14, "", "act"), "400 Bad Request"},
	} {
		k := r.dial()
		go func() { _, _ = io.WriteString(k.conn, tt.request) }() // it may be refused before its end
		if line, err := k.in.ReadString('\n'); err != nil || strings.TrimSpace(line) != "HTTP/1.1 "+tt.want {
			t.Errorf("%s: %q, %v", tt.name, line, err)
		}
	}
}
