package core

import (
	"container/heap"
	"fmt"
	"slices"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/proc"
)

// RunState is what the supervisor as a whole is doing.
type RunState int

// The run states; the numbers are those of the control API.
const (
	RunRestarting RunState = 0
	RunRunning    RunState = 1
	RunShutdown   RunState = -1
)

// Options are the facts about the daemon that replies carry.
type Options struct {
	Version string // what getSupervisorVersion answers
	PID     int
	Serial  uint64 // of the first event that a listener gets; it goes on counting over a restart

	Chronicle *Chronicle // of the supervisor before a restart; nil: there was none
}

// Core is the supervisor. Make one with New and drive it with Step.
type Core struct {
	opts   Options
	run    RunState
	config *conf.Config    // as last read; what a group is added from
	ident  string          // the identifier in force, which a reread does not change
	mode   conf.UpdateMode // likewise

	groups []*group // in start order
	named  map[string]*group
	procs  map[ProcID]*process
	lastID ProcID

	jobs    map[uint64]*job
	lastJob uint64

	signals map[RequestID]*pendingSignals
	waits   map[RequestID]*wait
	awaited int // results of all of them

	rereads struct{ good, bad uint64 }

	updates []*groupUpdate // in the order of their arrival

	pools   []*pool
	holding bool // somebody is held for a pool
	hooks   []*hook
	errands map[ProcID]*errand
	partAt  proc.Instant // until when a shutdown waits for errands; 0: it does not yet
	parted  bool         // they have been killed
	serial  uint64       // of the next event
	ticks   [3]int64

	chronicle *Chronicle
	followers map[RequestID]*follower
	order     []RequestID  // of the followers, as they came
	tickAt    proc.Instant // when they are looked at next

	main      *process          // of the command line; nil: there is none
	mainWait  bool              // it is still to be started
	signalMap []conf.SignalRule // what is handed on to programs
	exit      exitPolicy
	budget    stopBudget
	stopping  *group // shutdown: the group whose end is waited for
	stopAt    int    // shutdown: how many groups are still to be looked at, the highest first
	loading   bool   // a restart waits for its configuration
	ended     bool   // the daemon was told to leave

	timers  timerHeap
	armed   uint64     // timers set so far
	sweepAt int        // so many timers are looked through for dead ones
	forks   int        // spawns that are not answered yet
	held    []*process // whose success waits until there are none

	changed []*process // since Changes was called last
	others  bool       // likewise: processes came or went

	now  proc.Instant
	wall time.Time
	fx   []Effect
}

// New returns a supervisor for a configuration, with nothing added or started:
// that is what Boot is for.
func New(cfg *conf.Config, o Options) *Core {
	chronicle := o.Chronicle
	if chronicle == nil {
		chronicle = NewChronicle(1)
	}
	chronicle.forgetOutput() // those who followed it are gone
	return &Core{
		chronicle: chronicle,
		opts:      o, serial: o.Serial, run: RunRunning, config: cfg, ident: cfg.Server.Identifier, mode: cfg.Server.UpdateMode,
		signalMap: cfg.Server.SignalMap,
		exit:      newExitPolicy(&cfg.Server, o.PID),
		budget:    stopBudget{limit: time.Duration(cfg.Server.ShutdownTimeout) * time.Second},
		named:     map[string]*group{},
		procs:     map[ProcID]*process{}, jobs: map[uint64]*job{}, signals: map[RequestID]*pendingSignals{},
		waits: map[RequestID]*wait{}, errands: map[ProcID]*errand{}, followers: map[RequestID]*follower{},
	}
}

// Step takes one input at the moment now, whose wall-clock time is only ever
// reported, and returns what has to be done. The slice is valid until the next
// call.
func (c *Core) Step(now proc.Instant, wall time.Time, in Input) []Effect {
	c.now, c.wall = now, wall
	mark := c.armed
	clear(c.fx)
	c.fx = c.fx[:0]
	switch in := in.(type) {
	case Boot:
		c.boot()
	case Request:
		c.request(in.ID, in.Req)
	case Cancel:
		c.cancel(in.ID)
	case Checked:
		c.checked(in)
	case OSSignal:
		c.osSignal(in.Signal)
	case Loaded:
		c.loaded(in)
	case SignalDone:
		c.signalDone(in)
	case Heard:
		c.heard(in)
	case Wrote:
		c.wrote(in)
	case SendFailed:
		c.sendFailed(in)
	case SocketsTried:
		c.socketsTried(in)
	case ErrandStarted:
		c.errandStarted(in)
	case ErrandEnded:
		c.errandEnded(in)
	case Follow:
		c.follow(in)
	case More:
		c.more(in)
	case Unfollow:
		c.unfollow(in)
	case Spawned, Executed, SpawnFailed, Reaped, Exited:
		c.child(in)
	case Due:
	default:
		panic(fmt.Sprintf("bug: unknown input %T", in))
	}
	_, all := in.(Due)
	c.fire(all, mark)
	c.startMain()
	c.advanceUpdates()
	c.advanceShutdown()
	c.dispatch()
	c.holdSources()
	c.runHooks()
	c.feed()
	return c.fx
}

// Serial returns the serial of the next event, for the core that comes after a
// restart.
func (c *Core) Serial() uint64 { return c.serial }

