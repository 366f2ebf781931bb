package core

import (
	"syscall"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
)

// Effect is one thing that has to be done. The set is closed: all types stand
// here. Effects are performed in the order in which Step returns them.
type Effect interface{ effect() }

type (
	// Spawn starts a child; Spawned or SpawnFailed answers.
	Spawn struct {
		Proc    ProcID
		Program *conf.Program
	}

	// Signal sends a signal to a child. SignalDone answers where Request is
	// not zero, and after a failure.
	Signal struct {
		Proc    ProcID
		Signal  syscall.Signal
		Group   bool
		Request RequestID
	}

	// Check looks whether the program's command could be started; Checked
	// answers.
	Check struct {
		Job     uint64
		Proc    ProcID
		Program *conf.Program
	}

	// Reply answers a request.
	Reply struct {
		ID    RequestID
		Value any
		Fault *api.Fault // nil: Value is the answer
	}

	// Perform asks the daemon to do the reading or writing that a request
	// needs, on the processes named, and to answer the request itself.
	Perform struct {
		ID    RequestID
		Req   api.Request
		Procs []ProcID
		Known any // an api.Explanation, a Tally or []api.ProcessUsage that the daemon completes
	}

	// Log writes a line to the activity log.
	Log struct {
		Level conf.Level
		Text  string
	}

	// AddProcesses tells of new process slots, before anything else is asked
	// of them.
	AddProcesses struct {
		Procs    []ProcID
		Programs []*conf.Program // one for each of Procs
	}

	// RemoveProcesses tells that slots are gone.
	RemoveProcesses struct{ Procs []ProcID }

	// SendEvent writes an event to the standard input of a listener;
	// SendFailed answers if it cannot.
	SendEvent struct {
		Proc   ProcID
		Serial uint64
		Data   []byte
	}

	// RunHook runs a hook's command. ErrandStarted says that it could be started,
	// ErrandEnded, always, that it is over.
	RunHook struct {
		Errand  ProcID // under which its child runs
		Hook    *conf.Hook
		Input   []byte            // its standard input
		Environ map[string]string // what tells it of the event
	}

	// RunCommand runs a command beside the child of a process, in the same way as
	// that was started. It is answered as RunHook is. Once that child is reaped its PID
	// may be anybody's: then the command is not run.
	RunCommand struct {
		Errand  ProcID
		Proc    ProcID
		Program *conf.Program
		Key     string // where the command stands
		Command string
		PID     int // of the process's child
	}

	// KillErrand sends SIGKILL to the process group of the command of a hook or of a
	// process.
	KillErrand struct{ Errand ProcID }

	// LastWords shows the last lines of a process that ends the daemon.
	LastWords struct {
		Proc  ProcID
		Lines int    // of each of its outputs
		Title string // who it is, and what became of it
	}

	// Hold has an output of a process wait before it becomes the next event, or
	// lets go of it. What waits fills the pipe, and then the process waits.
	Hold struct {
		Proc    ProcID
		Channel api.Channel
		On      bool
	}

	// Print writes to our own standard output.
	Print struct{ Data []byte }

	// TrySockets looks whether the sockets of a group that is to be added, or
	// of processes that are to be added to one, can be created; SocketsTried
	// answers.
	TrySockets struct {
		ID     RequestID
		Group  *conf.Group
		Update bool // the request is an update
	}

	// LoadConfig reads the configuration again; Loaded answers.
	LoadConfig struct{ ID RequestID }

	// ReopenLogs reopens the activity log and every child log that is open.
	ReopenLogs struct{}

	// Leave ends the daemon: nothing is running any more.
	Leave struct {
		Restart bool
		Status  int // to leave with, when not to begin anew
	}
)

func (Spawn) effect()           {}
func (Signal) effect()          {}
func (Check) effect()           {}
func (Reply) effect()           {}
func (Perform) effect()         {}
func (Log) effect()             {}
func (AddProcesses) effect()    {}
func (RemoveProcesses) effect() {}
func (SendEvent) effect()       {}
func (RunHook) effect()         {}
func (RunCommand) effect()      {}
func (KillErrand) effect()      {}
func (LastWords) effect()       {}
func (Print) effect()           {}
func (Hold) effect()            {}
func (TrySockets) effect()      {}
func (LoadConfig) effect()      {}
func (ReopenLogs) effect()      {}
func (Leave) effect()           {}
