package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/http1"
	"gosupervisor/ctl/ndjson"
)

// lineWire is newline-delimited JSON, over the bare socket for unix:// and as
// the body of a POST for http:// and https://.
type lineWire struct {
	c    *Client
	idle atomic.Pointer[link] // for the next exchange; nil: it makes one
}

// maxReply bounds one answer: a whole log, and then some.
const maxReply = 256 << 20

const (
	loginID = 1
	callID  = 2
	signID  = 3
)

func (w *lineWire) call(ctx context.Context, q question) (json.RawMessage, error) {
	return w.exchange(ctx, q, nil)
}

func (w *lineWire) follow(ctx context.Context, l log, emit func([]byte) error) error {
	q := question{method: "supervisor.followLog", args: []arg{{"backlog", followBacklog}}, slow: true}
	if l.process != "" {
		q.method = "supervisor.followProcessLog"
		q.args = append(q.args, arg{"name", l.process}, arg{"channel", l.channel})
	}
	return w.stream(ctx, q, func(data json.RawMessage) error {
		var piece api.Bytes
		if err := json.Unmarshal(data, &piece); err != nil {
			return w.c.badPiece(err)
		}
		return emit(piece)
	})
}

// stream performs a request that streams values.
func (w *lineWire) stream(ctx context.Context, q question, emit func(json.RawMessage) error) error {
	_, err := w.exchange(ctx, q, emit)
	return err
}

// exchange performs one request, on a connection that nobody else uses meanwhile; what is
// streamed before the result goes to emit.
func (w *lineWire) exchange(ctx context.Context, q question, emit func(json.RawMessage) error) (json.RawMessage, error) {
	request, err := q.line()
	if err != nil {
		return nil, err
	}
	if w.c.path == "" {
		body, err := w.post(ctx, request, q.slow)
		if err != nil {
			return nil, err
		}
		defer body.close()
		return w.answer(body.inbound, bufio.NewReader(body), q, emit)
	}
	for {
		l, err := w.link(ctx, q.acts)
		if err != nil {
			return nil, err
		}
		if result, err := w.exchangeOn(ctx, l, q, request, emit); err != errHungUp {
			return result, err
		}
	}
}

// exchangeOn is exchange on a connection. The error is errHungUp only where a question that
// does not act can be asked again.
func (w *lineWire) exchangeOn(ctx context.Context, l *link, q question, request []byte, emit func(json.RawMessage) error) (json.RawMessage, error) {
	again := false
	defer func() { w.done(l, again) }()
	stay := context.AfterFunc(ctx, func() { l.conn.Close() })
	defer stay()
	p := w.c.patienceWith(l.conn)
	in := newInbound(ctx, l.conn, p, true)
	defer in.close()
	if w.c.user != nil && !l.loggedIn {
		if err := w.login(l.conn, in); err != nil {
			return nil, err
		}
		l.loggedIn = true
	}
	w.write(l.conn, request)
	signs := false
	if q.slow {
		p.ask = func() { signs = true; w.write(l.conn, signRequest) }
	}
	buffered := bufio.NewReaderSize(in, replyBuffer)
	if l.used {
		if _, err := buffered.Peek(1); err != nil && !in.late && ctx.Err() == nil {
			return nil, errHungUp
		}
	}
	result, err := w.answer(in, buffered, q, emit)
	again = completed(err) && !signs && in.drained(buffered) && stay()
	return result, err
}

// line is the question as it is sent.
func (q *question) line() ([]byte, error) {
	if len(q.args) == 0 { // as most are; of these nothing is left to be looked up
		return []byte(`{"id":2,"method":"` + q.method + `","params":{}}` + "\n"), nil // callID
	}
	params := make(map[string]any, len(q.args))
	for _, a := range q.args {
		params[a.name] = a.value
	}
	return ndjson.EncodeRequest(callID, q.method, params)
}

// replyBuffer is how much is read at once of what may be a long list.
const replyBuffer = 64 << 10

// signRequest asks for a sign of life.
var signRequest = []byte(`{"id":3,"method":"` + versionMethod + `"}` + "\n") // signID

// meetRequest asks for the version. The original takes a line with one blank for
// an HTTP request and answers it with an error; at any other it hangs up and
// writes a traceback to its log. It waits for an empty line, too.
var meetRequest = []byte(`{"id":2, "method":"` + versionMethod + `"}` + "\r\n\r\n") // callID

// meet finds out whether the server speaks lines of JSON: errForeign says that it
// may speak XML-RPC. What it tells of its version is nil where that took a login, or
// another question.
func (w *lineWire) meet(ctx context.Context) (version json.RawMessage, err error) {
	if w.c.path == "" {
		return nil, w.meetHTTP(ctx)
	}
	l, err := w.link(ctx, true)
	if err != nil {
		return nil, err
	}
	again := false
	defer func() { w.done(l, again) }()
	in := newInbound(ctx, l.conn, w.c.patienceWith(l.conn), true)
	defer in.close()
	w.write(l.conn, meetRequest) // without a login: others need not know the password
	answer := bufio.NewReader(in)
	first, err := answer.Peek(1)
	switch {
	case err != nil && (in.late || ctx.Err() != nil):
		return nil, err
	case err != nil || first[0] == 'H':
		return nil, errForeign
	case first[0] != '{':
		return nil, w.c.strangeAnswer(beginning(answer))
	}
	version, err = w.replies(in, answer, callID, nil)
	unauthorized := errors.Is(err, ErrUnauthorized)
	again = (completed(err) || unauthorized) && in.drained(answer)
	if unauthorized {
		return nil, nil
	}
	if w.c.user != nil {
		version = nil // who has a password is to hear what comes of it
	}
	return version, err
}

