package client

import (
	"context"
	"encoding/json"
	"fmt"

	"gosupervisor/ctl/api"
)

// LogsQuery says which logs are wanted, and how much of them.
type LogsQuery struct {
	Names   []string    // name, group:name or group:*; empty: all processes, also those that are still to come
	Channel api.Channel // "": both
	Lines   int64       // of each channel, of what is there
	Once    bool        // do not wait for more
}

// Logs streams the logs of many processes, until ctx ends, emit fails, the
// server ends the stream, or with Once all is told. From the original it takes
// each log by itself, so it cannot be exact there: what was written while it
// began to look, or beyond the last kilobyte, may be missing.
func (c *Client) Logs(ctx context.Context, q LogsQuery, emit func(api.LogPiece) error) error {
	if _, err := c.detect(ctx); err != nil {
		return err
	}
	w, ok := c.wire.(*lineWire)
	if !ok {
		return c.separateLogs(ctx, q, emit)
	}
	request := question{method: "supervisor.followLogs", args: []arg{{"lines", q.Lines}, {"follow", !q.Once}}, slow: true}
	if len(q.Names) > 0 {
		request.args = append(request.args, arg{"names", q.Names})
	}
	if q.Channel != "" {
		request.args = append(request.args, arg{"channel", q.Channel})
	}
	err := w.stream(ctx, request, func(data json.RawMessage) error {
		var piece api.LogPiece
		if err := json.Unmarshal(data, &piece); err != nil {
			return c.badPiece(err)
		}
		return emit(piece)
	})
	if err != nil {
		return c.ioError(ctx, err)
	}
	return nil
}

// ProcessEnd returns the last bytes of a channel of a process, also those that
// are kept in memory alone. The original does not have it.
func (c *Client) ProcessEnd(ctx context.Context, name string, channel api.Channel, most int64) ([]byte, error) {
	if _, err := c.detect(ctx); err != nil {
		return nil, err
	}
	w, ok := c.wire.(*lineWire)
	if !ok {
		return nil, api.NewFault(api.NoFile, "")
	}
	var text []byte
	request := question{method: "supervisor.followProcessLog", args: []arg{{"name", name}, {"channel", channel}, {"backlog", most}, {"follow", false}}}
	err := w.stream(ctx, request, func(data json.RawMessage) error {
		var piece api.Bytes
		if err := json.Unmarshal(data, &piece); err != nil {
			return c.badPiece(err)
		}
		text = append(text, piece...)
		return nil
	})
	if err != nil {
		return nil, c.ioError(ctx, err)
	}
	return text, nil
}

func (c *Client) badPiece(err error) error {
	return c.fail(ErrNotSupervisor, fmt.Sprintf("piece of a stream: %v", err))
}
