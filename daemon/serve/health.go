package serve

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
)

// healthTime is how long the supervisor has for the answer to a probe. Those
// who send probes have little more.
const healthTime = 3 * time.Second

func isHealth(path string) bool { return path == "/livez" || path == "/readyz" }

// health is the answer to a probe. Without a login it has nothing but live or
// ready.
type health struct {
	Live      *bool   `json:"live,omitempty"`
	Ready     *bool   `json:"ready,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	Processes *int    `json:"processes,omitempty"` // that are to be up
	NotReady  []unfit `json:"not_ready,omitempty"`
}

// unfit is a process that is to be up and is not.
type unfit struct {
	Name   string `json:"name"` // group:name
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// serveHealth answers a probe: 200 or 503, and a word for those that look at no
// more. Live is a supervisor that answers at all, also while it shuts down, since
// killing it would not help then; ready is one with everything up that is to be.
// full says that the client may know why.
func (s *Server) serveHealth(x *exchange, full bool) {
	if !x.reads() {
		x.a.Set("Allow", "GET, HEAD")
		httpError(&x.a, http1.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(asOurselves(x.ctx), s.o.health)
	defer cancel()
	var good bool
	var h health
	if x.q.Path == "/livez" {
		good, h = s.live(ctx)
	} else {
		good, h = s.ready(ctx)
	}
	if !full || !mayKnowAll(x.ctx, s.o.asksWho()) {
		h = health{Live: h.Live, Ready: h.Ready}
	}
	body, err := json.Marshal(h)
	if err != nil {
		httpError(&x.a, http1.StatusInternalError)
		return
	}
	status := http1.StatusOK
	if !good {
		status = http1.StatusUnavailable
	}
	x.a.Set("Cache-Control", "no-store")
	_ = x.a.Send(status, "application/json", append(body, '\n')) // the client being gone concerns nobody
}

func (s *Server) live(ctx context.Context) (bool, health) {
	_, err := s.svc.Do(ctx, api.GetState{})
	live, reason := err == nil, ""
	switch f := (*api.Fault)(nil); {
	case errors.As(err, &f) && f.Code == api.ShutdownState:
		live, reason = true, "the supervisor is shutting down"
	case errors.Is(err, context.DeadlineExceeded):
		reason = s.noAnswer()
	case err != nil:
		reason = err.Error()
	}
	return live, health{Live: &live, Reason: reason}
}

func (s *Server) ready(ctx context.Context) (bool, health) {
	v, err := s.svc.Do(ctx, api.GetReadiness{})
	r, ok := v.(api.Readiness)
	h := health{Ready: &r.Ready}
	switch f := (*api.Fault)(nil); {
	case err == nil && ok:
		h.Processes = &r.Expected
	case errors.As(err, &f) && f.Code == api.ShutdownState:
		h.Reason = "the supervisor is shutting down"
	case errors.Is(err, context.DeadlineExceeded):
		h.Reason = s.noAnswer()
	case err != nil:
		h.Reason = err.Error()
	}
	for _, p := range r.NotReady {
		h.NotReady = append(h.NotReady, unfit{api.Namespec(p.Group, p.Name), p.StateName, p.Reason})
	}
	return r.Ready, h
}

func (s *Server) noAnswer() string {
	return "the supervisor did not answer within " + s.o.health.String()
}

// asOurselves is the context of what the server asks by itself, where roles say
// nothing.
func asOurselves(ctx context.Context) context.Context {
	return context.WithValue(ctx, connKey{}, &firstByteConn{client: &client{trusted: true, who: "the server itself"}})
}

// mayKnowAll tells whether a client may know of every process.
func mayKnowAll(ctx context.Context, roles bool) bool {
	return !roles || clientIn(ctx).may(need{access: api.Read, scope: api.EveryOne})
}
