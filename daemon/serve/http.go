package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/xmlrpc"
	"gosupervisor/daemon/page"
)

// counter is a response that remembers what the access line needs.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (c *counter) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *counter) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the real one.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// serveHTTP answers one request and logs it.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c := &counter{ResponseWriter: w}
	defer s.logAccess(c, r)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.log(conf.Critical, fmt.Sprintf("Handling %s %s raised an unexpected exception: %v\n%s", r.Method, r.URL.Path, p, debug.Stack()))
		if c.status == 0 {
			httpError(c, http.StatusInternalServerError)
		}
	}()
	if !calls(r.URL.Path) {
		s.counts.pages.Add(1)
	}
	confine(c.Header())
	s.route(c, r)
}

// confine tells browsers to take an answer for what it is called and not for
// what it looks like, since a log holds anything, and to show it in no page of
// another site, where somebody could be made to click on it.
func confine(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
}

func (s *Server) logAccess(c *counter, r *http.Request) {
	peer := r.RemoteAddr
	if s.conf.Family == conf.Unix {
		peer = "localhost:0"
	}
	s.log(conf.Trace, fmt.Sprintf("%s - - [%s] \"%s %s %s\" %d %d", peer,
		time.Now().Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.URL.RequestURI(), r.Proto, c.status, c.bytes))
}

// route is the table of paths; the first that matches counts.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case s.conf.HealthWithoutAuth && isHealth(path) && (s.strangeHost(r) || !s.authorized(r) || s.barred(r.Context()) != nil):
		s.serveHealth(w, r, false)
	case !s.authorized(r):
		if r.Header.Get("Authorization") != "" { // a browser asks without it first
			s.wrongLogin(r.Context())
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="default"`)
		w.Header().Set("Connection", "close")
		httpError(w, http.StatusUnauthorized)
	case s.strangeHost(r), acts(r) && crossSite(r) && !asks(r):
		httpError(w, http.StatusForbidden)
	case !calls(path) && s.barred(r.Context()) != nil:
		httpError(w, http.StatusForbidden)
	default:
		s.settle(r.Context())
		s.routePath(w, r, path)
	}
}

// calls tells whether the methods are called at a path, whose faults can say why
// a client is refused.
func calls(path string) bool { return strings.HasPrefix(path, "/RPC2") || path == "/ndjson" }

func (s *Server) routePath(w http.ResponseWriter, r *http.Request, path string) {
	switch {
	case strings.HasPrefix(path, "/RPC2"):
		only(w, r, http.MethodPost, http.StatusBadRequest, s.serveXMLRPC)
	case path == "/ndjson":
		only(w, r, http.MethodPost, http.StatusMethodNotAllowed, s.serveLinesHTTP)
	case strings.HasPrefix(path, "/logtail"):
		only(w, r, http.MethodGet, http.StatusBadRequest, func(w http.ResponseWriter, r *http.Request) {
			request, ok := tailRequest(r.URL.EscapedPath())
			if !ok {
				httpError(w, http.StatusNotFound)
				return
			}
			s.serveTail(w, r, request)
		})
	case strings.HasPrefix(path, "/mainlogtail"):
		only(w, r, http.MethodGet, http.StatusBadRequest, func(w http.ResponseWriter, r *http.Request) {
			s.serveTail(w, r, api.FollowLog{Backlog: tailBacklog})
		})
	case path == "/metrics":
		s.serveMetrics(w, r)
	case isHealth(path):
		s.serveHealth(w, r, true)
	case page.Serves(path):
		s.servePage(w, r)
	case path == "/ok.html" && (r.Method == http.MethodGet || r.Method == http.MethodPost || r.Method == http.MethodHead):
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "OK") // the client being gone concerns nobody
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		httpError(w, http.StatusBadRequest)
	default:
		httpError(w, http.StatusNotFound)
	}
}

// only calls handle for one method and answers otherwise to every other.
func only(w http.ResponseWriter, r *http.Request, method string, otherwise int, handle http.HandlerFunc) {
	if r.Method != method {
		w.Header().Set("Allow", method)
		httpError(w, otherwise)
		return
	}
	handle(w, r)
}

// asks tells whether a link that acts is the page's, which asks back where it is
// not sure that it was meant.
func asks(r *http.Request) bool { return r.Method == http.MethodGet && page.Serves(r.URL.Path) }

// servePage answers what the page does not ask for in lines of JSON. Its
// methods have their full names, published or not.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, status := s.readBody(w, r, page.MaxForm)
		if status != http.StatusOK {
			httpError(w, status)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	g := s.newGrant(nil)
	defer g.release()
	own := !crossSite(r) && r.Header.Get("Sec-Fetch-Site") != "none" // which is also a link in a mail
	s.page.Serve(w, r, own, func(ctx context.Context, method string, args ...any) (any, *api.Fault) {
		m, ok := api.Lookup(method)
		if !ok {
			return nil, api.NewFault(api.UnknownMethod, method)
		}
		checked, f := m.Args(args)
		if f != nil {
			return nil, f
		}
		return s.call(ctx, overPage, method, m, checked, g)
	})
}

// httpError answers with a page that says what the status means.
func httpError(w http.ResponseWriter, status int) {
	body := fmt.Sprintf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n"+
		"<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client being gone concerns nobody
}

// serveXMLRPC answers a call. Faults are answers too.
func (s *Server) serveXMLRPC(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 && r.Header.Get("Content-Length") == "" {
		httpError(w, http.StatusLengthRequired)
		return
	}
	body, status := s.readBody(w, r, xmlrpc.MaxBody)
	if status != http.StatusOK {
		httpError(w, status)
		return
	}
	g := s.newGrant(nil)
	defer g.release()
	answer, status := s.answerXMLRPC(r.Context(), body, g)
	if status != http.StatusOK {
		httpError(w, status)
		return
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(writeTime(answer.size)))
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.FormatInt(answer.size, 10))
	_ = answer.writeTo(w) // the client being gone concerns nobody
	_ = rc.SetWriteDeadline(time.Time{})
}

// readBody reads a body of bounded length in bounded time.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, status int) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(s.o.body)) // a connection has deadlines
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	_ = rc.SetReadDeadline(time.Time{})
	return body, http.StatusOK
}

// xmlAnswer is a fault, or a value that is encoded as it is written.
type xmlAnswer struct {
	fault []byte
	value any
	size  int64
}

func (a xmlAnswer) writeTo(w io.Writer) error {
	if a.fault != nil {
		_, err := w.Write(a.fault)
		return err
	}
	return xmlrpc.WriteResponse(w, a.value)
}

// answerXMLRPC decodes a call, performs it and finds out how long the answer
// is, or that it cannot be sent.
func (s *Server) answerXMLRPC(ctx context.Context, body []byte, g *grant) (xmlAnswer, int) {
	c, err := xmlrpc.DecodeCall(bytes.NewReader(body), xmlrpc.MaxBody)
	switch {
	case errors.Is(err, xmlrpc.ErrNoMethod):
		s.log(conf.Error, "XML-RPC request data '"+excerpt(body)+"' is invalid: no method name")
		return xmlAnswer{}, http.StatusBadRequest
	case err != nil:
		s.log(conf.Error, "XML-RPC request data '"+excerpt(body)+"' is invalid: unmarshallable")
		return xmlAnswer{}, http.StatusBadRequest
	}
	result, f := s.callXMLRPC(ctx, c, g)
	if f != nil {
		fault := xmlrpc.EncodeFault(int(f.Code), f.Text())
		return xmlAnswer{fault: fault, size: int64(len(fault))}, http.StatusOK
	}
	answer := xmlAnswer{value: xmlForm(result)}
	answer.size, err = xmlrpc.ResponseSize(answer.value)
	if err != nil {
		s.log(conf.Critical, "Handling XML-RPC request with data '"+excerpt(body)+"' raised an unexpected exception: "+err.Error())
		return xmlAnswer{}, http.StatusInternalServerError
	}
	return answer, http.StatusOK
}

func (s *Server) callXMLRPC(ctx context.Context, c xmlrpc.Call, g *grant) (any, *api.Fault) {
	m, f := s.lookup(c.Method, overXMLRPC)
	var args []any
	if f == nil {
		args, f = m.Args(c.Params)
	}
	if f != nil {
		name := api.Shorten(c.Method)
		s.log(conf.Trace, fmt.Sprintf("%s method called: %s()", overXMLRPC, name))
		s.log(conf.Trace, fmt.Sprintf("%s method %s() returned fault: [%d] %s", overXMLRPC, name, f.Code, f.Text()))
		return nil, f
	}
	return s.call(ctx, overXMLRPC, c.Method, m, args, g)
}

// excerpt shows the beginning of a body in one line.
func excerpt(body []byte) string {
	const most = 200
	cut := ""
	if len(body) > most {
		body, cut = body[:most], "..."
	}
	q := strconv.Quote(string(body))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`) + cut
}

