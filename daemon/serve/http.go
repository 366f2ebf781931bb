package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/xmlrpc"
	"gosupervisor/daemon/page"
)

// serveExchange answers one request.
func (s *Server) serveExchange(x *exchange) {
	if !calls(x.q.Path) {
		s.counts.pages.Add(1)
	}
	confine(&x.a)
	s.perform(x, s.route)
}

// perform answers one request by serve, and logs it.
func (s *Server) perform(x *exchange, serve func(*exchange)) {
	defer s.logAccess(x)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.log(conf.Critical, fmt.Sprintf("Handling %s %s raised an unexpected exception: %v\n%s", x.q.Method, x.q.Target, p, debug.Stack()))
		if x.a.Started() {
			x.cancel() // so that what was sent is not taken for the whole
			return
		}
		x.a.Close = true
		httpError(&x.a, http1.StatusInternalError)
	}()
	serve(x)
}

// confine tells browsers to take an answer for what it is called and not for
// what it looks like, since a log holds anything, and to show it in no page of
// another site, where somebody could be made to click on it.
func confine(a *http1.Answer) {
	a.Set("X-Content-Type-Options", "nosniff")
	a.Set("X-Frame-Options", "DENY")
	a.Set("Cross-Origin-Resource-Policy", "same-origin")
	a.Set("Referrer-Policy", "same-origin")
}

func (s *Server) logAccess(x *exchange) {
	if s.o.Level > conf.Trace {
		return
	}
	s.log(conf.Trace, fmt.Sprintf("%s - - [%s] \"%s %s %s\" %d %d", x.peer(),
		time.Now().Format("02/Jan/2006:15:04:05 -0700"), x.q.Method, x.q.Target, x.q.Proto, x.a.Status, x.a.Bytes))
}

// route is the table of paths; the first that matches counts.
func (s *Server) route(x *exchange) {
	switch path := x.q.Path; {
	case s.conf.HealthWithoutAuth && isHealth(path) && (s.strangeHost(&x.q) || !s.authorized(&x.q) || s.barred(x.ctx) != nil):
		s.serveHealth(x, false)
	case !s.authorized(&x.q):
		if x.q.Header.Get("Authorization") != "" { // a browser asks without it first
			x.watch()
			if !s.wrongLogin(x.ctx) {
				x.a.Close = true
				httpError(&x.a, http1.StatusUnavailable)
				_ = x.a.Flush()
				x.cancel() // what else it sends is not waited for
				return
			}
		}
		x.a.Set("WWW-Authenticate", `Basic realm="default"`)
		x.a.Close = true
		httpError(&x.a, http1.StatusUnauthorized)
	case s.strangeHost(&x.q), acts(&x.q) && crossSite(&x.q) && !asks(&x.q):
		httpError(&x.a, http1.StatusForbidden)
	case !calls(path) && s.barred(x.ctx) != nil:
		httpError(&x.a, http1.StatusForbidden)
	default:
		x.conn.settle(s.settled)
		s.routePath(x, path)
	}
}

// calls tells whether the methods are called at a path, whose faults can say why
// a client is refused.
func calls(path string) bool { return strings.HasPrefix(path, "/RPC2") || path == "/ndjson" }

func (s *Server) routePath(x *exchange, path string) {
	switch {
	case strings.HasPrefix(path, "/RPC2"):
		x.only(http1.MethodPost, http1.StatusBadRequest, s.serveXMLRPC)
	case path == "/ndjson":
		x.only(http1.MethodPost, http1.StatusMethodNotAllowed, s.serveLinesHTTP)
	case strings.HasPrefix(path, "/logtail"):
		x.only(http1.MethodGet, http1.StatusBadRequest, func(x *exchange) {
			request, ok := tailRequest(x.q.RawPath)
			if !ok {
				httpError(&x.a, http1.StatusNotFound)
				return
			}
			s.serveTail(x, request)
		})
	case strings.HasPrefix(path, "/mainlogtail"):
		x.only(http1.MethodGet, http1.StatusBadRequest, func(x *exchange) {
			s.serveTail(x, api.FollowLog{Backlog: tailBacklog})
		})
	case path == "/metrics":
		s.serveMetrics(x)
	case isHealth(path):
		s.serveHealth(x, true)
	case page.Serves(path):
		s.servePage(x)
	case path == "/ok.html" && (x.reads() || x.q.Method == http1.MethodPost):
		_ = x.a.Send(http1.StatusOK, "text/plain", []byte("OK")) // the client being gone concerns nobody
	case !x.reads():
		httpError(&x.a, http1.StatusBadRequest)
	default:
		httpError(&x.a, http1.StatusNotFound)
	}
}

// reads tells whether the request only wants to know something.
func (x *exchange) reads() bool {
	return x.q.Method == http1.MethodGet || x.q.Method == http1.MethodHead
}

// only calls serve for one method and answers otherwise to every other.
func (x *exchange) only(method string, otherwise int, serve func(*exchange)) {
	if x.q.Method != method {
		x.a.Set("Allow", method)
		httpError(&x.a, otherwise)
		return
	}
	serve(x)
}

// asks tells whether a link that acts is the page's, which asks back where it is
// not sure that it was meant.
func asks(q *http1.Request) bool { return q.Method == http1.MethodGet && page.Serves(q.Path) }

