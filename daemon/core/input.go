package core

import (
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// ProcID names a process slot for as long as the daemon lives; it is never
// given twice. It is also the key under which its child runs.
type ProcID uint64

// RequestID names a pending request. Zero is nobody's.
type RequestID uint64

// Input is one thing that happened. The set is closed: all types stand here.
type Input interface{ input() }

type (
	// Boot starts everything: the groups are added, autostart begins.
	Boot struct{}

	// Request is a call on the control surface. It gets one Reply.
	Request struct {
		ID  RequestID
		Req api.Request
	}

	// Cancel says that nobody waits for the reply any more. What the request
	// began goes on.
	Cancel struct{ ID RequestID }

	// Checked answers a Check: whether the command could be started.
	Checked struct {
		Job  uint64
		Proc ProcID
		Err  *CommandError // nil: it can
	}

	// Spawned says that a Spawn worked.
	Spawned struct {
		Proc ProcID
		PID  int

		// The child may yet turn out not to be able to run the program; Executed
		// follows if it is, or Exited.
		Unsure bool
	}

	// Executed says that an unsure child runs its program.
	Executed struct{ Proc ProcID }

	// SpawnFailed says that a Spawn gave no child.
	SpawnFailed struct {
		Proc ProcID
		Text string // for people, as the spawnerr of the process

		NotFound bool   // because there is no such command
		Closed   string // the URL of the shared socket that was closed with that
	}

	// Reaped says that a child is dead while its output is still being read.
	Reaped struct{ Proc ProcID }

	// Exited says that a child is dead and all that it wrote has been taken.
	Exited struct {
		Proc ProcID
		At   proc.Instant // when it was reaped
		Wall time.Time
		Code int    // exit code, -1 for a signal
		Text string // such as "exit status 0"

		Signal     syscall.Signal // that ended it, or 0
		CoreDumped bool
		Closed     string // the URL of the shared socket that was closed with that

		Refused string // why the child could not run the program at all; "": it could
	}

	// SignalDone tells how a Signal went. It comes for signals that a request
	// asked for, and for every failure.
	SignalDone struct {
		Proc    ProcID
		Request RequestID
		Err     error // nil also when the child was gone already
	}

	// Heard is what an event listener wrote to its standard output.
	Heard struct {
		Proc ProcID
		Data []byte
	}

	// Wrote is output of a process that somebody may want as an event: text
	// for its log, or text that it marked as a message.
	Wrote struct {
		Proc    ProcID
		Channel api.Channel
		Message bool // between the capture tokens
		Data    []byte
	}

	// SendFailed says that an event could not be given to a listener, because
	// it reads no more.
	SendFailed struct {
		Proc   ProcID
		Serial uint64
		Full   bool // it does not read now, but may again
	}

	// Follow begins to follow events. It is answered at once with an
	// api.EventBatch, and followed from then on until Unfollow; its ID names
	// the follower.
	Follow struct {
		ID  RequestID
		Req api.FollowEvents
	}

	// More asks for the next batch, and is answered when there is one.
	More struct{ ID, Follower RequestID }

	// Unfollow ends what Follow began. A More that waits gets no answer.
	Unfollow struct{ Follower RequestID }

	// SocketsTried answers a TrySockets.
	SocketsTried struct {
		ID     RequestID
		Group  *conf.Group
		Update bool  // the request is an update
		Err    error // nil: they can be created
	}

	// ErrandStarted says that a RunHook or RunCommand gave a child.
	ErrandStarted struct {
		Errand ProcID
		PID    int
	}

	// ErrandEnded says that a RunHook or RunCommand is over.
	ErrandEnded struct {
		Errand  ProcID
		Failure string // why there was no child; "": there was one
		Gone    bool   // there was none, since whom it is about has ended
		Code    int    // exit code, -1 for a signal
		Text    string // such as "exit status 0"
		Output  []byte // the first of what it wrote
		More    int    // bytes that it wrote beyond that
	}

	// OSSignal is a signal to the daemon itself.
	OSSignal struct{ Signal syscall.Signal }

	// Loaded answers a LoadConfig.
	Loaded struct {
		ID     RequestID // of the request that wanted it; zero for a restart
		Config *conf.Config
		Err    error
	}

	// Due says that NextDue has come.
	Due struct{}
)

// CommandError tells why a program's command can't be started.
type CommandError struct {
	Code api.Code // NoFile or NotExecutable
	Text string
}

func (Boot) input()          {}
func (Request) input()       {}
func (Cancel) input()        {}
func (Checked) input()       {}
func (Spawned) input()       {}
func (Executed) input()      {}
func (SpawnFailed) input()   {}
func (Reaped) input()        {}
func (Exited) input()        {}
func (SignalDone) input()    {}
func (Heard) input()         {}
func (Wrote) input()         {}
func (SendFailed) input()    {}
func (SocketsTried) input()  {}
func (ErrandStarted) input() {}
func (ErrandEnded) input()   {}
func (OSSignal) input()      {}
func (Loaded) input()        {}
func (Due) input()           {}
func (Follow) input()        {}
func (More) input()          {}
func (Unfollow) input()      {}
