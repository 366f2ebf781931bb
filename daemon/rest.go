package daemon

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/proc"
)

const (
	// restAfter is how long nothing must have happened before the loop rests.
	restAfter = time.Second
	// restWithin is how long something may go on happening before it is tidied up
	// all the same, and how much time lies between two of that at least.
	restWithin = 30 * time.Second
	// restWorth is how many bytes must have been allocated for tidying up to be
	// worth its time, which is some milliseconds.
	restWorth = 1 << 20
)

// rest finds out when the loop has come to rest. Whatever happens, a boot or one
// request, is followed by one deadline and no more: while nothing happens nothing
// wakes up. The loop owns it.
type rest struct {
	stirred bool // something has happened since the last rest
	first   proc.Instant
	latest  proc.Instant
	before  proc.Instant // when the last rest was
	rested  bool         // there was one
}

// stir notes that something has happened.
func (r *rest) stir(now proc.Instant) {
	if !r.stirred {
		r.stirred, r.first = true, now
	}
	r.latest = now
}

// due returns when to tidy up, if there is anything to.
func (r *rest) due() (at proc.Instant, ok bool) {
	at = min(r.latest+restAfter, r.first+restWithin)
	if r.rested {
		at = max(at, r.before+restWithin)
	}
	return at, r.stirred
}

// take tells whether it is time, and if so begins anew.
func (r *rest) take(now proc.Instant) bool {
	at, ok := r.due()
	if !ok || now < at {
		return false
	}
	*r = rest{before: now, rested: true}
	return true
}

// attic is the memory that is not needed at rest. The goroutine of chores owns it.
type attic struct {
	visited   bool
	allocated uint64 // bytes, ever, when it was visited last
}

// tidy gives memory that is not used back to the system: what a boot, a new
// configuration or a burst of requests has left behind, and the pages of our file that
// they alone have needed.
func (a *attic) tidy() {
	first := !a.visited
	a.visited = true
	worth := allocated() >= a.allocated+restWorth
	if worth {
		runtime.GC() // what the pools hold the second one frees
		debug.FreeOSMemory()
	}
	if first || worth {
		leaveCode()
	}
	if worth {
		a.allocated = allocated()
	}
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// leaveCode takes our file's code and constants out of our memory. They are the
// kernel's, which keeps them and maps them again as they are used: but with each page it has
// also mapped those around it, so after a boot we seem to hold all of the file. Where a
// debugger or a probe has changed a page, nothing is touched.
func leaveCode() {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range codeOf(maps, self) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.begin, m.end-m.begin, unix.MADV_DONTNEED)
	}
}

// mapping is a part of our address space.
type mapping struct{ begin, end uintptr }

// codeOf finds the mappings of a file in the text of smaps that cannot be written to
// and of which no page was changed.
func codeOf(smaps []byte, file string) (all []mapping) {
	var m mapping
	for line := range bytes.Lines(smaps) {
		words := bytes.Fields(line)
		if len(words) < 2 {
			continue
		}
		if begin, end, ok := bytes.Cut(words[0], []byte("-")); ok {
			m = mapping{}
			from, err1 := strconv.ParseUint(string(begin), 16, 64)
			to, err2 := strconv.ParseUint(string(end), 16, 64)
			permitted := string(words[1]) == "r-xp" || string(words[1]) == "r--p"
			if err1 == nil && err2 == nil && permitted && len(words) == 6 && string(words[5]) == file {
				m = mapping{uintptr(from), uintptr(to)}
			}
			continue
		}
		if string(words[0]) == "Anonymous:" && m.end > 0 && string(words[1]) == "0" {
			all = append(all, m)
		}
	}
	return all
}
