package conf

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// StopStep is one more signal on the way to the end of a process, and how many
// seconds it is waited for.
type StopStep struct {
	Signal syscall.Signal
	Secs   int
}

// SignalRule says that a signal to the daemon is for programs.
type SignalRule struct {
	Signal syscall.Signal
	Name   string         // a process, group:process, group:* or all
	Send   syscall.Signal // what the programs get
}

// String writes a rule as signal_map= has it.
func (r SignalRule) String() string {
	return plainSignal(r.Signal) + ":" + r.Name + "=" + plainSignal(r.Send)
}

// plainSignal is a signal's name as people write it.
func plainSignal(sig syscall.Signal) string { return strings.TrimPrefix(SignalName(sig), "SIG") }

// signalOfProgram reads a signal that a program is to get; 0 is none.
func signalOfProgram(s string) (syscall.Signal, error) {
	sig, err := ParseSignal(s)
	if err == nil && sig == 0 {
		return 0, textf("0 is no signal")
	}
	return sig, err
}

// maxStopSteps bounds stop_sequence=.
const maxStopSteps = 16

// parseStopSequence reads SIGNAL[:SECONDS] words. What is left after the last one
// is killed; a KILL at the end says so.
func parseStopSequence(s string, wait int) ([]StopStep, error) {
	var steps []StopStep
	words := strings.Fields(s)
	for i, word := range words {
		name, secs, timed := strings.Cut(word, ":")
		sig, err := signalOfProgram(name)
		if err != nil {
			return nil, err
		}
		if sig == syscall.SIGKILL {
			if i < len(words)-1 || timed {
				return nil, textf("nothing comes after KILL: %s", Repr(s))
			}
			break
		}
		step := StopStep{sig, wait}
		if timed {
			if step.Secs, err = strconv.Atoi(secs); err != nil || step.Secs < 0 {
				return nil, textf("not a number of seconds: %s", Repr(secs))
			}
		}
		steps = append(steps, step)
	}
	switch {
	case len(steps) == 0:
		return nil, textf("no signal to begin with: %s", Repr(s))
	case len(steps) > maxStopSteps:
		return nil, textf("more than %d steps", maxStopSteps)
	}
	return steps, nil
}

// stopSequence reads stop_sequence=, which goes over stopsignal= and stopwaitsecs=.
func (s *scope) stopSequence(p *Program) {
	steps := read(s, "stop_sequence", nil, func(v string) ([]StopStep, error) { return parseStopSequence(v, p.StopWaitSecs) })
	if len(steps) == 0 {
		return
	}
	p.StopSignal, p.StopWaitSecs = steps[0].Signal, steps[0].Secs
	if len(steps) > 1 {
		p.StopThen = steps[1:]
	}
}

// killScope reads kill_scope=, which goes over stopasgroup= and killasgroup=.
func (s *scope) killScope(p *Program) {
	scope := readWord(s, "kill_scope", "", killScopes)
	if scope == "" {
		return
	}
	p.StopAsGroup = scope != ScopeProcess
	p.KillAsGroup, p.KillCgroup = p.StopAsGroup, scope == ScopeCgroup
	p.KillTree = scope == ScopeTree || p.KillCgroup // which it falls back to
}

// KillScope says how far a stop reaches.
type KillScope string

// The values of kill_scope=.
const (
	ScopeProcess KillScope = "process" // the process alone
	ScopeGroup   KillScope = "group"   // its process group
	ScopeTree    KillScope = "tree"    // its process group, and at its end whatever it has left behind
	ScopeCgroup  KillScope = "cgroup"  // the same, and a control group tells what it has left
)

var killScopes = []KillScope{ScopeProcess, ScopeGroup, ScopeTree, ScopeCgroup}

// killScopeText shows what stopasgroup= and killasgroup= don't.
func killScopeText(p *Program) string {
	switch {
	case p.KillCgroup:
		return string(ScopeCgroup)
	case p.KillTree:
		return string(ScopeTree)
	}
	return ""
}

// stopSeconds is how long a stop of the program takes at worst.
func (p *Program) stopSeconds() int {
	total := p.StopWaitSecs
	for _, step := range p.StopThen {
		total = min(total+step.Secs, maxStopSeconds)
	}
	return total
}

func stopSequenceText(p *Program) string {
	if p.StopThen == nil {
		return ""
	}
	words := []string{fmt.Sprintf("%s:%d", plainSignal(p.StopSignal), p.StopWaitSecs)}
	for _, step := range p.StopThen {
		words = append(words, fmt.Sprintf("%s:%d", plainSignal(step.Signal), step.Secs))
	}
	return strings.Join(words, " ") + " KILL"
}

// uncatchable tells the signals that never reach a handler, or that are the
// business of the runtime and of who waits for children.
func uncatchable(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE,
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS,
		syscall.SIGABRT, syscall.SIGSTKFLT, syscall.SIGPROF, syscall.SIGVTALRM, syscall.SIGTTIN, syscall.SIGTTOU:
		return true
	}
	return false
}

// parseSignalMap reads rules SIGNAL:NAME=SIGNAL with commas between them.
func parseSignalMap(s string) ([]SignalRule, error) {
	var rules []SignalRule
	for _, word := range strings.Split(s, ",") {
		if word = trim(word); word == "" {
			continue
		}
		from, rest, ok := strings.Cut(word, ":")
		name, send, found := cutLast(rest, "=")
		if !ok || !found || trim(name) == "" {
			return nil, textf("not a rule SIGNAL:NAME=SIGNAL: %s", Repr(word))
		}
		sig, err := signalOfProgram(from)
		if err != nil {
			return nil, err
		}
		if uncatchable(sig) {
			return nil, textf("%s cannot be handed on: it never arrives, or means the daemon itself", SignalName(sig))
		}
		to, err := signalOfProgram(send)
		if err != nil {
			return nil, err
		}
		rules = append(rules, SignalRule{sig, trim(name), to})
	}
	return rules, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func signalMapText(v *Server) string {
	words := make([]string, len(v.SignalMap))
	for i, r := range v.SignalMap {
		words[i] = r.String()
	}
	return strings.Join(words, ",")
}

// checkSignalMap looks for names that nothing has.
func (l *loader) checkSignalMap() {
	s := l.scope("supervisord", l.base)
	for _, r := range l.cfg.Server.SignalMap {
		if !l.cfg.names(r.Name) {
			s.warn("signal_map", s.option("signal_map"), "nothing is named "+r.Name, "")
		}
	}
}

// names tells whether a name means any process, by the rules of supervisorctl.
func (c *Config) names(name string) bool {
	if name == "all" {
		return true
	}
	group, process, qualified := strings.Cut(name, ":")
	if !qualified {
		process = name
	}
	for _, g := range c.Groups {
		if g.Name != group {
			continue
		}
		if process == "*" || process == "" {
			return true
		}
		for _, p := range g.Programs {
			if p.Name == process {
				return true
			}
		}
	}
	return false
}
