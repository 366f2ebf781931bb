package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/proc/cgroup"
	"gosupervisor/proc/child"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/output"
)

// slot is the reading and writing side of a process, for as long as its group
// is there. The loop owns it; the logs have locks of their own.
type slot struct {
	id             core.ProcID
	prog           *conf.Program
	stdout, stderr *channel
	stdin          *stdinQueue // of the present or last child; nil: never had one
}

// channel is where one output of a process goes.
type channel struct {
	name    api.Channel
	conf    conf.Output
	path    string        // of the log file, "" for none
	file    *logfile.File // nil: none, or an inherited descriptor
	sink    *output.FileSink
	stream  *output.Stream // the inherited descriptor
	own     output.Sink    // what writes to it
	outlet  *output.Outlet // what drops lines before it; nil: nothing does
	ring    *output.Ring   // keeps what goes to no file that could be read; nil: nothing does
	gate    gate           // before what becomes an event
	written written        // what went through it

	// An automatic log that could not be created; the goroutine of kids says
	// so before it starts the program.
	lost atomic.Bool
}

// newSlot prepares the outputs of a process. Nothing is opened yet.
func (h *host) newSlot(id core.ProcID, p *conf.Program) *slot {
	s := &slot{id: id, prog: p}
	s.stdout = h.newChannel(p, api.Stdout, p.Stdout)
	if !p.RedirectStderr {
		s.stderr = h.newChannel(p, api.Stderr, p.Stderr)
	}
	return s
}

func (h *host) newChannel(p *conf.Program, name api.Channel, o conf.Output) *channel {
	c := &channel{name: name, conf: o, path: o.Logfile}
	if p.LogRing > 0 {
		c.ring = output.NewRing(p.LogRing)
	}
	mode := os.FileMode(0)
	if o.Auto {
		c.path = filepath.Join(h.cfg.Server.ChildLogDir, logfile.AutoName(p.Name, string(name), h.cfg.Server.Identifier))
		mode = logfile.AutoMode
	}
	if c.path == "" {
		return c
	}
	if fd, ok := logfile.Inherited(c.path); ok && (fd == 1 || fd == 2) {
		c.stream = h.streamFor(fd)
		c.own = c.stream
		switch p.Log.Backpressure {
		case conf.BackpressureDrop:
			c.outlet = output.NewOutlet(c.stream, 0)
		case conf.BackpressureRing:
			c.outlet = output.NewOutlet(c.stream, p.LogRing)
		}
		if c.outlet != nil {
			c.own = c.outlet
		}
		if f := p.Log.Format; f != "" && f != conf.LogRaw {
			c.own = output.NewLines(c.own, p.Log, p.Group, p.Name, string(name))
		}
		return c
	}
	c.file = logfile.New(logfile.Spec{
		Path: c.path, MaxBytes: o.MaxBytes, Backups: o.Backups, Mode: mode, OnProblem: h.logProblem,
	})
	c.sink = output.NewFileSink(c.file)
	return c
}

// logProblem tells once that a log cannot be written, and once that it can be
// again.
func (h *host) logProblem(p logfile.Problem) {
	if p.Err != nil {
		h.journal.logf(conf.Error, "cannot write log %q: %v; its program keeps running, and its output is lost until this is mended", p.Path, p.Err)
		return
	}
	h.journal.logf(conf.Warn, "log %q can be written again; %d bytes were lost", p.Path, p.Lost)
}

// autoPath returns the path that the daemon chose, "" if it did not choose.
func (c *channel) autoPath() string {
	if c == nil || !c.conf.Auto {
		return ""
	}
	return c.path
}

// release lets go of the devices that the process logged to, and of those who
// follow what it wrote.
func (s *slot) release() {
	for _, c := range s.channels() {
		if c.sink != nil {
			c.sink.Release()
		}
		if c.ring != nil {
			c.ring.Close()
		}
	}
}

// outputError is a failure to open a process's pipes or logs.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *outputError) Unwrap() error { return e.err }

