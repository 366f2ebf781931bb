package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// BufferPolicy says what becomes of an event for which a pool has no room:
// DropOldest, BlockSource, or grow:N.
type BufferPolicy string

// The values of buffer_policy= that have no number.
const (
	DropOldest  BufferPolicy = "drop_oldest" // the one that waited for the longest is lost, as in the original
	BlockSource BufferPolicy = "block"       // the programs whose output makes the events wait
)

// grow begins the policy by which there is room for more, up to a number.
const (
	grow    = "grow:"
	maxGrow = 1_000_000
)

// GrowsTo returns how many events may wait at the most where that is more than
// buffer_size.
func (p BufferPolicy) GrowsTo() (most int, grows bool) {
	number, grows := strings.CutPrefix(string(p), grow)
	most, _ = strconv.Atoi(number)
	return most, grows
}

func parseBufferPolicy(s string) (BufferPolicy, error) {
	word := strings.ToLower(s)
	number, grows := strings.CutPrefix(word, grow)
	switch p := BufferPolicy(word); {
	case p == DropOldest, p == BlockSource:
		return p, nil
	case !grows:
		return "", textf(msgPolicy, Repr(s))
	}
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 1 || n > maxGrow {
		return "", textf(msgGrow, Repr(s), maxGrow)
	}
	return BufferPolicy(fmt.Sprintf("%s%d", grow, n)), nil
}

// policy reads buffer_policy= of a pool whose buffer_size is known.
func (l *loader) policy(s *scope, size int) BufferPolicy {
	p := read(s, "buffer_policy", DropOldest, parseBufferPolicy)
	if most, grows := p.GrowsTo(); grows && most < size {
		s.fail("buffer_policy", s.option("buffer_policy"), textf(msgGrowSmall, p, size),
			"the number behind grow: is how many events may wait at the most")
	}
	return p
}
