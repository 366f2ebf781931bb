// Package daemon is supervisord: it reads the command line and the
// configuration, prepares the process (limits, user, log, sockets, pid file),
// and then hosts daemon/core: a loop feeds the core one input at a time and
// hands each effect to whoever can perform it.
//
// Who owns what:
//   - the loop goroutine owns the core and the slots (one per process);
//   - the goroutine of proc/child forks, signals and waits, and owns the pipes
//     and pumps of what it forked until they have been read out;
//   - the poller of proc/output knows which pump waits for which pipe, and wakes
//     it; single lines it writes to the log itself;
//   - each pump owns its end of a pipe; a log file has its own lock;
//   - a client's goroutine does the file reading that its request asks for;
//   - the view has records of all processes in which nothing changes: the loop
//     replaces them after each step, and clients read them without asking it.
//
// The loop never blocks: what it sends down goes into mailboxes. What comes up
// goes through the inbox, in two lanes: requests and news of children first,
// exits after the output that preceded them.
//
// It may import everything below it but ctl/client.
package daemon
