package child

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bell is what a table sleeps at: the end of a child rings it, and whoever puts
// something into the mailbox. The former writes to an eventfd, in the handler of the
// signal, and the sleeper is woken by the thread that polls, on which it goes on; the
// latter has the time for a read of that run out. By way of os/signal each death would wake
// three more threads: for the runtime's queue of signals, its monitor, and to look for work.
//
// There is one handler, which rings the bells of all tables; what is put into the mailbox
// of one wakes no other.
type bell struct {
	file *os.File // the eventfd, by a descriptor of this bell alone; nil: the bell is a channel
	conn syscall.RawConn
	rung chan struct{} // holds one

	heard uint32 // so many of the deaths; it belongs to who sleeps here
}

// deaths is added to when children end, which may be more than one each time, and wraps.
var deaths atomic.Uint32

// handler is what tells of deaths. Its eventfd is never closed: a handler that runs late
// must not write into another file.
var handler struct {
	once sync.Once
	fd   int // -1: the handler is that of os/signal
}

// spare is the bell of a table that has ended, so that tables one after the other need no
// other descriptor. Whoever still puts into the mailbox of that table rings for nothing.
var spare atomic.Pointer[bell]

// noHandler has bells be channels, for tests.
var noHandler bool

// newBell returns a bell for one table. It panics if there is one in use already and no
// descriptor for another.
func newBell() *bell {
	b := spare.Swap(nil)
	if b == nil {
		b = &bell{}
		handler.once.Do(func() {
			if noHandler || !b.handle() {
				handler.fd = -1
			}
		})
		switch {
		case handler.fd < 0:
			b.listen()
		case b.file == nil:
			if err := b.poll(handler.fd); err != nil {
				panic("proc/child: a table beside another one: " + err.Error())
			}
		}
	}
	b.heard = deaths.Load()
	return b
}

// handle has the end of a child ring through the poller. It is false where there is no
// assembly for the handler, or where the poller has no room.
func (b *bell) handle() bool {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return false
	}
	if err = b.poll(fd); err == nil {
		if handleDeaths(fd) {
			handler.fd = fd
			return true
		}
		_ = b.file.Close()
	}
	b.file = nil
	_ = unix.Close(fd)
	return false
}

// poll makes b a bell that each write to the eventfd rings, also if nobody reads it: for the
// poller each is an event of its own.
func (b *bell) poll(eventfd int) error {
	fd, err := unix.FcntlInt(uintptr(eventfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	b.file = os.NewFile(uintptr(fd), "deaths")
	if b.conn, err = b.file.SyscallConn(); err == nil {
		err = b.file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		_ = b.file.Close()
	}
	return err
}

// listen makes b a channel.
func (b *bell) listen() {
	b.rung = make(chan struct{}, 1)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() {
		for range signals {
			deaths.Add(1)
			b.ring()
		}
	}()
}

// free is for the end of the table.
func (b *bell) free() {
	if !spare.CompareAndSwap(nil, b) && b.file != nil {
		_ = b.file.Close()
	}
}

// past is so also where the clock begins with the machine.
var past = time.Unix(-1, 0)

// ring wakes who sleeps, or who is next to.
func (b *bell) ring() {
	if b.file != nil {
		_ = b.file.SetReadDeadline(past)
		return
	}
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// died tells whether somebody has since it was asked for last.
func (b *bell) died() bool {
	n := deaths.Load()
	was := b.heard
	b.heard = n
	return n != was
}

// sleep returns when the bell has rung since the last time. It may return for nothing.
func (b *bell) sleep() {
	if b.file == nil {
		<-b.rung
		return
	}
	_ = b.conn.Read(func(uintptr) bool { return deaths.Load() != b.heard })
	_ = b.file.SetReadDeadline(time.Time{})
}
