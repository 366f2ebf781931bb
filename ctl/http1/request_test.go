package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// read reads one request.
func read(text string) (*Request, error) {
	q := new(Request)
	return q, q.Read(bufio.NewReader(strings.NewReader(text)))
}

func TestRequestsAreRead(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"a path":                      {"GET /a%2fb?x=%zz&y HTTP/1.1\r\nHost: h:1\r\n\r\n", "GET /a/b (/a%2fb) ?x=%zz&y of h:1, 0, false false"},
		"an old client":               {"HEAD / HTTP/1.0\r\n\r\n", "HEAD / (/) ? of , 0, true false"},
		"an old client that stays":    {"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "GET / (/) ? of , 0, false false"},
		"an old client in two minds":  {"GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", "GET / (/) ? of , 0, true false"},
		"a client that goes":          {"GET / HTTP/1.1\r\nhost:\r\nconnection: te ,CLOSE\r\n\r\n", "GET / (/) ? of , 0, true false"},
		"a later version":             {"GET / HTTP/1.7\r\nHost: h\r\n\r\n", "GET / (/) ? of h, 0, false false"},
		"a length":                    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\t 0012 \r\n\r\n", "POST / (/) ? of h, 12, false false"},
		"chunks":                      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", "POST / (/) ? of h, -1, false false"},
		"a client that waits":         {"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", "POST / (/) ? of h, 1, false true"},
		"one that waits for nothing":  {"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", "POST / (/) ? of h, 0, false false"},
		"an old one that waits":       {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", "POST / (/) ? of , 1, true false"},
		"a whole address":             {"GET HTTP://a.b:80/c?d HTTP/1.1\r\nHost: other\r\n\r\n", "GET /c (/c) ?d of a.b:80, 0, false false"},
		"a whole address with no end": {"GET https://[::1]?q HTTP/1.1\r\nHost: other\r\n\r\n", "GET  () ?q of [::1], 0, false false"},
		"the server itself":           {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * (*) ? of h, 0, false false"},
		"a path with two slashes":     {"GET //evil/x HTTP/1.1\r\nHost: h\r\n\r\n", "GET //evil/x (//evil/x) ? of h, 0, false false"},
		"bytes above ASCII":           {"GET /\xff HTTP/1.1\r\nHost: h\r\nX: \xe9\r\n\r\n", "GET /\xff (/\xff) ? of h, 0, false false"},
		"bare line feeds":             {"GET / HTTP/1.1\nHost: h\n\n", "GET / (/) ? of h, 0, false false"},
		"a method of one's own":       {"GO! / HTTP/1.1\r\nHost: h\r\n\r\n", "GO! / (/) ? of h, 0, false false"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := read(tt.text)
			got := fmt.Sprintf("%s %s (%s) ?%s of %s, %d, %v %v", q.Method, q.Path, q.RawPath, q.Query, q.Host, q.Length, q.Close, q.Expect)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: h\r\n", "POST / HTTP/1.1\r\nHost: h\r\n"
	for name, tt := range map[string]struct {
		text   string
		status int
	}{
		"no version":                      {"GET /\r\n\r\n", 400},
		"a version that is none":          {"GET / HTTP/1.1x\r\n\r\n", 400},
		"a version that is a text":        {"GET / HTTP/a.b\r\n\r\n", 400},
		"another protocol":                {"GET / ICAP/1.0\r\n\r\n", 400},
		"a version of the future":         {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
		"two blanks":                      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a blank in the target":           {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a blank first":                   {" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a method that is none":           {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"TLS":                             {"\x16\x03\x01", 400},
		"a NUL in the target":             {"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a tab in the target":             {"GET /\t HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a bare CR in the target":         {"GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"an escape that is none":          {"GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"an escape that is cut off":       {"GET /%2 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a target that is no path":        {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a tunnel":                        {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"another scheme":                  {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a whole address without a host":  {"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a whole address with a user":     {"GET http://a@h/x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a whole address with a bad port": {"GET http://h:x/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"a whole address, half of it":     {"GET http://[::1/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		"no host":                         {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":                       {get + "Host: h\r\n\r\n", 400},
		"a host that is none":             {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		"a header without a colon":        {get + "foo\r\n\r\n", 400},
		"a header without a name":         {get + ": x\r\n\r\n", 400},
		"a blank before the colon":        {get + "X : y\r\n\r\n", 400},
		"a blank in the name":             {get + "X y: z\r\n\r\n", 400},
		"a folded line":                   {get + "X: y\r\n z\r\n\r\n", 400},
		"a folded line at once":           {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
		"a bare CR":                       {get + "X: a\rb\r\n\r\n", 400},
		"a CR too many":                   {get + "X: a\r\r\n\r\n", 400},
		"a NUL":                           {get + "X: a\x00b\r\n\r\n", 400},
		"a DEL":                           {get + "X: a\x7f\r\n\r\n", 400},
		"a name above ASCII":              {get + "\xe9: a\r\n\r\n", 400},
		"a length with a sign":            {post + "Content-Length: +5\r\n\r\n", 400},
		"a length below nothing":          {post + "Content-Length: -5\r\n\r\n", 400},
		"a length with a blank":           {post + "Content-Length: 5 5\r\n\r\n", 400},
		"a list of lengths":               {post + "Content-Length: 5, 5\r\n\r\n", 400},
		"a length without digits":         {post + "Content-Length:\r\n\r\n", 400},
		"a length in hexadecimal":         {post + "Content-Length: 0x5\r\n\r\n", 400},
		"a length with an underscore":     {post + "Content-Length: 1_0\r\n\r\n", 400},
		"a length beyond all":             {post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
		"two lengths":                     {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
		"the same length twice":           {post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
		"a length and chunks":             {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		"chunks and a length":             {post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
		"chunks in HTTP/1.0":              {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		"another coding":                  {post + "Transfer-Encoding: gzip\r\n\r\n", 501},
		"two codings":                     {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"chunks twice":                    {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
		"a coding that looks like it":     {post + "Transfer-Encoding: \vchunked\r\n\r\n", 400},
		"a coding in quotes":              {post + "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
		"an expectation":                  {post + "Expect: miracles\r\n\r\n", 417},
		"a long target":                   {"GET /" + strings.Repeat("x", MaxLine) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
		"a long target without an end":    {"GET /" + strings.Repeat("x", 2*MaxLine), 414},
		"a long header":                   {get + "X: " + strings.Repeat("x", MaxHead) + "\r\n\r\n", 431},
		"a header without an end":         {get + strings.Repeat("X: y\r\n", MaxHead/6+1), 431},
		"many headers":                    {get + strings.Repeat("X: y\r\n", MaxFields) + "\r\n", 431},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(tt.text)
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Text == "" || StatusText(e.Status) == "" {
				t.Errorf("got %v (%+v), want %d", err, e, tt.status)
			}
		})
	}
}

func TestRequestThatDoesNotComeAsAWhole(t *testing.T) {
	const text = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	for i := range len(text) {
		want := io.ErrUnexpectedEOF
		if i == 0 {
			want = io.EOF
		}
		if _, err := read(text[:i]); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text[:i], err, want)
		}
	}
}

func TestRequestsOneAfterAnother(t *testing.T) {
	r := bufio.NewReaderSize(strings.NewReader("POST /a HTTP/1.1\r\nHost: h\r\nX: 1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.0\r\n\r\n"), 16)
	var q Request
	if err := q.Read(r); err != nil || q.Header.Get("x") != "1" {
		t.Fatalf("got %+v, %v", q, err)
	}
	x := q.Header.Get("X")
	var b Body
	b.Begin(r, q.Length)
	if text, err := io.ReadAll(&b); string(text) != "abc" || err != nil || !b.Done() {
		t.Errorf("got %q, %v", text, err)
	}
	if err := q.Read(r); err != nil || q.Path != "/b" || q.Length != 0 || len(q.Header) != 0 || x != "1" {
		t.Errorf("got %+v, %v", q, err)
	}
	if err := q.Read(r); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestBasicAuth(t *testing.T) {
	for value, want := range map[string]string{
		Basic("joe", "a:b"): "joe, a:b, true", "BASIC am9lOg==": "joe, , true", "": ", , false", "Basic": ", , false",
		"Basic am9l": "joe, , false", "Basic ???": ", , false", "Digest am9lOg==": ", , false", "Basic  am9lOg==": ", , false",
	} {
		q := Request{Header: Header{{"authorization", value}}}
		user, password, ok := q.BasicAuth()
		if got := fmt.Sprintf("%s, %s, %v", user, password, ok); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestFormsAreRead(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct{ kind, body, query, want string }{
		"a query":                 {"", "", "a=1&b=%20+x&a=2&c", "map[a:[1 2] b:[  x] c:[]]"},
		"a body":                  {form, "a=1", "", "map[a:[1]]"},
		"a body before a query":   {form + " ; charset=utf-8", "a=1&b=2", "a=3", "map[a:[1 3] b:[2]]"},
		"a type in capitals":      {"Application/X-WWW-Form-Urlencoded", "a=1", "", "map[a:[1]]"},
		"a body of another type":  {"text/plain", "a=1", "a=2", "map[a:[2]]"},
		"what is left out":        {form, "x=%zz&a=1;b=2&c=3", "y=%&d=4", "map[c:[3] d:[4]]"},
		"nothing":                 {form, "", "", "map[]"},
		"names that are escaped":  {form, "%61=%c3%a9", "", "map[a:[é]]"},
		"values that hold a sign": {form, "a=b=c", "", "map[a:[b=c]]"},
	} {
		q := Request{Query: tt.query}
		q.Header.Set("Content-Type", tt.kind)
		got := fmt.Sprint(map[string][]string(q.Form([]byte(tt.body))))
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestHeaderFields(t *testing.T) {
	var h Header
	h.Set("A", "1")
	h.Set("b", "2, x")
	h.Set("a", "3")
	if len(h) != 2 || h.Get("A") != "3" || h.Get("B") != "2, x" || h.Get("c") != "" || !h.lists("B", "X") || h.lists("B", "2x") {
		t.Errorf("got %v", h)
	}
}
