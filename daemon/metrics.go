package daemon

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/daemon/metrics"
	"gosupervisor/proc/output"
	"gosupervisor/version"
)

// totals are what is counted for the life of the process, over restarts.
type totals struct {
	orphans atomic.Uint64
}

// written counts what goes through a channel. It is a sink.
type written struct{ n atomic.Int64 }

// Write implements output.Sink.
func (w *written) Write(p []byte, _ <-chan struct{}) { w.n.Add(int64(len(p))) }

// Prompt implements output.Prompt.
func (w *written) Prompt() bool { return true }

// metrics completes what the core has counted by what the logs, the servers and
// the kernel say. It reads all of /proc, so the loop must not wait for it.
func (h *host) metrics(t core.Tally, slots []*slot, at time.Time) []api.Metric {
	t.Usage = h.measure(t.Usage, at)
	s := metrics.Snapshot{
		Version: version.API, Started: h.epoch, Uptime: time.Since(h.epoch), Tally: t,
		Own: h.own(),
	}
	for _, slot := range slots {
		for _, c := range slot.channels() {
			l := metrics.Log{Group: slot.prog.Group, Process: slot.prog.Name, Channel: c.name, Bytes: c.written.n.Load(), Dropped: -1, DroppedLines: -1}
			switch {
			case c.lost.Load():
				l.Dropped = l.Bytes // there is no file
			case c.sink != nil:
				l.Dropped = c.sink.Dropped()
			}
			if c.outlet != nil {
				l.DroppedLines = c.outlet.Dropped()
			}
			s.Logs = append(s.Logs, l)
		}
	}
	for _, server := range h.servers {
		v := server.Stats()
		s.Servers = append(s.Servers, metrics.Server{
			Section: v.Section, Connections: v.Connections, Accepted: v.Accepted, Refused: v.Refused, BadLogins: v.BadLogins, Requests: v.Requests,
		})
	}
	return metrics.List(&s)
}

// own measures the daemon itself.
func (h *host) own() metrics.Own {
	own := metrics.Own{
		Goroutines: runtime.NumGoroutine(), Heap: heapBytes(), RSS: ownRSS(), FDs: ownFDs(), Orphans: h.totals.orphans.Load(),
		Dropped: map[string]int64{"stdout": h.stdout.Dropped(), "stderr": h.stderr.Dropped(), "syslog": h.syslog.Dropped()},
	}
	if h.stderr == h.stdout {
		delete(own.Dropped, "stderr") // it would be counted twice
	}
	if h.journal.sink != nil {
		own.Dropped["activity_log"] = h.journal.sink.Dropped()
	}
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) == nil {
		own.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		own.MaxFDs = limit.Cur
	}
	return own
}

// heapBytes is the memory of objects, dead ones that wait for the collector
// included. Package runtime/metrics would tell it, too, and without stopping everything
// for some microseconds, but sorts a table whenever a program starts that has it.
func heapBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// ownRSS is our resident memory, 0 where there is no /proc.
func ownRSS() int64 {
	line, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(line)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// ownFDs counts our open descriptors, -1 where there is no /proc. The one that
// it takes is not counted.
func ownFDs() int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return -1
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return -1
	}
	return len(names) - 1
}

var _ output.Sink = (*written)(nil)
