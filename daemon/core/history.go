package core

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// historySize is how many transitions of a process are remembered.
const historySize = 16

// longestReason bounds the part of a reason whose words are not ours.
const longestReason = 200

// why says what a transition came of.
type why uint8

const (
	whyAutostart why = iota + 1 // at boot
	whyAdded                    // autostart of a group that a client added
	whyUpdated                  // autostart after an update
	whyStart                    // a client asked
	whyRetry
	whyRestart
	whyStayedUp
	whyNoChild // record.text says why
	whyTooQuick
	whyEnded
	whyGaveUp
	whyRefused    // the child could not become what was asked for
	whyStop       // a client asked
	whyUpdate     // an update drops or replaces it
	whyShutdown   // the supervisor ends
	whyReload     // the supervisor starts over
	whyUnkillable // record.text says why
	whyMended     // a listener that got no events any more
)

// record is one transition as it is remembered. There are many of them, so that
// it is worded only when somebody asks.
type record struct {
	at   int64  // wall time, in milliseconds since 1970
	text string // of a failure
	pid  int32  // the child concerned; 0: none
	code int32  // the exit code, or the number of the retry
	from int16
	to   int16
	why  why
	sig  uint8 // that ended the child
	note note
}

// note is what else is known of an exit.
type note uint8

const (
	noteCore     note = 1 << iota // the memory of the child was dumped
	noteExpected                  // it was asked for, or the code is one of exitcodes
	noteForced                    // by the SIGKILL after stopwaitsecs
	noteForeign                   // by a SIGKILL that was not ours
)

// history is what a process remembers of its life.
type history struct {
	records  []record // a ring, once there are historySize
	oldest   uint8
	starts   uint32
	restarts uint32 // of which nobody asked for
	failures uint64 // starts that failed
	exits    exits
	exit     exit
}

// exit is how the last child ended.
type exit struct {
	record
	ran time.Duration // from the attempt to spawn it
}

func (h *history) add(r record) {
	if n := len(h.records); n < historySize {
		if n == cap(h.records) { // most processes never need all of it
			h.records = append(make([]record, 0, min(max(2*n, 2), historySize)), h.records...)
		}
		h.records = append(h.records, r)
		return
	}
	h.records[h.oldest] = r
	h.oldest = (h.oldest + 1) % historySize
}

// each calls f with the records, from the oldest to the newest.
func (h *history) each(f func(*record)) {
	for i := range h.records {
		f(&h.records[(int(h.oldest)+i)%len(h.records)])
	}
}

// last returns the newest record, nil if there is none.
func (h *history) last() *record {
	if len(h.records) == 0 {
		return nil
	}
	return &h.records[(int(h.oldest)+len(h.records)-1)%len(h.records)]
}

// stamp turns the moment at which something happened into wall time. It is only
// ever reported.
func (c *Core) stamp(at proc.Instant) time.Time { return c.wall.Add(at - c.now) }

// rememberExit keeps how a child ended, before the machine hears of it.
func (p *process) rememberExit(in Exited, at time.Time) {
	e := exit{ran: max(in.At-p.up, 0), record: record{
		at: at.UnixMilli(), pid: int32(p.m.PID), code: int32(in.Code), sig: uint8(in.Signal), why: whyEnded}}
	if in.CoreDumped {
		e.note |= noteCore
	}
	switch {
	case in.Signal != syscall.SIGKILL:
	case p.forced:
		e.note |= noteForced
	case !p.killed:
		e.note |= noteForeign
	}
	// Nothing but a stop leads out of these, so any end is one that was wanted.
	if p.m.State == proc.Stopping || p.m.State == proc.Unknown {
		e.note |= noteExpected
	}
	p.history.exit = e
	p.history.exits.count(in)
}

