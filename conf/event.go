package conf

import "slices"

// eventTypes lists every name that events= may contain, in code point order. A
// name without an ending of its own (PROCESS_STATE) stands for all that begin
// with it.
var eventTypes = []string{
	"EVENT",
	"PROCESS_COMMUNICATION",
	"PROCESS_COMMUNICATION_STDERR",
	"PROCESS_COMMUNICATION_STDOUT",
	"PROCESS_GROUP",
	"PROCESS_GROUP_ADDED",
	"PROCESS_GROUP_REMOVED",
	"PROCESS_LOG",
	"PROCESS_LOG_STDERR",
	"PROCESS_LOG_STDOUT",
	"PROCESS_STATE",
	"PROCESS_STATE_BACKOFF",
	"PROCESS_STATE_EXITED",
	"PROCESS_STATE_FATAL",
	"PROCESS_STATE_RUNNING",
	"PROCESS_STATE_STARTING",
	"PROCESS_STATE_STOPPED",
	"PROCESS_STATE_STOPPING",
	"PROCESS_STATE_UNKNOWN",
	"REMOTE_COMMUNICATION",
	"SUPERVISOR_STATE_CHANGE",
	"SUPERVISOR_STATE_CHANGE_RUNNING",
	"SUPERVISOR_STATE_CHANGE_STOPPING",
	"TICK",
	"TICK_3600",
	"TICK_5",
	"TICK_60",
}

// EventTypes lists every event type that a listener can subscribe to, in code
// point order.
func EventTypes() []string { return slices.Clone(eventTypes) }

func isEventType(name string) bool {
	_, found := slices.BinarySearch(eventTypes, name)
	return found
}
