package proc

import (
	"syscall"
	"time"
)

// rekill is the shortest pause between two SIGKILLs, for programs whose
// stopwaitsecs is zero: KILL cannot be refused, so haste gains nothing.
const rekill = time.Second

// Machine is the life-cycle state of one process slot. It is a comparable
// value: Step returns the next one and leaves the receiver alone.
type Machine struct {
	State State
	PID   int     // 0: no child. Only Starting without a PID has a fork under way.
	Tries int     // failed starts in the current series
	Due   Instant // when Armed: the moment at which InputDue is to be given
	Armed bool

	StopWanted bool // a stop came while the fork was under way
	Reaped     bool // the child is dead; its output is still being read

	StopStep  uint8 // how many of StopThen were sent
	Commanded bool  // the stop command stands for the first signal, and may yet fail
}

// Kind names an Input.
type Kind uint8

// The inputs of a Machine. What a state does not list in Step it ignores.
const (
	InputStart         Kind = iota // asked for, by a person or by autostart
	InputStop                      // asked for
	InputSpawned                   // the fork worked; PID is set
	InputSpawnFailed               // there is no child
	InputReaped                    // the child is dead; InputExited follows when its output has been read
	InputExited                    // the child is dead and read out; Code is set
	InputDue                       // Machine.Due has come
	InputSignalFailed              // the stop signal could not be sent, and not because the child was gone
	InputCommandFailed             // the stop command could not be run, or said that it failed
	InputGiveUp                    // no further attempt: the supervisor shuts down, or a stop found nothing to stop
)

// Input is one thing that happened to a process slot.
type Input struct {
	Kind Kind
	PID  int // InputSpawned
	Code int // InputExited: the exit code, -1 for a signal

	// InputExited: the child could not become what was asked for and never was the
	// program. No attempt will go better.
	Refused bool
}

// Move is one state transition.
type Move struct {
	From, To State
	PID      int // the child concerned, 0 if none
	Tries    int
	Expected bool // To Exited: the code was one of exitcodes
}

// Effects is what a step asks its owner to do. Timers are not among them: the
// owner reads Machine.Due after every step, so a stale timer cannot exist.
type Effects struct {
	Spawn     bool
	Signal    syscall.Signal // 0: none
	Group     bool           // to the process group
	Forced    bool           // Signal is the SIGKILL after stopwaitsecs
	Command   bool           // the stop command is to be run, in place of a signal
	moves     [2]Move
	moveCount int
}

// Moves lists the transitions of the step, in order.
func (e *Effects) Moves() []Move { return e.moves[:e.moveCount] }

// Step feeds one input, at the moment now, to the machine and returns the
// machine after it with what has to be done. For InputExited, now is the
// moment of the exit, not that of its discovery.
func (m Machine) Step(p *Policy, now Instant, in Input) (Machine, Effects) {
	s := step{Machine: m, p: p, now: now}
	switch m.State {
	case Stopped, Fatal:
		s.atRest(in)
	case Starting:
		if m.PID == 0 {
			s.forking(in)
		} else {
			s.starting(in)
		}
	case Running:
		s.running(in)
	case Backoff:
		s.backoff(in)
	case Stopping:
		s.stopping(in)
	case Exited:
		s.exited(in)
	case Unknown:
		s.unknown(in)
	}
	return s.Machine, s.fx
}

// step is a Machine on its way from one value to the next.
type step struct {
	Machine
	p   *Policy
	now Instant
	fx  Effects
}

func (s *step) move(to State, expected bool) {
	s.fx.moves[s.fx.moveCount] = Move{From: s.State, To: to, PID: s.PID, Tries: s.Tries, Expected: expected}
	s.fx.moveCount++
	s.State = to
}

func (s *step) arm(in time.Duration) { s.Due, s.Armed = s.now+in, true }

func (s *step) disarm() { s.Due, s.Armed = 0, false }

func (s *step) spawn() {
	s.disarm()
	s.move(Starting, false)
	s.fx.Spawn = true
}

// stop sends the stop signal, or has the stop command run in its place, and starts
// the wait for the effect. A child that is dead already only has its exit to come.
func (s *step) stop() {
	s.StopWanted, s.StopStep = false, 0
	s.move(Stopping, false)
	if s.Reaped {
		s.disarm()
		return
	}
	if s.p.StopCommand && s.p.StopWait > 0 {
		s.fx.Command, s.Commanded = true, true
	} else {
		s.askToStop()
	}
	s.arm(s.p.StopWait)
}