// serveLinesHTTP serves the lines of a request's body. Replies are written as
// they come, also while the client is still sending.
func (s *Server) serveLinesHTTP(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	if err := rc.EnableFullDuplex(); err != nil {
		httpError(w, http.StatusHTTPVersionNotSupported)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("X-Accel-Buffering", "no")
	unread := func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }
	ctx, cancel := context.WithCancel(r.Context())
	body := &bodyReader{body: r.Body, began: time.Now()}
	c := &lineConn{s: s, overHTTP: true, loggedIn: true, ctx: ctx, cancel: cancel, waited: body.waited}
	c.run(body, lineOut{w, rc.Flush, rc.SetWriteDeadline}, unread, s.o.Heartbeat)
	if conn, ok := r.Context().Value(connKey{}).(*firstByteConn); ok && c.stalled {
		conn.hungUp.Store(true) // what may still come is no request
	}
}

// bodyReader is the body of a request, and knows for how long it has waited for
// more of it. A deadline would not do: net/http takes one that passes for the
// end of the client.
type bodyReader struct {
	body  io.Reader
	began time.Time
	since atomic.Int64 // when the pending read began, in nanoseconds after began; 0: none is
}

// Read implements io.Reader.
func (b *bodyReader) Read(p []byte) (int, error) {
	b.since.Store(max(1, int64(time.Since(b.began))))
	defer b.since.Store(0)
	return b.body.Read(p)
}

// waited tells for how long nothing has come.
func (b *bodyReader) waited() time.Duration {
	since := b.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(b.began) - time.Duration(since)
}
