// Package relay is the applet supervisor_stdout: the listener that goes with the
// result handler of that name. It takes every event and says so; what is done
// with the event is the handler's business, in the daemon.
//
// One goroutine reads and writes. It keeps nothing of an event, however long
// that is. The package imports nothing of ours.
package relay
