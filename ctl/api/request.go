package api

import "context"

// Request is one decoded call. The set is closed: every type stands in this
// file and in the table of methods.
type Request interface{ request() }

// Channel names an output of a process.
type Channel string

// The channels of a process.
const (
	Stdout Channel = "stdout"
	Stderr Channel = "stderr"
)

// The requests. Name is a namespec where a process is meant.
type (
	GetAPIVersion        struct{}
	GetSupervisorVersion struct{}
	GetIdentification    struct{}
	GetState             struct{}
	GetPID               struct{}
	GetReadiness         struct{}
	ReadLog              struct{ Offset, Length int64 }
	ClearLog             struct{}
	Shutdown             struct{}
	Restart              struct{}
	ReloadConfig         struct{}
	AddProcessGroup      struct{ Name string }
	RemoveProcessGroup   struct{ Name string }
	ConfigChanges        struct{}
	UpdateGroup          struct{ Name string }

	StartProcess struct {
		Name string
		Wait bool
	}
	StartProcessGroup struct {
		Name string
		Wait bool
	}
	StartAllProcesses struct{ Wait bool }
	StopProcess       struct {
		Name string
		Wait bool
	}
	StopProcessGroup struct {
		Name string
		Wait bool
	}
	StopAllProcesses struct{ Wait bool }
	ReloadProcess    struct{ Name string }
	SignalProcess    struct {
		Name   string
		Signal string
	}
	SignalProcessGroup struct {
		Name   string
		Signal string
	}
	SignalAllProcesses struct{ Signal string }

	GetProcessInfo      struct{ Name string }
	GetAllProcessInfo   struct{}
	GetAllConfigInfo    struct{}
	GetAllProcessUsage  struct{}
	GetOrphans          struct{}
	GetMetrics          struct{}
	SendProcessStdin    struct{ Name, Chars string }
	SendRemoteCommEvent struct{ Type, Data string }

	ReadProcessLog struct {
		Name           string
		Channel        Channel
		Offset, Length int64
	}
	TailProcessLog struct {
		Name           string
		Channel        Channel
		Offset, Length int64
	}
	ClearProcessLogs    struct{ Name string }
	ClearAllProcessLogs struct{}

	// ExplainProcess wants so many of the last lines of each log.
	ExplainProcess struct {
		Name  string
		Lines int64
	}

	// WaitProcess waits until each of the processes that Names mean has
	// reached the goal, or will not by itself.
	WaitProcess struct {
		Names []string
		Goal  Goal
	}

	// FollowProcessLog streams a channel's log: its last Backlog bytes, or its
	// last Lines if that is more than 0, then what is written from then on,
	// across rotation and restart. Each piece is Bytes. With Once it ends where
	// what is there ends.
	FollowProcessLog struct {
		Name           string
		Channel        Channel
		Backlog, Lines int64
		Once           bool
		FileOnly       bool // what is kept in memory alone is no log
	}
	// FollowLogs does so for many channels at once: both of every process that
	// Names name, or the one that Channel says. No names are all processes.
	// Those that are added later and would have been named are followed from
	// their first byte on. Each piece is a LogPiece.
	FollowLogs struct {
		Names   []string // name, group:name or group:*
		Channel Channel  // "": both
		Lines   int64
		Once    bool
	}
	// FollowLog does the same for the activity log.
	FollowLog struct{ Backlog int64 }

	// FollowEvents streams events: those after the serial Since that are kept,
	// or none of them if it is negative, and then what happens.
	FollowEvents struct {
		Since        int64
		Types, Names []string
	}
	// GetEvents returns those that are kept.
	GetEvents struct {
		Since        int64
		Types, Names []string
	}
	GetEventPools struct{}
)

func (GetAPIVersion) request()        {}
func (GetSupervisorVersion) request() {}
func (GetIdentification) request()    {}
func (GetState) request()             {}
func (GetPID) request()               {}
func (GetReadiness) request()         {}
func (ReadLog) request()              {}
func (ClearLog) request()             {}
func (Shutdown) request()             {}
func (Restart) request()              {}
func (ReloadConfig) request()         {}
func (AddProcessGroup) request()      {}
func (RemoveProcessGroup) request()   {}
func (ConfigChanges) request()        {}
func (UpdateGroup) request()          {}
func (StartProcess) request()         {}
func (StartProcessGroup) request()    {}
func (StartAllProcesses) request()    {}
func (StopProcess) request()          {}
func (StopProcessGroup) request()     {}
func (StopAllProcesses) request()     {}
func (ReloadProcess) request()        {}
func (SignalProcess) request()        {}
func (SignalProcessGroup) request()   {}
func (SignalAllProcesses) request()   {}
func (GetProcessInfo) request()       {}
func (GetAllProcessInfo) request()    {}
func (GetAllConfigInfo) request()     {}
func (GetAllProcessUsage) request()   {}
func (GetOrphans) request()           {}
func (GetMetrics) request()           {}
func (ExplainProcess) request()       {}
func (WaitProcess) request()          {}
func (SendProcessStdin) request()     {}
func (SendRemoteCommEvent) request()  {}
func (ReadProcessLog) request()       {}
func (TailProcessLog) request()       {}
func (ClearProcessLogs) request()     {}
func (ClearAllProcessLogs) request()  {}
func (FollowProcessLog) request()     {}
func (FollowLog) request()            {}
func (FollowLogs) request()           {}
func (FollowEvents) request()         {}
func (GetEvents) request()            {}
func (GetEventPools) request()        {}

// Limits of FollowLogs.
const (
	MaxFollowLogs = 64        // streams at once
	MaxFollowHeld = 256 << 10 // bytes that one holds for a client that is slow
)

// Service answers requests. It is safe for use by many goroutines.
type Service interface {
	// Do performs one request and returns its reply when it is finished,
	// however long that takes. The reply's type is the one the table names.
	// The error is a *Fault. When ctx ends, Do returns early and what was
	// begun goes on.
	Do(ctx context.Context, r Request) (any, error)

	// Follow streams logs or events: emit gets each piece, in order, until ctx
	// ends, emit fails, or the log goes away. An error before the first piece is a
	// *Fault: BadName, or NoFile; it comes without delay. A piece is valid
	// during its call only, and may be empty; its type is the one that the
	// request names.
	Follow(ctx context.Context, r Request, emit func(piece any) error) error
}

// Peeker is a Service that can answer some requests without waiting for anything.
type Peeker interface {
	// Peek is Do for these. With ok false it has done nothing, and Do is to be
	// asked; that may be so at one time and not at another.
	Peek(ctx context.Context, r Request) (result any, ok bool, err error)
}
