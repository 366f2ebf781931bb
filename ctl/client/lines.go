package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// lineWire is newline-delimited JSON, over the bare socket for unix:// and as
// the body of a POST for http://.
type lineWire struct {
	c *Client
	// foreign makes an answer that is no JSON errForeign instead of an error.
	// The first request then ends as an HTTP head does, so that a server that
	// waits for one answers too.
	foreign bool
}

// maxReply bounds one answer: a whole log, and then some.
const maxReply = 256 << 20

const (
	loginID = 1
	callID  = 2
)

func (w *lineWire) call(ctx context.Context, method string, args []arg) (json.RawMessage, error) {
	return w.exchange(ctx, method, args, nil)
}

func (w *lineWire) follow(ctx context.Context, l log, emit func([]byte) error) error {
	method, args := "supervisor.followLog", []arg{{"backlog", followBacklog}}
	if l.process != "" {
		method = "supervisor.followProcessLog"
		args = append(args, arg{"name", l.process}, arg{"channel", l.channel})
	}
	_, err := w.exchange(ctx, method, args, emit)
	return err
}

// exchange performs one request on a connection of its own; what is streamed
// before the result goes to emit.
func (w *lineWire) exchange(ctx context.Context, method string, args []arg, emit func([]byte) error) (json.RawMessage, error) {
	params := make(map[string]any, len(args))
	for _, a := range args {
		params[a.name] = a.value
	}
	request, err := ndjson.EncodeRequest(callID, method, params)
	if err != nil {
		return nil, err
	}
	if w.c.path == "" {
		body, err := w.post(ctx, request)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		return w.replies(newInbound(body), callID, emit)
	}
	conn, err := w.c.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	in := newInbound(conn)
	if w.c.user != nil {
		if err := w.login(conn, in); err != nil {
			return nil, err
		}
	}
	w.write(conn, request)
	return w.replies(in, callID, emit)
}

// post sends the request as the body of a POST and returns that of the answer.
func (w *lineWire) post(ctx context.Context, request []byte) (io.ReadCloser, error) {
	resp, err := w.c.post(ctx, "/ndjson", "application/x-ndjson", request)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, nil
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		resp.Body.Close()
		return nil, errForeign
	}
	return nil, w.c.statusError(resp)
}

// login opens the connection to requests.
func (w *lineWire) login(conn net.Conn, in *inbound) error {
	params := map[string]any{"username": *w.c.user, "password": *w.c.pass}
	request, err := ndjson.EncodeRequest(loginID, "system.login", params)
	if err != nil {
		return err
	}
	w.write(conn, request)
	_, err = w.replies(in, loginID, nil)
	return err
}

// write sends a request. It reports nothing, because a server that hangs up
// while we write may have said why: reading tells either way.
func (w *lineWire) write(conn net.Conn, request []byte) {
	if w.foreign {
		request = append(request, "\r\n\r\n"...)
	}
	conn.Write(request)
}

// replies reads up to the result of the request id.
func (w *lineWire) replies(in *inbound, id int, emit func([]byte) error) (json.RawMessage, error) {
	if w.foreign {
		if err := w.meet(in); err != nil {
			return nil, err
		}
	}
	lines := ndjson.NewReader(in.Reader, maxReply)
	for {
		line, err := lines.Line()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		r, err := ndjson.ParseReply(line)
		switch {
		case err != nil && in.ended:
			return nil, io.ErrUnexpectedEOF // the line is half a line
		case err != nil:
			return nil, w.c.fail(ErrNotSupervisor, err.Error())
		case r.Error != nil:
			return nil, w.refusal(r.Error)
		case string(r.ID) != strconv.Itoa(id):
			return nil, w.c.fail(ErrNotSupervisor, fmt.Sprintf("reply to the unknown request %.40s", r.ID))
		case r.Final():
			return r.Result, nil
		}
		var piece api.Bytes
		if err := json.Unmarshal(r.Data, &piece); err != nil {
			return nil, w.c.fail(ErrNotSupervisor, fmt.Sprintf("piece of a stream: %v", err))
		}
		if emit != nil {
			if err := emit(piece); err != nil {
				return nil, err
			}
		}
	}
}

// inbound is what a server sends, and knows when it has hung up.
type inbound struct {
	*bufio.Reader
	from  io.Reader
	ended bool
}

func newInbound(from io.Reader) *inbound {
	in := &inbound{from: from}
	in.Reader = bufio.NewReader(source{in})
	return in
}

// source is the unbuffered side of an inbound.
type source struct{ in *inbound }

func (s source) Read(p []byte) (int, error) {
	n, err := s.in.from.Read(p)
	s.in.ended = s.in.ended || err != nil
	return n, err
}

// refusal tells faults of the API from errors of the wire.
func (w *lineWire) refusal(e *ndjson.Error) error {
	switch {
	case e.Code == ndjson.CodeUnauthorized:
		return w.c.fail(ErrUnauthorized, "")
	case e.Code >= ndjson.CodeBadJSON:
		return w.c.fail(ErrRejected, e.Message)
	}
	f := newFault(e.Code, e.Message)
	f.Hint = e.Hint
	return f
}

// meet looks at the first byte of the first answer. The original answers a
// JSON line with an HTTP error, or hangs up on it, by version and server.
func (w *lineWire) meet(in *inbound) error {
	first, err := in.Peek(1)
	var late net.Error
	switch {
	case err == nil && first[0] == '{':
		return nil
	case err == nil && first[0] != 'H':
		return w.c.fail(ErrNotSupervisor, fmt.Sprintf("its answer begins with %q", first))
	case errors.As(err, &late) && late.Timeout():
		return err
	}
	return errForeign
}
