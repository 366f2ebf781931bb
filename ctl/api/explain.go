package api

// Explanation says why a process is in its state, as far as the supervisor
// knows. Times that are numbers with a fraction are seconds since 1970 too.
type Explanation struct {
	Name         string       `json:"name"`
	Group        string       `json:"group"`
	State        int          `json:"state"`
	StateName    string       `json:"statename"`
	Description  string       `json:"description"`
	PID          int          `json:"pid"`
	Command      string       `json:"command"`
	Start        int64        `json:"start"` // of the last spawn attempt; 0: never
	Now          int64        `json:"now"`
	Starts       int          `json:"starts"`   // attempts, whoever wanted them
	Restarts     int          `json:"restarts"` // those of them that nobody asked for
	Tries        int          `json:"tries"`    // failed starts in a row
	StartRetries int          `json:"startretries"`
	WaitsFor     string       `json:"waits_for"`  // what has to happen next; "" while it runs
	NextStart    float64      `json:"next_start"` // when it is started by itself; 0: it is not
	LastExit     *Exit        `json:"last_exit"`  // null: no child has ended yet
	History      []Transition `json:"history"`    // the last ones, the oldest first
	Stdout       LogTail      `json:"stdout"`
	Stderr       LogTail      `json:"stderr"`
}

// Namespec returns group:name, or just the name where both are equal.
func (x Explanation) Namespec() string { return Namespec(x.Group, x.Name) }

// Exit is how a child ended.
type Exit struct {
	Time       float64 `json:"time"`
	PID        int     `json:"pid"`
	Status     int     `json:"status"` // -1: a signal ended it
	Signal     string  `json:"signal"` // such as SIGKILL; "" for none
	CoreDumped bool    `json:"core_dumped"`
	Expected   bool    `json:"expected"` // it was to stop, or had started and left with one of exitcodes
	Ran        float64 `json:"ran"`      // seconds since its spawn
	Text       string  `json:"text"`     // for people
}

// Transition is a change of a process's state.
type Transition struct {
	Time   float64 `json:"time"`
	From   string  `json:"from"`
	To     string  `json:"to"`
	PID    int     `json:"pid"` // of the child concerned; 0: none
	Reason string  `json:"reason"`
}

// LogTail is the end of what a process wrote to one of its outputs.
type LogTail struct {
	Logfile string  `json:"logfile"` // "": none
	Lines   []Bytes `json:"lines"`
	Note    string  `json:"note"` // why there are none, where that is known
}

// Goal is what a wait for a process waits for.
type Goal string

// The goals of waitProcess.
const (
	GoalRunning Goal = "running"
	GoalStopped Goal = "stopped"
	GoalExited  Goal = "exited"
	GoalFatal   Goal = "fatal"
)

// OutOfReach says of a process that the goal is out of reach for it.
func (g Goal) OutOfReach() string {
	if g == GoalExited {
		return "will not exit by itself"
	}
	return "will not be " + string(g) + " by itself"
}

// Goals lists every goal.
var Goals = []Goal{GoalRunning, GoalStopped, GoalExited, GoalFatal}

// WaitResult is how the wait for one process ended.
type WaitResult struct {
	Name        string `json:"name"`
	Group       string `json:"group"`
	Status      Code   `json:"status"`      // Success, or the code of a fault
	Description string `json:"description"` // "OK" or the fault string
	StateName   string `json:"statename"`   // at the end of the wait; "": there is no such process
	Reason      string `json:"reason"`      // why it is in that state
}

// ProcessUsage is what a process takes of the machine, together with all its
// descendants. What cannot be known is null.
type ProcessUsage struct {
	Name       string   `json:"name"`
	Group      string   `json:"group"`
	State      int      `json:"state"`
	StateName  string   `json:"statename"`
	PID        int      `json:"pid"`
	Start      int64    `json:"start"`
	Uptime     float64  `json:"uptime"` // seconds, when this was measured; 0: no child
	Starts     int      `json:"starts"`
	Restarts   int      `json:"restarts"`
	CPUSeconds *float64 `json:"cpu_seconds"` // used so far, also by descendants that have ended and were waited for
	RSS        *int64   `json:"rss"`         // bytes
	FDs        *int     `json:"fds"`         // open file descriptors
	Threads    *int     `json:"threads"`
	Processes  *int     `json:"processes"` // itself and its descendants
}

// Namespec returns group:name, or just the name where both are equal.
func (u ProcessUsage) Namespec() string { return Namespec(u.Group, u.Name) }
