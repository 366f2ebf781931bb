package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// lineConn is a conversation in lines of JSON, on a connection of its own or
// in the body of an HTTP request. The goroutine in run owns every field. While
// nothing has to be waited for it reads, answers and writes by itself: see
// direct. Otherwise one more reads lines, one writes them, and each request has
// its own. Whatever leaves goes through out, final replies by way of run, so that
// an id is free again before its last reply can be read.
type lineConn struct {
	s        *Server
	loggedIn bool
	overHTTP bool // the exchange notices when the client goes, once the body is read to its end
	logins   int  // wrong ones

	ctx     context.Context // ends when the client is gone or the server dies
	cancel  context.CancelFunc
	lines   chan incoming   // from the reader
	next    chan struct{}   // to the reader: read another one
	out     chan reply      // to the writer
	done    chan outcome    // from the requests
	alone   bool            // nobody else reads or writes; what is to be written goes to buffer
	buffer  []byte          // what direct has answered
	held    []*grant        // what that holds
	waits   *job            // it ends that: it is to be started once others read and write
	purse   *purse          // of long replies
	running map[string]*job // by id, as it was sent
	flying  int             // requests in flight, those without an id too
	streams int             // of which are streams
	jobs    sync.WaitGroup
	waited  func() time.Duration // for more of a body; nil: it may take any time
	stalled bool                 // the body was not read to its end: the client paused for too long
	ended   bool                 // the reader has returned, or is about to
	welcome func()               // called once, at the first request after the login; then nil
}

// incoming is what the reader has: a line, or why there is none.
type incoming struct {
	line []byte
	err  error
}

// job is one request in flight.
type job struct {
	id     json.RawMessage
	name   string // as the client wrote it
	method *api.Method
	args   []any
	cancel context.CancelFunc
}

// outcome is the end of a job: its last line.
type outcome struct {
	job  *job
	last reply
}

// serveLineConn serves a connection that speaks nothing but lines.
func (s *Server) serveLineConn(conn *firstByteConn) {
	defer conn.Close()
	stopKill := context.AfterFunc(s.dead, func() { _ = conn.Close() })
	defer stopKill()

	c := &lineConn{s: s, loggedIn: !s.guarded(), ctx: conn.ctx, cancel: conn.cancel}
	_ = conn.SetReadDeadline(time.Now().Add(s.o.FirstRequest))
	c.welcome = func() {
		_ = conn.SetReadDeadline(time.Time{})
		conn.settle(s.settled)
	}
	unread := func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) }
	stopReading := context.AfterFunc(s.closing, unread)
	defer stopReading()
	c.run(conn, lineOut{conn, func() error { return nil }, conn.SetWriteDeadline}, unread, s.o.Heartbeat)
}

// lineOut is where the lines of a conversation go.
type lineOut struct {
	io.Writer
	flush func() error
	limit func(time.Time) error // until when all must be written; zero: no limit
}

// send writes a reply and gives back what it holds. A long one must be taken
// as a whole in time, since others wait for what it holds.
func (o lineOut) send(r reply) error {
	defer r.release()
	if r.line == nil {
		_ = o.limit(time.Now().Add(writeTime(weight(r.long)))) // a connection has deadlines
		defer func() { _ = o.limit(time.Time{}) }()
	}
	if err := r.writeTo(o); err != nil {
		return err
	}
	return o.flush()
}

// run serves until the client has stopped sending and every request is
// answered, or the client is gone. unread makes a pending read return. A client
// that only listens is sent a blank line with every heartbeat where nothing
// else tells whether it is still there.
func (c *lineConn) run(in io.Reader, out lineOut, unread func(), heartbeat time.Duration) {
	c.lines, c.out, c.done = make(chan incoming), make(chan reply), make(chan outcome)
	c.running, c.purse = map[string]*job{}, newPurse(MaxConnHeld)
	r := ndjson.NewReader(in, ndjson.MaxLine)
	for open := true; open; {
		if open = c.overHTTP || c.direct(r, out); open {
			open = c.shared(r, out, unread, heartbeat)
		}
	}
	c.cancel()
	c.jobs.Wait()
}

// shared serves with one goroutine that reads and one that writes, and tells
// whether it is to be gone on without them, because nothing is in flight.
func (c *lineConn) shared(r *ndjson.Reader, out lineOut, unread func(), heartbeat time.Duration) (again bool) {
	var reader, writer sync.WaitGroup
	c.next = make(chan struct{}, 1)
	reader.Go(func() { c.read(r) })
	written := make(chan struct{}) // closed when there is nothing more to write
	writer.Go(func() { c.write(out, written) })
	if c.waits != nil {
		c.start(c.waits)
		c.waits = nil
	}

	again = c.loop(heartbeat)

	close(written)
	writer.Wait() // the last line is on its way
	if !again {
		c.cancel()
		if !c.ended {
			unread()
		}
	}
	close(c.next)
	reader.Wait()
	return again && c.ctx.Err() == nil
}

