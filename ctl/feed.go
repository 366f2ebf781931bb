package ctl

import (
	"context"
	"errors"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// How long to wait before a server that is gone is tried again: longer each time.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// feed follows events over the ends and the restarts of a server. It goes on after
// the last event that came, so that nothing is missing but what a gap tells of.
type feed struct {
	client *client.Client
	query  client.EventsQuery
	on     func(api.EventRecord) error // each record
	lost   func(err error)             // the server is gone; err is nil if it came to its end
}

// run returns when ctx ends, on fails, or the server answers that it cannot.
func (f *feed) run(ctx context.Context) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		var failure error
		here := false
		err := f.client.FollowEvents(ctx, f.query, func(r api.EventRecord) error {
			switch {
			case r.Open != nil:
				here = true
				if f.query.Since < 0 {
					f.query.Since = int64(r.Open.Serial)
				}
			case r.Event != nil:
				f.query.Since = int64(r.Event.Serial)
			}
			failure = f.on(r)
			return failure
		})
		switch {
		case ctx.Err() != nil:
			return whyEnded(ctx)
		case failure != nil:
			return failure
		case !isGone(err):
			return err
		}
		if here {
			wait = firstRetry
			f.lost(err)
		}
		if pause(ctx, wait) != nil {
			return whyEnded(ctx)
		}
	}
}

// whyEnded returns why a context has ended: context.Canceled for Ctrl-C, and what
// --timeout has to say.
func whyEnded(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return context.Cause(ctx)
}

// isGone tells whether an error, or the lack of one, means that the server has
// ended and may come back.
func isGone(err error) bool {
	if err == nil {
		return true
	}
	for _, kind := range []error{client.ErrRefused, client.ErrNoFile, client.ErrUnreachable, client.ErrTimeout, client.ErrLost} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
