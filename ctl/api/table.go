package api

// The parameters that occur more than once.
var (
	nameParam   = Param{Name: "name", Type: String, Doc: "the process: name or group:name"}
	manyParam   = Param{Name: "name", Type: String, Doc: "the process: name or group:name; group:* is all of a group"}
	groupParam  = Param{Name: "name", Type: String, Doc: "the name of the group"}
	waitParam   = Param{Name: "wait", Type: Boolean, Optional: true, Default: true, Doc: "answer when it is done, not when it has begun"}
	signalParam = Param{Name: "signal", Type: Signal, Doc: "the signal, by name (HUP, SIGHUP) or number"}
	offsetParam = Param{Name: "offset", Type: Int, Doc: "the first byte; negative counts from the end"}
	lengthParam = Param{Name: "length", Type: Int, Doc: "how many bytes; 0 is all that follow the offset"}
	mostParam   = Param{Name: "length", Type: Int, Doc: "at most so many bytes, the last ones of the log"}
	followParam = Param{Name: "follow", Type: Boolean, Optional: true, Default: true, Doc: "false ends the stream where what is there ends"}
	typesParam  = Param{Name: "types", Type: Names, Optional: true, Doc: "the types, such as PROCESS_STATE or TICK_5; left out or empty: all but PROCESS_LOG, PROCESS_COMMUNICATION and TICK"}
	aboutParam  = Param{Name: "names", Type: Names, Optional: true, Doc: "only what concerns these: name, group:name or group:*; left out or empty: everything"}
	backlog     = Param{Name: "backlog", Type: Int, Optional: true, Default: int64(1024), Doc: "begin with so many bytes of what is there"}
)

// The results that occur more than once.
const (
	alwaysTrue = "true"
	statusList = "one {name, group, status, description} for each process it applied to"
	logBytes   = "the bytes of the log"
	tailResult = "the data, the size of the log, and whether there was more than was asked for"
	infoResult = "name, group, start, stop, now, state, statename, spawnerr, exitstatus, logfile, stdout_logfile, stderr_logfile, pid, description"
	followDone = "true when the stream has ended; each piece of the log comes before it"
	piecesDone = "true when the stream has ended; each piece that comes before it is a LogPiece"
)

func text(v any) string   { s, _ := v.(string); return s }
func number(v any) int64  { n, _ := v.(int64); return n }
func truth(v any) bool    { b, _ := v.(bool); return b }
func list(v any) []string { l, _ := v.([]string); return l }

// positive is a backlog: a negative one means nothing.
func positive(v any) int64 { return max(0, number(v)) }

// follow builds the request of followProcessLog.
func follow(a []any) Request {
	r := FollowProcessLog{Name: text(a[0]), Channel: Channel(text(a[1])), Backlog: positive(a[2]), Lines: positive(a[3]), Once: !truth(a[4])}
	if a[3] != nil {
		r.Backlog = 0
	}
	return r
}

func followMany(a []any) Request {
	names, _ := a[0].([]string)
	return FollowLogs{names, Channel(text(a[1])), positive(a[2]), !truth(a[3])}
}

// plain builds requests without parameters.
func plain[R Request]([]any) Request {
	var r R
	return r
}

func readStdout(a []any) Request { return readChannel(Stdout, a) }
func readStderr(a []any) Request { return readChannel(Stderr, a) }

func readChannel(c Channel, a []any) Request {
	return ReadProcessLog{text(a[0]), c, number(a[1]), number(a[2])}
}

func tailStdout(a []any) Request { return tailChannel(Stdout, a) }
func tailStderr(a []any) Request { return tailChannel(Stderr, a) }

func tailChannel(c Channel, a []any) Request {
	return TailProcessLog{text(a[0]), c, number(a[1]), number(a[2])}
}

func readMain(a []any) Request { return ReadLog{number(a[0]), number(a[1])} }

func clearOne(a []any) Request { return ClearProcessLogs{text(a[0])} }