// read hands lines to the loop, each when it has been told to.
func (c *lineConn) read(r *ndjson.Reader) {
	for goOn := true; goOn; _, goOn = <-c.next {
		line, err := r.Line()
		in := incoming{err: err}
		if err == nil {
			in.line = append(in.line, line...)
		}
		select {
		case c.lines <- in:
		case <-c.ctx.Done():
			return
		}
		if err != nil && !errors.Is(err, ndjson.ErrLineTooLong) {
			return
		}
	}
}

// write writes lines until the loop says that there are no more, or the
// client is gone.
func (c *lineConn) write(out lineOut, written <-chan struct{}) {
	for {
		select {
		case r := <-c.out:
			if out.send(r) != nil {
				c.cancel()
				return
			}
		case <-written:
			return
		case <-c.ctx.Done():
			return
		}
	}
}

// send hands a line to the writer; false means that the client is gone.
func (c *lineConn) send(line []byte) bool { return c.pass(reply{line: line}) }

// pass hands a reply to the writer, or gives back what it holds. A long reply
// comes from a request in flight, and then there is a writer.
func (c *lineConn) pass(r reply) bool {
	if c.alone {
		c.buffer = append(c.buffer, r.line...)
		if r.held != nil {
			c.held = append(c.held, r.held)
		}
		return true
	}
	select {
	case c.out <- r:
		return true
	case <-c.ctx.Done():
		r.release()
		return false
	}
}

// loop tells whether it ended because nothing is in flight and nobody reads.
func (c *lineConn) loop(heartbeat time.Duration) (idle bool) {
	open := true    // the client may send more
	reading := true // the reader is at it
	closing := c.s.closing.Done()
	var beat, pause <-chan time.Time
	if c.waited != nil {
		pause = time.Tick(c.s.o.body / 4)
	}
	for open || c.flying > 0 {
		if open && !reading && c.flying < MaxRequests {
			if c.flying == 0 && !c.overHTTP {
				return true
			}
			c.next <- struct{}{} // it holds one word, and the reader waits for it
			reading = true
		}
		lines := c.lines
		if !open {
			lines = nil
		}
		select {
		case in := <-lines:
			reading = false
			if open = c.take(in); !open {
				beat = time.Tick(heartbeat)
			}
		case <-pause:
			if open && c.waited() >= c.s.o.body {
				open, c.stalled, beat = false, true, time.Tick(heartbeat)
			}
		case o := <-c.done:
			c.finish(o)
		case <-closing:
			open, closing = false, nil
		case <-beat:
			c.send([]byte("\n"))
		case <-c.ctx.Done():
			return false
		}
	}
	return false
}

// finish frees the id of a request and sends its last line.
func (c *lineConn) finish(o outcome) {
	c.flying--
	if o.job.method.Stream {
		c.streams--
	}
	delete(c.running, string(o.job.id))
	o.job.cancel()
	c.pass(o.last)
}

// take handles what was read; false means that no more is to be read.
func (c *lineConn) take(in incoming) bool {
	if errors.Is(in.err, ndjson.ErrLineTooLong) {
		return c.fail(nil, ndjson.NewError(ndjson.CodeLineTooLong,
			fmt.Sprintf("a line may have %d bytes", ndjson.MaxLine), "the rest of it is skipped"))
	}
	if in.err != nil {
		c.ended, c.stalled = true, c.overHTTP && !errors.Is(in.err, io.EOF)
		return false
	}
	r, e := ndjson.ParseRequest(in.line)
	if e != nil {
		return c.fail(r.ID, e)
	}
	if !c.loggedIn && r.Method != "system.login" {
		return c.fail(r.ID, ndjson.NewError(ndjson.CodeUnauthorized, "log in first",
			`{"id":1,"method":"system.login","params":{"username":"...","password":"..."}}`))
	}
	if c.loggedIn {
		c.settle()
	}
	m, f := c.s.lookup(r.Method, overLines)
	if f != nil {
		return c.fail(r.ID, faultError(f))
	}
	args, f := m.ArgsJSON(r.Params)
	if f != nil {
		return c.fail(r.ID, faultError(f))
	}
	switch m.Name {
	case "system.login":
		return c.login(r.ID, args)
	case "system.cancel":
		return c.reply(r.ID, c.cancelJob(args[0]))
	}
	return c.begin(&job{id: r.ID, name: r.Method, method: m, args: args})
}

