package serve

import (
	"bytes"
	"sync/atomic"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/promtext"
)

// counts is what a server counts.
type counts struct {
	accepted, refused, badLogins atomic.Uint64
	xmlrpc, lines, pages         atomic.Uint64
}

// called counts a call of a method. Those of a page are part of its request.
func (c *counts) called(w wire) {
	switch w {
	case overXMLRPC:
		c.xmlrpc.Add(1)
	case overLines:
		c.lines.Add(1)
	}
}

// Stats is what a server has done so far.
type Stats struct {
	Section     string
	Connections int // open now
	Accepted    uint64
	Refused     uint64 // because there were too many
	BadLogins   uint64
	Requests    map[string]uint64 // by protocol
}

// Stats returns what the server has done so far.
func (s *Server) Stats() Stats {
	c := &s.counts
	return Stats{
		Section: s.conf.Section, Connections: len(s.slots),
		Accepted: c.accepted.Load(), Refused: c.refused.Load(), BadLogins: c.badLogins.Load(),
		Requests: map[string]uint64{"http": c.pages.Load(), "ndjson": c.lines.Load(), "xmlrpc": c.xmlrpc.Load()},
	}
}

// serveMetrics answers those who collect metrics.
func (s *Server) serveMetrics(x *exchange) {
	if !x.reads() {
		x.a.Set("Allow", "GET, HEAD")
		httpError(&x.a, http1.StatusMethodNotAllowed)
		return
	}
	v, err := s.svc.Do(x.ctx, api.GetMetrics{})
	list, ok := v.([]api.Metric)
	if f := api.AsFault(err); f != nil || !ok {
		status := http1.StatusInternalError
		switch {
		case f != nil && f.Code == api.Forbidden:
			status = http1.StatusForbidden
		case f != nil && f.Code == api.ShutdownState:
			status = http1.StatusUnavailable
		}
		httpError(&x.a, status)
		return
	}
	var body bytes.Buffer
	_ = promtext.Write(&body, list) // a Buffer takes everything
	x.a.Set("Cache-Control", "no-store")
	_ = x.a.Send(http1.StatusOK, promtext.ContentType, body.Bytes()) // the client being gone concerns nobody
}
