package ctl

import (
	"context"
	"slices"
	"sort"

	"gosupervisor/ctl/api"
)

// kind says what the words after a verb are, for completion.
type kind int

const (
	nothing kind = iota
	verbNames
	groupNames
	processNames
	signalThenProcesses
	shellNames
)

// verb is a command of the shell and of the command line.
type verb struct {
	name  string
	args  kind
	run   func(s *session, ctx context.Context, arg string) error
	help  string // syntax, tabs, description; empty: not listed
	takes []flag // besides --json; see flags.go
}

// verbs returns all verbs, sorted by name.
func verbs() []verb {
	all := append(classicVerbs(), ownVerbs()...)
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

// classicVerbs are those of the original. help lists them as it does.
func classicVerbs() []verb {
	return []verb{
		{"EOF", nothing, (*session).quit, "", nil},
		{"add", groupNames, (*session).add, helpAdd, timed},
		{"avail", nothing, (*session).avail, helpAvail, timed},
		{"clear", processNames, (*session).clear, helpClear, timed},
		{"exit", nothing, (*session).quit, helpExit, nil},
		{"fg", processNames, (*session).fg, helpFg, nil},
		{"help", verbNames, (*session).help, helpHelp, nil},
		{"maintail", nothing, (*session).maintail, helpMaintail, nil},
		{"open", nothing, (*session).open, helpOpen, timed},
		{"pid", processNames, (*session).pid, helpPID, timed},
		{"quit", nothing, (*session).quit, helpQuit, nil},
		{"reload", processNames, (*session).reload, helpReload, timed},
		{"remove", groupNames, (*session).remove, helpRemove, timed},
		{"reread", nothing, (*session).reread, helpReread, []flag{timeoutFlag,
			{name: "diff", help: "show what differs key by key"}}},
		{"restart", processNames, (*session).restart, helpRestart, timed},
		{"shutdown", nothing, (*session).shutdown, helpShutdown, timed},
		{"signal", signalThenProcesses, (*session).signal, helpSignal, timed},
		{"start", processNames, (*session).start, helpStart, timed},
		{"status", processNames, (*session).status, helpStatus, []flag{timeoutFlag,
			{name: "watch", short: "w", help: "go on and show what changes, until q or Ctrl-C"}}},
		{"stop", processNames, (*session).stop, helpStop, timed},
		{"tail", processNames, (*session).tail, helpTail, nil},
		{"update", groupNames, (*session).update, helpUpdate, []flag{timeoutFlag,
			{name: "dry-run", help: "say what would be done, and do nothing"}}},
		{"version", nothing, (*session).version, helpVersion, timed},
	}
}

// ownVerbs are those that the original does not have. help lists them apart.
func ownVerbs() []verb {
	goals := []string{string(api.GoalRunning), string(api.GoalStopped), string(api.GoalExited), string(api.GoalFatal)}
	return []verb{
		{hiddenNames, nothing, (*session).namesFor, "", nil},
		{"completion", shellNames, (*session).completion, helpCompletion, nil},
		{"events", processNames, (*session).events, helpEvents, eventsFlags()},
		{"logs", processNames, (*session).logs, helpLogs, logsFlags},
		{"metrics", nothing, (*session).metrics, helpMetrics, timed},
		{"orphans", nothing, (*session).orphans, helpOrphans, timed},
		{"top", processNames, (*session).top, helpTop, []flag{timeoutFlag,
			{name: "once", short: "n", help: "print one table, also on a terminal"},
			{name: "interval", value: "SECS", parse: parsePatience, help: "look so often (2 on a terminal; the table is of 1)"}}},
		{"wait", processNames, (*session).wait, helpWait, []flag{timeoutFlag,
			{name: "for", value: "STATE", parse: oneOf(goals...), words: goals, help: "running (if nothing is said), stopped, exited or fatal"}}},
		{"why", processNames, (*session).why, helpWhy, []flag{timeoutFlag,
			{name: "lines", short: "n", value: "N", parse: parseCount, help: "so many of the last lines of each log (10)"}}},
	}
}

// findVerb makes the second table only if the first one does not have the verb.
func findVerb(name string) (verb, bool) {
	for _, table := range []func() []verb{classicVerbs, ownVerbs} {
		for _, v := range table() {
			if v.name == name {
				return v, true
			}
		}
	}
	return verb{}, false
}

// own tells whether the original does not have the verb.
func (v verb) own() bool {
	is := func(o verb) bool { return o.name == v.name }
	return !slices.ContainsFunc(classicVerbs(), is) && slices.ContainsFunc(ownVerbs(), is)
}

// misuseCode returns the exit code for words that the verb does not take. Those
// of the original have theirs from it.
func (v verb) misuseCode() int {
	if v.own() {
		return exitUsage
	}
	return exitGeneric
}

// listed returns the names that help lists and completion offers. help itself
// is a topic but not in the list.
func listed(all []verb) []string {
	var names []string
	for _, v := range all {
		if v.help != "" && v.name != "help" {
			names = append(names, v.name)
		}
	}
	return names
}
