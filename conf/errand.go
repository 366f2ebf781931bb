package conf

import "strconv"

// defaultReloadTimeout is after how many seconds a reload_command is killed.
const defaultReloadTimeout = 30

// errandKeys are the commands of a program beside its own.
var errandKeys = []struct {
	key     string
	command func(*Program) string
}{
	{"stop_command", func(p *Program) string { return p.StopCommand }},
	{"reload_command", func(p *Program) string { return p.ReloadCommand }},
}

// errands reads the commands that are run beside a program. They are ours, so they are
// looked at here, and not when somebody wants to stop the program.
func (s *scope) errands(p *Program) {
	p.ReloadTimeout = defaultReloadTimeout
	if s.original {
		return
	}
	p.StopCommand = read(s, "stop_command", "", parseErrand)
	p.ReloadCommand = read(s, "reload_command", "", parseErrand)
	p.ReloadTimeout = read(s, "reload_timeout", defaultReloadTimeout, parseTimeout)
}

// parseErrand reads a command; an empty one is none, so that a program can take a
// default back.
func parseErrand(value string) (string, error) {
	if value = trim(value); value == "" {
		return "", nil
	}
	if _, err := SplitCommand(value); err != nil {
		return "", withHint(textf("not a command: %s: %v", Repr(value), err), "a quote that is meant as such takes a backslash before it")
	}
	return value, nil
}

func reloadTimeoutText(p *Program) string { return strconv.Itoa(p.ReloadTimeout) }
