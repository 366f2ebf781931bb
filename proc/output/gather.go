package output

import "time"

const (
	// gatherSoon after one another come the reads of a program that writes without a pause.
	gatherSoon = 100 * time.Microsecond
	// gatherAfter of those in a row, and the pump lets the pipe fill before it reads again.
	gatherAfter = 16
	// gatherBelow is more than is read at once where that is worth while; trickle is less.
	gatherBelow = chunk / 2
	// gatherFull or more in a pipe that could fill shows that the program has waited for us: it
	// is left alone for gatherNot reads that come soon.
	gatherFull = chunk - chunk/4
	gatherNot  = 48
	// gatherFor is for how long a pipe fills. The kernel adds what it may be late with a
	// timer, 50 us for most processes, and what a processor that rests takes to come back. At
	// 300 MiB/s a pipe is full after 200, and a program that has to wait for us is slower
	// than one in whose way we are.
	gatherFor = 20 * time.Microsecond
)

// clock is what gather counts from.
var clock = time.Now()

// gather tells when to let a pipe fill. Who reads a pipe as soon as a line is in it, while
// the next one is being written, is in the writer's way, in the kernel, and has many
// calls for each line: both are at half the speed then. A program of which no more than a kilobyte is
// there at a time is never made to wait.
type gather struct {
	soon   int8          // reads in a row that came soon after the one before; below 0: how many do not count yet
	waited bool          // the pipe could fill before the read that is noted next
	last   time.Duration // when the last one was
}

// note hears of a read of n bytes at now, by a clock that only goes forward; n is 0 when there
// was nothing. It tells whether the pipe should fill before the next one.
func (g *gather) note(n int, now time.Duration) bool {
	waited, gap := g.waited, now-g.last
	g.waited, g.last = false, now
	switch {
	case n == 0, waited && n <= trickle:
		g.soon = min(g.soon, 0)
	case waited && n >= gatherFull:
		g.soon = -gatherNot
	case waited: // and it was worth while
	case gap < gatherSoon:
		g.soon = min(g.soon+1, gatherAfter)
	default:
		g.soon = min(g.soon, 0)
	}
	return g.soon == gatherAfter && n > trickle && n < gatherBelow
}
