package logfile

import (
	"io"

	"golang.org/x/sys/unix"
)

// handle is an open log: an *os.File where it may wait for a reader, or else a plain.
type handle interface {
	io.WriteCloser
}

// plain is the descriptor of a regular file. It is never waited for and never used by two
// at once, so it needs nothing of what an *os.File has, of which there would be two for
// each program.
type plain int

// Write implements io.Writer. It goes on after a short write.
func (f plain) Write(p []byte) (written int, err error) {
	for {
		n, err := unix.Write(int(f), p[written:])
		if n > 0 {
			written += n
		}
		switch {
		case err == unix.EINTR:
		case err != nil:
			return written, err
		case written == len(p):
			return written, nil
		case n == 0:
			return written, io.ErrUnexpectedEOF
		}
	}
}

// Close implements io.Closer.
func (f plain) Close() error { return unix.Close(int(f)) }

// position is where the last write has ended.
func (f plain) position() (int64, error) { return unix.Seek(int(f), 0, io.SeekCurrent) }

func (f plain) truncate() error {
	return retry(func() error { return unix.Ftruncate(int(f), 0) })
}

// at tells whether path leads to this file.
func (f plain) at(path string) bool {
	var mine, there unix.Stat_t
	return retry(func() error { return unix.Fstat(int(f), &mine) }) == nil &&
		retry(func() error { return unix.Stat(path, &there) }) == nil &&
		mine.Dev == there.Dev && mine.Ino == there.Ino
}

// retry calls f until no signal interrupts it.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
