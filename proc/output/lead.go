package output

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Prompt is a Sink that knows whether its Write waits for anything but a disk.
type Prompt interface {
	Prompt() bool
}

const (
	// leadFor is for how long whoever waits for the pipes may do something else.
	leadFor = 5 * time.Millisecond
	// slowFor is how often a pump that took longer gets a goroutine after that.
	slowFor = 100
)

// lead is who waits for the pipes. There is one goroutine that does, and when a
// single line comes it writes that itself: to hand it to another one would wake up a thread,
// which takes longer than all the rest of its way. While it writes nobody waits for
// the pipes. So before, it sets an alarm that the kernel keeps, and when that goes off,
// because a disk hangs or a file system is slow, another goroutine takes the lead.
type lead struct {
	raw   syscall.RawConn // of the poller's descriptor
	state atomic.Int32
	alarm int
	rings *os.File // the alarm, for who sleeps until it goes off
}

// What the leader does.
const (
	waits    int32 = iota
	writes         // and is soon back
	replaced       // it was not
)

// newLead returns the lead of a poller's descriptor, which nobody has yet.
func newLead(epoll *os.File) (*lead, error) {
	raw, err := epoll.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &lead{raw: raw, alarm: fd, rings: os.NewFile(uintptr(fd), "alarm of the output poller")}, nil
}

// set sets the alarm; 0: turns it off.
func (l *lead) set(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	if err := unix.TimerfdSettime(l.alarm, 0, &spec, nil); err != nil {
		panic("bug: the alarm of the output poller cannot be set: " + err.Error())
	}
}

// follow waits for all pipes, until another goroutine takes the lead.
func (p *Poller) follow() {
	for {
		var pump *Pump
		err := p.lead.raw.Read(func(uintptr) bool {
			pump = p.sweep()
			return pump != nil
		})
		if err != nil {
			panic("bug: the poller of output pipes has ended: " + err.Error())
		}
		if !p.serve(pump) {
			return
		}
	}
}

// sweep has those pumps run that have something to read, and comes back when there are no
// more, and the poller is to wait. It does so earlier with one that is alone and is to be
// served. Nothing in it waits; while the poller calls it nobody else can take the lead.
func (p *Poller) sweep() *Pump {
	for {
		var found [sweepMost]event
		n := p.ready(&found)
		if pump := found[0].pump; n == 1 && pump != nil && !found[0].ended && pump.state.CompareAndSwap(armed, running) {
			if pump.prompt() {
				return pump
			}
			pump.wake()
			n = 0
		}
		for _, e := range found[:n] {
			e.tell()
		}
		if n < sweepMost { // what comes from now on the poller is told of
			return nil
		}
	}
}

// serve reads once for a pump, here and now. It returns false if that took so long
// that we have lost the lead.
func (p *Poller) serve(pump *Pump) bool {
	l := p.lead
	l.state.Store(writes)
	l.set(leadFor)
	more := pump.step()
	if l.state.CompareAndSwap(writes, waits) {
		l.set(0)
		if more {
			pump.wake()
		}
		return true
	}
	pump.slow.Store(slowFor)
	if more {
		p.busy.Add(1)
		pump.run()
	}
	return false
}

// standBy takes the lead when the alarm goes off and the leader is not back.
func (p *Poller) standBy() {
	var times [8]byte
	for {
		if _, err := p.lead.rings.Read(times[:]); err != nil {
			panic("bug: the alarm of the output poller is gone: " + err.Error())
		}
		if p.lead.state.CompareAndSwap(writes, replaced) {
			go p.standBy()
			p.follow()
			return
		}
	}
}
