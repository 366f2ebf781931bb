package daemon

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/daemon/core"
	"gosupervisor/daemon/fcgi"
	"gosupervisor/daemon/serve"
	"gosupervisor/proc"
	"gosupervisor/proc/cgroup"
	"gosupervisor/proc/child"
	"gosupervisor/proc/output"
	"gosupervisor/version"
)

// host carries one run of the supervisor, from reading the configuration until
// everything is stopped. A restart makes a new one.
type host struct {
	cfg  *conf.Config
	load func() (*conf.Config, error) // reads the configuration again

	// Does the same and finds out whether we could restart into it.
	loadForRestart func() (*conf.Config, error)

	journal *journal
	*outputs
	totals  *totals
	servers []*serve.Server // set before they serve
	epoch   time.Time       // Instant zero

	core     *core.Core
	view     view
	inbox    *inbox
	kids     *child.Table
	slots    map[core.ProcID]*slot    // loop
	streams  map[*logStream]struct{}  // loop: who wants to hear of new slots
	calls    map[core.RequestID]*call // loop
	lines    []byte                   // loop: of the log, about to be written
	left     *core.Leave              // loop: set when the core has told us to leave
	lastLoad chan struct{}            // loop: closed when the latest reading of the configuration is told
	nextID   atomic.Uint64            // request ids
	done     chan struct{}            // closed when the loop has ended
	chores   chores                   // what waits for disks
	reading  chan struct{}            // one token, held while /proc is read
	noProc   bool                     // whoever reads: the log knows that it cannot be
	rest     rest                     // loop
	attic    attic                    // goroutine of chores

	running      map[child.Key]*running     // goroutine of kids
	errands      map[child.Key]*errandChild // goroutine of kids
	questions    map[child.Key]*question    // goroutine of kids
	nextQuestion atomic.Uint64              // how many there were
	sockets      *fcgi.Sockets              // goroutine of kids
	cgroups      *cgroup.Tree               // goroutine of kids
	noGroups     string                     // goroutine of kids: why there are none, as was told
	baseEnv      []string                   // our own environment, which children inherit
	ownPath      string                     // our PATH
}

// outputs are the sinks that the activity log and the programs share. They
// last for the life of the process.
type outputs struct {
	stdout *output.Stream // descriptor 1
	stderr *output.Stream // descriptor 2
	syslog *output.Syslog
	poller *output.Poller // what programs write comes in there
}

// call is a client that waits for its answer.
type call struct {
	answer chan outcome // holds the one answer
}

// outcome is an answer, or what makes it: reading and writing of files is done
// in the client's goroutine.
type outcome struct {
	value any
	fault *api.Fault
	then  func() (any, error)
}

// past is what one life of the supervisor leaves to the next. That of a new
// process has its serials from the clock, so that they go on where those of the
// process before it ended, and later.
type past struct {
	serial    uint64 // of the next event, as listeners count
	chronicle *core.Chronicle
}

func newPast(now time.Time) past { return past{chronicle: core.NewChronicle(uint64(now.UnixMicro()))} }

func newHost(cfg *conf.Config, j *journal, out *outputs, before past) *host {
	h := &host{
		cfg: cfg, journal: j, outputs: out, totals: new(totals), epoch: time.Now(),
		inbox: newInbox(), slots: map[core.ProcID]*slot{}, streams: map[*logStream]struct{}{}, calls: map[core.RequestID]*call{},
		done: make(chan struct{}), running: map[child.Key]*running{}, errands: map[child.Key]*errandChild{}, questions: map[child.Key]*question{},
		reading: make(chan struct{}, 1), baseEnv: os.Environ(), ownPath: os.Getenv("PATH"),
	}
	h.core = core.New(cfg, core.Options{Version: version.API, PID: os.Getpid(), Serial: before.serial, Chronicle: before.chronicle})
	h.kids = child.NewTable(h)
	h.sockets = fcgi.New(j.log)
	h.cgroups = cgroup.New("/proc", "")
	return h
}

func (h *host) instant(t time.Time) proc.Instant { return t.Sub(h.epoch) }

// The methods below are child.Observer. They run on the goroutine of kids.

// Started implements child.Observer.
func (h *host) Started(k child.Key, pid int, _ time.Time) {
	if r := h.errands[k]; r != nil {
		h.inbox.post(message{in: core.ErrandStarted{Errand: core.ProcID(k), PID: pid}})
		r.start()
		return
	}
	if h.questions[k] != nil {
		return
	}
	r := h.running[k]
	h.inbox.put(message{do: func() {
		if s := h.slots[core.ProcID(k)]; s != nil {
			s.stdin = r.stdin
		}
	}})
	h.inbox.put(message{in: core.Spawned{Proc: core.ProcID(k), PID: pid, Unsure: r.unsure}})
	// Only now: what the child says must not overtake the news of its birth.
	r.start(pid)
}

// Flush implements child.Observer.
func (h *host) Flush() { h.inbox.nudge() }

// Born implements child.Observer.
func (h *host) Born(k child.Key, report child.Report) {
	name := ""
	r := h.running[k]
	if r != nil {
		name = r.slot.prog.Name
	} else if e := h.errands[k]; e != nil {
		name, e.refusal = e.name, report.Refusal
	}
	for _, text := range report.Warnings {
		h.journal.logf(conf.Warn, "%s: %s", name, text)
	}
	if r != nil && report.Outside != "" {
		h.unenclosed(r, report.Outside)
	}
	switch {
	case r == nil:
	case report.Refusal != "":
		r.refusal = report.Refusal // its exit follows
	case r.unsure:
		h.inbox.post(message{in: core.Executed{Proc: core.ProcID(k)}})
	}
}

