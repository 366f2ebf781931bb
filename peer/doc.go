// Package peer says whether a process at the other end of a UNIX socket is one of
// ours, where the kernel's word alone does not. Both ends ask: the daemon who
// connected, and supervisorctl who listens.
//
// In a user namespace everybody whom it does not know has one and the same number,
// the overflow one. That is nobody in particular, so it is never taken for us nor
// for whom a role names.
//
// Nothing here lasts, and it imports nothing of ours.
package peer
