package serve

import (
	"io"
	"os"
	"syscall"
	"unsafe"
)

// bare reads and writes a socket with system calls that the runtime is not told of.
// Those that it is told of may take any time, so it prepares to go on without the thread;
// and by the first of them after a rest it wakes its monitor, which costs as much as a
// short answer does. These take no time: what a socket gives and takes at once is in
// memory, and for more there is the poller.
//
// As with any stream, one reads and one writes at a time.
type bare struct {
	conn    syscall.RawConn
	in, out transfer
}

// transfer is a read or a write under way.
type transfer struct {
	number uintptr // of the system call
	rest   []byte
	done   int
	whole  bool // go on until there is no rest
	errno  syscall.Errno
	step   func(fd uintptr) bool // of this very transfer; made once
}

// newBare returns nil if conn has no descriptor.
func newBare(conn any) *bare {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	d := &bare{conn: raw, in: transfer{number: syscall.SYS_READ}, out: transfer{number: syscall.SYS_WRITE, whole: true}}
	d.in.step, d.out.step = d.in.try, d.out.try
	return d
}

// try does as much as can be done at once, and tells whether that is all.
func (t *transfer) try(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(t.number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.rest))), uintptr(len(t.rest)))
		switch errno {
		case 0:
			t.done += int(n)
			t.rest = t.rest[n:]
			if !t.whole || len(t.rest) == 0 {
				return true
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.errno = errno
			return true
		}
	}
}

// finish returns what came of it. err is that of the poller.
func (t *transfer) finish(name string, err error) (int, error) {
	if err == nil && t.errno != 0 {
		err = os.NewSyscallError(name, t.errno)
	}
	n := t.done
	t.rest, t.done, t.errno = nil, 0, 0
	return n, err
}

func (d *bare) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	d.in.rest = p
	n, err := d.in.finish("read", d.conn.Read(d.in.step))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (d *bare) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	d.out.rest = p
	return d.out.finish("write", d.conn.Write(d.out.step))
}
