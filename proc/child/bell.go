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

// bell is what the table sleeps at: the end of a child rings it, and whoever puts
// something into the mailbox. The former writes to an eventfd, in the handler of the
// signal, and the sleeper is woken by the thread that polls, on which it goes on; the
// latter has the time for a read of that run out. By way of os/signal each death would wake
// three more threads: for the runtime's queue of signals, its monitor, and to look for work.
//
// There is one bell, since there is one handler, and one table runs at a time. The eventfd
// is never closed: a handler that runs late must not write into another file.
type bell struct {
	file *os.File // nil: the bell is a channel
	conn syscall.RawConn
	rung chan struct{} // holds one
}

// died is set by the end of a child, and cleared by who looks for the dead.
var died atomic.Uint32

var (
	bellOnce sync.Once
	onlyBell *bell
)

func theBell() *bell {
	bellOnce.Do(hangBell)
	return onlyBell
}

func hangBell() {
	b := &bell{}
	onlyBell = b
	if !noHandler && b.poll() {
		return
	}
	b.file, b.rung = nil, make(chan struct{}, 1)
	deaths := make(chan os.Signal, 1)
	signal.Notify(deaths, syscall.SIGCHLD)
	go func() {
		for range deaths {
			died.Store(1)
			b.ring()
		}
	}()
}

// noHandler has the bell be a channel, for tests.
var noHandler bool

// poll has the end of a child ring through the poller. It is false where there is no
// assembly for the handler, or where the poller has no room.
func (b *bell) poll() bool {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return false
	}
	b.file = os.NewFile(uintptr(fd), "deaths")
	if b.conn, err = b.file.SyscallConn(); err == nil {
		err = b.file.SetReadDeadline(time.Time{})
	}
	if err != nil || !handleDeaths(fd) {
		_ = b.file.Close()
		return false
	}
	return true
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

// sleep returns when the bell has rung since the last time. It may return for nothing.
func (b *bell) sleep() {
	if b.file == nil {
		<-b.rung
		return
	}
	// The eventfd is not read: each write to it is an event of its own for the poller.
	_ = b.conn.Read(func(uintptr) bool { return died.Load() != 0 })
	_ = b.file.SetReadDeadline(time.Time{})
}