// Methods is the one list of what a client may call. The order is that of the
// reference documentation. No function is called in it, so that the compiler makes the table
// and not every start of the program.
var Methods = []Method{
	// The supervisor itself.
	{Name: "supervisor.getAPIVersion", Access: Read, Scope: NoProcess, Result: String, XMLRPC: true, Build: plain[GetAPIVersion],
		Doc: "Returns the version of this interface.", ResultDoc: `always "3.0"`},
	{Name: "supervisor.getVersion", Access: Read, Scope: NoProcess, Result: String, XMLRPC: true, AliasOf: "supervisor.getAPIVersion", Build: plain[GetAPIVersion],
		Doc: "Returns the version of this interface.", ResultDoc: `always "3.0"`},
	{Name: "supervisor.getSupervisorVersion", Access: Read, Scope: NoProcess, Result: String, XMLRPC: true, Build: plain[GetSupervisorVersion],
		Doc: "Returns the version of the supervisor.", ResultDoc: "the version"},
	{Name: "supervisor.getIdentification", Access: Read, Scope: NoProcess, Result: String, XMLRPC: true, Build: plain[GetIdentification],
		Doc: "Returns the identifier from the configuration.", ResultDoc: "the identifier"},
	{Name: "supervisor.getState", Access: Read, Scope: NoProcess, Result: Struct, XMLRPC: true, Build: plain[GetState],
		Doc: "Returns the state of the supervisor itself.", ResultDoc: "statecode and statename: 1 RUNNING, 0 RESTARTING, -1 SHUTDOWN"},
	{Name: "supervisor.getReadiness", Access: Read, Scope: EveryOne, Result: Struct, Build: plain[GetReadiness],
		Doc: "Tells whether everything is up that is to be: each process with autostart=true runs, or has ended as it was to - with an exit " +
			"status of exitcodes, and no restart to come.", ResultDoc: "whether it is so, and which processes are in the way"},
	{Name: "supervisor.getPID", Access: Read, Scope: NoProcess, Result: Int, XMLRPC: true, Build: plain[GetPID],
		Doc: "Returns the process id of the supervisor.", ResultDoc: "the pid"},
	{Name: "supervisor.readLog", Access: Read, Scope: EveryOne, Params: []Param{offsetParam, lengthParam}, Result: Data, XMLRPC: true, Build: readMain,
		Doc: "Reads from the activity log.", ResultDoc: logBytes},
	{Name: "supervisor.readMainLog", Access: Read, Scope: EveryOne, Params: []Param{offsetParam, lengthParam}, Result: Data, XMLRPC: true, AliasOf: "supervisor.readLog", Build: readMain,
		Doc: "Reads from the activity log.", ResultDoc: logBytes},
	{Name: "supervisor.clearLog", Access: Admin, Scope: EveryOne, Result: Boolean, XMLRPC: true, Build: plain[ClearLog],
		Doc: "Empties the activity log.", ResultDoc: alwaysTrue},
	{Name: "supervisor.followLog", Access: Read, Scope: EveryOne, Params: []Param{backlog}, Result: Boolean, Stream: true,
		Build: func(a []any) Request { return FollowLog{positive(a[0])} },
		Doc:   "Streams the activity log: its end, then every line as it is written.", ResultDoc: followDone},
	{Name: "supervisor.shutdown", Access: Admin, Scope: EveryOne, Result: Boolean, XMLRPC: true, Build: plain[Shutdown],
		Doc: "Stops every process and ends the supervisor. The answer comes before anything stops.", ResultDoc: alwaysTrue},
	{Name: "supervisor.restart", Access: Admin, Scope: EveryOne, Result: Boolean, XMLRPC: true, Build: plain[Restart],
		Doc: "Stops every process, reads the configuration again and starts over. The answer comes before anything stops.", ResultDoc: alwaysTrue},

	// The configuration.
	{Name: "supervisor.reloadConfig", Access: Admin, Scope: EveryOne, Result: Array, Slow: true, XMLRPC: true, Build: plain[ReloadConfig],
		Doc: "Reads the configuration again and compares it with what runs. Nothing is started or stopped.", ResultDoc: "the names of the groups added, changed and removed"},
	{Name: "supervisor.addProcessGroup", Access: Admin, Scope: TheGroup, Params: []Param{groupParam}, Result: Boolean, XMLRPC: true,
		Build: func(a []any) Request { return AddProcessGroup{text(a[0])} },
		Doc:   "Adds a group of the configuration as last read, and starts what is to start by itself.", ResultDoc: alwaysTrue},
	{Name: "supervisor.removeProcessGroup", Access: Admin, Scope: TheGroup, Params: []Param{groupParam}, Result: Boolean, XMLRPC: true,
		Build: func(a []any) Request { return RemoveProcessGroup{text(a[0])} },
		Doc:   "Removes a group whose processes have all stopped.", ResultDoc: alwaysTrue},
	{Name: "supervisor.configChanges", Access: Read, Scope: EveryOne, Result: Array, Build: plain[ConfigChanges],
		Doc:       "Compares what runs with the configuration as last read, key by key. Nothing is started or stopped.",
		ResultDoc: "what updateGroup would do now, for each group and each hook (hook:NAME) that differs"},
	{Name: "supervisor.updateGroup", Access: Admin, Scope: TheGroup, Params: []Param{groupParam}, Result: Struct, Slow: true,
		Build: func(a []any) Request { return UpdateGroup{text(a[0])} },
		Doc: "Brings one group into line with the configuration as last read: stops what goes or has changed, starts what is new " +
			"or has changed and starts by itself, and leaves every other process alone. The answer comes when that is done; " +
			"with update_mode=group every process of a group that differs is stopped. hook:NAME stands for a hook.",
		ResultDoc: "what was done"},
	{Name: "supervisor.getAllConfigInfo", Access: Read, Scope: TheVisible, Result: Array, XMLRPC: true, Build: plain[GetAllConfigInfo],
		Doc: "Returns the settings of every configured process, running or not.", ResultDoc: "one struct of settings for each process, sorted by name"},

	// Events.
	{Name: "supervisor.followEvents", Access: Read, Scope: TheNamed, Params: []Param{{Name: "since", Type: Int, Optional: true, Default: int64(-1), Doc: "begin with the events after the one with this serial; negative: with what happens from now on"}, typesParam, aboutParam},
		Result: Boolean, Stream: true,
		Build: func(a []any) Request { return FollowEvents{number(a[0]), list(a[1]), list(a[2])} },
		Doc: "Streams events, each as it happens. The first record is an open; a gap tells that events are missing that this reader may have " +
			"asked for. PROCESS_LOG, PROCESS_COMMUNICATION and TICK come only if types names them, or EVENT.",
		ResultDoc: "true when the supervisor has come to its end; each EventRecord comes before it"},
	{Name: "supervisor.getEvents", Access: Read, Scope: TheNamed, Params: []Param{{Name: "since", Type: Int, Optional: true, Default: int64(0), Doc: "only events after the one with this serial"}, typesParam, aboutParam},
		Result: Struct,
		Build:  func(a []any) Request { return GetEvents{number(a[0]), list(a[1]), list(a[2])} },
		Doc:    "Returns the events that are kept.", ResultDoc: "the events, oldest first"},

	{Name: "supervisor.getEventPools", Access: Read, Scope: EveryOne, Result: Array, Build: plain[GetEventPools],
		Doc:       "Describes every pool of event listeners: what waits, what was acknowledged, rejected and lost since the pool was added.",
		ResultDoc: "one struct for each [eventlistener:x], sorted by name"},

	// Processes.
	{Name: "supervisor.getProcessInfo", Access: Read, Scope: TheNamed, Params: []Param{nameParam}, Result: Struct, XMLRPC: true,
		Build: func(a []any) Request { return GetProcessInfo{text(a[0])} },
		Doc:   "Describes one process.", ResultDoc: infoResult},
	{Name: "supervisor.getAllProcessInfo", Access: Read, Scope: TheVisible, Result: Array, XMLRPC: true, Build: plain[GetAllProcessInfo],
		Doc: "Describes every process.", ResultDoc: "what getProcessInfo returns for each process, sorted by group and name"},
	{Name: "supervisor.explainProcess", Access: Read, Scope: TheNamed,
		Params: []Param{nameParam, {Name: "lines", Type: Int, Optional: true, Default: int64(10), Doc: "so many of the last lines of each output, 1000 at the most"}},
		Result: Struct, Build: func(a []any) Request { return ExplainProcess{text(a[0]), positive(a[1])} },
		Doc: "Says why a process is in its state: its last transitions with their reasons, its last exit, what it waits for, and the " +
			"last lines that it wrote.",
		ResultDoc: "what is known"},
	{Name: "supervisor.waitProcess", Access: Read, Scope: TheNamed,
		Params: []Param{{Name: "name", Type: Names, Doc: "the process, or an array of them: name or group:name; group:* is all of a group"},
			{Name: "for", Type: ToState, Optional: true, Default: string(GoalRunning), Doc: "running, stopped, exited or fatal"}},
		Result: Array, Slow: true, Build: func(a []any) Request { return WaitProcess{list(a[0]), Goal(text(a[1]))} },
		Doc: "Waits until each of the processes has reached a state. One that is there already, or that will not get there by " +
			"itself, keeps nobody waiting. running is RUNNING, and is out of " +
			"reach for one that is FATAL, UNKNOWN, or EXITED without a restart to come. stopped is STOPPED, FATAL, or EXITED without a " +
			"restart to come, and out of reach in UNKNOWN. exited is EXITED, restart or not, and out of reach in FATAL and UNKNOWN. " +
			"fatal is FATAL, and out of reach in UNKNOWN, or EXITED without a restart to come. STOPPED puts nothing out of reach: " +
			"whoever stopped the process may start it.",
		ResultDoc: "for each process, in the order of the names: 80 when it got there, 40 when it will not, 10 when there is no such process"},
	{Name: "supervisor.getOrphans", Access: Read, Scope: EveryOne, Result: Array, Build: plain[GetOrphans],
		Doc:       "Lists the processes that the supervisor has adopted, because whoever started them has ended; a thousand at most, of whose commands the first kilobyte.",
		ResultDoc: "pid, session, command, and the name and group of the program that it comes from, if its environment tells"},
	{Name: "supervisor.getAllProcessUsage", Access: Read, Scope: TheVisible, Result: Array, Build: plain[GetAllProcessUsage],
		Doc: "Measures what every process takes of the machine, its descendants included. A percentage is the difference of two " +
			"cpu_seconds over that of the two uptimes, as long as the pid is the same.",
		ResultDoc: "one struct for each process, sorted by group and name; null is what /proc does not tell"},
	{Name: "supervisor.getMetrics", Access: Read, Scope: EveryOne, Result: Array, Build: plain[GetMetrics],
		Doc:       "Returns what is counted and measured of every process and of the supervisor itself, as monitoring systems take it.",
		ResultDoc: "one struct for each metric, with its samples"},
	{Name: "supervisor.startProcess", Access: Operate, Scope: TheNamed, Params: []Param{manyParam, waitParam}, Result: Boolean, Slow: true, XMLRPC: true,
		Build: func(a []any) Request { return StartProcess{text(a[0]), truth(a[1])} },
		Doc:   "Starts a process.", ResultDoc: "true; for group:* as startProcessGroup"},
	{Name: "supervisor.startProcessGroup", Access: Operate, Scope: TheGroup, Params: []Param{groupParam, waitParam}, Result: Array, Slow: true, XMLRPC: true,
		Build: func(a []any) Request { return StartProcessGroup{text(a[0]), truth(a[1])} },
		Doc:   "Starts every process of a group.", ResultDoc: statusList},
	{Name: "supervisor.startAllProcesses", Access: Operate, Scope: EveryOne, Params: []Param{waitParam}, Result: Array, Slow: true, XMLRPC: true,
		Build: func(a []any) Request { return StartAllProcesses{truth(a[0])} },
		Doc:   "Starts every process.", ResultDoc: statusList},
	{Name: "supervisor.stopProcess", Access: Operate, Scope: TheNamed, Params: []Param{manyParam, waitParam}, Result: Boolean, Slow: true, XMLRPC: true,
		Build: func(a []any) Request { return StopProcess{text(a[0]), truth(a[1])} },
		Doc:   "Stops a process.", ResultDoc: "true; for group:* as stopProcessGroup"},
	{Name: "supervisor.stopProcessGroup", Access: Operate, Scope: TheGroup, Params: []Param{groupParam, waitParam}, Result: Array, Slow: true, XMLRPC: true,
		Build: func(a []any) Request { return StopProcessGroup{text(a[0]), truth(a[1])} },
		Doc:   "Stops every process of a group.", ResultDoc: statusList},
	{Name: "supervisor.stopAllProcesses", Access: Operate, Scope: EveryOne, Params: []Param{waitParam}, Result: Array, Slow: true, XMLRPC: true,
		Build: func(a []any) Request { return StopAllProcesses{truth(a[0])} },
		Doc:   "Stops every process.", ResultDoc: statusList},
	{Name: "supervisor.reloadProcess", Access: Operate, Scope: TheNamed, Params: []Param{manyParam}, Result: Boolean, Slow: true,
		Build: func(a []any) Request { return ReloadProcess{text(a[0])} },
		Doc: "Has a process read its own configuration again: runs its reload_command, and waits for the end of that, or else sends it " +
			"its reload_signal.",
		ResultDoc: "true; for group:* " + statusList},
	{Name: "supervisor.signalProcess", Access: Operate, Scope: TheNamed, Params: []Param{manyParam, signalParam}, Result: Boolean, XMLRPC: true,
		Build: func(a []any) Request { return SignalProcess{text(a[0]), text(a[1])} },
		Doc:   "Sends a signal to a process.", ResultDoc: "true; for group:* as signalProcessGroup"},
	{Name: "supervisor.signalProcessGroup", Access: Operate, Scope: TheGroup, Params: []Param{groupParam, signalParam}, Result: Array, XMLRPC: true,
		Build: func(a []any) Request { return SignalProcessGroup{text(a[0]), text(a[1])} },
		Doc:   "Sends a signal to every process of a group.", ResultDoc: statusList},
	{Name: "supervisor.signalAllProcesses", Access: Operate, Scope: EveryOne, Params: []Param{signalParam}, Result: Array, XMLRPC: true,
		Build: func(a []any) Request { return SignalAllProcesses{text(a[0])} },
		Doc:   "Sends a signal to every process.", ResultDoc: statusList},
	{Name: "supervisor.sendProcessStdin", Access: Operate, Scope: TheNamed,
		Params: []Param{nameParam, {Name: "chars", Type: Data, Echo: true, Doc: "what to write; nothing is appended"}},
		Result: Boolean, XMLRPC: true,
		Build: func(a []any) Request { return SendProcessStdin{text(a[0]), text(a[1])} },
		Doc:   "Writes to the standard input of a process.", ResultDoc: alwaysTrue},
	{Name: "supervisor.sendRemoteCommEvent", Access: Operate, Scope: EveryOne,
		Params: []Param{{Name: "type", Type: String, Doc: "the type in the header of the event"},
			{Name: "data", Type: String, Doc: "the body of the event"}},
		Result: Boolean, XMLRPC: true,
		Build: func(a []any) Request { return SendRemoteCommEvent{text(a[0]), text(a[1])} },
		Doc:   "Sends a REMOTE_COMMUNICATION event to the event listeners.", ResultDoc: alwaysTrue},

	// Logs of processes.
	{Name: "supervisor.readProcessStdoutLog", Access: Read, Scope: TheNamed, Params: []Param{nameParam, offsetParam, lengthParam}, Result: Data, XMLRPC: true, Build: readStdout,
		Doc: "Reads from the log of a process's standard output.", ResultDoc: logBytes},
	{Name: "supervisor.readProcessLog", Access: Read, Scope: TheNamed, Params: []Param{nameParam, offsetParam, lengthParam}, Result: Data, XMLRPC: true, AliasOf: "supervisor.readProcessStdoutLog", Build: readStdout,
		Doc: "Reads from the log of a process's standard output.", ResultDoc: logBytes},
	{Name: "supervisor.readProcessStderrLog", Access: Read, Scope: TheNamed, Params: []Param{nameParam, offsetParam, lengthParam}, Result: Data, XMLRPC: true, Build: readStderr,
		Doc: "Reads from the log of a process's standard error.", ResultDoc: logBytes},
	{Name: "supervisor.tailProcessStdoutLog", Access: Read, Scope: TheNamed, Params: []Param{nameParam, offsetParam, mostParam}, Result: Array, XMLRPC: true, Build: tailStdout,
		Doc: "Returns what came to the log of a process's standard output after an offset.", ResultDoc: tailResult},
	{Name: "supervisor.tailProcessLog", Access: Read, Scope: TheNamed, Params: []Param{nameParam, offsetParam, mostParam}, Result: Array, XMLRPC: true, AliasOf: "supervisor.tailProcessStdoutLog", Build: tailStdout,
		Doc: "Returns what came to the log of a process's standard output after an offset.", ResultDoc: tailResult},
	{Name: "supervisor.tailProcessStderrLog", Access: Read, Scope: TheNamed, Params: []Param{nameParam, offsetParam, mostParam}, Result: Array, XMLRPC: true, Build: tailStderr,
		Doc: "Returns what came to the log of a process's standard error after an offset.", ResultDoc: tailResult},
	{Name: "supervisor.followProcessLog", Access: Read, Scope: TheNamed,
		Params: []Param{nameParam, {Name: "channel", Type: Output, Optional: true, Default: string(Stdout), Doc: "stdout or stderr"}, backlog,
			{Name: "lines", Type: Int, Optional: true, Doc: "begin with so many lines instead, from before the last rotation too"}, followParam},
		Result: Boolean, Stream: true, Build: follow,
		Doc: "Streams a log of a process: its end, then what is written from then on, across rotation and restart. " +
			"Output that goes to no file is there as far as log_ring keeps it in memory.",
		ResultDoc: followDone},
	{Name: "supervisor.followLogs", Access: Read, Scope: TheNamed,
		Params: []Param{{Name: "names", Type: Names, Optional: true, Doc: "the processes: name, group:name or group:*; left out or empty, all there are"},
			{Name: "channel", Type: Output, Optional: true, Doc: "stdout or stderr; left out, both"},
			{Name: "lines", Type: Int, Optional: true, Default: int64(10), Doc: "begin with so many lines of each channel, from before the last rotation too"}, followParam},
		Result: Boolean, Stream: true, Build: followMany,
		Doc: "Streams the logs of many processes in one: the end of each, then what is written from then on, across rotation and restart. " +
			"A process that is added later and that names would have named is followed from its first byte on.",
		ResultDoc: piecesDone},
	{Name: "supervisor.clearProcessLogs", Access: Operate, Scope: TheNamed, Params: []Param{nameParam}, Result: Boolean, XMLRPC: true, Build: clearOne,
		Doc: "Empties the logs of a process.", ResultDoc: alwaysTrue},
	{Name: "supervisor.clearProcessLog", Access: Operate, Scope: TheNamed, Params: []Param{nameParam}, Result: Boolean, XMLRPC: true, AliasOf: "supervisor.clearProcessLogs", Build: clearOne,
		Doc: "Empties the logs of a process.", ResultDoc: alwaysTrue},
	{Name: "supervisor.clearAllProcessLogs", Access: Operate, Scope: EveryOne, Result: Array, Slow: true, XMLRPC: true, Build: plain[ClearAllProcessLogs],
		Doc: "Empties the logs of every process.", ResultDoc: statusList},

	// The connection.
	{Name: "system.listMethods", Access: Read, Scope: NoProcess, Result: Array, XMLRPC: true,
		Doc: "Lists the methods that can be called.", ResultDoc: "their names, sorted"},
	{Name: "system.methodHelp", Access: Read, Scope: NoProcess, Params: []Param{methodParam}, Result: String, XMLRPC: true,
		Doc: "Describes a method.", ResultDoc: "the description"},
	{Name: "system.methodSignature", Access: Read, Scope: NoProcess, Params: []Param{methodParam}, Result: Array, XMLRPC: true,
		Doc: "Returns the types of a method.", ResultDoc: "the type of the result, then those of the parameters"},
	{Name: "system.multicall", Access: Read, Scope: NoProcess, Params: []Param{{Name: "calls", Type: Array, Doc: "structs of methodName and, optionally, params"}}, Result: Array, XMLRPC: true,
		Doc: "Performs calls strictly one after another.", ResultDoc: "for each call its bare result, or a struct of faultCode and faultString"},
	{Name: "system.login", Access: Read, Scope: NoProcess,
		Params: []Param{{Name: "username", Type: String, Doc: "the user name of the server's section"},
			{Name: "password", Type: String, Doc: "the password"}},
		Result: Boolean,
		Doc:    "Opens a connection to a server that has a user name; before it, every other method is refused.", ResultDoc: alwaysTrue},
	{Name: "system.cancel", Access: Read, Scope: NoProcess, Params: []Param{{Name: "id", Type: Any, Doc: "the id of a request of this connection that is still running"}}, Result: Boolean,
		Doc: "Ends a stream, or stops waiting for an answer; what a request has begun goes on.", ResultDoc: "whether there was such a request"},
}

var methodParam = Param{Name: "name", Type: String, Doc: "the name of the method"}