// running is a child with its pipes. The goroutine of kids owns it, and while it is
// prepared, whoever does that.
type running struct {
	slot   *slot
	pid    int
	socket *os.File // shared with others; nil: the child gets a pipe
	stdin  *stdinQueue
	ends   []*output.End // our ends of the output pipes, until pumps take them
	opts   []output.Options
	pumps  []*output.Pump
	logs   []*output.FileSink // opened for this child

	group   *cgroup.Group // its own; nil: it is in ours
	loose   bool          // the child is not in there, though it was to be
	unsure  bool          // it may turn out unable to be who it is to be
	refusal string        // why it is
}

// command splits a program's command and finds its file, along the PATH of env. The
// error is the spawnerr.
func (h *host) command(p *conf.Program, env map[string]string) (argv []string, path string, err error) {
	argv, err = conf.SplitCommand(p.Command)
	if err != nil {
		return nil, "", &child.LookupError{Kind: child.NotExecutable,
			Text: fmt.Sprintf("can't parse command %s: %v", conf.Repr(p.Command), err)}
	}
	if len(argv) == 0 {
		return nil, "", &child.LookupError{Kind: child.NotExecutable, Text: "command is empty"}
	}
	path, err = child.Resolve(argv, env, h.ownPath)
	if err != nil && conf.IsStdoutCommand(argv[0]) && notFound(err) {
		if self := child.Self(); self != "" {
			return argv, self, nil // we are that program too
		}
	}
	return argv, path, err
}

// notFound tells whether a look-up found no file at all.
func notFound(err error) bool {
	var le *child.LookupError
	return errors.As(err, &le) && le.Kind == child.NoFile
}

// prepare makes everything that a child needs. It runs on the goroutine of kids, or beside
// it, in the order of starts and not while a failure is told (child.Job.Ahead); what may
// change who is where, a control group or the count of a shared socket, is not made so.
func (h *host) prepare(r *running) (*child.Spec, error) {
	s := r.slot
	if err := h.holdSocket(r); err != nil {
		return nil, err
	}
	files, err := h.fromFiles(s.prog)
	if err != nil {
		return nil, err
	}
	argv, path, err := h.command(s.prog, searched(s.prog, files))
	if err != nil {
		return nil, err
	}
	spec := &child.Spec{
		Path: path, Argv: argv, Env: h.environment(s.prog, files), Dir: s.prog.Directory, Umask: s.prog.Umask, Cred: credential(s.prog),
	}
	spec.Limits = &s.prog.Limits
	h.enclose(r, spec)
	r.unsure = spec.Refusable()
	if s.prog.Main {
		// Nothing of it goes through us, and it owns the terminal.
		spec.Stdin, spec.Stdout, spec.Stderr = os.Stdin, os.Stdout, os.Stderr
		spec.Foreground = true
		r.stdin = closedStdin()
		return spec, nil
	}
	if err := h.openPipes(r, spec); err != nil {
		closeAll(spec.Close)
		return nil, &outputError{err}
	}
	return spec, nil
}

// credential is what makes a child somebody else; nil leaves it as we are.
func credential(p *conf.Program) *child.Credential {
	u := p.User
	if u == nil {
		return nil
	}
	return &child.Credential{Name: u.Name, UID: u.UID, GID: u.GID, Groups: u.Groups, Regroup: p.Regroups(),
		GroupAlone: p.GroupAlone(), Optional: p.GroupAlone() && !p.Limits.Strict}
}

func closeAll(files []child.File) {
	for _, f := range files {
		f.Close()
	}
}

// openPipes makes the three pipes, or two where stderr goes into stdout's, and
// opens the logs.
func (h *host) openPipes(r *running, spec *child.Spec) error {
	err := h.openStdin(r, spec)
	if err != nil {
		return err
	}
	if spec.Stdout, err = h.openChannel(r, spec, r.slot.stdout); err != nil {
		return err
	}
	spec.Stderr = spec.Stdout
	if r.slot.stderr != nil {
		spec.Stderr, err = h.openChannel(r, spec, r.slot.stderr)
	}
	return err
}

// openStdin makes the pipe for the child's input, unless it gets a socket there.
func (h *host) openStdin(r *running, spec *child.Spec) error {
	if r.socket != nil {
		spec.Stdin, r.stdin = r.socket, closedStdin()
		return nil
	}
	theirs, ours, err := stdinPipe()
	if err != nil {
		return err
	}
	spec.Stdin, spec.Close = theirs, append(spec.Close, theirs)
	r.stdin = &stdinQueue{end: ours}
	return nil
}

