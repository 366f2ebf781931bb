package serve

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bare reads and writes a socket with system calls that the runtime is not told of.
// Those that it is told of may take any time, so it prepares to go on without the thread;
// and by the first of them after a rest it wakes its monitor, which costs as much as a
// short answer does. These take little time: what a socket gives and takes at once is in
// memory, and for more there is the poller.
//
// A UNIX socket could also give open files, which we do not take, and to let go of one may
// take any time that its sender likes (SO_LINGER). Where it cannot be kept from that, the
// runtime is told of reads.
//
// It is for HTTP, where a call is a question, an answer and a rest. Lines of JSON come one
// after the other, so that the monitor is awake anyhow, and is woken less often if it stays so.
//
// As with any stream, one reads and one writes at a time.
type bare struct {
	conn    syscall.RawConn
	in, out transfer
}

// A client that never lets us wait must not have all others wait: the monitor sees that
// somebody runs for long, and looks for who else could. So it is woken by one call of so
// many that did not have to wait, and by one for more than a moment's copying.
const (
	bareCalls = 16
	bareBytes = 64 << 10
)

// transfer is a read or a write under way.
type transfer struct {
	write bool // and then of everything
	told  bool // the runtime, of each call
	rest  []byte
	done  int
	err   error
	row   int                   // calls since one that the runtime was told of, or that had to wait
	step  func(fd uintptr) bool // of this very transfer; made once
}

// newBare returns nil if conn has no descriptor.
func newBare(conn net.Conn) *bare {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	b := &bare{conn: raw, in: transfer{told: watched}, out: transfer{told: watched, write: true}}
	if _, ok := conn.(*net.UnixConn); ok && mayBringFiles(raw) {
		b.in.told = true
	}
	b.in.step, b.out.step = b.in.try, b.out.try
	return b
}

// refuseFiles has a UNIX socket, and the connections that it accepts, take no open files.
// The senders are told. Before Linux 6.16 it cannot be done.
func refuseFiles(sc syscall.Conn) {
	if raw, err := sc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0) })
	}
}

// mayBringFiles tells whether a UNIX socket takes open files.
func mayBringFiles(raw syscall.RawConn) bool {
	on, err := 1, error(nil)
	if e := raw.Control(func(fd uintptr) { on, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSRIGHTS) }); e != nil {
		return true
	}
	return err != nil || on != 0
}

// call is one system call.
func (t *transfer) call(fd int) (int, error) {
	t.row++
	switch told := t.told || t.row >= bareCalls || len(t.rest) > bareBytes; {
	case told && t.write:
		t.row = 0
		return syscall.Write(fd, t.rest)
	case told:
		t.row = 0
		return syscall.Read(fd, t.rest)
	}
	number := uintptr(unix.SYS_RECVFROM)
	if t.write {
		number = unix.SYS_SENDTO
	}
	n, _, errno := syscall.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(t.rest))), uintptr(len(t.rest)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// try does as much as can be done at once, and tells whether that is all.
func (t *transfer) try(fd uintptr) bool {
	for {
		n, err := t.call(int(fd))
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			t.row = 0
			return false
		case err != nil:
			t.err = err
			return true
		case !t.write:
			t.done = n
			return true
		case n == 0:
			t.err = io.ErrUnexpectedEOF
			return true
		default:
			t.done += n
			if t.rest = t.rest[n:]; len(t.rest) == 0 {
				return true
			}
		}
	}
}

// finish returns what came of it. err is that of the poller.
func (t *transfer) finish(name string, err error) (int, error) {
	if err == nil && t.err != nil {
		err = os.NewSyscallError(name, t.err)
	}
	n := t.done
	t.rest, t.done, t.err = nil, 0, nil
	return n, err
}

func (b *bare) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b.in.rest = p
	n, err := b.in.finish("read", b.conn.Read(b.in.step))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (b *bare) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b.out.rest = p
	return b.out.finish("write", b.conn.Write(b.out.step))
}
