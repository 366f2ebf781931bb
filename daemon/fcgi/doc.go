// Package fcgi owns the listening sockets of [fcgi-program:x] sections. All
// processes of a section share one socket, which each of them gets as its
// descriptor 0; it is open while at least one of them lives or is being
// started.
//
// The goroutine that forks owns a Sockets, so that a socket is there before the
// child that needs it, and nothing here has a lock. Before that goroutine runs,
// and after it has ended, whoever starts it may use the Sockets.
//
// Invariants: a section has at most one socket; a socket is open if and only if
// somebody holds it; a file that is not a stale socket is never removed; and a
// UNIX socket has its owner and its mode before anyone finds it.
//
// It must not know of processes: holders are numbers.
package fcgi
