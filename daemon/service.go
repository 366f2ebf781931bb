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

// follower streams logs; it is the value of a performed Follow request.
type follower func(ctx context.Context, emit func(any) error) error

// Do implements api.Service. What the view does not tell it asks the loop; it waits
// for the answer, then does the file work that the answer may ask for, here in the
// client's goroutine.
func (h *host) Do(ctx context.Context, r api.Request) (any, error) {
	if v, ok, err := h.Peek(ctx, r); ok {
		return v, err
	}
	id := h.newID()
	return h.ask(ctx, id, core.Request{ID: id, Req: r})
}

func (h *host) newID() core.RequestID { return core.RequestID(h.nextID.Add(1)) }

// errOver says that the loop has ended, so that nobody answers any more.
var errOver = api.NewFault(api.ShutdownState, "")

// ask gives the loop an input with an id, and waits for the answer to that.
func (h *host) ask(ctx context.Context, id core.RequestID, in core.Input) (any, error) {
	c := &call{answer: make(chan outcome, 1)}
	h.inbox.post(message{in: in, call: c})
	select {
	case o := <-c.answer:
		return o.result()
	case <-h.done:
		select {
		case o := <-c.answer: // it was the last thing that the loop did
			return o.result()
		default:
			return nil, errOver
		}
	case <-ctx.Done():
		h.inbox.post(message{in: core.Cancel{ID: id}})
		return nil, ctx.Err()
	}
}

// result returns what the answer is, after the work that it takes.
func (o outcome) result() (any, error) {
	if o.fault != nil {
		return nil, o.fault
	}
	if o.then != nil {
		return o.then()
	}
	return o.value, nil
}

// Follow implements api.Service.
func (h *host) Follow(ctx context.Context, r api.Request, emit func(any) error) error {
	if events, ok := r.(api.FollowEvents); ok {
		return h.followEvents(ctx, events, emit)
	}
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
		return h.mainLog(func(f *logfile.File) (any, error) { return followFile(f, logfile.Backlog{Bytes: r.Backlog}) })
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
	case api.GetMetrics:
		known, at := e.Known.(core.Tally), time.Now()
		return outcome{then: func() (any, error) { return h.metrics(known, slots, at), nil }}
	case api.GetOrphans:
		return outcome{then: func() (any, error) { return h.orphans() }}
	case api.GetAllProcessUsage:
		known, at := e.Known.([]api.ProcessUsage), time.Now()
		return outcome{then: func() (any, error) { return h.measure(known, at), nil }}
	case api.FollowLogs:
		return outcome{value: follower(func(ctx context.Context, emit func(any) error) error { return h.followLogs(ctx, r, emit) })}
	}
	return outcome{fault: api.NewFault(api.UnknownMethod, "")}
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

// clear empties the logs of a process, running or not, and what is kept of its
// output in memory. What is no file of its own is left alone.
func (s *slot) clear() error {
	var failed error
	for _, c := range s.channels() {
		if c.file != nil {
			failed = errors.Join(failed, c.file.Clear())
		}
		if c.ring != nil {
			c.ring.Clear()
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
		advice += "; " + readOnlyHint(first.path, runChildLog)
	}
	kept := "so this output is kept nowhere"
	if first.ring != nil {
		kept = "so only the end of this output is kept, in memory"
	}
	h.journal.logf(conf.Warn, "cannot create the automatic log %q%s, %s: %v; %s", first.path, others, kept, cause, advice)
}

// echoBound is how much of what a listener says at once is repeated.
const echoBound = 4096

// echoProtocol repeats what a listener says, in the form that shows every byte.
func (h *host) echoProtocol(name string, ch api.Channel, chunk []byte) {
	more := ""
	if len(chunk) > echoBound {
		more = fmt.Sprintf(" and %d bytes more", len(chunk)-echoBound)
		chunk = chunk[:echoBound]
	}
	h.journal.logf(conf.Debug, "'%s' %s output:\n%s%s", name, ch, conf.BytesRepr(chunk), more)
}

// echo repeats a program's output in the activity log, at level debug.
func (h *host) echo(name string, ch api.Channel, chunk []byte) {
	text := string(chunk)
	if !utf8.Valid(chunk) {
		text = "Undecodable: " + conf.BytesRepr(bytes.Clone(chunk))
	}
	h.journal.logf(conf.Debug, "'%s' %s output:\n%s", name, ch, text)
}
