package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/xmlrpc"
)

// xmlWire is XML-RPC, as the original speaks it, and its GET of logs.
type xmlWire struct{ c *Client }

func (w *xmlWire) call(ctx context.Context, q question) (json.RawMessage, error) {
	params := make([]any, len(q.args))
	for i, a := range q.args {
		params[i] = a.value
	}
	request, err := xmlrpc.EncodeCall(q.method, params...)
	if err != nil {
		return nil, err
	}
	resp, err := w.c.post(ctx, "/RPC2", "text/xml", request, q.slow)
	if err != nil {
		return nil, err
	}
	if resp.Code != http1.StatusOK {
		return nil, resp.refusal()
	}
	defer resp.close()
	resp.p.ask = nil // what has begun to come is complete
	value, err := xmlrpc.DecodeResponse(resp.inbound, maxReply)
	var fault *xmlrpc.Fault
	switch {
	case errors.As(err, &fault):
		return nil, newFault(fault.Code, fault.Text)
	case err != nil && resp.ended != nil && !errors.Is(resp.ended, io.EOF):
		return nil, resp.ended
	case err != nil:
		return nil, w.c.fail(ErrNotSupervisor, fmt.Sprintf("answer of %s: %v", q.method, err), hintStrange)
	}
	return json.Marshal(value)
}

func (w *xmlWire) follow(ctx context.Context, l log, emit func([]byte) error) error {
	resp, err := w.c.get(ctx, l.path(), true)
	if err != nil {
		return err
	}
	if resp.Code == http1.StatusNotFound {
		resp.close()
		return newFault(int(api.NoFile), l.process)
	}
	if resp.Code != http1.StatusOK {
		return resp.refusal()
	}
	defer resp.close()
	piece := make([]byte, 32<<10)
	for {
		n, err := resp.Read(piece)
		if n > 0 {
			if err := emit(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// path returns where the HTTP server has the log.
func (l log) path() string {
	if l.process == "" {
		return "/mainlogtail"
	}
	return "/logtail/" + url.PathEscape(l.process) + "/" + string(l.channel)
}
