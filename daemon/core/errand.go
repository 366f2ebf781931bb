package core

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
	"gosupervisor/tty"
)

// errand is a command that we run beside the programs: of a hook for an event, or of a
// process that is to stop or to reload. It is never restarted.
type errand struct {
	id    ProcID        // given to no process
	limit time.Duration // it is given so long; 0: as long as it wants
	due   proc.Instant  // when it has had its time; 0: it has no end, or was killed
	late  string        // why it was killed; "": it was not

	hook  *hook // one of them, or a process
	event *happening

	proc    *process
	verb    errandVerb
	request RequestID // that a reload is an answer to
}

// errandVerb is what the command of a process is for.
type errandVerb uint8

const (
	errandStop errandVerb = iota
	errandReload
)

// The keys of the commands.
var errandKeys = [...]string{errandStop: "stop_command", errandReload: "reload_command"}

const (
	// parting is how long the last errands may take when everything else is
	// stopped, and mourning how long those that were killed then.
	parting  = 5 * time.Second
	mourning = time.Second

	// Of what a command writes so many lines are logged.
	errandLines = 20
)

// name says whose errand it is, as lines of the log begin.
func (r *errand) name() string {
	if r.hook != nil {
		return "hook " + r.hook.conf.Name
	}
	return errandKeys[r.verb] + " of " + r.proc.namespec()
}

// undone words that it has not ended.
func (r *errand) undone() string {
	if r.hook != nil {
		return "not done with " + r.event.subject()
	}
	return "not done"
}

// newErrand gives a command its number and its time.
func (c *Core) newErrand(limit time.Duration) *errand {
	c.lastID++
	r := &errand{id: c.lastID, limit: limit}
	c.errands[r.id] = r
	if limit > 0 {
		r.due = c.now + limit
		c.arm(timer{at: r.due, errand: r})
	}
	return r
}

func (c *Core) errandStarted(in ErrandStarted) {
	switch r := c.errands[in.Errand]; {
	case r == nil:
	case r.hook != nil:
		c.logf(conf.Debug, "%s: started with pid %d for %s", r.name(), in.PID, r.event.subject())
	default:
		c.logf(conf.Debug, "%s: started with pid %d", r.name(), in.PID)
	}
}

// errandEnded takes the end of a command, or the news that there was none.
func (c *Core) errandEnded(in ErrandEnded) {
	r := c.errands[in.Errand]
	if r == nil {
		return
	}
	delete(c.errands, in.Errand)
	lines := outputLines(in)
	for _, line := range lines {
		c.logf(conf.Info, "%s: %s", r.name(), line)
	}
	if r.hook != nil {
		c.hookEnded(r, in)
	} else {
		c.commandEnded(r, in, lines)
	}
}

// outputLines makes lines for the log of what a command wrote.
func outputLines(in ErrandEnded) (lines []string) {
	left := in.More
	for line := range strings.Lines(string(in.Output)) {
		switch text := strings.TrimRight(line, "\r\n"); {
		case len(lines) == errandLines:
			left += len(line)
		case text != "":
			lines = append(lines, visible(text))
		}
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("(and %d bytes more)", left))
	}
	return lines
}

// visible shows what a terminal obeys, and what is no character, as escapes.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t' || !tty.Obeys(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// errandDue kills a command that has had its time, with everything that it has
// started and that did not leave its process group.
func (c *Core) errandDue(r *errand) {
	after := shortly(r.limit)
	if r.hook != nil {
		after = fmt.Sprintf("%d seconds", r.hook.conf.Timeout)
	}
	c.killErrand(r, r.undone()+" after "+after)
}

func (c *Core) killErrand(r *errand, why string) {
	if r.late != "" {
		return
	}
	c.logf(conf.Warn, "%s: %s, killing its process group", r.name(), why)
	r.due, r.late = 0, why
	c.emit(KillErrand{Errand: r.id})
}

// errandsHold tells whether the supervisor, with everything else stopped, still waits
// for errands. It does so for a while only.
func (c *Core) errandsHold() bool {
	waiting := c.hooksWaiting()
	switch {
	case len(c.errands) == 0 && waiting == 0:
		return false
	case c.partAt == 0:
		c.partAt = c.now + parting
		c.arm(timer{at: c.partAt, part: true})
		c.logf(conf.Info, "waiting for %s to end", c.errandKind(waiting > 0))
	case c.now < c.partAt:
	case c.parted:
		c.logf(conf.Critical, "leaving with %d %s that could not be killed", len(c.errands), c.errandKind(false))
		for _, id := range sortedErrands(c.errands) {
			if r := c.errands[id]; r.hook == nil && r.verb == errandReload {
				c.reloaded(r, r.late, nil) // nobody is left without an answer
			}
		}
		return false
	default:
		c.part()
		return len(c.errands) > 0
	}
	return true
}

