// Package socket makes the listening UNIX sockets of the daemon: those that it
// serves clients on, and those that it shares out to FastCGI programs.
//
// Nothing here lasts: a call makes a socket, and whoever made the call owns it.
//
// Invariants: a socket has its owner and its mode, and listens, before anyone
// finds it at its path; a file that is not a stale socket is never removed; of
// two that start at once one wins; and what was put in place of ours is left
// alone.
//
// How the daemon words an error differs by the kind of socket, so an Error says
// what failed and its callers find the words. It must not import anything else
// of ours.
package socket