// remember keeps one transition, and why it came.
func (p *process) remember(at time.Time, in proc.Input, mv proc.Move) {
	r := record{at: at.UnixMilli(), from: int16(mv.From), to: int16(mv.To), pid: int32(mv.PID), why: p.by}
	h := &p.history
	switch mv.To {
	case proc.Starting:
		h.starts++
		p.forced, p.killed = false, false
		if in.Kind == proc.InputDue {
			h.restarts++
			r.why = whyRestart
		}
		if mv.From == proc.Backoff {
			r.why, r.code = whyRetry, int32(mv.Tries)
		}
	case proc.Running:
		r.why = whyStayedUp
	case proc.Backoff:
		h.failures++
		if in.Kind == proc.InputSpawnFailed {
			r.why, r.text = whyNoChild, brief(p.spawnErr)
			break
		}
		if in.Refused {
			r.why, r.text = whyNoChild, brief(p.refusal)
			break
		}
		r.ended(&h.exit, whyTooQuick)
	case proc.Exited:
		if mv.Expected {
			h.exit.note |= noteExpected
		}
		r.ended(&h.exit, whyEnded)
	case proc.Stopped:
		if in.Kind == proc.InputExited && mv.From != proc.Backoff {
			r.ended(&h.exit, whyEnded)
		}
	case proc.Fatal:
		if in.Kind != proc.InputGiveUp {
			r.why = whyGaveUp
		}
		if in.Refused {
			r.why = whyRefused
		}
	case proc.Unknown:
		r.why, r.text = whyUnkillable, brief(p.spawnErr)
	}
	h.add(r)
}

// ended makes r one about the end of a child.
func (r *record) ended(e *exit, w why) {
	r.why, r.pid, r.code, r.sig, r.note = w, e.pid, e.code, e.sig, e.note
}

// brief cuts a text to what is worth keeping.
func brief(text string) string {
	if len(text) <= longestReason {
		return text
	}
	return strings.ToValidUTF8(text[:longestReason], "") + "..."
}

// reason words why a transition of p came.
func (p *process) reason(r *record) string {
	switch r.why {
	case whyAutostart:
		return "autostart"
	case whyAdded:
		return "autostart, as its group was added"
	case whyUpdated:
		return "autostart, after an update"
	case whyStart:
		return "asked by start"
	case whyRetry:
		return fmt.Sprintf("retry %d of %d", r.code, p.policy.StartRetries)
	case whyRestart:
		return "restarted, as autorestart=" + string(p.policy.Autorestart)
	case whyStayedUp:
		if p.policy.StartWait == 0 {
			return "started, and startsecs is 0"
		}
		return fmt.Sprintf("stayed up for startsecs %v", p.policy.StartWait)
	case whyNoChild:
		return "start failed: " + r.text
	case whyTooQuick:
		return fmt.Sprintf("%s before startsecs %v had passed", r.end(), p.policy.StartWait)
	case whyEnded:
		return p.endReason(r)
	case whyGaveUp:
		return "gave up after " + retries(p.policy.StartRetries)
	case whyRefused:
		return "gave up, as another try would fail, too"
	case whyStop:
		return "asked by stop"
	case whyUpdate:
		return "stopped by an update"
	case whyShutdown:
		return "supervisord shuts down"
	case whyReload:
		return "supervisord starts over"
	case whyMended:
		return "as a listener it got no events any more"
	}
	return r.text // whyUnkillable
}

// endReason words an exit that follows a run.
func (p *process) endReason(r *record) string {
	switch {
	case r.note&noteForced != 0 && len(p.policy.StopThen) > 0:
		return fmt.Sprintf("%s, as no signal before that had ended it", r.end())
	case r.note&noteForced != 0:
		return fmt.Sprintf("%s, as it had not ended within stopwaitsecs %v", r.end(), p.policy.StopWait)
	case proc.State(r.to) != proc.Exited, r.sig != 0:
		return r.end()
	case r.note&noteExpected != 0:
		return r.end() + ", expected"
	}
	return r.end() + ", not expected"
}

// end words how a child ended.
func (r *record) end() string {
	text := fmt.Sprintf("exited with status %d", r.code)
	switch {
	case r.sig != 0:
		text = "killed by " + conf.SignalName(syscall.Signal(r.sig))
	case r.code < 0:
		text = "ended in an unknown way"
	}
	if r.note&noteCore != 0 {
		text += " (core dumped)"
	}
	if r.note&noteForeign != 0 {
		text += " (not by supervisord)"
	}
	return text
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return fmt.Sprintf("%d retries", n)
}

// seconds turns milliseconds since 1970 into the form that replies have.
func seconds(ms int64) float64 { return float64(ms) / 1000 }

// lastReason words why a process is in its state; "" if it always was.
func (p *process) lastReason() string {
	if r := p.history.last(); r != nil {
		return p.reason(r)
	}
	return ""
}

