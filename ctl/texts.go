package ctl

import "gosupervisor/ctl/api"

// The exit codes. Scripts tell them apart.
const (
	exitGeneric    = 1
	exitUsage      = 2 // options, configuration; start of nothing
	exitStopped    = 3 // status: a listed process does not run
	exitForeign    = 3 // the server has no supervisor interface
	exitRefused    = 4 // connection refused
	exitStatus     = 4 // status: a wrong name, or no server
	exitVersion    = 5
	exitNotRunning = 7 // spawn error, not running
	exitNoFile     = 7 // no socket
	exitTimeout    = 124
)

// The texts that scripts match. They are those of the original.
const (
	textUnknownSyntax   = "*** Unknown syntax: %s"
	textDidYouMean      = "did you mean %s?"
	textNoHelp          = "*** No help on %s"
	textUnauthorized    = "Server requires authentication"
	textPressCtrlC      = "==> Press Ctrl-C to exit <=="
	textNoNamespace     = "Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf)."
	textOtherVersion    = "Sorry, this version of supervisorctl expects to talk to a server with API version %s, but the remote version is %s."
	textNeedsName       = "Error: %s requires a process name"
	textNeedsSignal     = "Error: signal requires a signal name and a process name"
	textNoArguments     = "Error: %s accepts no arguments"
	textTooFew          = "Error: too few arguments"
	textTooMany         = "Error: too many arguments"
	textTailNeedsName   = "Error: tail requires process name"
	textBadChannel      = "Error: bad channel '%s'"
	textBadArgument     = "Error: bad argument %s"
	textNoSuchGroup     = "ERROR (no such group)"
	textNoSuchProcess   = "ERROR (no such process)"
	textNoSuchPID       = "No such process %s"
	textShuttingDown    = "ERROR: supervisor shutting down"
	textAlreadyDown     = "ERROR: already shutting down"
	textMaybeDown       = "ERROR: %s (already shut down?)"
	textNothingToReread = "No config updates to processes"
	textNoEvents        = "ERROR: this server does not tell of events; an original supervisord tells event listeners alone"
	textNoDetails       = "ERROR: the server does not tell which keys differ"
	textNoMetrics       = "ERROR: the server does not count anything"
	textNotRemoving     = "%s: has problems; not removing"
	textBadURL          = "ERROR: url must be http:// or unix://"
	textOneChannel      = "Error: --stdout and --stderr exclude each other"
	textMissed          = "==> %d bytes missed <=="
	textAskReload       = "Really restart the remote supervisord process y/N? "
	textAskShutdown     = "Really shut the remote supervisord process down y/N? "
	textReloaded        = "Restarted supervisord"
	textShutDown        = "Shut down"
	textWhyReduced      = "This server does not keep its reasons: how often the process was started, why, and when it is started again are not known."
	textNotMeasured     = "What programs take of the machine is not known: the server does not tell, or cannot read /proc."
	textOneServer       = "Error: %s works with one server at a time"
	hintOneServer       = "give one -s, or turn to one of them with open URL"
	textGuessedURL      = "No configuration file was found at the default places, so this is the default URL: give -c FILE or -s URL"

	textFgNoName   = "ERROR: no process name supplied"
	textFgTooMany  = "ERROR: too many process names supplied"
	textFgBadName  = "ERROR: bad process name supplied"
	textFgStopped  = "ERROR: process not running"
	textFgKilled   = "Process got killed"
	textFgExit     = "Exiting foreground"
	textCannotRead = "%s%s Cannot read, status code 404"
	textLost       = "Cannot connect, error: %v"
)

// outcome is how the result of a request about one process is told.
type outcome struct {
	text string // after NAME: ; empty: the text of the fault alone
	exit int    // 0 leaves the exit code as it is
}

// outcomes has a row for every result that has words of its own. It is a list, since a
// map would be filled whenever the program starts.
type outcomes []struct {
	code api.Code
	outcome
}

// of returns the row of a result.
func (known outcomes) of(code api.Code) (o outcome, ok bool) {
	for i := range known {
		if known[i].code == code {
			return known[i].outcome, true
		}
	}
	return o, false
}

// line words the fault of a request about name.
func (known outcomes) line(name string, fault *api.Fault) string {
	if o, ok := known.of(fault.Code); ok {
		return name + ": " + o.text
	}
	return name + ": ERROR (" + fault.Text() + ")"
}

var startOutcomes = outcomes{
	{api.Success, outcome{"started", 0}},
	{api.AlreadyStarted, outcome{"ERROR (already started)", 0}},
	{api.BadName, outcome{textNoSuchProcess, exitGeneric}},
	{api.NoFile, outcome{"ERROR (no such file)", exitGeneric}},
	{api.NotExecutable, outcome{"ERROR (file is not executable)", exitGeneric}},
	{api.SpawnError, outcome{"ERROR (spawn error)", exitNotRunning}},
	{api.AbnormalTermination, outcome{"ERROR (abnormal termination)", exitNotRunning}},
}

var stopOutcomes = outcomes{
	{api.Success, outcome{"stopped", 0}},
	{api.NotRunning, outcome{"ERROR (not running)", 0}},
	{api.BadName, outcome{textNoSuchProcess, exitGeneric}},
	{api.Failed, outcome{"", exitGeneric}},
}

var signalOutcomes = outcomes{
	{api.Success, outcome{"signalled", 0}},
	{api.BadSignal, outcome{"ERROR (bad signal name)", exitGeneric}},
	{api.NotRunning, outcome{"ERROR (not running)", exitNotRunning}},
	{api.BadName, outcome{textNoSuchProcess, exitGeneric}},
}

var reloadOutcomes = outcomes{
	{api.Success, outcome{"reloaded", 0}},
	{api.UnknownMethod, outcome{"ERROR (this server cannot reload single programs; signal them instead)", exitGeneric}},
	{api.NotRunning, outcome{"ERROR (not running)", exitNotRunning}},
	{api.BadName, outcome{textNoSuchProcess, exitGeneric}},
}

var clearOutcomes = outcomes{
	{api.Success, outcome{"cleared", 0}},
	{api.BadName, outcome{textNoSuchProcess, exitGeneric}},
	{api.Failed, outcome{"ERROR (failed)", exitGeneric}},
}

var tailOutcomes = outcomes{
	{api.BadName, outcome{"ERROR (no such process name)", exitGeneric}},
	{api.NoFile, outcome{"ERROR (no log file)", exitGeneric}},
	{api.Failed, outcome{"ERROR (unknown error reading log)", exitGeneric}},
}
