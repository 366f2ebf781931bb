package serve

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/ndjson"
)

// maxPiece is the most log that one line of a stream carries.
const maxPiece = 64 << 10

// errGone says that the client of a stream went away.
var errGone = errors.New("client is gone")

// openingTime is how long a missing log has to say so. A log that is silent
// for longer is open, and the client learns that by an empty piece.
const openingTime = 100 * time.Millisecond

// follow calls emit with each piece of a stream, in the caller's goroutine, and
// with nil when it is open and nothing has come. The end of ctx or of the server
// ends it without a fault.
func (s *Server) follow(ctx context.Context, r api.Request, emit func(any) error) *api.Fault {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.closing, cancel)
	defer stop()

	pieces, emitted := make(chan any), make(chan error)
	ended := make(chan *api.Fault)
	go func() {
		ended <- s.followHere(ctx, r, func(p any) error {
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
func (s *Server) followHere(ctx context.Context, r api.Request, emit func(any) error) (fault *api.Fault) {
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

// stream sends the pieces of a stream as lines.
func (s *Server) stream(ctx context.Context, j *job, send func([]byte) bool) *api.Fault {
	s.counts.called(overLines)
	r := j.method.Build(j.args)
	if events, ok := r.(api.FollowEvents); ok {
		return s.streamEvents(ctx, j, events, send)
	}
	s.log(conf.Trace, fmt.Sprintf("%s method called: %s()", overLines, j.name))
	t := textLines{emit: func(piece any) error {
		line, err := ndjson.EncodeData(j.id, piece)
		if err != nil {
			return err
		}
		if !send(line) {
			return errGone
		}
		return nil
	}}
	f := s.follow(ctx, r, func(piece any) error {
		switch p := piece.(type) {
		case nil:
			return t.open()
		case api.Bytes:
			return t.add(p)
		}
		return t.emit(piece)
	})
	if f == nil {
		_ = t.end() // the client being gone is no fault
	}
	return f
}

// textLines emits the bytes of a log in pieces of bounded length. Bytes of a
// character that is not complete wait for the next piece, so that text stays
// text.
type textLines struct {
	emit   func(any) error
	opened bool
	held   []byte
}

// open says that the log is open, if nothing has said so yet.
func (t *textLines) open() error {
	if t.opened {
		return nil
	}
	t.opened = true
	return t.emit(api.Bytes{})
}

func (t *textLines) add(p []byte) error {
	if len(t.held) > 0 {
		p = append(t.held, p...)
	}
	if api.WholeText(p) == 0 {
		if err := t.open(); err != nil {
			return err
		}
	}
	for len(p) > 0 {
		cut := api.WholeText(p[:min(len(p), maxPiece)])
		if cut == 0 {
			break
		}
		t.opened = true
		if err := t.emit(api.Bytes(p[:cut])); err != nil {
			return err
		}
		p = p[cut:]
	}
	t.held = append([]byte(nil), p...)
	return nil
}

// end emits what has waited when nothing more comes.
func (t *textLines) end() error {
	if len(t.held) == 0 {
		return nil
	}
	return t.emit(api.Bytes(t.held))
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
	return api.FollowProcessLog{Name: name, Channel: channel, Backlog: tailBacklog, FileOnly: true}, ok
}

// serveTail streams a log as text, for as long as the client stays.
func (s *Server) serveTail(x *exchange, request api.Request) {
	x.watch()
	f := s.follow(x.ctx, request, func(piece any) error {
		p, _ := piece.(api.Bytes)
		if !x.a.Started() {
			x.a.Set("Content-Type", "text/plain;charset=utf-8")
			x.a.Set("Last-Modified", time.Now().UTC().Format(http1.TimeFormat))
			x.a.Set("X-Accel-Buffering", "no")
		}
		if _, err := x.a.Write(p); err != nil {
			return errGone
		}
		if x.a.Flush() != nil {
			return errGone
		}
		return nil
	})
	if f == nil || x.a.Started() {
		return
	}
	switch f.Code {
	case api.BadName, api.NoFile:
		httpError(&x.a, http1.StatusNotFound)
	case api.ShutdownState:
		httpError(&x.a, http1.StatusUnavailable)
	case api.Forbidden:
		httpError(&x.a, http1.StatusForbidden)
	default:
		httpError(&x.a, http1.StatusInternalError)
	}
}