// errandKind names what errands there are.
func (c *Core) errandKind(hooks bool) string {
	for _, r := range c.errands {
		if r.hook == nil {
			return "commands"
		}
		hooks = true
	}
	if hooks {
		return "hooks"
	}
	return "commands"
}

// part drops what waits for hooks, and kills what runs, once.
func (c *Core) part() {
	if c.parted {
		return
	}
	c.parted, c.partAt = true, c.now+mourning
	c.arm(timer{at: c.partAt, part: true})
	if waiting := c.hooksWaiting(); waiting > 0 {
		c.logf(conf.Error, "dropping %d events that wait for hooks", waiting)
	}
	for _, k := range c.hooks {
		k.queue = nil
	}
	for _, id := range sortedErrands(c.errands) {
		r := c.errands[id]
		c.killErrand(r, r.undone())
	}
}

func sortedErrands(errands map[ProcID]*errand) []ProcID {
	var all []ProcID
	for id := range errands {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// runCommand runs the stop_command or reload_command of a process, in the way of its
// program, and tells it whom it is about.
func (c *Core) runCommand(p *process, verb errandVerb, command string, limit time.Duration) *errand {
	r := c.newErrand(limit)
	r.proc, r.verb = p, verb
	c.logf(conf.Debug, "%s (pid %d) is run", r.name(), p.m.PID)
	c.emit(RunCommand{Errand: r.id, Proc: p.id, Program: p.conf, Key: errandKeys[verb], Command: command, PID: p.m.PID})
	return r
}

// stopByCommand runs what stands for the stop signal. Of one process there is one at
// most: that of an earlier stop has nothing left to stop.
func (c *Core) stopByCommand(p *process) {
	if old := p.stopping; old != nil {
		c.killErrand(old, "still there when the next one is run")
	}
	p.stopping = c.runCommand(p, errandStop, p.conf.StopCommand, p.policy.StopWait)
}

// commandEnded takes the end of a process's command. What it wrote last says most of
// why it failed.
func (c *Core) commandEnded(r *errand, in ErrandEnded, lines []string) {
	wrong := ""
	switch {
	case in.Gone && r.verb == errandStop:
		c.logf(conf.Debug, "%s: not run, its process has ended", r.name()) // nothing is left to stop
	case in.Gone:
		wrong = "not run: its process has ended"
	case in.Failure != "":
		wrong = "cannot be run: " + in.Failure
	case r.late != "":
		c.logf(conf.Debug, "%s: ended (%s)", r.name(), in.Text)
		wrong = r.late
	case in.Code != 0:
		wrong = "failed (" + in.Text + ")"
	default:
		c.logf(conf.Debug, "%s: done", r.name())
	}
	if r.verb == errandReload {
		if wrong != "" && r.late == "" {
			c.logf(conf.Warn, "%s: %s", r.name(), wrong)
		}
		c.reloaded(r, wrong, lines)
		return
	}
	c.stopCommandEnded(r, wrong)
}

// stopCommandEnded sends the stop signal where the command that stood for it is known
// not to have worked.
func (c *Core) stopCommandEnded(r *errand, wrong string) {
	p := r.proc
	if p.stopping != r {
		return
	}
	p.stopping = nil
	switch {
	case wrong == "" || r.late != "":
	case p.m.Commanded:
		c.logf(conf.Warn, "%s: %s; sending %s in its place", r.name(), wrong, conf.SignalName(p.policy.StopSignal))
		c.step(p, c.now, proc.Input{Kind: proc.InputCommandFailed})
	default:
		c.logf(conf.Warn, "%s: %s", r.name(), wrong)
	}
}

// reloaded answers whoever had a process reloaded.
func (c *Core) reloaded(r *errand, wrong string, lines []string) {
	p := r.proc
	p.reloading = nil
	var f *api.Fault
	if wrong != "" {
		detail := errandKeys[errandReload] + " " + wrong
		if n := len(lines); n > 0 {
			detail += ": " + brief(lines[n-1])
		}
		f = api.NewFault(api.Failed, detail)
	}
	c.settleSignal(r.request, p, f)
}
