package api

// FaultKind says when a fault occurs, for the reference.
type FaultKind struct {
	Code Code
	When string
}

// Faults lists the faults by code.
var Faults = []FaultKind{
	{UnknownMethod, "there is no such method, or its namespace is not published"},
	{IncorrectParameters, "the parameters are too many, too few, unknown or of another type"},
	{BadArguments, "offset and length of a log do not go together"},
	{SignatureUnsupported, "system.methodHelp or system.methodSignature was asked about an unknown method"},
	{ShutdownState, "the supervisor is shutting down or restarting"},
	{BadName, "there is no such process or group"},
	{BadSignal, "there is no such signal"},
	{NoFile, "there is no such log, no such command, or no open standard input"},
	{NotExecutable, "the command cannot be executed"},
	{Failed, "something else went wrong; the text says what"},
	{AbnormalTermination, "the process left STARTING for another state than RUNNING"},
	{SpawnError, "the process could not be started, or ended at once"},
	{AlreadyStarted, "the process is starting or running"},
	{NotRunning, "the process is not running"},
	{Success, "no fault: the status of a process in a list for which all went well"},
	{AlreadyAdded, "the group is active already"},
	{StillRunning, "a process of the group has not stopped"},
	{CantReread, "the configuration has an error; the text says where"},
	{Forbidden, "there are roles, and none that the client plays allows it; the text says which would"},
}