// explain says all that is known about why a process is in its state.
func (c *Core) explain(p *process) api.Explanation {
	h := &p.history
	x := api.Explanation{
		Name: p.conf.Name, Group: p.group.conf.Name, State: int(p.m.State), StateName: p.m.State.String(),
		Description: p.record().describe(c.now, c.wall), PID: p.m.PID, Command: p.conf.Command, Start: p.began, Now: c.wall.Unix(),
		Starts: int(h.starts), Restarts: int(h.restarts), Tries: p.m.Tries, StartRetries: p.policy.StartRetries,
		WaitsFor: c.waitsFor(p), History: make([]api.Transition, 0, len(h.records)),
	}
	if at, ok := p.nextStart(c.now); ok {
		x.NextStart = seconds(c.stamp(at).UnixMilli())
	}
	if e := &h.exit; e.why != 0 {
		x.LastExit = &api.Exit{
			Time: seconds(e.at), PID: int(e.pid), Status: int(e.code), Expected: e.note&noteExpected != 0,
			CoreDumped: e.note&noteCore != 0, Ran: math.Round(e.ran.Seconds()*1000) / 1000, Text: e.end(),
		}
		if e.sig != 0 {
			x.LastExit.Signal = conf.SignalName(syscall.Signal(e.sig))
		}
	}
	h.each(func(r *record) {
		x.History = append(x.History, api.Transition{Time: seconds(r.at), From: proc.State(r.from).String(),
			To: proc.State(r.to).String(), PID: int(r.pid), Reason: p.reason(r)})
	})
	return x
}

// nextStart returns when the process is started by itself, if it is to be.
func (p *process) nextStart(now proc.Instant) (proc.Instant, bool) {
	switch {
	case !p.m.Armed:
		return 0, false
	case p.m.State == proc.Backoff:
		return p.m.Due, true
	case p.m.State == proc.Exited:
		return max(p.m.Due, p.throttle.resume, now), true
	}
	return 0, false
}

// waitsFor says what has to happen for a process to go on; "" if it runs.
func (c *Core) waitsFor(p *process) string {
	in := func(at proc.Instant) string { return shortly(at - c.now) }
	start, starts := p.nextStart(c.now)
	switch {
	case p.m.Reaped:
		return fmt.Sprintf("the rest of the output of pid %d, which has ended", p.m.PID)
	case p.m.State == proc.Starting && p.m.StopWanted:
		return "its child, which is being started and then stopped"
	case p.m.State == proc.Starting && p.m.PID == 0:
		return "its child, which is being started"
	case p.m.State == proc.Starting:
		return fmt.Sprintf("startsecs: in %s it counts as started", in(p.m.Due))
	case p.m.State == proc.Backoff:
		return fmt.Sprintf("retry %d of %d, in %s", p.m.Tries, p.policy.StartRetries, in(start))
	case p.m.State == proc.Stopping && p.forced:
		return fmt.Sprintf("the end of pid %d, which has been sent SIGKILL", p.m.PID)
	case p.m.State == proc.Stopping:
		next := syscall.SIGKILL
		if int(p.m.StopStep) < len(p.policy.StopThen) {
			next = p.policy.StopThen[p.m.StopStep].Signal
		}
		by := ""
		if p.m.Commanded {
			by = ", which stop_command asks for"
		}
		return fmt.Sprintf("the end of pid %d%s; in %s it is sent %s", p.m.PID, by, in(p.m.Due), conf.SignalName(next))
	case p.m.State == proc.Unknown && p.m.PID != 0:
		return fmt.Sprintf("the end of pid %d, which cannot be signalled", p.m.PID)
	case p.held != holds{}:
		return "room in a pool of event listeners: with buffer_policy=block nothing more is read of what it writes"
	case starts:
		return "its restart, in " + in(start) + ": it ends as soon as it is started"
	case p.m.State == proc.Exited:
		return "a start; none comes by itself, " + p.whyNoRestart()
	case p.m.State == proc.Fatal, p.m.State == proc.Stopped:
		return "a start; none comes by itself"
	}
	return ""
}

// whyNoRestart says why a process that has exited is not started again.
func (p *process) whyNoRestart() string {
	expected := p.history.exit.note&noteExpected != 0
	switch {
	case p.policy.Autorestart == conf.RestartNever:
		return "as autorestart=false"
	case p.policy.Autorestart == conf.RestartUnexpected && expected:
		return "as autorestart=unexpected and this exit was expected"
	}
	return "as a stop took its restart back"
}

// shortly rounds a time to what a person reads.
func shortly(d time.Duration) string {
	d = max(d, 0)
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
