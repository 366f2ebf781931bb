package client

import (
	"context"
	"encoding/json"

	"gosupervisor/ctl/api"
)

// EventsQuery says which events are wanted.
type EventsQuery struct {
	Since int64    // the serial after which to begin; negative: with what happens from now on
	Types []string // none: those that a server gives without being asked for others
	Names []string // name, group:name or group:*; none: whatever they are about
}

func (q EventsQuery) args() []arg {
	args := []arg{{"since", q.Since}}
	if len(q.Types) > 0 {
		args = append(args, arg{"types", q.Types})
	}
	if len(q.Names) > 0 {
		args = append(args, arg{"names", q.Names})
	}
	return args
}

// Events returns the events that the server keeps.
func (c *Client) Events(ctx context.Context, q EventsQuery) (list api.EventList, err error) {
	q.Since = max(q.Since, 0)
	err = c.call(ctx, "supervisor.getEvents", &list, q.args()...)
	return list, err
}

// FollowEvents streams events, until ctx ends, emit fails, or without an error
// until the server has come to its end.
func (c *Client) FollowEvents(ctx context.Context, q EventsQuery, emit func(api.EventRecord) error) error {
	if _, err := c.detect(ctx); err != nil {
		return err
	}
	w, ok := c.wire.(*lineWire)
	if !ok {
		return api.NewFault(api.UnknownMethod, "")
	}
	err := w.stream(ctx, question{method: "supervisor.followEvents", args: q.args(), slow: true}, func(data json.RawMessage) error {
		var r api.EventRecord
		if err := json.Unmarshal(data, &r); err != nil {
			return c.badPiece(err)
		}
		return emit(r)
	})
	if err != nil {
		return c.ioError(ctx, err)
	}
	return nil
}

// EventPools describes the pools of event listeners.
func (c *Client) EventPools(ctx context.Context) (pools []api.EventPool, err error) {
	err = c.call(ctx, "supervisor.getEventPools", &pools)
	return pools, err
}