// begin starts a request, if it may.
func (c *lineConn) begin(j *job) bool {
	if string(j.id) == "null" {
		j.id = nil
	}
	if _, busy := c.running[string(j.id)]; busy && j.id != nil {
		return c.fail(j.id, ndjson.NewError(ndjson.CodeDuplicateID,
			"a request with the id "+api.Shorten(string(j.id))+" is still running", "give every request its own id"))
	}
	if j.method.Stream {
		if c.streams >= MaxStreams {
			return c.fail(j.id, ndjson.NewError(ndjson.CodeTooManyStreams,
				fmt.Sprintf("a connection may have %d", MaxStreams), "end one with system.cancel"))
		}
		c.streams++
	}
	if result, g, ok, f := c.s.callAtOnce(c.ctx, overLines, j.name, j.method, j.args, c.purse); ok {
		return c.answer(j.id, result, g, f)
	}
	j.id = bytes.Clone(j.id) // it points into a line
	if c.alone {
		c.waits = j
	} else {
		c.start(j)
	}
	return true
}

// start puts a request into flight.
func (c *lineConn) start(j *job) {
	ctx, cancel := context.WithCancel(c.ctx)
	j.cancel = cancel
	c.flying++
	if j.id != nil {
		c.running[string(j.id)] = j
	}
	c.jobs.Go(func() {
		o := outcome{job: j, last: c.perform(ctx, j)}
		select {
		case c.done <- o:
		case <-c.ctx.Done():
			o.last.release()
		}
	})
}

// perform does the work of a request and returns its last line.
func (c *lineConn) perform(ctx context.Context, j *job) reply {
	var result any = true
	var f *api.Fault
	g := c.s.newGrant(c.purse)
	if j.method.Stream {
		f = c.s.stream(ctx, j, c.send)
	} else {
		result, f = c.s.call(ctx, overLines, j.name, j.method, j.args, g)
	}
	var last reply
	if f == nil {
		var err error
		if last, err = newReply(j.id, result); err != nil {
			f = api.NewFault(api.Failed, err.Error())
		}
	}
	switch {
	case f == nil:
		last.held = g
		return last
	case ctx.Err() != nil:
		g.release()
		return reply{line: errorLine(j.id, ndjson.NewError(ndjson.CodeCancelled, "", ""))}
	}
	g.release()
	return reply{line: errorLine(j.id, faultError(f))}
}

func (c *lineConn) login(id json.RawMessage, args []any) bool {
	username, _ := args[0].(string)
	password, _ := args[1].(string)
	if c.s.guarded() && !c.s.allowed(username, password) {
		c.logins++
		if !c.s.wrongLogin(c.ctx) {
			c.fail(id, ndjson.NewError(ndjson.CodeBusy, busyLogins, "try again later"))
			return false
		}
		return c.fail(id, ndjson.NewError(ndjson.CodeUnauthorized, "wrong user name or password", "")) && c.logins < MaxLogins
	}
	c.loggedIn = true
	c.settle()
	return c.reply(id, true)
}

// settle ends the time in which the first request must come.
func (c *lineConn) settle() {
	if c.welcome != nil {
		c.welcome()
		c.welcome = nil
	}
}

// cancelJob ends the request with the given id, if there is one.
func (c *lineConn) cancelJob(id any) bool {
	key, err := json.Marshal(id)
	if err != nil {
		return false
	}
	for _, j := range c.running {
		if string(j.id) == string(key) || sameScalar(j.id, key) {
			j.cancel()
			return true
		}
	}
	return false
}

// sameScalar compares two ids by value: the same text can be written in many
// ways.
func sameScalar(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && x == y
}

// answer sends the only line of a request that was performed at once.
func (c *lineConn) answer(id json.RawMessage, result any, g *grant, f *api.Fault) bool {
	if f == nil && c.alone {
		var ok bool
		if c.buffer, ok = appendResult(c.buffer, id, result); ok {
			if g != nil {
				c.held = append(c.held, g)
			}
			return true
		}
	}
	if f == nil {
		last, err := newReply(id, result)
		if err == nil && last.line != nil {
			last.held = g
			return c.pass(last)
		}
		if g != nil {
			g.release()
		}
		f = api.NewFault(api.Failed, fmt.Sprint("nothing that can be sent at once: ", err))
	}
	return c.fail(id, faultError(f))
}

func (c *lineConn) reply(id json.RawMessage, result any) bool {
	line, err := ndjson.EncodeResult(id, result)
	return err == nil && c.send(line)
}

func (c *lineConn) fail(id json.RawMessage, e *ndjson.Error) bool {
	return c.send(errorLine(id, e))
}

// errorLine cannot fail: an id that was read as JSON can be written.
func errorLine(id json.RawMessage, e *ndjson.Error) []byte {
	line, err := ndjson.EncodeError(id, e)
	if err != nil {
		line, _ = ndjson.EncodeError(nil, e)
	}
	return line
}

func faultError(f *api.Fault) *ndjson.Error {
	return &ndjson.Error{Code: int(f.Code), Name: f.Code.String(), Message: f.Text(), Hint: f.Hint}
}
