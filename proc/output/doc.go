// Package output carries what programs write to where it belongs: pipe ->
// ANSI strip -> capture split -> sinks and events.
//
// A Pump reads one output pipe of one child. It owns the pipe end and the state of
// the two filters. It is started after the
// fork and ends by itself: when nobody can write to the pipe any more, or when
// it has drained after the child died. It has a goroutine only while there is much to
// read: a Poller waits for all pipes at once, and passes single lines on itself. A Stream is a sink that many pumps
// share; a goroutine of its own does the writing, but into a file, and exists only while
// there is something to write. Lines is one that
// gives each line a form of its own, an Outlet one that drops lines before a Stream
// that is full. A Ring is a sink that keeps the last bytes in memory; a
// Feed is the queue through which a reader hears of many outputs at once.
//
// Invariants:
//   - What a child wrote before it died has been given to every sink and
//     callback before Drain reports done.
//   - A sink that does not take its bytes holds up the program that wrote
//     them, and never the report of an exit: each write is told by a channel
//     when it must not wait any longer.
//   - A waiting pump has no buffer and no goroutine; buffers are borrowed while reading.
//   - A disk or a reader that hangs holds up the programs that write to it, and for
//     some milliseconds, once, those that wrote at that moment.
//   - The daemon's own descriptors are written to and nothing else: no flag of
//     theirs is changed, they are not seeked, opened again or closed, and no
//     error from them ends anything.
//   - Nobody who reads holds up who writes: a reader that is too slow is told
//     how much it missed.
//   - A sink that holds back what is no line yet has no timer: its pump reads with a
//     deadline while there is such a line.
//   - Memory is bounded, whatever a program writes: by the chunk, the capture
//     limit, the queue limit, the size of the ring.
//
// The package starts no processes. It may import conf and proc/logfile only.
package output
