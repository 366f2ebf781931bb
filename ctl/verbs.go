package ctl

import (
	"context"
	"slices"
)

// kind says what the words after a verb are, for completion.
type kind int

const (
	nothing kind = iota
	verbNames
	groupNames
	processNames
)

// verb is a command of the shell and of the command line.
type verb struct {
	name string
	args kind
	run  func(s *session, ctx context.Context, arg string) error
	help string // syntax, tabs, description; empty: not listed
}

// verbs returns all verbs, sorted by name.
func verbs() []verb {
	return []verb{
		{"EOF", nothing, (*session).quit, ""},
		{"add", groupNames, (*session).add, helpAdd},
		{"avail", nothing, (*session).avail, helpAvail},
		{"clear", processNames, (*session).clear, helpClear},
		{"exit", nothing, (*session).quit, helpExit},
		{"fg", processNames, (*session).fg, helpFg},
		{"help", verbNames, (*session).help, helpHelp},
		{"maintail", nothing, (*session).maintail, helpMaintail},
		{"open", nothing, (*session).open, helpOpen},
		{"pid", processNames, (*session).pid, helpPID},
		{"quit", nothing, (*session).quit, helpQuit},
		{"reload", nothing, (*session).reload, helpReload},
		{"remove", groupNames, (*session).remove, helpRemove},
		{"reread", nothing, (*session).reread, helpReread},
		{"restart", processNames, (*session).restart, helpRestart},
		{"shutdown", nothing, (*session).shutdown, helpShutdown},
		{"signal", processNames, (*session).signal, helpSignal},
		{"start", processNames, (*session).start, helpStart},
		{"status", processNames, (*session).status, helpStatus},
		{"stop", processNames, (*session).stop, helpStop},
		{"tail", processNames, (*session).tail, helpTail},
		{"update", groupNames, (*session).update, helpUpdate},
		{"version", nothing, (*session).version, helpVersion},
	}
}

func findVerb(name string) (verb, bool) {
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.name == name })
	if i < 0 {
		return verb{}, false
	}
	return all[i], true
}

// listed returns the names that help lists and completion offers. help itself
// is a topic but not in the list.
func listed() []string {
	var names []string
	for _, v := range verbs() {
		if v.help != "" && v.name != "help" {
			names = append(names, v.name)
		}
	}
	return names
}
