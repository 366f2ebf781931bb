package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/logfile"
)

// follower streams a log; it is the value of a performed Follow request.
type follower func(ctx context.Context, emit func([]byte) error) error

// Do implements api.Service. It waits for the loop's answer, then does the
// file work that the answer may ask for, here in the client's goroutine.
func (h *host) Do(ctx context.Context, r api.Request) (any, error) {
	id := core.RequestID(h.nextID.Add(1))
	c := &call{answer: make(chan outcome, 1)}
	h.inbox.post(message{in: core.Request{ID: id, Req: r}, call: c})
	select {
	case o := <-c.answer:
		if o.fault != nil {
			return nil, o.fault
		}
		if o.then != nil {
			return o.then()
		}
		return o.value, nil
	case <-h.done:
		return nil, api.NewFault(api.ShutdownState, "")
	case <-ctx.Done():
		h.inbox.post(message{in: core.Cancel{ID: id}})
		return nil, ctx.Err()
	}
}

// Follow implements api.Service.
func (h *host) Follow(ctx context.Context, r api.Request, emit func([]byte) error) error {
	v, err := h.Do(ctx, r)
	if err != nil {
		return err
	}
	f, ok := v.(follower)
	if !ok {
		return api.NewFault(api.UnknownMethod, "")
	}
	return f(ctx, emit)
}

// performIO returns the answer to a request that the core leaves to us. The
// slots are looked up here, on the loop; the work waits in outcome.then.
func (h *host) performIO(e core.Perform) outcome {
	slots := make([]*slot, len(e.Procs))
	for i, id := range e.Procs {
		slots[i] = h.slots[id]
	}
	switch r := e.Req.(type) {
	case api.ReadLog:
		return h.mainLog(func(f *logfile.File) (any, error) { return readLog(f.Path(), r.Offset, r.Length) })
	case api.ClearLog:
		return h.mainLog(h.clearMainLog)
	case api.FollowLog:
		return h.mainLog(func(f *logfile.File) (any, error) { return followFile(f, r.Backlog) })
	case api.ClearProcessLogs:
		return outcome{then: func() (any, error) { return clearOne(slots[0], r.Name) }}
	case api.ClearAllProcessLogs:
		return outcome{then: func() (any, error) { return clearAll(slots), nil }}
	case api.SendProcessStdin:
		stdin := slots[0].stdin
		return outcome{then: func() (any, error) { return sendStdin(stdin, r) }}
	case api.ReadProcessLog:
		c := slots[0].channel(r.Channel)
		return outcome{then: func() (any, error) { return readChannel(c, r.Offset, r.Length) }}
	case api.TailProcessLog:
		c := slots[0].channel(r.Channel)
		return outcome{then: func() (any, error) { return tailChannel(c, r.Offset, r.Length) }}
	case api.FollowProcessLog:
		c := slots[0].channel(r.Channel)
		return outcome{then: func() (any, error) { return followChannel(c, r) }}
	case api.ExplainProcess:
		s, known := slots[0], e.Known.(api.Explanation)
		return outcome{then: func() (any, error) { return explain(s, known, r.Lines), nil }}
	case api.GetAllProcessUsage:
		known, at := e.Known.([]api.ProcessUsage), time.Now()
		return outcome{then: func() (any, error) { return h.measure(known, at), nil }}
	}
	return outcome{fault: api.NewFault(api.UnknownMethod, "")}
}

// channel returns an output of the process; nil for stderr that goes into
// stdout.
func (s *slot) channel(name api.Channel) *channel {
	if name == api.Stderr {
		return s.stderr
	}
	return s.stdout
}

// mainLog does something with the activity log's file, if it is one.
func (h *host) mainLog(do func(*logfile.File) (any, error)) outcome {
	f := h.journal.file
	if f == nil {
		return outcome{fault: api.NewFault(api.NoFile, h.cfg.Server.Logfile)}
	}
	return outcome{then: func() (any, error) { return do(f) }}
}

func (h *host) clearMainLog(f *logfile.File) (any, error) {
	h.journal.log(conf.Info, "reopening log file")
	if err := f.Clear(); err != nil {
		return nil, api.NewFault(api.Failed, err.Error())
	}
	return true, nil
}

func readLog(path string, offset, length int64) (any, error) {
	b, err := logfile.Read(path, offset, length)
	switch {
	case errors.Is(err, logfile.ErrBadArguments):
		return nil, api.NewFault(api.BadArguments, "")
	case errors.Is(err, logfile.ErrNoFile), errors.Is(err, logfile.ErrNotRegular):
		return nil, api.NewFault(api.NoFile, path)
	case err != nil:
		return nil, api.NewFault(api.Failed, err.Error())
	}
	return api.Bytes(b), nil
}

