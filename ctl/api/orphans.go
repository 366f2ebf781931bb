package api

// OrphanInfo is a process that the supervisor has adopted, because whoever started
// it has ended.
type OrphanInfo struct {
	PID     int    `json:"pid"`
	Session int    `json:"session"` // the process id of who began its session
	Command string `json:"command"`
	Name    string `json:"name"`  // of the program that it comes from; "": not to be known
	Group   string `json:"group"` // of that program
}
