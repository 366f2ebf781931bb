package output

import (
	"bytes"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what a Pump does with the bytes. Every callback runs in the
// pump's goroutine; one that waits holds up the program, not the daemon.
type Options struct {
	Sinks      []Sink
	StripANSI  bool
	CaptureMax int64 // how much captured text is kept; 0 or less: no capture

	OnBytes func(p []byte) // every chunk as it was read; nil: none. p is the callee's
	OnLog   func(p []byte) // every piece of log text; nil: none. p is the callee's
	OnComm  func(p []byte) // every captured text that has ended. p is the callee's
	Debug   func(p []byte) // every piece of log text; nil: none. p is valid during the call only
}

// Pump reads one output of one child. It has a goroutine only while there is
// something to read, or while a sink holds back what is no line yet; or while the kernel
// refuses to tell when there is.
type Pump struct {
	o       Options
	end     End
	ansi    ansi
	capture *capture // nil: no capture
	holder  Holder   // the sink that holds back what is no line yet; nil: none does
	flow    flow
	gather  gather
	share   share
	polite  bool // a read does not wait
	fill    bool // the pipe should fill before the next read
	apart   bool // the poller does not watch the pipe

	state atomic.Int32
	slow  atomic.Int32           // how often not to be prompt, since it has held up who waits for all pipes
	woken chan struct{}          // receives when a goroutine that waits is kicked
	hurry chan struct{}          // closed by Drain: the child is dead
	done  atomic.Pointer[func()] // what Drain is to report to; &ended at last
}

// What the goroutine of a pump is doing.
const (
	running int32 = iota // it reads, or has ended
	arming               // it is about to end, or to wait: the poller will kick
	kicked               // it was kicked before it had
	armed                // there is none; the next kick starts it
	waiting              // it waits to be kicked, or for a line to be overdue
)

// ended is what Pump.done holds after the pump has ended.
var ended = func() {}

// Start begins to read r, the read end of a Pipe, which is the pump's from now
// on. What the child wrote before Start is waiting in the pipe.
func Start(r *End, o Options) *Pump {
	p := &Pump{o: o, end: *r, hurry: make(chan struct{})}
	if o.CaptureMax > 0 {
		p.capture = &capture{max: int(min(o.CaptureMax, math.MaxInt/4))}
	}
	for _, s := range o.Sinks {
		if h, ok := s.(Holder); ok {
			p.holder, p.woken = h, make(chan struct{}, 1)
		}
	}
	p.state.Store(armed)
	if p.end.take(p) {
		p.kick()
	}
	return p
}

// kick says that there is something to read, or to end.
func (p *Pump) kick() {
	for {
		switch p.state.Load() {
		case armed:
			if p.state.CompareAndSwap(armed, running) {
				p.wake()
				return
			}
		case waiting:
			if p.state.CompareAndSwap(waiting, running) {
				p.woken <- struct{}{}
				return
			}
		case arming:
			if p.state.CompareAndSwap(arming, kicked) {
				return
			}
		default:
			return
		}
	}
}

// wake starts the goroutine.
func (p *Pump) wake() {
	p.state.Store(running)
	p.end.poller.busy.Add(1)
	go p.run()
}

// Drain says that the child is dead. The pump passes on what is in the pipe at
// this moment, without waiting for anybody, and ends; then it calls done. If
// it has ended before, or if there is nothing to pass on, Drain calls done itself. A
// descendant of the child that still holds the pipe finds it broken when it writes again.
func (p *Pump) Drain(done func()) {
	for {
		before := p.done.Load()
		if before == &ended {
			done()
			return
		}
		report := done
		if before != nil {
			report = func() { (*before)(); done() }
		}
		if !p.done.CompareAndSwap(before, &report) {
			continue
		}
		if before == nil {
			close(p.hurry)
			if report := p.close(func() bool { return unread(p.end.fd) == 0 }); report != nil {
				(*report)()
			}
		}
		return
	}
}

// close is kick, for a pipe that may be empty for ever. If so, and if nothing is held back,
// the pump comes to its end here, without waiting for anything: most programs are quiet
// when they die, and to wake a goroutine takes longer than all that it would do. What it
// returns is to be called then; nil: nothing.
func (p *Pump) close(empty func() bool) (report *func()) {
	if !p.state.CompareAndSwap(armed, running) {
		p.kick()
		return nil
	}
	if !p.bare() || !empty() {
		p.wake()
		return nil
	}
	return p.last()
}

// bare tells whether the end of the pump is nothing to anybody but to who drains it.
func (p *Pump) bare() bool {
	if p.capture != nil || p.holder != nil || p.ansi.held {
		return false
	}
	for _, s := range p.o.Sinks {
		if _, is := s.(Ender); is {
			return false
		}
	}
	return true
}

// run is the pump's goroutine. It reads until the end of file or Drain, or until
// there is nothing to read.
func (p *Pump) run() {
	defer p.end.poller.busy.Add(-1)
	// The leader may have read before, and who was ahead may still be.
	if (p.fill || p.end.poller.shares.others(p)) && !p.turn() {
		return
	}
	for p.step() {
		if !p.turn() {
			return
		}
	}
}

// turn lies between two reads. The pipe may fill, if that is worth while and nobody else has
// something to read; and others come first. It returns false if it is not p's turn, and
// p will be kicked.
func (p *Pump) turn() (mine bool) {
	poller := p.end.poller
	if p.fill && poller.alone(p) {
		if !p.apart {
			// While it is watched, also if nobody waits, each write to it goes through the
			// list of its watchers.
			p.apart = true
			p.end.forget()
		}
		p.gather.waited = true
		poller.linger(gatherFor)
	}
	if poller.others() {
		runtime.Gosched()
	}
	return !poller.shares.hold(p)
}

// listen has the poller kick the pump when there is something to read. It returns false
// if the kernel has no room to watch one more pipe.
func (p *Pump) listen() bool {
	if !p.apart {
		p.end.arm()
		return true
	}
	if p.end.watch() != nil {
		return false
	}
	p.apart = false
	return true
}

// step reads once, or comes to an end. It returns false when there is nothing to do
// until the next kick, if there will be one.
func (p *Pump) step() (more bool) {
	for {
		if hurried(p.hurry) {
			p.empty()
			p.finish()
			return false
		}
		n, more := p.read()
		switch {
		case n < 0:
			p.finish()
			return false
		case more:
			return true
		case p.rest():
			return false
		}
	}
}

// prompt tells whether what there is to read can be passed on without waiting, but for
// a disk that was not slow lately.
func (p *Pump) prompt() bool {
	if p.slow.Load() > 0 {
		p.slow.Add(-1)
		return false
	}
	if p.holder != nil { // it may have to wait until a line is overdue
		return false
	}
	if p.o.OnBytes != nil || p.o.OnLog != nil || p.o.OnComm != nil || p.o.Debug != nil {
		return false
	}
	for _, s := range p.o.Sinks {
		if q, ok := s.(Prompt); !ok || !q.Prompt() {
			return false
		}
	}
	return true
}

// rest has the poller kick us when there is something to read. It returns true if
// the goroutine has nothing to do until then.
func (p *Pump) rest() bool {
	var due time.Time
	if p.holder != nil {
		due = p.holder.Due()
	}
	p.state.Store(arming)
	if hurried(p.hurry) { // perhaps before the kick could have found us here
		p.state.Store(running)
		return false
	}
	if !p.listen() {
		p.state.Store(running)
		p.look(due)
		return false
	}
	switch {
	case due.IsZero() && p.state.CompareAndSwap(arming, armed):
		return true
	case !due.IsZero() && p.state.CompareAndSwap(arming, waiting):
		p.await(due)
	}
	p.state.Store(running)
	return false
}

// await waits for a kick, and hands on what a sink holds back when that is due.
func (p *Pump) await(due time.Time) {
	p.end.poller.busy.Add(-1)
	defer p.end.poller.busy.Add(1)
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-p.woken:
		return
	case <-timer.C:
	}
	if !p.state.CompareAndSwap(waiting, running) {
		<-p.woken
	}
	p.holder.Flush(p.hurry)
}