func (h *host) openChannel(r *running, spec *child.Spec, c *channel) (child.File, error) {
	ours, fd, err := h.poller.Pipe()
	if err != nil {
		return nil, err
	}
	theirs := child.FD(fd)
	spec.Close = append(spec.Close, theirs)
	r.ends = append(r.ends, ours)
	o, err := h.pumpOptions(r, c)
	if err != nil {
		return nil, err
	}
	r.opts = append(r.opts, o)
	return theirs, nil
}

// pumpOptions opens a channel's log and says where its bytes go.
func (h *host) pumpOptions(r *running, c *channel) (output.Options, error) {
	p := r.slot.prog
	o := output.Options{StripANSI: c.conf.StripANSI, CaptureMax: c.conf.CaptureMaxBytes}
	kept := false // in a file that can be read
	if c.file != nil && !c.lost.Load() {
		if err := c.sink.Open(); err != nil {
			return o, err
		}
		r.logs = append(r.logs, c.sink)
		o.Sinks = append(o.Sinks, c.sink)
		kept = c.file.Regular()
	}
	if !kept && c.ring != nil {
		o.Sinks = append([]output.Sink{c.ring}, o.Sinks...) // before one that may wait
	}
	if c.stream != nil {
		o.Sinks = append(o.Sinks, c.own)
	}
	if c.conf.Syslog {
		o.Sinks = append(o.Sinks, h.syslog.Lines(p.Name))
	}
	o.Sinks = append([]output.Sink{&c.written}, o.Sinks...)
	h.sendUp(&o, r.slot, c)
	if h.journal.level <= conf.Debug {
		o.Debug = func(chunk []byte) { h.echo(p.Name, c.name, chunk) }
		if speaks(r.slot, c) {
			o.Debug = func(chunk []byte) { h.echoProtocol(p.Name, c.name, chunk) }
		}
	}
	return o, nil
}

// speaks tells whether a channel speaks the protocol of event listeners.
func speaks(s *slot, c *channel) bool {
	return strings.HasPrefix(s.prog.Section, "eventlistener:") && c.name == api.Stdout
}

// sendUp has the pump tell the loop what a listener says, and the output that
// may become events.
func (h *host) sendUp(o *output.Options, s *slot, c *channel) {
	if speaks(s, c) {
		o.CaptureMax = 0
		o.OnBytes = func(p []byte) { h.inbox.postBytes(message{in: core.Heard{Proc: s.id, Data: p}}, len(p)) }
		return
	}
	if c.conf.Events {
		o.OnLog = func(p []byte) {
			c.gate.pass()
			h.inbox.postBytes(message{in: core.Wrote{Proc: s.id, Channel: c.name, Data: p}}, len(p))
		}
	}
	if c.conf.CaptureMaxBytes > 0 {
		o.OnComm = func(p []byte) {
			c.gate.pass()
			h.inbox.postBytes(message{in: core.Wrote{Proc: s.id, Channel: c.name, Message: true, Data: p}}, len(p))
		}
	}
}

// start lets the pumps run.
func (r *running) start(pid int) {
	r.pid = pid
	for i, end := range r.ends {
		r.pumps = append(r.pumps, output.Start(end, r.opts[i]))
	}
	r.ends = nil
}

// abandon closes what was opened for a child that never was.
func (r *running) abandon() {
	if r.stdin != nil {
		r.stdin.close()
	}
	for _, end := range r.ends {
		end.Close()
	}
	r.closeLogs()
}

func (r *running) closeLogs() {
	for _, f := range r.logs {
		f.Close()
	}
}

// drain has the pumps take what the dead child left in its pipes, and calls
// done when they have.
func (r *running) drain(done func()) {
	r.stdin.close()
	if len(r.pumps) == 0 {
		done()
		return
	}
	open := new(atomic.Int32)
	open.Store(int32(len(r.pumps)))
	finish := func() {
		if open.Add(-1) == 0 {
			r.closeLogs()
			done()
		}
	}
	for _, p := range r.pumps {
		p.Drain(finish)
	}
}