func (s *step) askToStop() { s.fx.Signal, s.fx.Group = s.p.StopSignal, s.p.StopAsGroup }

// retry counts a failed start, and waits one second more after each, until
// there were too many.
func (s *step) retry() {
	s.PID, s.Reaped = 0, false
	s.Tries++
	s.move(Backoff, false)
	switch {
	case s.StopWanted:
		s.settle(Stopped)
	case s.Tries > s.p.StartRetries:
		s.settle(Fatal)
	default:
		s.arm(seconds(s.Tries))
	}
}

// refuse counts a failed start that is the last one.
func (s *step) refuse() {
	s.PID, s.Reaped = 0, false
	s.Tries++
	s.move(Backoff, false)
	s.settle(Fatal)
}

// settle ends a series of attempts.
func (s *step) settle(to State) {
	s.disarm()
	s.StopWanted = false
	tries := s.Tries
	s.Tries = 0
	s.move(to, false)
	s.fx.moves[s.fx.moveCount-1].Tries = tries
}

// gone forgets the child.
func (s *step) gone() {
	s.PID, s.Reaped, s.Commanded = 0, false, false
	s.disarm()
}

func (s *step) atRest(in Input) {
	if in.Kind == InputStart {
		s.Tries = 0
		s.spawn()
	}
}

func (s *step) forking(in Input) {
	switch in.Kind {
	case InputStop:
		s.StopWanted = true
	case InputSpawned:
		s.PID = in.PID
		if s.StopWanted {
			s.stop()
			return
		}
		s.arm(s.p.StartWait)
	case InputSpawnFailed:
		s.retry()
	}
}

// succeed declares the child started.
func (s *step) succeed() {
	s.disarm()
	s.Tries = 0
	s.move(Running, false)
}

func (s *step) starting(in Input) {
	switch in.Kind {
	case InputStop:
		s.stop()
	case InputReaped:
		// It must not be declared running any more; when exactly it died
		// comes with InputExited.
		s.Reaped = true
		s.Armed = false
	case InputDue:
		s.succeed()
	case InputExited:
		if in.Refused {
			s.refuse()
			return
		}
		// Without startsecs there is no too early, even where the child was
		// reaped before its fork was told of.
		if s.p.StartWait > 0 && s.now < s.Due {
			s.disarm()
			s.retry()
			return
		}
		s.succeed()
		s.leave(in.Code)
	}
}

func (s *step) running(in Input) {
	switch in.Kind {
	case InputStop:
		s.stop()
	case InputReaped:
		s.Reaped = true
	case InputExited:
		s.leave(in.Code)
	}
}

// leave takes a Running process to Exited, and on from there if it restarts.
func (s *step) leave(code int) {
	s.move(Exited, s.p.Expected(code))
	s.gone()
	if s.p.restarts(code) {
		s.arm(0)
	}
}

func (s *step) backoff(in Input) {
	switch in.Kind {
	case InputStop:
		s.settle(Stopped)
	case InputGiveUp:
		s.settle(Fatal)
	case InputDue:
		s.spawn()
	}
}

func (s *step) stopping(in Input) {
	switch in.Kind {
	case InputReaped:
		s.Reaped, s.Commanded = true, false
		s.Armed = false
	case InputCommandFailed:
		// What follows comes when it would have come: a stop takes no longer for that.
		if s.Commanded {
			s.Commanded = false
			s.askToStop()
		}
	case InputDue:
		s.Commanded = false
		if int(s.StopStep) < len(s.p.StopThen) {
			next := s.p.StopThen[s.StopStep]
			s.StopStep++
			s.fx.Signal, s.fx.Group = next.Signal, s.p.StopAsGroup
			s.arm(next.Wait)
			return
		}
		s.fx.Signal, s.fx.Group, s.fx.Forced = syscall.SIGKILL, s.p.KillAsGroup, true
		s.arm(max(s.p.StopWait, rekill))
	case InputSignalFailed:
		s.disarm()
		s.move(Unknown, false)
	case InputExited:
		s.Tries = 0
		s.move(Stopped, false)
		s.gone()
	}
}

func (s *step) exited(in Input) {
	switch in.Kind {
	case InputStart, InputDue:
		s.Tries = 0
		s.spawn()
	case InputGiveUp:
		s.disarm()
	}
}

// unknown is left only by the exit of the child that could not be signalled:
// it was to be stopped, and now it is.
func (s *step) unknown(in Input) {
	switch in.Kind {
	case InputReaped:
		s.Reaped = true
	case InputExited:
		s.Tries = 0
		s.move(Stopped, false)
		s.gone()
	}
}
