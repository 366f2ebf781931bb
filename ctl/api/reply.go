package api

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"gosupervisor/ctl/jsontext"
)

// ProcessInfo describes one process. The order of the fields is the order of
// the members on every wire.
type ProcessInfo struct {
	Name          string `json:"name"`
	Group         string `json:"group"`
	Start         int64  `json:"start"` // Unix seconds of the last spawn attempt; 0: never
	Stop          int64  `json:"stop"`  // Unix seconds of the last reap; 0: never
	Now           int64  `json:"now"`
	State         int    `json:"state"`
	StateName     string `json:"statename"`
	SpawnErr      string `json:"spawnerr"`
	ExitStatus    int    `json:"exitstatus"` // -1: ended by a signal
	Logfile       string `json:"logfile"`    // same as StdoutLogfile
	StdoutLogfile string `json:"stdout_logfile"`
	StderrLogfile string `json:"stderr_logfile"`
	PID           int    `json:"pid"`
	Description   string `json:"description"`
}

// Namespec returns group:name, or just the name where both are equal.
func (p ProcessInfo) Namespec() string { return Namespec(p.Group, p.Name) }

// Namespec returns group:name, or just the name where both are equal.
func Namespec(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

// Matches tells whether a name - name, group:name, or group:* for all of a group -
// means a process.
func Matches(spec, group, name string) bool {
	wanted, process := SplitNamespec(spec)
	return wanted == group && (process == name || process == "")
}

// StateInfo is the state of the supervisor itself.
type StateInfo struct {
	StateCode int    `json:"statecode"` // 1 RUNNING, 0 RESTARTING, -1 SHUTDOWN
	StateName string `json:"statename"`
}

// Readiness tells whether everything is up that is to be.
type Readiness struct {
	Ready    bool      `json:"ready"`
	Expected int       `json:"expected"`  // processes that are to be up
	NotReady []Unready `json:"not_ready"` // those that are not, in the order in which they start
}

// Unready is a process that is not up, and why.
type Unready struct {
	Name      string `json:"name"`
	Group     string `json:"group"`
	StateName string `json:"statename"`
	Reason    string `json:"reason"`
}

// Status is the outcome for one process of a request about several.
type Status struct {
	Name        string `json:"name"`
	Group       string `json:"group"`
	Status      Code   `json:"status"`      // Success or the code of a fault
	Description string `json:"description"` // "OK" or the fault string
}

// ConfigInfo describes one configured process, running or not. Unset values
// are the text "none", automatic ones "auto".
type ConfigInfo struct {
	Autostart             bool   `json:"autostart"`
	Autorestart           any    `json:"autorestart"` // bool, or "unexpected"
	Directory             string `json:"directory"`
	UID                   any    `json:"uid"` // int, or "none"
	Command               string `json:"command"`
	ExitCodes             []int  `json:"exitcodes"`
	Group                 string `json:"group"`
	GroupPrio             int    `json:"group_prio"`
	InUse                 bool   `json:"inuse"`
	KillAsGroup           bool   `json:"killasgroup"`
	Name                  string `json:"name"`
	ProcessPrio           int    `json:"process_prio"`
	RedirectStderr        bool   `json:"redirect_stderr"`
	StartRetries          int    `json:"startretries"`
	StartSecs             int    `json:"startsecs"`
	StdoutCaptureMaxBytes int64  `json:"stdout_capture_maxbytes"`
	StdoutEventsEnabled   bool   `json:"stdout_events_enabled"`
	StdoutLogfile         string `json:"stdout_logfile"`
	StdoutLogfileBackups  int    `json:"stdout_logfile_backups"`
	StdoutLogfileMaxBytes int64  `json:"stdout_logfile_maxbytes"`
	StdoutSyslog          bool   `json:"stdout_syslog"`
	StopSignal            int    `json:"stopsignal"`
	StopWaitSecs          int    `json:"stopwaitsecs"`
	StderrCaptureMaxBytes int64  `json:"stderr_capture_maxbytes"`
	StderrEventsEnabled   bool   `json:"stderr_events_enabled"`
	StderrLogfile         string `json:"stderr_logfile"`
	StderrLogfileBackups  int    `json:"stderr_logfile_backups"`
	StderrLogfileMaxBytes int64  `json:"stderr_logfile_maxbytes"`
	StderrSyslog          bool   `json:"stderr_syslog"`
	ServerURL             string `json:"serverurl"`
}

// Reread is what a reread of the configuration found, by group name.
type Reread struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
}

// TailChunk is the answer of the tail methods.
type TailChunk struct {
	Data     Bytes `json:"data"`
	Offset   int64 `json:"offset"` // size of the file
	Overflow bool  `json:"overflow"`
}

// LogPiece is a piece of one of many logs: what was written, or how much of it
// was missed, or why there is nothing to be shown. One without any of these says
// that the log is open, and empty.
type LogPiece struct {
	Group   string  `json:"group"`
	Name    string  `json:"name"`
	Channel Channel `json:"channel"`
	Data    Bytes   `json:"data,omitempty"`
	Missed  int64   `json:"missed,omitempty"` // bytes that the reader was too slow for
	Fault   string  `json:"fault,omitempty"`  // NO_FILE: nothing keeps this output
}

// Namespec returns group:name, or just the name where both are equal.
func (p LogPiece) Namespec() string { return Namespec(p.Group, p.Name) }

// Bytes is log data: any bytes at all. In JSON it is a string when it is valid
// UTF-8, and {"base64": "..."} when not, so that nothing is lost on the way.
type Bytes []byte

// WholeText returns how many bytes of p are to be sent or shown now: all, or all
// but a character whose end is missing.
func WholeText(p []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if utf8.RuneStart(p[len(p)-i]) {
			if !utf8.FullRune(p[len(p)-i:]) {
				return len(p) - i
			}
			break
		}
	}
	return len(p)
}

// MarshalJSON implements json.Marshaler.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return jsontext.AppendString(make([]byte, 0, len(b)+len(b)/8+2), string(b)), nil
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(b)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(p []byte) error {
	var s string
	if err := json.Unmarshal(p, &s); err == nil {
		*b = Bytes(s)
		return nil
	}
	var o struct {
		Base64 []byte `json:"base64"`
	}
	if err := json.Unmarshal(p, &o); err != nil {
		return err
	}
	*b = o.Base64
	return nil
}
