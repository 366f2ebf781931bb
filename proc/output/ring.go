package output

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"unicode/utf8"

	"gosupervisor/proc/logfile"
)

// ringSmallest is what a ring takes for its first bytes. It doubles from there,
// so that a program that says little costs little.
const ringSmallest = 256

// Ring is the sink that keeps the last bytes of one output in memory, for what
// goes to no file that could be read. Like a FileSink it lives as long as its
// program is configured: what one run wrote is there in the next one too.
//
// Its reader is shown whole lines: the rest of a line whose beginning is lost
// is passed over, but for a line that is longer than the ring.
type Ring struct {
	max int

	mu     sync.Mutex
	buf    []byte // grows up to max bytes, and is a circle only then
	head   int    // where in buf the oldest byte is
	held   int    // bytes
	end    int64  // bytes ever written: the offset of the next one
	before byte   // the byte that stood before the oldest one
	closed bool
	taps   taps
}

// NewRing returns a ring for max bytes, which takes no memory yet.
func NewRing(max int) *Ring { return &Ring{max: max, before: '\n'} }

// taps are those who hear of what is written, under the lock of the writer.
type taps map[*func(p []byte)]struct{}

func (t *taps) add(tap func(p []byte)) *func(p []byte) {
	if *t == nil {
		*t = make(taps)
	}
	(*t)[&tap] = struct{}{}
	return &tap
}

func (t taps) tell(p []byte) {
	for tap := range t {
		(*tap)(p)
	}
}

// Write keeps the end of p. It never waits for a reader.
func (r *Ring) Write(p []byte, _ <-chan struct{}) {
	if len(p) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(p)
	r.taps.tell(p)
}

// Prompt implements Prompt.
func (r *Ring) Prompt() bool { return true }

// keep appends p and gives up what does not fit any more.
func (r *Ring) keep(p []byte) {
	r.end += int64(len(p))
	if over := len(p) - r.max; over >= 0 {
		r.drop(r.held)
		if over > 0 {
			r.before = p[over-1]
		}
		p = p[over:]
	} else if over := r.held + len(p) - r.max; over > 0 {
		r.drop(over)
	}
	if r.held+len(p) > len(r.buf) {
		r.grow(r.held + len(p))
	}
	at := (r.head + r.held) % len(r.buf)
	copy(r.buf, p[copy(r.buf[at:], p):])
	r.held += len(p)
}

// drop gives up the n oldest bytes.
func (r *Ring) drop(n int) {
	if n == 0 {
		return
	}
	r.before = r.buf[(r.head+n-1)%len(r.buf)]
	r.head = (r.head + n) % len(r.buf)
	r.held -= n
}

// grow makes room for n bytes, no more than max.
func (r *Ring) grow(n int) {
	size := max(2*len(r.buf), ringSmallest)
	for size < n {
		size *= 2
	}
	buf := make([]byte, min(size, r.max))
	r.copyOut(buf, 0)
	r.buf, r.head = buf, 0
}

// copyOut copies what is held, without its first skip bytes.
func (r *Ring) copyOut(p []byte, skip int) int {
	first, second := r.parts()
	if skip >= len(first) {
		return copy(p, second[skip-len(first):])
	}
	n := copy(p, first[skip:])
	return n + copy(p[n:], second)
}

// parts returns what is held, in its two pieces.
func (r *Ring) parts() (first, second []byte) {
	if over := r.head + r.held - len(r.buf); over > 0 {
		return r.buf[r.head:], r.buf[:over]
	}
	return r.buf[r.head : r.head+r.held], nil
}

// whole returns how many of the bytes held are passed over so that a reader
// begins at the beginning of a line, or at least of a character.
func (r *Ring) whole() int {
	if r.before == '\n' {
		return 0
	}
	first, second := r.parts()
	end := bytes.IndexByte(first, '\n')
	if end < 0 {
		if end = bytes.IndexByte(second, '\n'); end >= 0 {
			end += len(first)
		}
	}
	if end >= 0 && end+1 < r.held {
		return end + 1
	}
	for i := range min(r.held, utf8.UTFMax-1) {
		if utf8.RuneStart(r.buf[(r.head+i)%len(r.buf)]) {
			return i
		}
	}
	return 0
}

