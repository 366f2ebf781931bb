package output

import (
	"bytes"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// chunk is the most that is read at once: what a pipe holds by default.
const chunk = 64 << 10

// Pumps borrow a buffer only while they read and pass on: most of them wait.
var buffers = sync.Pool{New: func() any { return new([chunk]byte) }}

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
	OnEOF   func()         // nobody can write to the pipe any more; nil: none
}

// Pump reads one output of one child.
type Pump struct {
	o       Options
	r       *os.File
	rc      syscall.RawConn
	ansi    ansi
	capture *capture  // nil: no capture
	holder  Holder    // the sink that holds back what is no line yet; nil: none does
	due     time.Time // when it is to hand that on; zero: nothing is held

	hurry chan struct{}          // closed by Drain: the child is dead
	done  atomic.Pointer[func()] // what Drain is to report to; &ended at last

	// What the last read gave, from inside its callback.
	buffer *[chunk]byte
	n      int
	err    error
}

// ended is what Pump.done holds after the pump has ended.
var ended = func() {}

// Start begins to read r, the read end of a Pipe, which is the pump's from now
// on. What the child wrote before Start is waiting in the pipe.
func Start(r *os.File, o Options) *Pump {
	p := &Pump{o: o, r: r, hurry: make(chan struct{})}
	if o.CaptureMax > 0 {
		p.capture = &capture{max: int(min(o.CaptureMax, math.MaxInt/4))}
	}
	for _, s := range o.Sinks {
		if h, ok := s.(Holder); ok {
			p.holder = h
		}
	}
	go p.run()
	return p
}

// Drain says that the child is dead. The pump passes on what is in the pipe at
// this moment, without waiting for anybody, and ends; then it calls done. If
// it has ended before, Drain calls done itself. A descendant of the child that
// still holds the pipe finds it broken when it writes again.
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
			// A deadline in the past wakes the goroutine if it waits.
			_ = p.r.SetReadDeadline(time.Unix(1, 0))
		}
		return
	}
}

// run is the pump's goroutine.
func (p *Pump) run() {
	eof := true
	if rc, err := p.r.SyscallConn(); err == nil {
		p.rc = rc
		eof = p.follow() || p.rest()
	}
	p.passOn(p.ansi.end())
	if p.capture != nil {
		p.capture.end(p.log)
	}
	for _, s := range p.o.Sinks {
		if e, ok := s.(Ender); ok {
			e.End()
		}
	}
	p.r.Close()
	if eof && p.o.OnEOF != nil {
		p.o.OnEOF()
	}
	if report := p.done.Swap(&ended); report != nil {
		(*report)()
	}
}

// follow reads until the end of file, and returns true, or until Drain.
func (p *Pump) follow() (eof bool) {
	read := p.read // one allocation, not one for each read
	for !hurried(p.hurry) {
		err := p.rc.Read(read)
		switch {
		case err == nil:
			if !p.take() {
				return true
			}
		case p.due.IsZero() || hurried(p.hurry):
			return false // the deadline that Drain has set
		default:
			p.holder.Flush(p.hurry)
		}
		p.arm()
	}
	return false
}

// arm sets the deadline of the next read to when something held back is to be
// handed on. Drain's deadline may be lost by that, but not that it has closed
// hurry, which is looked at next.
func (p *Pump) arm() {
	if p.holder == nil {
		return
	}
	if due := p.holder.Due(); due != p.due {
		p.due = due
		_ = p.r.SetReadDeadline(due)
	}
}

// rest reads what is in the pipe now and no more: a descendant of the dead
// child may go on writing. It returns whether it came to the end of file.
func (p *Pump) rest() (eof bool) {
	var left int
	_ = p.rc.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	for {
		var got bool
		_ = p.rc.Control(func(fd uintptr) { got = p.read(fd) })
		if !got {
			return false
		}
		left -= p.n
		if !p.take() {
			return true
		}
		if left <= 0 {
			return false
		}
	}
}

// read reads once into a borrowed buffer. It returns false when there is
// nothing to read yet, which makes the poller wait.
func (p *Pump) read(fd uintptr) bool {
	buffer := buffers.Get().(*[chunk]byte)
	n, err := unix.Read(int(fd), buffer[:])
	for err == unix.EINTR {
		n, err = unix.Read(int(fd), buffer[:])
	}
	if err == unix.EAGAIN {
		buffers.Put(buffer)
		return false
	}
	p.buffer, p.n, p.err = buffer, n, err
	return true
}

// take passes on what was read and gives the buffer back. It returns false at
// the end of file.
func (p *Pump) take() bool {
	buffer := p.buffer
	p.buffer = nil
	defer buffers.Put(buffer)
	if p.err != nil || p.n == 0 {
		return false
	}
	read := buffer[:p.n]
	if p.o.OnBytes != nil {
		p.o.OnBytes(bytes.Clone(read))
	}
	if p.o.StripANSI {
		read = p.ansi.strip(read)
	}
	p.passOn(read)
	return true
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