// look is await where nobody will kick: for a while, or until the child is dead.
func (p *Pump) look(due time.Time) {
	p.end.poller.busy.Add(-1)
	defer p.end.poller.busy.Add(1)
	d := p.end.poller.lookAgain
	if !due.IsZero() {
		d = min(d, time.Until(due))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.hurry:
		return
	case <-timer.C:
	}
	if !due.IsZero() && !time.Now().Before(due) && unread(p.end.fd) == 0 { // or the rest of the line may be there
		p.holder.Flush(p.hurry)
	}
}

// last passes on what was held back, tells everybody that this was all and gives
// up the pipe. It returns what is to be called by whom it may keep waiting; nil: nothing.
func (p *Pump) last() (report *func()) {
	p.passOn(p.ansi.end())
	if p.capture != nil {
		p.capture.end(p.log)
	}
	for _, s := range p.o.Sinks {
		if e, ok := s.(Ender); ok {
			e.End()
		}
	}
	p.flow.release(p.end)
	p.end.poller.shares.end(p)
	p.end.Close()
	return p.done.Swap(&ended)
}

// finish comes to an end, and tells who drains it.
func (p *Pump) finish() {
	if report := p.last(); report != nil {
		(*report)()
	}
}

// unread returns how many bytes wait in a pipe.
func unread(fd int) int {
	n, _ := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return n
}

