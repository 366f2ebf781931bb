package core

import (
	"fmt"

	"gosupervisor/conf"
	"gosupervisor/proc"
)

// exitPolicy is what ends the daemon without being asked: a program that matters
// has failed for good, or has done its work.
type exitPolicy struct {
	zero   bool // leave with 0 whatever ends us
	lines  int  // so many last lines of the program that ends us are shown
	status int  // with which the daemon leaves
}

// defaultTailLines is how many last lines PID 1 shows: in a container that has
// ended nobody can look at a file any more.
const defaultTailLines = 20

func newExitPolicy(s *conf.Server, pid int) exitPolicy {
	x := exitPolicy{zero: s.ExitStatus == conf.ExitZero, lines: s.FatalTailLines}
	if x.lines < 0 {
		if x.lines = 0; pid == 1 {
			x.lines = defaultTailLines
		}
	}
	return x
}

// considerLeaving looks whether a transition of a process ends the daemon. The
// first to do so decides about the exit status; what was asked for never does,
// and while everything stops it is too late.
func (c *Core) considerLeaving(p *process, mv proc.Move) {
	if c.run != RunRunning || p.leaving || p.removed {
		return
	}
	switch {
	case mv.To == proc.Fatal && c.fatalEnds(p):
		// Exited too quickly, yet with 0: still a failure.
		c.leaveFor(p, "entered FATAL state and has on_fatal="+string(p.conf.OnFatal), max(p.lastStatus, 1))
	case mv.To == proc.Exited && !p.m.Armed && exitEnds(p, mv.Expected):
		c.leaveFor(p, "exited and has on_exit="+string(p.conf.OnExit), p.lastStatus)
	}
}

// fatalEnds tells whether a program that has become FATAL ends the daemon.
func (c *Core) fatalEnds(p *process) bool {
	switch p.conf.OnFatal {
	case conf.FatalShutdown:
		return true
	case conf.FatalShutdownAll:
		for _, other := range p.group.procs {
			if other.conf.Section == p.conf.Section && !other.down() {
				return false
			}
		}
		return true
	}
	return false
}

// exitEnds tells whether an exit that no restart follows ends the daemon.
func exitEnds(p *process, expected bool) bool {
	return p.conf.OnExit == conf.ExitShutdown || p.conf.OnExit == conf.ExitShutdownFailure && !expected
}

// down tells whether a process does not run and will not by itself.
func (p *process) down() bool {
	return p.m.State.IsStopped() && !p.m.Armed
}

// obituary says who has ended how, after how many starts.
func (c *Core) obituary(p *process) string {
	starts := "1 start"
	if n := p.history.starts; n != 1 {
		starts = fmt.Sprintf("%d starts", n)
	}
	if p.exitText == "" {
		return fmt.Sprintf("%s: %s, %s", p.namespec(), p.spawnErr, starts)
	}
	return fmt.Sprintf("%s (pid %d): %s, %s", p.namespec(), p.history.exit.pid, p.exitText, starts)
}

func (c *Core) leaveFor(p *process, why string, status int) {
	if c.exit.zero {
		status = 0
	}
	c.exit.status = status
	level := conf.Critical
	if status == 0 {
		level = conf.Info
	}
	who := p.conf.Name + " " + why
	if p.conf.Main { // whoever gave a command has set no such key
		who = "the command has exited"
		if p.m.State == proc.Fatal {
			who = "the command could not be started"
		}
	}
	c.logf(level, "%s: stopping everything, to leave with exit status %d", who, status)
	if c.exit.lines > 0 {
		c.emit(LastWords{Proc: p.id, Lines: c.exit.lines, Title: c.obituary(p)})
	}
	c.beginShutdown(RunShutdown)
}
