// Package cgroup makes control groups (version 2) for programs: it finds the place
// of this process among them, makes a group below it for each program that is to have
// one, kills everything in a group, sees that controllers are at hand for its limits,
// and cleans up, also what an earlier run that was killed has left.
//
//	OWN                      where we were started: ours if it can be written
//	OWN/supervisor.N         of one supervisord, which holds a lock on it
//	OWN/supervisor.N/daemon  where it moves itself when there are limits: a group
//	                         with processes of its own cannot limit those below it
//	OWN/supervisor.N/G@P     of the process P of group G
//
// The name ends with @kept if what is in the group may outlive the program. Nothing
// else in a directory whose lock is free belongs to anybody alive, so it is killed.
//
// A Tree is not safe for concurrent use: the goroutine of kids owns it, since its
// files may block, and since what is killed there is reaped there. Processes are only
// ever killed as members of a group of ours; no number of theirs is remembered.
//
// The package imports nothing of ours.
package cgroup
