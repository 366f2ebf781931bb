package serve

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"

	"gosupervisor/ctl/api"
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
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		httpError(w, http.StatusMethodNotAllowed)
		return
	}
	v, err := s.svc.Do(r.Context(), api.GetMetrics{})
	list, ok := v.([]api.Metric)
	if f := api.AsFault(err); f != nil || !ok {
		status := http.StatusInternalServerError
		switch {
		case f != nil && f.Code == api.Forbidden:
			status = http.StatusForbidden
		case f != nil && f.Code == api.ShutdownState:
			status = http.StatusServiceUnavailable
		}
		httpError(w, status)
		return
	}
	var body bytes.Buffer
	_ = promtext.Write(&body, list) // a Buffer takes everything
	w.Header().Set("Content-Type", promtext.ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(http.StatusOK)
	_, _ = body.WriteTo(w) // the client being gone concerns nobody; net/http leaves it out for HEAD
}
