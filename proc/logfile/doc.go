// Package logfile is one log on disk: appended to, rotated by size, reopened,
// cleared, read by offset or by lines from its end, tailed and followed.
//
// A File is owned by whoever created it and may be used from any goroutine: a
// mutex keeps writing, rotation, reopening and clearing apart, so a caller
// that wants a log reopened calls Reopen directly and needs no word with the
// goroutine that writes. Each of these calls may wait for the disk; the
// daemon's loop must not make them itself.
//
// Invariants:
//   - Every descriptor is opened for append and close-on-exec, so a log that
//     somebody else truncates, or that several writers share, stays whole.
//   - Rotation is looked at after a write, never before one: a file may be
//     longer than its limit by the last write, and no write is ever split.
//   - A file is renamed only while it is the one at its path. What a rotation
//     by somebody else has put there is joined, not moved.
//   - As root no symbolic link of another user is followed, to write or to read;
//     an automatic log is never a link, nor a file of somebody else.
//   - What is not a regular file (a terminal, a fifo, /dev/null) is written to
//     and nothing else: never truncated, rotated, unlinked or seeked.
//   - A failing write loses its own bytes at most. It is told once, as is the
//     first write that succeeds afterwards.
//
// The daemon's own standard descriptors are no logs: Inherited recognises the
// names that mean one of them, and proc/output writes to it.
//
// The package imports nothing of ours and knows no processes.
package logfile