// servePage answers what the page does not ask for in lines of JSON. Its
// methods have their full names, published or not.
func (s *Server) servePage(x *exchange) {
	var form []byte
	if x.q.Method == http1.MethodPost {
		var status int
		if form, status = x.read(page.MaxForm); status != http1.StatusOK {
			httpError(&x.a, status)
			return
		}
	}
	g := s.newGrant(nil)
	defer g.release()
	own := !crossSite(&x.q) && x.q.Header.Get("Sec-Fetch-Site") != "none" // which is also a link in a mail
	s.page.Serve(x.ctx, &x.a, &x.q, form, own, func(ctx context.Context, method string, args ...any) (any, *api.Fault) {
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
func httpError(a *http1.Answer, status int) {
	body := fmt.Sprintf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n"+
		"<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n", status, http1.StatusText(status))
	_ = a.Send(status, "text/html", []byte(body)) // the client being gone concerns nobody
}

// serveXMLRPC answers a call. Faults are answers too.
func (s *Server) serveXMLRPC(x *exchange) {
	if x.q.Length == 0 && x.q.Header.Get("Content-Length") == "" {
		httpError(&x.a, http1.StatusLengthRequired)
		return
	}
	body, status := x.read(xmlrpc.MaxBody)
	if status != http1.StatusOK {
		httpError(&x.a, status)
		return
	}
	g := s.newGrant(nil)
	defer g.release()
	answer, status := s.answerXMLRPC(x, body, g)
	if status != http1.StatusOK {
		httpError(&x.a, status)
		return
	}
	if answer.short == nil { // else it is two Writes at the most, each with its own time
		_ = x.conn.SetWriteDeadline(time.Now().Add(writeTime(answer.size))) // a connection has deadlines
		defer func() { _ = x.conn.SetWriteDeadline(time.Time{}) }()
	}
	x.a.Set("Content-Type", "text/xml")
	x.a.SetLength(answer.size)
	_ = answer.writeTo(&x.a) // the client being gone concerns nobody
	_ = x.a.Flush()
}

// xmlAnswer is a short answer as a whole, or a value that is encoded as it is
// written.
type xmlAnswer struct {
	short []byte
	value any
	size  int64
}

func (a xmlAnswer) writeTo(w io.Writer) error {
	if a.short != nil {
		_, err := w.Write(a.short)
		return err
	}
	return xmlrpc.WriteResponse(w, a.value)
}

// answerXMLRPC decodes a call, performs it and finds out how long the answer
// is, or that it cannot be sent.
func (s *Server) answerXMLRPC(x *exchange, body []byte, g *grant) (xmlAnswer, int) {
	c, err := xmlrpc.DecodeCall(body)
	switch {
	case errors.Is(err, xmlrpc.ErrNoMethod):
		s.log(conf.Error, "XML-RPC request data '"+excerpt(body)+"' is invalid: no method name")
		return xmlAnswer{}, http1.StatusBadRequest
	case err != nil:
		s.log(conf.Error, "XML-RPC request data '"+excerpt(body)+"' is invalid: unmarshallable")
		return xmlAnswer{}, http1.StatusBadRequest
	}
	result, f := s.callXMLRPC(x, c, g)
	if f != nil {
		fault := xmlrpc.EncodeFault(int(f.Code), f.Text())
		return xmlAnswer{short: fault, size: int64(len(fault))}, http1.StatusOK
	}
	answer := xmlAnswer{value: xmlForm(result)}
	answer.short, answer.size, err = xmlrpc.ResponseSize(x.xml, answer.value)
	if cap(answer.short) <= keptBytes && answer.short != nil {
		x.xml = answer.short
	}
	if err != nil {
		s.log(conf.Critical, "Handling XML-RPC request with data '"+excerpt(body)+"' raised an unexpected exception: "+err.Error())
		return xmlAnswer{}, http1.StatusInternalError
	}
	return answer, http1.StatusOK
}

func (s *Server) callXMLRPC(x *exchange, c xmlrpc.Call, g *grant) (any, *api.Fault) {
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
	if m.Slow || m.Name == "system.multicall" {
		x.watch()
	}
	return s.call(x.ctx, overXMLRPC, c.Method, m, args, g)
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
func (s *Server) serveLinesHTTP(x *exchange) {
	x.a.Set("Content-Type", "application/x-ndjson")
	x.a.Set("X-Accel-Buffering", "no")
	x.want()
	x.unbound()
	x.duplex = true
	unread := func() { _ = x.conn.SetReadDeadline(time.Unix(1, 0)) }
	ctx, cancel := context.WithCancel(x.ctx)
	body := &bodyReader{x: x, began: time.Now()}
	c := &lineConn{s: s, overHTTP: true, loggedIn: true, ctx: ctx, cancel: cancel, waited: body.waited}
	c.run(body, lineOut{&x.a, x.a.Flush, x.conn.SetWriteDeadline}, unread, s.o.Heartbeat)
	x.stalled = c.stalled
}

// bodyReader is the body of a request, and knows for how long it has waited for
// more of it. A deadline for each read would undo the one that ends the last.
type bodyReader struct {
	x     *exchange
	began time.Time
	since atomic.Int64 // when the pending read began, in nanoseconds after began; 0: none is
}

// Read implements io.Reader.
func (b *bodyReader) Read(p []byte) (int, error) {
	b.since.Store(max(1, int64(time.Since(b.began))))
	defer b.since.Store(0)
	n, err := b.x.body.Read(p)
	b.x.watch() // if that was the end
	return n, err
}

// waited tells for how long nothing has come.
func (b *bodyReader) waited() time.Duration {
	since := b.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(b.began) - time.Duration(since)
}
