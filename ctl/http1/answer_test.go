package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

var date = regexp.MustCompile(`Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n`)

// answer returns what give makes of a request, without the date.
func answer(t *testing.T, request string, last func() bool, give func(a *Answer)) (text string, closes bool) {
	t.Helper()
	q, err := read(request)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var a Answer
	a.Begin(q, bufio.NewWriter(&out), last)
	give(&a)
	if err := a.End(); err != nil {
		t.Error(err)
	}
	if !date.Match(out.Bytes()) {
		t.Errorf("no date in %q", out.Bytes())
	}
	return date.ReplaceAllString(out.String(), ""), a.Close
}

func TestAnswers(t *testing.T) {
	const get, head, old = "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"
	const stays, goes = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
	whole := func(a *Answer) { _ = a.Send(200, "text/x", []byte("abc")) }
	stream := func(a *Answer) {
		a.Set("X", "y")
		for _, p := range []string{"abc", "", "0123456789abcdef"} {
			fmt.Fprint(a, p)
			_ = a.Flush()
		}
	}
	yes := func() bool { return true }
	for name, tt := range map[string]struct {
		request string
		last    func() bool
		give    func(a *Answer)
		want    string
		closes  bool
	}{
		"a whole body":             {get, nil, whole, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc", false},
		"none":                     {get, nil, func(*Answer) {}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		"one of no bytes":          {get, nil, func(a *Answer) { _ = a.Send(404, "x", nil) }, "HTTP/1.1 404 Not Found\r\nContent-Type: x\r\nContent-Length: 0\r\n\r\n", false},
		"a stream":                 {get, nil, stream, "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", false},
		"the head alone":           {head, nil, whole, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\n", false},
		"the head of a stream":     {head, nil, stream, "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", false},
		"nothing new":              {get, nil, func(a *Answer) { a.Status = 304 }, "HTTP/1.1 304 Not Modified\r\n\r\n", false},
		"an old client":            {old, nil, whole, "HTTP/1.0 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc", true},
		"a stream to it":           {old, nil, stream, "HTTP/1.0 200 OK\r\nX: y\r\n\r\nabc0123456789abcdef", true},
		"an old client that stays": {stays, nil, whole, "HTTP/1.0 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc", false},
		"a stream to that one":     {stays, nil, stream, "HTTP/1.0 200 OK\r\nX: y\r\n\r\nabc0123456789abcdef", true},
		"a client that goes":       {goes, nil, whole, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", true},
		"a server that goes":       {get, yes, whole, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", true},
		"one that goes from 1.0":   {stays, yes, whole, "HTTP/1.0 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\nabc", true},
		"a value with lines":       {get, nil, func(a *Answer) { a.Set("X", "a\r\nSet-Cookie: b\x00\tc") }, "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b \tc\r\nContent-Length: 0\r\n\r\n", false},
		"a field set twice":        {get, nil, func(a *Answer) { a.Set("X", "a"); a.Set("x", "b") }, "HTTP/1.1 200 OK\r\nX: b\r\nContent-Length: 0\r\n\r\n", false},
		"a body that is cut short": {get, nil, func(a *Answer) { a.SetLength(3); fmt.Fprint(a, "ab") }, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true},
		"a body that is too long":  {get, nil, func(a *Answer) { a.SetLength(3); fmt.Fprint(a, "abcd") }, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, closes := answer(t, tt.request, tt.last, tt.give); got != tt.want || closes != tt.closes {
				t.Errorf("got %q, %v, want %q", got, closes, tt.want)
			}
		})
	}
}

// TestAnswersAreUnderstoodByOthers reads with net/http what was written, one
// answer after another.
func TestAnswersAreUnderstoodByOthers(t *testing.T) {
	q, err := read("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var a Answer
	w := bufio.NewWriter(&out)
	long := strings.Repeat("0123456789", 1000)
	for range 3 {
		a.Begin(q, w, nil)
		for range 3 {
			fmt.Fprint(&a, long)
		}
		if err := a.End(); err != nil || a.Bytes != 30000 || !a.Started() {
			t.Errorf("%v, %d bytes", err, a.Bytes)
		}
	}
	in := bufio.NewReader(&out)
	for range 3 {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); string(text) != long+long+long || err != nil {
			t.Errorf("got %.60q, %v", text, err)
		}
	}
}

func TestRequestsAreUnderstoodByOthers(t *testing.T) {
	var out bytes.Buffer
	q := Request{Method: MethodPost, Target: "/RPC2", Host: "h:1", Close: true, Header: Header{{"X", "a\nb"}}}
	if err := q.Write(&out, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := (&Request{Method: MethodGet, Target: "/x?y", Host: "h"}).Write(&out, nil); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(&out)
	r, err := http.ReadRequest(in)
	if err != nil || r.Method != "POST" || r.RequestURI != "/RPC2" || r.Host != "h:1" || !r.Close || r.Header.Get("X") != "a b" || r.ContentLength != 3 {
		t.Fatalf("got %+v, %v", r, err)
	}
	if text, err := io.ReadAll(r.Body); string(text) != "abc" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if r, err = http.ReadRequest(in); err != nil || r.Method != "GET" || r.RequestURI != "/x?y" || r.Close || r.ContentLength != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestResponsesAreRead(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"a length":               {"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 3\r\n\r\nabcdef", "200 200 OK, y, abc"},
		"chunks":                 {"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "404 404 Not Found, , abc"},
		"until the end":          {"HTTP/1.0 200\r\n\r\nabc", "200 200, , abc"},
		"no name of the status":  {"HTTP/1.1 599 \r\n\r\n", "599 599 , , "},
		"none yet":               {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: n\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\nabc", "200 200 OK, y, abc"},
		"nothing new":            {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nabc", "304 304 Not Modified, , "},
		"nothing at all":         {"HTTP/1.1 204 \r\n\r\nabc", "204 204 , , "},
		"another protocol":       {"HTTP/1.1 101 Switching\r\n\r\nabc", "101 101 Switching, , "},
		"a name above ASCII":     {"HTTP/1.1 500 \xe9\r\n\r\n", "500 500 \xe9, , "},
		"something else":         {"220 mail ready\r\n", "malformed HTTP: no answer of HTTP/1"},
		"something without end":  {"\x15\x03\x03\x00\x02\x02F", "malformed HTTP: no answer of HTTP/1"},
		"a later HTTP":           {"HTTP/2.0 200 OK\r\n\r\n", "malformed HTTP: no answer of HTTP/1"},
		"no status":              {"HTTP/1.1\r\n\r\n", "malformed HTTP: an answer without a status"},
		"a status that is none":  {"HTTP/1.1 2x0 OK\r\n\r\n", "malformed HTTP: an answer without a status"},
		"a status with a sign":   {"HTTP/1.1 +20 OK\r\n\r\n", "malformed HTTP: an answer without a status"},
		"a status below all":     {"HTTP/1.1 099 OK\r\n\r\n", "malformed HTTP: an answer without a status"},
		"the same length twice":  {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "malformed HTTP: two lengths"},
		"a length and chunks":    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed HTTP: a length and a Transfer-Encoding"},
		"a coding":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "Unsupported transfer encoding"},
		"half of it":             {"HTTP/1.1 200 OK\r\nX", "unexpected EOF"},
		"the beginning":          {"HTT", "unexpected EOF"},
		"nothing":                {"", "EOF"},
		"half of the body":       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "200 200 OK, , ab unexpected EOF"},
		"hints and nothing else": {strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100), "malformed HTTP: hints without an answer"},
		"a head without an end":  {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", MaxHead/6), "the HTTP header is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			p, err := ReadResponse(bufio.NewReader(strings.NewReader(tt.text)))
			if err != nil {
				got = err.Error()
			} else {
				text, err := io.ReadAll(&p.Body)
				got = fmt.Sprintf("%d %s, %s, %s", p.Code, p.Status, p.Header.Get("X"), text)
				if err != nil {
					got += " " + err.Error()
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTimesAreRead(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, text := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		if got, err := ParseTime(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	if got, err := ParseTime("yesterday"); err == nil {
		t.Errorf("got %v", got)
	}
}
