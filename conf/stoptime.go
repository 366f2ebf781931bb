package conf

import (
	"fmt"
	"strings"
)

// shutdownVariable has the say over shutdown_timeout=: who runs the container knows
// its grace period, who wrote the file may not.
const shutdownVariable = "SUPERVISOR_SHUTDOWN_TIMEOUT"

// shutdownTimeout reads shutdown_timeout=, or the variable of the environment.
func (s *scope) shutdownTimeout() int {
	timeout := read(s, "shutdown_timeout", 0, parseTimeout)
	if value, set := s.host.getenv(shutdownVariable); set && value != "" && !s.original {
		n, err := parseTimeout(value)
		if err != nil {
			s.report.add(shutdownVariable, Problem{Text: fmt.Sprintf("the variable %s of the environment: %v", shutdownVariable, err)})
		}
		timeout = n
	}
	return timeout
}

func parseTimeout(s string) (int, error) {
	n, err := parseCountInt(s)
	if err == nil && n < 0 {
		return 0, textf("not a number of seconds from 0: %s", Repr(s))
	}
	return n, err
}

// The grace periods after which the usual runtimes kill a container, in seconds.
const (
	graceDocker     = 10
	graceKubernetes = 30
)

// StopPhase is a group's part of a shutdown: its processes are stopped at once,
// and the next group waits for the last of them.
type StopPhase struct {
	Group   string
	Seconds int // at worst
}

// StopPhases lists the phases of a shutdown in their order, and how long all of it
// takes at worst, in seconds: when no process heeds its stop signal.
func (c *Config) StopPhases() (phases []StopPhase, worst int) {
	for i := len(c.Groups) - 1; i >= 0; i-- {
		g := c.Groups[i]
		p := StopPhase{Group: g.Name}
		for _, program := range g.Programs {
			p.Seconds = max(p.Seconds, program.stopSeconds())
		}
		if len(g.Programs) > 0 {
			phases = append(phases, p)
			worst = min(worst+p.Seconds, maxStopSeconds)
		}
	}
	if limit := c.Server.ShutdownTimeout; limit > 0 {
		worst = min(worst, limit)
	}
	return phases, worst
}

// maxStopSeconds keeps sums of what people write for "never" within bounds.
const maxStopSeconds = 1 << 31

// maxNamedPhases is how many phases a note names.
const maxNamedPhases = 5

// stopTime notes that a shutdown may take longer than a container is given.
func (l *loader) stopTime() []Finding {
	phases, worst := l.cfg.StopPhases()
	if worst <= graceDocker {
		return nil
	}
	var chain []string
	for _, p := range phases {
		if p.Seconds > 0 {
			chain = append(chain, fmt.Sprintf("%s %d s", p.Group, p.Seconds))
		}
	}
	if more := len(chain) - maxNamedPhases; more > 0 {
		chain = append(chain[:maxNamedPhases], fmt.Sprintf("%d more", more))
	}
	who := "docker kills a container after 10 s"
	if worst > graceKubernetes {
		who += ", and Kubernetes after 30 s"
	}
	return []Finding{{SeverityNote, Problem{
		File: l.cfg.Path, Section: "supervisord",
		Text: fmt.Sprintf("stopping everything takes %d s at worst (%s)", worst, strings.Join(chain, ", then ")),
		Hint: who + ": lower stopwaitsecs, set shutdown_timeout, or give the container longer",
	}}}
}
