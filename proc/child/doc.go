// Package child starts, signals and waits for OS processes. While the daemon
// supervises, nothing else does.
//
// One goroutine, Table.Run, owns all of it: the table of keys and pids, every
// fork, every kill and every wait. A pid stays ours until we wait for it, so
// with a single owner no exit can come before its registration, and no signal
// can reach a pid that has been given to somebody else. Because nobody else
// waits, wait4(-1) is safe and serves orphans too. No other code may start a
// process or wait for one (os/exec included) but where there is no table:
// daemon/daemonize.go, before there is a supervisor, pidproxy, and ctl/openssl for
// supervisorctl. And proc/cgroup kills what is in a group, on the same goroutine.
//
// A death wakes it through the runtime's poller (bell.go), for which SIGCHLD has a handler
// of its own (deaths.go) that is there from the first table on.
//
// Others talk to the table through a mailbox that never blocks, and hear from
// it through an Observer, in order, on the table's goroutine.
//
// A spawn takes one of two ways. The fast way is one fork, for a program of root's or
// ours on a local disk that runs as ourselves. Another user, a
// umask, a program that somebody could keep from being executed, and any failure
// of the fast way go through ExecMain, a hidden applet of our own binary that
// takes the steps one by one inside the child, and reports a failed one on the
// child's stderr as the original does, with exit status 127. Nobody waits for it:
// Started is told when there is a child, and a signal, but for SIGKILL, waits
// until the program has been executed, so that it meets that and nothing else.
//
// Limits are set by the applet, too, in an order that limits.go explains. What it did
// without, or why the child cannot be what was asked for, it reports over the pipe that
// ends with the execution, and Observer.Born tells it.
//
// A fork is ours where there is assembly for the processor, and syscall.ForkExec
// elsewhere, or where the kernel does not let us; vfork.go says what for.
//
// The package may import conf and early, and nothing else of ours.
package child
