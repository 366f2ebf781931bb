package core

import (
	"syscall"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// process is one slot: its machine, and what is reported of it.
type process struct {
	id      ProcID
	conf    *conf.Program
	policy  proc.Policy
	group   *group
	m       proc.Machine
	removed bool
	changed bool      // since somebody took note of its record
	leaving bool      // an update waits for its end, and then drops the slot
	waiting []*item   // of the jobs that wait for a transition
	awaited []awaited // the same of the requests that only wait

	logs       [2]string    // paths of AUTO logs, which the daemon chose
	began      int64        // wall time of the last spawn attempt, Unix seconds; 0: never
	up         proc.Instant // the same, monotonic
	ended      int64        // wall time of the last reap; 0: never
	spawnErr   string
	exitStatus int
	unsure     bool   // the child may yet turn out not to be able to run the program
	refusal    string // why it is not; for the exit that is being told
	lastStatus int    // of the last attempt, as a shell counts: 128 and more for signals, 126 and 127 for no child
	exitText   string // of the exit that is being told
	closed     string // URL of the shared socket that was closed with it, until that is told
	throttle   throttle

	history history
	by      why  // who asked last for its start or its stop
	forced  bool // the child has been sent SIGKILL, since it did not stop
	killed  bool // somebody has had us send it SIGKILL

	stopping  *errand // the stop_command that runs; nil: none does
	reloading *errand // likewise, the reload_command

	held  holds // of its outputs, for pools that are full
	hears *ear  // of an event listener; nil for any other process
}

// namespec returns the name by which clients know the process.
func (p *process) namespec() string { return api.Namespec(p.group.conf.Name, p.conf.Name) }

// NameLogs tells the core which files the daemon chose for AUTO logs.
func (c *Core) NameLogs(id ProcID, stdout, stderr string) {
	if p := c.procs[id]; p != nil {
		p.logs = [2]string{stdout, stderr}
		c.touch(p)
	}
}

// step feeds the machine and carries out what it asks for.
func (c *Core) step(p *process, at proc.Instant, in proc.Input) {
	var fx proc.Effects
	p.m, fx = p.m.Step(&p.policy, at, in)
	for _, mv := range fx.Moves() {
		p.remember(c.stamp(at), in, mv)
		c.publishMove(p, mv)
		c.tell(p, mv)
		if mv.To != proc.Running {
			c.tellClosed(p)
		}
	}
	c.touch(p)
	if fx.Spawn {
		p.began, p.up = c.wall.Unix(), c.now
		p.spawnErr, p.exitStatus = "", 0
		c.forks++
		c.emit(Spawn{Proc: p.id, Program: p.conf})
	}
	if fx.Command {
		c.stopByCommand(p)
	}
	if fx.Signal != 0 {
		c.kill(p, fx)
	}
	if p.m.Armed {
		c.arm(timer{at: p.m.Due, proc: p})
	}
	for _, mv := range fx.Moves() {
		c.settle(p, mv)
	}
	c.settleWaits(p, fx.Moves())
	if moves := fx.Moves(); len(moves) > 0 {
		c.considerLeaving(p, moves[len(moves)-1])
	}
	if p.hears != nil {
		c.mended(p, in)
	}
}

// processDue gives a deadline to the machine. While the supervisor shuts down,
// the deadlines that would spawn are withheld.
func (c *Core) processDue(p *process) {
	if c.run != RunRunning && (p.m.State == proc.Backoff || p.m.State == proc.Exited) {
		return
	}
	if p.m.State == proc.Exited && c.holdBack(p) {
		return
	}
	// With startsecs=0 a child counts as started when no fork is under way: so
	// what is started together is reported in the order that the original
	// reports it, all the children and then their success.
	// Nothing is running before it is known to be able to.
	if p.m.State == proc.Starting && p.unsure {
		return // executed gives the deadline again
	}
	if p.m.State == proc.Starting && p.conf.StartSecs <= 0 && c.forks > 0 {
		c.held = append(c.held, p)
		return
	}
	c.step(p, c.now, proc.Input{Kind: proc.InputDue})
}

// forked counts an answered Spawn, and lets those go who waited for the last.
func (c *Core) forked() {
	if c.forks--; c.forks > 0 {
		return
	}
	held := c.held
	c.held = nil
	for _, p := range held {
		if !p.removed && p.m.State == proc.Starting && p.m.Armed && p.m.Due <= c.now {
			c.processDue(p)
		}
	}
}

// executed goes on with the start of a child that is no longer unsure.
func (c *Core) executed(p *process) {
	p.unsure = false
	if p.m.State == proc.Starting && p.m.Armed && p.m.Due <= c.now {
		c.processDue(p)
	}
}

func (c *Core) spawned(p *process, in Spawned) {
	if p.hears != nil {
		p.hears.reset()
	}
	p.unsure = in.Unsure
	c.logf(conf.Info, "spawned: '%s' with pid %d", p.conf.Name, in.PID)
	c.step(p, c.now, proc.Input{Kind: proc.InputSpawned, PID: in.PID})
	c.settleSpawned(p)
}

func (c *Core) spawnFailed(p *process, in SpawnFailed) {
	p.spawnErr = in.Text
	if p.lastStatus = cannotExecute; in.NotFound {
		p.lastStatus = commandNotFound
	}
	c.logf(conf.Info, "spawnerr: %s", in.Text)
	p.closed = in.Closed
	c.tellClosed(p)
	c.step(p, c.now, proc.Input{Kind: proc.InputSpawnFailed})
}

// The exit statuses by which shells tell that a command did not run at all.
const (
	cannotExecute   = 126
	commandNotFound = 127
)

// exited takes the end of a child. The moves that it causes are told with its
// text, so the text is kept for their duration.
func (c *Core) exited(p *process, in Exited) {
	p.ended = in.Wall.Unix()
	p.exitStatus, p.exitText = in.Code, in.Text
	if p.lastStatus = in.Code; in.Signal != 0 {
		p.lastStatus = 128 + int(in.Signal)
	}
	if p.hears != nil {
		c.takeBack(p)
	}
	p.throttle.ended(in.At-p.up, in.Code)
	p.rememberExit(in, c.stamp(in.At))
	p.closed = in.Closed
	p.unsure, p.refusal = false, in.Refused
	c.step(p, in.At, proc.Input{Kind: proc.InputExited, Code: in.Code, Refused: in.Refused != ""})
	p.exitText, p.refusal = "", ""
}

// tellClosed logs that a shared socket was closed with the end of its last process: after
// that end, and before what follows from it.
func (c *Core) tellClosed(p *process) {
	if p.closed != "" {
		c.logf(conf.Info, "Closing socket %s", p.closed)
		p.closed = ""
	}
}

// kill sends the stop signal or, when patience is over, SIGKILL.
func (c *Core) kill(p *process, fx proc.Effects) {
	p.killed = p.killed || fx.Signal == syscall.SIGKILL
	if fx.Forced {
		p.forced = true
		c.logf(conf.Warn, "killing '%s' (%d) with SIGKILL", p.conf.Name, p.m.PID)
	}
	target := ""
	if fx.Group {
		target = " process group"
	}
	c.logf(conf.Debug, "killing %s (pid %d)%s with signal %s", p.conf.Name, p.m.PID, target, conf.SignalName(fx.Signal))
	c.emit(Signal{Proc: p.id, Signal: fx.Signal, Group: fx.Group})
}

// tell words one transition for the activity log, and keeps what is reported
// of it.
func (c *Core) tell(p *process, mv proc.Move) {
	name := p.conf.Name
	switch mv.To {
	case proc.Running:
		if p.exitText == "" {
			c.logf(conf.Info, "success: %s entered RUNNING state, process has stayed up for > than %d seconds (startsecs)",
				name, p.conf.StartSecs)
		}
	case proc.Backoff:
		if p.exitText != "" {
			p.spawnErr, p.exitStatus = "Exited too quickly (process log may have details)", 0
			c.logf(conf.Warn, "exited: %s (%s; not expected)", name, p.exitText)
		}
		if p.refusal != "" {
			p.spawnErr, p.lastStatus = p.refusal, cannotExecute
			c.logf(conf.Info, "spawnerr: %s", p.refusal)
		}
	case proc.Exited:
		c.tellExit(p, mv.Expected)
	case proc.Stopped:
		c.tellStopped(p, mv)
	case proc.Fatal:
		if p.refusal != "" {
			c.logf(conf.Info, "gave up: %s entered FATAL state, as another try would fail, too", name)
		} else if mv.Tries > p.policy.StartRetries { // and not because the supervisor shuts down
			c.logf(conf.Info, "gave up: %s entered FATAL state, too many start retries too quickly", name)
		}
	}
}

func (c *Core) tellExit(p *process, expected bool) {
	if expected {
		c.logf(conf.Info, "exited: %s (%s; expected)", p.conf.Name, p.exitText)
		return
	}
	p.spawnErr = badExit(p.exitStatus)
	c.logf(conf.Warn, "exited: %s (%s; not expected)", p.conf.Name, p.exitText)
}

func (c *Core) tellStopped(p *process, mv proc.Move) {
	if mv.From == proc.Backoff {
		c.logf(conf.Debug, "Attempted to kill %s, which is in BACKOFF state.", p.conf.Name)
		return
	}
	level := conf.Warn
	if p.policy.Expected(p.exitStatus) {
		level = conf.Info
	}
	c.logf(level, "stopped: %s (%s)", p.conf.Name, p.exitText)
}

// signalDone hears how a signal went.
func (c *Core) signalDone(in SignalDone) {
	if in.Request != 0 {
		c.signalled(in)
		return
	}
	p := c.procs[in.Proc]
	if p == nil || in.Err == nil {
		return
	}
	c.logf(conf.Critical, "unknown problem killing %s (%d): %v", p.conf.Name, p.m.PID, in.Err)
	p.spawnErr = "cannot be signalled: " + in.Err.Error()
	c.step(p, c.now, proc.Input{Kind: proc.InputSignalFailed})
}

// osSignal obeys a signal to the daemon.
func (c *Core) osSignal(sig syscall.Signal) {
	if c.mapped(sig) {
		return
	}
	name := conf.SignalName(sig)
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		c.logf(conf.Warn, "received %s indicating exit request", name)
		c.stopMainBy(sig)
		c.beginShutdown(RunShutdown)
		c.askedAgain(name)
	case syscall.SIGHUP:
		if c.run == RunShutdown {
			c.logf(conf.Warn, "ignored %s indicating restart request (shutdown in progress)", name)
			return
		}
		c.logf(conf.Warn, "received %s indicating restart request", name)
		c.requestRestart()
	case syscall.SIGUSR2:
		c.logf(conf.Info, "received %s indicating log reopen request", name)
		c.emit(ReopenLogs{})
	default:
		c.forward(sig)
	}
}
