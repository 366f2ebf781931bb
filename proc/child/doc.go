// Package child starts, signals and waits for OS processes. It is the only
// package that does.
//
// One goroutine, Table.Run, owns all of it: the table of keys and pids, every
// fork, every kill and every wait. A pid stays ours until we wait for it, so
// with a single owner no exit can come before its registration, and no signal
// can reach a pid that has been given to somebody else. Because nobody else
// waits, wait4(-1) is safe and serves orphans too. No other code of the program
// may start a process or wait for one (os/exec included).
//
// Others talk to the table through a mailbox that never blocks, and hear from
// it through an Observer, in order, on the table's goroutine.
//
// A spawn takes one of two ways. What syscall.ForkExec can set (directory,
// user, groups, descriptors) it sets: the fast way. A umask, or any failure of
// the fast way, goes through ExecMain, a hidden applet of our own binary that
// takes the remaining steps one by one inside the child, and reports a failed
// one on the child's stderr as the original does, with exit status 127. Either
// way Started is told only after the final program has been executed (or could
// not be), so a signal sent after it meets that program and nothing else.
//
// The package may import conf, and nothing else of ours.
package child
