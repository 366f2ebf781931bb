package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// maxPiece is the most log that one line of a stream carries.
const maxPiece = 64 << 10

// errGone says that the client of a stream went away.
var errGone = errors.New("client is gone")

// openingTime is how long a missing log has to say so. A log that is silent
// for longer is open, and the client learns that by an empty piece.
const openingTime = 100 * time.Millisecond

// follow calls emit with each piece of a log, in the caller's goroutine. The
// end of ctx or of the server ends it without a fault.
func (s *Server) follow(ctx context.Context, r api.Request, emit func([]byte) error) *api.Fault {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.closing, cancel)
	defer stop()

	pieces, emitted := make(chan []byte), make(chan error)
	ended := make(chan *api.Fault)
	go func() {
		ended <- s.followHere(ctx, r, func(p []byte) error {
			select {
			case pieces <- p:
				return <-emitted
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	opening := time.NewTimer(openingTime)
	defer opening.Stop()
	for {
		select {
		case p := <-pieces:
			opening.Stop()
			emitted <- emit(p)
		case <-opening.C:
			if emit(nil) != nil {
				cancel()
			}
		case f := <-ended:
			return f
		}
	}
}

// followHere calls the service so that a panic is a fault, and an end that
// was wanted is none.
func (s *Server) followHere(ctx context.Context, r api.Request, emit func([]byte) error) (fault *api.Fault) {
	defer func() {
		if p := recover(); p != nil {
			s.log(conf.Critical, fmt.Sprintf("Following a log raised an unexpected exception: %v\n%s", p, debug.Stack()))
			fault = api.NewFault(api.Failed, "internal error")
		}
	}()
	err := s.svc.Follow(ctx, r, emit)
	if err == nil || ctx.Err() != nil || errors.Is(err, errGone) {
		return nil
	}
	return api.AsFault(err)
}

// stream sends the pieces of a log as lines. Bytes of a character that is not
// complete wait for the next piece, so that text stays text.
func (s *Server) stream(ctx context.Context, j *job, send func([]byte) bool) *api.Fault {
	s.log(conf.Trace, fmt.Sprintf("%s method called: %s()", overLines, j.name))
	var held []byte
	flush := func(p []byte) error {
		line, err := ndjson.EncodeData(j.id, api.Bytes(p))
		if err != nil {
			return err
		}
		if !send(line) {
			return errGone
		}
		return nil
	}
	first := true
	f := s.follow(ctx, j.method.Build(j.args), func(p []byte) error {
		all := p
		if len(held) > 0 {
			all = append(held, p...)
		}
		for first || len(all) > 0 {
			cut := wholeText(all[:min(len(all), maxPiece)])
			if cut == 0 && !first {
				break
			}
			first = false
			if err := flush(all[:cut]); err != nil {
				return err
			}
			all = all[cut:]
		}
		held = append([]byte(nil), all...)
		return nil
	})
	if f == nil && len(held) > 0 {
		_ = flush(held) // the client being gone is no fault
	}
	return f
}

// wholeText returns how many bytes of p to send: all, or all but a character
// whose end is missing.
func wholeText(p []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if utf8.RuneStart(p[len(p)-i]) {
			if !utf8.FullRune(p[len(p)-i:]) {
				return len(p) - i
			}
			break
		}
	}
	return len(p)
}

// tailBacklog is how much of a log a tail over HTTP begins with.
const tailBacklog = 1024

// tailRequest returns the request that a path below /logtail stands for.
func tailRequest(escaped string) (api.Request, bool) {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != "logtail" {
		return nil, false
	}
	name, err := url.PathUnescape(parts[1])
	channel := api.Stdout
	if len(parts) == 3 {
		channel = api.Channel(parts[2])
	}
	ok := err == nil && name != "" && (channel == api.Stdout || channel == api.Stderr)
	return api.FollowProcessLog{Name: name, Channel: channel, Backlog: tailBacklog}, ok
}

// serveTail streams a log as text, for as long as the client stays.
func (s *Server) serveTail(w http.ResponseWriter, r *http.Request, request api.Request) {
	rc := http.NewResponseController(w)
	started := false
	f := s.follow(r.Context(), request, func(p []byte) error {
		if !started {
			started = true
			h := w.Header()
			h.Set("Content-Type", "text/plain;charset=utf-8")
			h.Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			h.Set("X-Accel-Buffering", "no")
			w.WriteHeader(http.StatusOK)
		}
		if len(p) > 0 {
			if _, err := w.Write(p); err != nil {
				return errGone
			}
		}
		if rc.Flush() != nil {
			return errGone
		}
		return nil
	})
	if f == nil || started {
		return
	}
	switch f.Code {
	case api.BadName, api.NoFile:
		httpError(w, http.StatusNotFound)
	case api.ShutdownState:
		httpError(w, http.StatusServiceUnavailable)
	default:
		httpError(w, http.StatusInternalServerError)
	}
}
