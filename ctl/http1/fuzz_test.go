package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strings"
	"testing"
)

// The fuzz tests hold against net/http whatever is accepted here: it must read
// the same.

func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		"GET /a%20b?c=d HTTP/1.1\r\nHost: h:1\r\nAuthorization: Basic am9lOng=\r\n\r\n",
		"POST / HTTP/1.0\nContent-Length: 3\nConnection: keep-alive\n\nabc",
		"POST http://h/x HTTP/1.1\r\nHost: i\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: \r\nX: \xe9\r\nx:\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ours, theirs := bufio.NewReader(bytes.NewReader(text)), bufio.NewReader(bytes.NewReader(text))
		var q Request
		for range 3 { // as they stand one behind another
			if q.Read(ours) != nil {
				return
			}
			r, err := http.ReadRequest(theirs)
			if err != nil {
				t.Fatalf("accepted %q, which net/http does not: %v", text, err)
			}
			same(t, "method", q.Method, r.Method)
			same(t, "target", q.Target, r.RequestURI)
			same(t, "path", q.Path, r.URL.Path)
			same(t, "query", q.Query, r.URL.RawQuery)
			same(t, "version", q.Proto, r.Proto)
			same(t, "host", q.Host, r.Host)
			same(t, "length", q.Length, r.ContentLength)
			same(t, "end", q.Close, r.Close)
			sameHeader(t, q.Header, r.Header, r.Host)
			user, password, ok := q.BasicAuth()
			theirUser, theirPassword, theirOK := r.BasicAuth()
			same(t, "login", ok, theirOK)
			if ok {
				same(t, "user", user, theirUser)
				same(t, "password", password, theirPassword)
			}
			var b Body
			b.Begin(ours, q.Length)
			if !sameBody(t, &b, r.Body) {
				return
			}
		}
	})
}

func same[T comparable](t *testing.T, what string, ours, theirs T) {
	t.Helper()
	if ours != theirs {
		t.Errorf("%s: %v here, %v in net/http", what, ours, theirs)
	}
}

// sameHeader compares fields. Package net/http removes some that it has
// understood.
func sameHeader(t *testing.T, ours Header, theirs http.Header, host string) {
	t.Helper()
	n := 0
	for _, values := range theirs {
		n += len(values)
	}
	seen := map[string]int{}
	for _, f := range ours {
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		switch name {
		case "Host", "Transfer-Encoding", "Trailer", "Content-Length":
			delete(theirs, name)
			continue
		}
		values := theirs[name]
		if i := seen[name]; i >= len(values) || values[i] != f.Value {
			t.Errorf("%s: %q here, %q in net/http", name, f.Value, values)
		}
		seen[name]++
	}
	for name, values := range theirs {
		if name != "Cache-Control" && seen[name] != len(values) { // which it makes of Pragma
			t.Errorf("%s: %d here, %d in net/http", name, seen[name], len(values))
		}
	}
}

// sameBody compares bodies, and tells whether ours is a whole one.
func sameBody(t *testing.T, ours, theirs io.Reader) bool {
	t.Helper()
	got, err := io.ReadAll(ours)
	want, theirErr := io.ReadAll(theirs)
	if err != nil {
		if !bytes.HasPrefix(want, got) && !bytes.HasPrefix(got, want) {
			t.Errorf("body: %q here, %q in net/http", got, want)
		}
		return false
	}
	if theirErr != nil || !bytes.Equal(got, want) {
		t.Errorf("body: %q here, %q and %v in net/http", got, want, theirErr)
	}
	return true
}

func FuzzResponse(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.0 404 Not Found\r\nContent-Type: text/plain\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 304 \r\n\r\n", "220 mail\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadResponse(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		var theirs *http.Response
		for r := bufio.NewReader(bytes.NewReader(text)); theirs == nil || theirs.StatusCode/100 == 1 && theirs.StatusCode != 101; {
			if theirs, err = http.ReadResponse(r, nil); err != nil {
				t.Fatalf("accepted %q, which net/http does not: %v", text, err)
			}
		}
		same(t, "code", p.Code, theirs.StatusCode)
		same(t, "status", p.Status, theirs.Status)
		sameHeader(t, p.Header, theirs.Header, "")
		if p.Code != 101 {
			sameBody(t, &p.Body, theirs.Body)
		}
	})
}

func FuzzChunks(f *testing.F) {
	for _, text := range []string{"3\r\nabc\r\n0\r\n\r\n", "a;b=c\r\n0123456789\r\n00\r\nX: y\r\n\r\n", "1\r\na\r\n1\r\nb\r\n0\r\n\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var b Body
		b.Begin(bufio.NewReader(bytes.NewReader(text)), Chunked)
		sameBody(t, &b, httputil.NewChunkedReader(bytes.NewReader(text)))
	})
}

// FuzzChunksWritten writes a body in pieces and has net/http put them together.
func FuzzChunksWritten(f *testing.F) {
	f.Add("abc", 2, "X\r\nY: z")
	f.Fuzz(func(t *testing.T, text string, cut int, value string) {
		var out bytes.Buffer
		var a Answer
		a.Begin(&Request{Method: MethodGet, Minor: 1}, bufio.NewWriterSize(&out, 16), nil)
		a.Set("X", value)
		cut = max(0, min(cut, len(text)))
		for _, p := range []string{text[:cut], text[cut:]} {
			if _, err := io.WriteString(&a, p); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.End(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(&out), nil)
		if err != nil {
			t.Fatalf("net/http: %v", err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || string(got) != text || len(resp.Header) != 2 || strings.ContainsAny(resp.Header.Get("X"), "\r\n\x00") {
			t.Errorf("got %q, %v, %v", got, resp.Header, err)
		}
	})
}
