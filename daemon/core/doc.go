// Package core is the whole supervisor as one deterministic value: processes,
// groups, pending requests, the order of starting and stopping, and its own run
// state. Step takes one input and returns the effects that have to be performed.
//
// It has no goroutine, clock, lock, file or socket: the time is an argument,
// and everything it wants done is a value. The daemon's loop goroutine owns the
// one Core; nothing else touches it. The same inputs give the same effects.
//
// Invariants: every process has at most one child or one fork under way; a
// request gets exactly one Reply, unless its client cancelled it; while the
// supervisor shuts down nothing is spawned; of one group at most one update is
// under way, and what that is to drop is not started any more.
//
// It may import conf, proc and ctl/api.
package core
