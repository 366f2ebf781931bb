package output

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

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
	epoll int     // 0: not made yet
	lead  *lead   // set with it
	pumps []*Pump // by descriptor
}

// NewPoller returns a poller, which takes nothing yet.
func NewPoller() *Poller { return &Poller{ctl: unix.EpollCtl, lookAgain: lookAgain} }

// End is our end of a Pipe, until a Pump takes it.
type End struct {
	poller *Poller
	fd     int
}

// Pipe makes the pipe for one output of a child. r is ours: non-blocking, and known
// to the poller. w is the child's: blocking, as programs expect, and a bare
// descriptor, since nobody here writes to it. Both are close-on-exec.
func (p *Poller) Pipe() (r *End, w int, err error) {
	if err := p.start(); err != nil {
		return nil, -1, fmt.Errorf("make output poller: %w", err)
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, -1, fmt.Errorf("make output pipe: %w", err)
	}
	_, err = unix.FcntlInt(uintptr(fds[1]), unix.F_SETFL, 0) // the child's end blocks
	if err == nil {
		// Here, and not when the pump starts, since it may be refused.
		err = p.watch(fds[0], unix.EPOLLONESHOT)
	}
	if err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, -1, fmt.Errorf("watch output pipe: %w", err)
	}
	return &End{p, fds[0]}, fds[1], nil
}

// Close closes the end of a pipe that no pump has taken.
func (e *End) Close() {
	// Closing alone would not do: until a child that was forked meanwhile has
	// executed, it has the pipe open too.
	e.poller.forget(e.fd)
	unix.Close(e.fd)
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
		// The descriptor may be that of another pipe by now.
		if report := e.pump.close(func() bool { return over(e.pump.end.fd) }); report != nil {
			go (*report)() // it closes logs, which may wait for a disk
		}
	default:
		e.pump.kick()
	}
}

// over tells whether a pipe is empty and nobody can write to it any more.
func over(fd int) bool {
	state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(state, 0)
	return err == nil && n == 1 && state[0].Revents == unix.POLLHUP
}

// ready returns who has something to read, the longest waiting first. It does not wait.
func (p *Poller) ready(found *[sweepMost]event) int {
	var events [sweepMost]unix.EpollEvent
	n, err := unix.EpollWait(p.epoll, events[:], 0)
	if err != nil || n == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range events[:n] {
		found[i] = event{ended: e.Events&(unix.EPOLLIN|unix.EPOLLHUP) == unix.EPOLLHUP}
		if int(e.Fd) < len(p.pumps) {
			found[i].pump = p.pumps[e.Fd]
		}
	}
	return n
}

// place notes whose pipe a descriptor is; nil: nobody's any more.
func (p *Poller) place(fd int, pump *Pump) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for fd >= len(p.pumps) {
		p.pumps = append(p.pumps, nil)
	}
	p.pumps[fd] = pump
}

// watch begins to watch a pipe. The kernel refuses when a user watches too much
// (/proc/sys/fs/epoll/max_user_watches), or has no memory.
func (p *Poller) watch(fd int, events uint32) error {
	return p.ctl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// forget ends that, if it was.
func (p *Poller) forget(fd int) {
	_ = p.ctl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil)
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

// arm has the pump kicked once when there is something to read, also if there is
// already. The pipe must be watched.
func (p *Poller) arm(fd int) {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(fd)}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, fd, &event); err != nil {
		panic(fmt.Sprintf("bug: an output pipe is not known to the poller: %v", err))
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