// Chronicle returns the latest events, for the core that comes after a restart.
func (c *Core) Chronicle() *Chronicle { return c.chronicle }

func (c *Core) emit(e Effect) { c.fx = append(c.fx, e) }

func (c *Core) logf(l conf.Level, format string, args ...any) {
	c.emit(Log{l, fmt.Sprintf(format, args...)})
}

func (c *Core) reply(id RequestID, v any) {
	if id != 0 {
		c.emit(Reply{ID: id, Value: v})
	}
}

func (c *Core) fault(id RequestID, code api.Code, detail string) {
	if id != 0 {
		c.emit(Reply{ID: id, Fault: api.NewFault(code, detail)})
	}
}

// timer is a deadline of a process, a job, or the shutdown.
type timer struct {
	at     proc.Instant
	serial uint64 // those of one moment go in the order in which they were set
	proc   *process
	job    *job
	pool   *pool    // it has something to send, or to tell
	mend   *process // a listener that is to be stopped and started again
	errand *errand
	tick   bool
	budget bool // the end of shutdown_timeout
	part   bool // the patience with errands ends
	// none of them: the shutdown's line about who is waited for
}

// live tells whether the timer still stands for what its owner waits for. A
// deadline that was moved leaves its old timer behind.
func (t timer) live(c *Core) bool {
	switch {
	case t.proc != nil:
		waits := t.proc.m.Due == t.at || t.proc.m.State == proc.Exited && t.proc.throttle.resume == t.at
		return t.proc.m.Armed && waits && !t.proc.removed
	case t.job != nil:
		return t.job.open > 0 && t.job.reminder == t.at && (t.job.request != 0 || t.job.update)
	case t.pool != nil:
		return !t.pool.removed
	case t.mend != nil:
		return t.mend.hears.mending.at == t.at && !t.mend.removed
	case t.errand != nil:
		return t.errand.due == t.at && c.errands[t.errand.id] == t.errand
	case t.tick:
		return c.ticking() && c.tickAt == t.at
	case t.budget:
		return !c.budget.spent
	case t.part:
		return c.partAt == t.at
	}
	return c.run != RunRunning
}

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].serial < h[j].serial
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = timer{}
	*h = old[:len(old)-1]
	return t
}

// fewTimers is a number of timers at which sweeping is not worth the while.
const fewTimers = 64

// arm adds a timer. Those that stand for nothing any more go when they would be
// due, or when there are so many that they cost: a long stopwaitsecs and a stop
// every second must not pile them up.
func (c *Core) arm(t timer) {
	c.armed++
	t.serial = c.armed
	heap.Push(&c.timers, t)
	if len(c.timers) < c.sweepAt {
		return
	}
	c.timers = slices.DeleteFunc(c.timers, func(t timer) bool { return !t.live(c) })
	heap.Init(&c.timers)
	c.sweepAt = max(fewTimers, 2*len(c.timers))
}

// NextDue returns the moment at which Step wants to be called with Due, and
// whether there is one.
func (c *Core) NextDue() (proc.Instant, bool) {
	for len(c.timers) > 0 {
		if c.timers[0].live(c) {
			return c.timers[0].at, true
		}
		heap.Pop(&c.timers)
	}
	return 0, false
}

// fire gives deadlines that have come to their owners: all of them on Due, and
// otherwise those alone that this step set, which have the serials after mark.
// An older one waits for what else has happened by now: a child that is known
// to be dead must not be declared running for a deadline that came later.
func (c *Core) fire(all bool, mark uint64) {
	var older []timer
	for {
		at, ok := c.NextDue()
		if !ok || at > c.now {
			break
		}
		t := heap.Pop(&c.timers).(timer)
		if !all && t.serial <= mark {
			older = append(older, t)
			continue
		}
		c.give(t)
	}
	for _, t := range older {
		heap.Push(&c.timers, t)
	}
}

// give gives a deadline to its owner.
func (c *Core) give(t timer) {
	switch {
	case t.proc != nil:
		c.processDue(t.proc)
	case t.job != nil:
		c.remind(t.job)
	case t.mend != nil:
		c.mend(t.mend)
	case t.pool != nil:
		c.poolDue(t.pool)
	case t.errand != nil:
		c.errandDue(t.errand)
	case t.tick:
		c.tick()
	case t.budget:
		c.killAll("shutdown_timeout is over")
	case t.part: // the shutdown looks at it anyway
	default:
		c.sayWaiting()
	}
}

// child hands what became of a child to its process, if that is still there.
func (c *Core) child(in Input) {
	switch in := in.(type) {
	case Spawned:
		if p := c.procs[in.Proc]; p != nil {
			c.spawned(p, in)
		}
		c.forked()
	case Executed:
		if p := c.procs[in.Proc]; p != nil {
			c.executed(p)
		}
	case SpawnFailed:
		if p := c.procs[in.Proc]; p != nil {
			c.spawnFailed(p, in)
		}
		c.forked()
	case Reaped:
		c.logf(conf.Debug, "received SIGCHLD indicating a child quit")
		if p := c.procs[in.Proc]; p != nil {
			c.step(p, c.now, proc.Input{Kind: proc.InputReaped})
		}
	case Exited:
		if p := c.procs[in.Proc]; p != nil {
			c.exited(p, in)
		}
	}
}