// readable returns the path of a channel's log if there is one to read: a
// descriptor that we write to is none.
func readable(c *channel) (path string, ok bool) {
	if c == nil || c.file == nil || c.lost.Load() {
		return "", false
	}
	return c.path, true
}

func readChannel(c *channel, offset, length int64) (any, error) {
	path, ok := readable(c)
	if !ok {
		return nil, api.NewFault(api.NoFile, "")
	}
	return readLog(path, offset, length)
}

func tailChannel(c *channel, offset, length int64) (any, error) {
	path, ok := readable(c)
	if !ok {
		return api.TailChunk{Data: api.Bytes{}}, nil
	}
	data, size, overflow, err := logfile.Tail(path, offset, length)
	if err != nil && !errors.Is(err, logfile.ErrNoFile) {
		return api.TailChunk{Data: api.Bytes{}, Offset: offset}, nil
	}
	return api.TailChunk{Data: data, Offset: size, Overflow: overflow}, nil
}

func followChannel(c *channel, r api.FollowProcessLog) (any, error) {
	if _, ok := readable(c); !ok {
		return nil, api.NewFault(api.NoFile, r.Name)
	}
	return followFile(c.file, r.Backlog)
}

// followFile checks that there is something to follow, so that the client
// hears of a missing file before the stream begins.
func followFile(f *logfile.File, backlog int64) (any, error) {
	if _, err := f.Size(); err != nil {
		return nil, api.NewFault(api.NoFile, f.Path())
	}
	return follower(func(ctx context.Context, emit func([]byte) error) error {
		return logfile.Follow(ctx, f.Path(), logfile.Backlog{Bytes: backlog}, f.Watch, emit)
	}), nil
}

// clear empties the logs of a process, running or not. What is no file of its
// own is left alone.
func (s *slot) clear() error {
	var failed error
	for _, c := range []*channel{s.stdout, s.stderr} {
		if c != nil && c.file != nil {
			failed = errors.Join(failed, c.file.Clear())
		}
	}
	return failed
}

func clearOne(s *slot, name string) (any, error) {
	if err := s.clear(); err != nil {
		return nil, api.NewFault(api.Failed, name)
	}
	return true, nil
}

func clearAll(slots []*slot) []api.Status {
	out := make([]api.Status, 0, len(slots))
	for _, s := range slots {
		st := api.Status{Name: s.prog.Name, Group: s.prog.Group, Status: api.Success, Description: "OK"}
		if err := s.clear(); err != nil {
			f := api.NewFault(api.Failed, api.Namespec(s.prog.Group, s.prog.Name))
			st.Status, st.Description = f.Code, f.Text()
		}
		out = append(out, st)
	}
	return out
}

func sendStdin(q *stdinQueue, r api.SendProcessStdin) (any, error) {
	if q == nil {
		return nil, api.NewFault(api.NotRunning, r.Name)
	}
	switch err := q.write([]byte(r.Chars)); err {
	case nil:
		return true, nil
	case errStdinClosed:
		return nil, api.NewFault(api.NoFile, r.Name)
	default:
		return nil, api.NewFault(api.Failed, fmt.Sprintf("%s: %v", r.Name, err))
	}
}

// createAuto creates the files of AUTO logs. A program for which nobody chose a
// log must not fail for want of a place to put one: it runs without. Those of a
// group that fail do so for one reason, so one line tells of all.
func (h *host) createAuto(channels []*channel) {
	var first *channel
	var cause error
	more := -1
	for _, c := range channels {
		if err := logfile.CreateAuto(c.path); err != nil {
			c.lost.Store(true)
			if more++; more == 0 {
				first, cause = c, err
			}
		}
	}
	if first == nil {
		return
	}
	others := ""
	if more > 0 {
		others = fmt.Sprintf(" and %d more", more)
	}
	advice := "set childlogdir= or the program's log files"
	if errors.Is(cause, unix.EROFS) {
		advice += "; " + readOnlyHint(first.path)
	}
	h.journal.logf(conf.Warn, "cannot create the automatic log %q%s, so this output is kept nowhere: %v; %s", first.path, others, cause, advice)
}

// echo repeats a program's output in the activity log, at level debug.
func (h *host) echo(name string, ch api.Channel, chunk []byte) {
	text := string(chunk)
	if !utf8.Valid(chunk) {
		text = "Undecodable: " + conf.BytesRepr(bytes.Clone(chunk))
	}
	h.journal.logf(conf.Debug, "'%s' %s output:\n%s", name, ch, text)
}