// meetHTTP does so by a GET: ours wants a POST. The original would leave the body
// of a POST for the next request on a connection that a proxy keeps open.
func (w *lineWire) meetHTTP(ctx context.Context) error {
	resp, err := w.c.get(ctx, linesPath, false)
	if err != nil {
		return err
	}
	switch code := resp.Code; {
	case code == http1.StatusMethodNotAllowed && resp.Header.Get("Allow") == http1.MethodPost:
		resp.close()
		return nil
	case code == http1.StatusOK, code == http1.StatusBadRequest, code == http1.StatusNotFound,
		code == http1.StatusMethodNotAllowed, code == http1.StatusNotImplemented:
		return resp.foreign()
	}
	return resp.refusal()
}

const linesPath = "/ndjson"

// post sends the request as the body of a POST and returns that of the answer.
func (w *lineWire) post(ctx context.Context, request []byte, slow bool) (*response, error) {
	resp, err := w.c.post(ctx, linesPath, "application/x-ndjson", request, slow)
	if err != nil {
		return nil, err
	}
	if resp.Code != http1.StatusOK {
		return nil, resp.refusal()
	}
	resp.lines = true
	return resp, nil
}

// login opens the connection to requests.
func (w *lineWire) login(conn net.Conn, in *inbound) error {
	params := map[string]any{"username": *w.c.user, "password": *w.c.pass}
	request, err := ndjson.EncodeRequest(loginID, "system.login", params)
	if err != nil {
		return err
	}
	w.write(conn, request)
	_, err = w.replies(in, bufio.NewReader(in), loginID, nil)
	return err
}

// write sends a request, as long as the server takes it. It reports nothing,
// because a server that hangs up while we write may have said why, and one that
// takes nothing does not answer either: reading tells.
func (w *lineWire) write(conn net.Conn, request []byte) {
	const step = 32 << 10
	for len(request) > 0 {
		n := min(step, len(request))
		conn.SetWriteDeadline(time.Now().Add(w.c.limit))
		if _, err := conn.Write(request[:n]); err != nil {
			return
		}
		request = request[n:]
	}
}

// answer reads up to the answer to a question.
func (w *lineWire) answer(in *inbound, buffered *bufio.Reader, q question, emit func(json.RawMessage) error) (json.RawMessage, error) {
	return w.repliesTo(in, buffered, callID, q.list, emit)
}

// listBegins is how the usual answer with a list begins.
var listBegins = []byte(`{"id":2,"result":[`) // callID

// usualList reads the line of an answer with a list of descriptions, without looking at
// each of its hundreds of kilobytes more than once. What is not of that form is left to
// who says what is wrong with it. The line is not to change any more.
func usualList(line []byte, list *[]api.ProcessInfo) bool {
	if list == nil || !bytes.HasPrefix(line, listBegins) || line[len(line)-1] != '}' {
		return false
	}
	text := line[len(listBegins)-1 : len(line)-1]
	all, ok := api.UsualProcesses(unsafe.String(unsafe.SliceData(text), len(text)))
	if ok {
		*list = all
	}
	return ok
}

// replies reads up to the result of the request id, from what buffers in.
func (w *lineWire) replies(in *inbound, buffered *bufio.Reader, id int, emit func(json.RawMessage) error) (json.RawMessage, error) {
	return w.repliesTo(in, buffered, id, nil, emit)
}

// repliesTo is replies for a result that may be a long list; then it is nil.
func (w *lineWire) repliesTo(in *inbound, buffered *bufio.Reader, id int, list *[]api.ProcessInfo, emit func(json.RawMessage) error) (json.RawMessage, error) {
	lines := ndjson.NewReader(buffered, maxReply)
	for {
		line, err := lines.Line()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if usualList(line, list) {
			return nil, nil // the buffer of the line goes with lines
		}
		r, err := ndjson.ParseReply(line)
		switch {
		case err != nil && line[0] != '{':
			return nil, w.c.strangeAnswer(string(line[:min(maxShown, len(line))]))
		case err != nil && in.ended != nil:
			return nil, io.ErrUnexpectedEOF // the line is half a line
		case err != nil:
			return nil, w.c.fail(ErrNotSupervisor, err.Error())
		case string(r.ID) == strconv.Itoa(signID): // a fault is a sign too
			in.p.alive()
			continue
		case r.Error != nil:
			return nil, w.refusal(r.Error)
		case string(r.ID) != strconv.Itoa(id):
			return nil, w.c.fail(ErrNotSupervisor, "reply to the unknown request "+visible(string(r.ID)))
		case r.Final():
			return r.Result, nil
		}
		if emit != nil {
			if err := emit(r.Data); err != nil {
				return nil, err
			}
		}
	}
}

// refusal tells faults of the API from errors of the wire.
func (w *lineWire) refusal(e *ndjson.Error) error {
	switch {
	case e.Code == ndjson.CodeUnauthorized:
		return w.c.unauthorized()
	case e.Code >= ndjson.CodeBadJSON:
		err := w.c.fail(ErrRejected, e.Message)
		if e.Hint != "" {
			err.Hints = []string{e.Hint}
		}
		return err
	}
	f := newFault(e.Code, e.Message)
	f.Hint = e.Hint
	return f
}