// begin returns the offset at which a reader starts who wants so much.
func (r *Ring) begin(b logfile.Backlog) int64 {
	oldest := r.end - int64(r.held)
	if b.Lines <= 0 {
		return max(oldest+int64(r.whole()), r.end-max(b.Bytes, 0))
	}
	first, second := r.parts()
	lines, last := b.Lines, true
	at := r.end
	for _, part := range [][]byte{second, first} {
		at -= int64(len(part))
		i, enough := logfile.LinesFromEnd(part, &lines, last)
		if enough {
			return max(oldest+int64(r.whole()), at+int64(i))
		}
		last = last && len(part) == 0
	}
	return oldest + int64(r.whole())
}

// Last returns the end of what was written, as much as b says and is held.
func (r *Ring) Last(b logfile.Backlog) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.from(r.begin(b))
}

// from returns what is held from an offset on.
func (r *Ring) from(offset int64) []byte {
	p := make([]byte, r.end-offset)
	r.copyOut(p, r.held-len(p))
	return p
}

// Tap has tap called with what is written from now on, and returns what Last
// would have returned at the same moment. tap must not wait, nor use the ring;
// its argument is valid during the call only.
func (r *Ring) Tap(b logfile.Backlog, tap func(p []byte)) (last []byte, stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.taps.add(tap)
	return r.from(r.begin(b)), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.taps, key)
	}
}

// Clear forgets what was written so far.
func (r *Ring) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(r.held)
	r.buf, r.head = nil, 0
}

// Close says that nothing will be written any more. Who follows is told all
// that there is, and then that it ends.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.taps.tell(nil)
}

// Missed is what a follower is told that was too slow, with the number of bytes.
const Missed = "==> %d bytes missed <==\n"

// Follow emits what Last returns and then what is written, until ctx ends, emit
// fails or the ring is closed; only then it returns nil. A follower that is so slow that
// the ring has given up what it had not seen is told how much that was, and
// goes on with the oldest line. What emit is given is valid during the call
// only.
func (r *Ring) Follow(ctx context.Context, b logfile.Backlog, emit func([]byte) error) error {
	written := make(chan struct{}, 1) // one is enough: it says "look again"
	at, stop := r.watch(b, written)
	defer stop()
	f := ringFollower{r: r, at: at, emit: emit, atLine: true}
	for {
		ended, err := f.catchUp(ctx)
		if ended || err != nil {
			return err
		}
		select {
		case <-written:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch finds where a follower begins, and has it told of what comes after.
func (r *Ring) watch(b logfile.Backlog, written chan<- struct{}) (at int64, stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.taps.add(func([]byte) {
		select {
		case written <- struct{}{}:
		default:
		}
	})
	return r.begin(b), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.taps, key)
	}
}

// followPieces are borrowed by followers while they read: most of them wait.
var followPieces = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ringFollower reads one ring along.
type ringFollower struct {
	r      *Ring
	at     int64 // the offset of the next byte to emit
	atLine bool  // nothing was emitted yet, or a whole line
	emit   func([]byte) error
}

// catchUp emits what there is. ended tells that nothing more can come.
func (f *ringFollower) catchUp(ctx context.Context) (ended bool, err error) {
	piece := followPieces.Get().(*[32 << 10]byte)
	defer followPieces.Put(piece)
	for ctx.Err() == nil {
		n, missed, ended := f.r.read(f.at, piece[:])
		f.at += missed
		if missed > 0 {
			if err := f.tell(missed); err != nil {
				return false, err
			}
		}
		if n == 0 {
			return ended, nil
		}
		f.at += int64(n)
		f.atLine = piece[n-1] == '\n'
		if err := f.emit(piece[:n]); err != nil {
			return false, err
		}
	}
	return false, ctx.Err()
}

// tell emits a line that says how much is missing.
func (f *ringFollower) tell(missed int64) error {
	line := fmt.Sprintf(Missed, missed)
	if !f.atLine {
		line = "\n" + line
	}
	f.atLine = true
	return f.emit([]byte(line))
}

// read copies what stands at an offset. missed is how much of it is gone; what
// it copies comes after that.
func (r *Ring) read(at int64, into []byte) (n int, missed int64, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if oldest := r.end - int64(r.held); at < oldest {
		missed = oldest + int64(r.whole()) - at
	}
	n = r.copyOut(into, r.held-int(r.end-at-missed))
	return n, missed, r.closed
}
