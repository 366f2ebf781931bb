package proc

// State is what a process slot is doing. The numbers are part of the control
// API and equal the original's.
type State int

// The states of the life cycle.
const (
	Stopped  State = 0    // never started, or stopped on request
	Starting State = 10   // spawned, startsecs not yet over
	Running  State = 20   //
	Backoff  State = 30   // failed to start, waiting to try again
	Stopping State = 40   // stop signal sent, not yet reaped
	Exited   State = 100  // ended after it had been Running
	Fatal    State = 200  // gave up starting
	Unknown  State = 1000 // could not be signalled
)

// States lists every state in the order of its number.
var States = []State{Stopped, Starting, Running, Backoff, Stopping, Exited, Fatal, Unknown}

// String returns the name that the control API and the activity log use.
func (s State) String() string {
	switch s {
	case Stopped:
		return "STOPPED"
	case Starting:
		return "STARTING"
	case Running:
		return "RUNNING"
	case Backoff:
		return "BACKOFF"
	case Stopping:
		return "STOPPING"
	case Exited:
		return "EXITED"
	case Fatal:
		return "FATAL"
	}
	return "UNKNOWN"
}

// IsStopped tells whether nothing of the process runs or is due to run: the
// states in which a group may be removed.
func (s State) IsStopped() bool {
	return s == Stopped || s == Exited || s == Fatal || s == Unknown
}

// IsRunning tells whether the process counts as running for a start or stop
// request. Stopping does not.
func (s State) IsRunning() bool {
	return s == Starting || s == Running || s == Backoff
}

// IsSignallable tells whether a signal request has somebody to go to.
func (s State) IsSignallable() bool {
	return s == Starting || s == Running || s == Stopping
}
