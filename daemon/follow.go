package daemon

import (
	"context"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
)

// followEvents fetches one batch after the other, at the pace at which emit takes
// them; what it has not fetched waits in the core's chronicle, and nowhere else. It
// ends without an error when the supervisor has come to its end, and all of that
// has been told.
func (h *host) followEvents(ctx context.Context, r api.FollowEvents, emit func(any) error) error {
	id := h.newID()
	defer h.inbox.post(message{in: core.Unfollow{Follower: id}})
	batch, err := h.ask(ctx, id, core.Follow{ID: id, Req: r})
	for err == nil {
		if err := emit(batch); err != nil {
			return err
		}
		next := h.newID()
		batch, err = h.ask(ctx, next, core.More{ID: next, Follower: id})
	}
	if err != errOver {
		return err
	}
	// The loop has ended, and nobody changes the core any more.
	for {
		b, more := h.core.Rest(id)
		if !more {
			return nil
		}
		if err := emit(b); err != nil {
			return err
		}
	}
}
