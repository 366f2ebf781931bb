package output

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sweepMost is how many pipes are taken from the kernel at once.
const sweepMost = 16

// lookAgain after the kernel had no room to watch a pipe, it is read and asked for again.
const lookAgain = 10 * time.Millisecond

// Poller waits for all output pipes at once, so that a quiet one costs a
// descriptor and its Pump, and no goroutine. Each pipe is armed for one event: who is busy
// reading wakes nobody up. Those that have something to read come in turn. One that may fill
// before it is read is not watched meanwhile.
//
// It has two goroutines of its own from the first Pipe on, for as long as the process
// lives: one that has the lead and one that stands by.
type Poller struct {
	busy   atomic.Int32 // pumps that read, in goroutines of their own
	large  atomic.Int32 // pipes that hold more than others
	shares shares

	ctl       func(epoll, op, fd int, event *unix.EpollEvent) error // the system call, which may refuse to watch one more
	lookAgain time.Duration

	mu    sync.Mutex
	epoll int   // 0: not made yet
	lead  *lead // set with it
	made  int32 // pipes, so far
	slots []slot
}

// slot is whose pipe a descriptor is, which is its index.
type slot struct {
	nth   int32 // the number of the pipe; 0: it is nobody's
	pump  *Pump // nil: it has not started yet
	early bool  // the kernel has told already that there is something to read, or to end
}

// NewPoller returns a poller, which takes nothing yet.
func NewPoller() *Poller { return &Poller{ctl: unix.EpollCtl, lookAgain: lookAgain} }

// End is our end of a Pipe, until a Pump takes it.
type End struct {
	poller *Poller
	fd     int
	nth    int32 // tells it from other pipes that have had the descriptor
}

// Pipe makes the pipe for one output of a child. r is ours, and watched from now on. w is
// the child's: blocking, as programs expect, and a bare descriptor, since nobody here writes
// to it. Both are close-on-exec.
func (p *Poller) Pipe() (r *End, w int, err error) {
	if err := p.start(); err != nil {
		return nil, -1, fmt.Errorf("make output poller: %w", err)
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("make output pipe: %w", err)
	}
	r = p.end(fds[0])
	// Here, and not when the pump starts, since it may be refused.
	if err := r.watch(); err != nil {
		r.Close()
		unix.Close(fds[1])
		return nil, -1, fmt.Errorf("watch output pipe: %w", err)
	}
	return r, fds[1], nil
}

// end has the read end of a pipe have a slot.
func (p *Poller) end(fd int) *End {
	p.mu.Lock()
	defer p.mu.Unlock()
	for fd >= len(p.slots) {
		p.slots = append(p.slots, slot{})
	}
	p.made = max(p.made+1, 1)
	p.slots[fd] = slot{nth: p.made}
	return &End{p, fd, p.made}
}

// Close closes the end of a pipe. The kernel may go on watching it, until a child that was
// forked meanwhile has executed and has it open no more; what it tells of it is for nobody.
func (e *End) Close() {
	e.poller.mu.Lock()
	e.poller.slots[e.fd] = slot{} // before another pipe can have the descriptor
	e.poller.mu.Unlock()
	unix.Close(e.fd) // it may wait for a writer whose memory is on a disk, while there is one
}

// take has a pump hear of the pipe from now on. early tells that there is something to read,
// or to end, of which it will not hear.
func (e *End) take(pump *Pump) (early bool) {
	e.poller.mu.Lock()
	defer e.poller.mu.Unlock()
	s := &e.poller.slots[e.fd]
	s.pump = pump
	return s.early
}

// watch begins to watch a pipe, for one event. The kernel refuses when a user watches too
// much (/proc/sys/fs/epoll/max_user_watches), or has no memory.
func (e *End) watch() error { return e.control(unix.EPOLL_CTL_ADD) }

// forget ends that.
func (e *End) forget() { _ = e.control(unix.EPOLL_CTL_DEL) }

// arm has the pump kicked once when there is something to read, also if there is
// already. The pipe must be watched.
func (e *End) arm() {
	if err := e.control(unix.EPOLL_CTL_MOD); err != nil {
		panic(fmt.Sprintf("bug: an output pipe is not known to the poller: %v", err))
	}
}

func (e *End) control(op int) error {
	return e.poller.ctl(e.poller.epoll, op, e.fd,
		&unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(e.fd), Pad: e.nth})
}

// start makes the poller if there is none.
func (p *Poller) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoll > 0 {
		return nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return err
	}
	// Go's own poller waits for ours, so that we take no thread.
	file := os.NewFile(uintptr(fd), "output poller")
	if p.lead, err = newLead(file); err != nil {
		file.Close()
		return err
	}
	p.epoll = fd
	go p.follow()
	go p.standBy()
	return nil
}

// event is what the kernel says of a pipe.
type event struct {
	pump  *Pump // nil: nobody's any more
	ended bool  // it was empty, and nobody could write to it any more
}

// tell has the pump run, or end.
func (e event) tell() {
	switch {
	case e.pump == nil:
	case e.ended:
		// The kernel looks for writers after it has looked for text, without a lock.
		if report := e.pump.close(func() bool { return unread(e.pump.end.fd) == 0 }); report != nil {
			go (*report)() // it closes logs, which may wait for a disk
		}
	default:
		e.pump.kick()
	}
}

// ready returns who has something to read, the longest waiting first. It does not wait.
func (p *Poller) ready(found *[sweepMost]event) int {
	var events [sweepMost]unix.EpollEvent
	n := look(p.epoll, events[:])
	if n == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range events[:n] {
		found[i] = event{}
		s := &p.slots[e.Fd]
		switch {
		case s.nth != e.Pad: // a pipe that is closed, whose descriptor another one may have
		case s.pump == nil:
			s.early = true
		default:
			found[i] = event{s.pump, e.Events&(unix.EPOLLIN|unix.EPOLLHUP) == unix.EPOLLHUP}
		}
	}
	return n
}

// look is an epoll_wait that does not wait, so the runtime need not watch it, for which it
// would wake its monitor. It returns 0 if it fails.
func look(epoll int, events []unix.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// linger waits until a pipe that is watched has something to read, d at most. If it fails it
// has not waited, and nothing else is lost.
func (p *Poller) linger(d time.Duration) {
	rest := unix.NsecToTimespec(d.Nanoseconds())
	for {
		// The kernel counts rest down.
		if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(p.epoll), Events: unix.POLLIN}}, &rest, nil); err != unix.EINTR {
			return
		}
	}
}

// alone tells whether nobody but p has something to read, apart from single lines.
func (p *Poller) alone(pump *Pump) bool { return p.busy.Load() == 1 && !p.shares.others(pump) }

// others has those pumps run that have something to read, and tells whether there are
// any beside the one that asks.
func (p *Poller) others() bool {
	var found [sweepMost]event
	n := p.ready(&found)
	for _, e := range found[:n] {
		e.tell()
	}
	return n > 0 || p.busy.Load() > 1
}
