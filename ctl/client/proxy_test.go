package client

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"gosupervisor/ctl/api"
)

// late is the body of a request whose end is only seen when the answer has begun.
// It gives what it has at once.
type late struct {
	io.ReadCloser
	left    int64
	answers <-chan struct{}
}

// Read implements io.Reader.
func (l *late) Read(p []byte) (int, error) {
	if l.left <= 0 {
		<-l.answers
	}
	n, err := l.ReadCloser.Read(p)
	l.left -= int64(n)
	return n, err
}

// begun tells when the head of an answer, and something of its body, has gone out.
type begun struct {
	http.ResponseWriter
	once chan struct{}
}

// Flush implements http.Flusher.
func (b *begun) Flush() {
	b.ResponseWriter.(http.Flusher).Flush()
	select {
	case <-b.once:
	default:
		close(b.once)
	}
}

// TestAProxyThatIsSlowToSeeTheEndOfARequest is about Go's reverse proxy, which may
// still look for more of a body when the server, which knows its length, already
// answers.
func TestAProxyThatIsSlowToSeeTheEndOfARequest(t *testing.T) {
	mux := http.NewServeMux()
	ended := make(chan struct{}) // the request, as the proxy sees it
	mux.Handle("GET /ndjson", web(http.StatusMethodNotAllowed, "Allow: POST", ""))
	mux.HandleFunc("POST /ndjson", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, `{"id":2,"data":"first"}`)
		w.(http.Flusher).Flush()
		<-ended
		fmt.Fprintln(w, `{"id":2,"data":" second"}`)
		w.(http.Flusher).Flush()
		fmt.Fprintln(w, `{"id":2,"result":true}`)
	})
	target, err := url.Parse(serveHTTP(t, mux))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: newSilence(), Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			proxy.ServeHTTP(w, r)
			return
		}
		out := &begun{w, make(chan struct{})}
		r.Body = &closing{&late{r.Body, r.ContentLength, out.once}, ended}
		proxy.ServeHTTP(out, r)
	}))
	t.Cleanup(s.Close)
	var got strings.Builder
	err = newClient(t, s.URL, Options{}).FollowProcessLog(t.Context(), "x", api.Stdout, func(p []byte) error { got.Write(p); return nil })
	if got.String() != "first second" || err != nil {
		t.Errorf("got %q, %v", got.String(), err)
	}
}

// closing tells when a body has come to its end, whichever that is.
type closing struct {
	*late
	ended chan struct{}
}

// Read implements io.Reader.
func (c *closing) Read(p []byte) (int, error) {
	over := c.left <= 0
	n, err := c.late.Read(p)
	if over {
		select {
		case <-c.ended:
		default:
			close(c.ended)
		}
	}
	return n, err
}