// Failed implements child.Observer.
func (h *host) Failed(k child.Key, err error) {
	var se *child.SpawnError
	if errors.As(err, &se) && se.Stage == child.StageKey {
		// A fault of ours, and what is running under this key is a live child.
		h.journal.logf(conf.Critical, "a program was to be started twice at once, and was not: %v", err)
		return
	}
	if r := h.errands[k]; r != nil {
		h.errandFailed(k, r, err)
		return
	}
	if h.questions[k] != nil {
		h.questionEnded(k, questionEnd{err: err})
		return
	}
	name := ""
	if r := h.running[k]; r != nil {
		name = r.slot.prog.Name
		r.abandon()
		r.release(h, 0)
		delete(h.running, k)
	}
	closed := h.sockets.Release(uint64(k))
	h.inbox.post(message{in: core.SpawnFailed{Proc: core.ProcID(k), Text: spawnErrText(name, err), NotFound: notFound(err), Closed: closed}})
}

// Exited implements child.Observer: the pumps take what is still in the pipes,
// and only then the exit is told.
func (h *host) Exited(k child.Key, _ int, ws syscall.WaitStatus, at time.Time) {
	if r := h.errands[k]; r != nil {
		h.errandExited(k, r, ws)
		return
	}
	if h.questions[k] != nil {
		h.questionEnded(k, questionEnd{status: ws})
		return
	}
	r := h.running[k]
	if r == nil {
		h.journal.logf(conf.Critical, "a process that nobody knows has ended (%s)", child.ExitText(ws))
		return
	}
	delete(h.running, k)
	closed := h.sockets.Release(uint64(k))
	h.clear(r)
	died := r.release(h, ws)
	id := core.ProcID(k)
	h.inbox.put(message{in: core.Reaped{Proc: id}}) // with most exits both are known at once
	in := core.Exited{
		Proc: id, At: h.instant(at), Wall: at, Code: child.ExitCode(ws), Text: child.ExitText(ws) + died, Closed: closed, Refused: r.refusal,
	}
	if ws.Signaled() {
		in.Signal, in.CoreDumped = ws.Signal(), ws.CoreDump()
	}
	r.drain(func() { h.inbox.postOutput(message{in: in}) })
	h.inbox.nudge()
}

// killTree kills what a program has left behind. Its orphans are ours, as PID 1
// or as a subreaper.
func (h *host) killTree(r *running) {
	p := r.slot.prog
	killed, err := h.kids.KillLeftovers(r.pid, []string{"SUPERVISOR_PROCESS_NAME=" + p.Name, "SUPERVISOR_GROUP_NAME=" + p.Group})
	if err != nil {
		h.journal.logf(conf.Warn, "cannot look for what %s has left behind: %v", p.Name, err)
		return
	}
	h.killedLeftovers(r, killed)
}

func (h *host) killedLeftovers(r *running, killed int) {
	switch {
	case killed == 1:
		h.journal.logf(conf.Info, "killed a process that %s (pid %d) has left behind", r.slot.prog.Name, r.pid)
	case killed > 1:
		h.journal.logf(conf.Info, "killed %d processes that %s (pid %d) has left behind", killed, r.slot.prog.Name, r.pid)
	}
}

// Orphan implements child.Observer.
func (h *host) Orphan(pid int, ws syscall.WaitStatus) {
	h.totals.orphans.Add(1)
	h.cgroups.Sweep()
	h.journal.logf(conf.Info, "reaped unknown pid %d (%s)", pid, child.ExitText(ws))
}

// SignalGone implements child.Observer.
func (h *host) SignalGone(k child.Key, err error) {
	name, pid := "child", 0
	if r := h.running[k]; r != nil {
		name, pid = r.slot.prog.Name, r.pid
	} else if r := h.errands[k]; r != nil {
		name = r.name
	} else if q := h.questions[k]; q != nil {
		name = q.asked()
	}
	h.journal.logf(conf.Debug, "unable to signal %s (pid %d), it probably just exited on its own: %v", name, pid, err)
}

// SignalFailed implements child.Observer.
func (h *host) SignalFailed(k child.Key, _ syscall.Signal, err error) {
	h.inbox.post(message{in: core.SignalDone{Proc: core.ProcID(k), Err: err}})
}

// WaitFailed implements child.Observer.
func (h *host) WaitFailed(err error) {
	h.journal.logf(conf.Critical, "waitpid error %v; a process may not be cleaned up properly", err)
}

// streamFor returns the shared sink of an inherited descriptor.
func (h *host) streamFor(fd int) *output.Stream {
	if fd == 2 {
		return h.stderr
	}
	return h.stdout
}

// spawnErrText words why there is no child, in the original's terms.
func spawnErrText(name string, err error) string {
	switch e := err.(type) {
	case *child.SpawnError:
		if e.Stage == child.StageFork && child.ErrnoName(e.Err) == "EAGAIN" {
			return fmt.Sprintf("Too many processes in process table to spawn '%s'", name)
		}
		if child.ErrnoName(e.Err) == "EMFILE" || child.ErrnoName(e.Err) == "ENFILE" {
			return fmt.Sprintf("too many open files to spawn '%s'", name)
		}
		return fmt.Sprintf("unknown error during fork for '%s': %s", name, child.ErrnoName(e.Err))
	case *outputError:
		if errno := child.ErrnoName(e.err); errno != "EMFILE" && errno != "ENFILE" {
			return fmt.Sprintf("unknown error making dispatchers for '%s': %s", name, errno)
		}
		return fmt.Sprintf("too many open files to spawn '%s'", name)
	}
	return err.Error()
}