// empty reads what is in the pipe now and no more: a descendant of the dead
// child may go on writing.
func (p *Pump) empty() {
	for left := unread(p.end.fd); left > 0; {
		n, _ := p.read()
		if n <= 0 {
			return
		}
		left -= n
	}
}

// read reads once into a borrowed buffer, and passes on what there is. It returns 0
// when there is nothing to read yet, and less at the end of file. more tells that it is
// worth while to read again, at once or, if fill is set, a little later.
func (p *Pump) read() (n int, more bool) {
	if !p.polite { // most programs are quiet, and need no call for it
		p.polite = true
		_, _ = unix.FcntlInt(uintptr(p.end.fd), unix.F_SETFL, unix.O_NONBLOCK)
	}
	buffer := p.flow.borrow(p.end.poller.alone(p))
	n, err := unix.Read(p.end.fd, *buffer)
	for err == unix.EINTR {
		n, err = unix.Read(p.end.fd, *buffer)
	}
	defer giveBack(buffer)
	switch {
	case err == unix.EAGAIN:
		p.fill = p.gather.note(0, time.Since(clock))
		return 0, false
	case err != nil || n == 0:
		return -1, false
	}
	p.take((*buffer)[:n])
	if p.holder != nil {
		if due := p.holder.Due(); !due.IsZero() && !time.Now().Before(due) {
			p.holder.Flush(p.hurry)
		}
	}
	p.end.poller.shares.note(p, n)
	more = p.flow.note(p.end, n, p.end.poller.alone(p))
	p.fill = p.gather.note(n, time.Since(clock)) && !p.flow.large
	return n, more
}

// take passes on what was read.
func (p *Pump) take(read []byte) {
	if p.o.OnBytes != nil {
		p.o.OnBytes(bytes.Clone(read))
	}
	if p.o.StripANSI {
		read = p.ansi.strip(read)
	}
	p.passOn(read)
}

// passOn gives output to the capture, if there is one, or else to the log.
func (p *Pump) passOn(read []byte) {
	if p.capture != nil {
		p.capture.split(read, p.log, p.comm)
		return
	}
	p.log(read)
}

// log gives log text to everybody who wants it.
func (p *Pump) log(text []byte) {
	if len(text) == 0 {
		return
	}
	for _, s := range p.o.Sinks {
		s.Write(text, p.hurry)
	}
	if p.o.OnLog != nil {
		p.o.OnLog(bytes.Clone(text))
	}
	if p.o.Debug != nil {
		p.o.Debug(text)
	}
}

// comm gives a captured text to the daemon.
func (p *Pump) comm(text []byte) {
	if p.o.OnComm != nil {
		p.o.OnComm(text)
	}
}
