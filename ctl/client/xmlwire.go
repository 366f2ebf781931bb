package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/xmlrpc"
)

// xmlWire is XML-RPC, as the original speaks it, and its GET of logs.
type xmlWire struct{ c *Client }

func (w *xmlWire) call(ctx context.Context, method string, args []arg) (json.RawMessage, error) {
	params := make([]any, len(args))
	for i, a := range args {
		params[i] = a.value
	}
	request, err := xmlrpc.EncodeCall(method, params...)
	if err != nil {
		return nil, err
	}
	resp, err := w.c.post(ctx, "/RPC2", "text/xml", request)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, w.c.statusError(resp)
	}
	defer resp.Body.Close()
	value, err := xmlrpc.DecodeResponse(resp.Body, maxReply)
	var fault *xmlrpc.Fault
	switch {
	case errors.As(err, &fault):
		return nil, newFault(fault.Code, fault.Text)
	case err != nil && ctx.Err() == nil:
		return nil, w.c.fail(ErrNotSupervisor, fmt.Sprintf("answer of %s: %v", method, err))
	case err != nil:
		return nil, err
	}
	return json.Marshal(value)
}

func (w *xmlWire) follow(ctx context.Context, l log, emit func([]byte) error) error {
	resp, err := w.c.get(ctx, l.path())
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusNotFound {
		resp.Body.Close()
		return newFault(int(api.NoFile), l.process)
	}
	if resp.StatusCode != http.StatusOK {
		return w.c.statusError(resp)
	}
	defer resp.Body.Close()
	piece := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(piece)
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
