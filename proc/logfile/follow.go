package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Truncated is what Follow emits when the file was cut in place.
const Truncated = "==> File truncated <==\n"

// followers borrow a buffer only while they read: most of them wait.
var followBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// follower reads one log along.
type follower struct {
	path   string
	emit   func([]byte) error
	file   *os.File
	offset int64
}

// Follow emits the end of the log at path, as much as b says, and then what is
// written to it, until ctx ends or emit fails, and returns why. When another
// file takes the path, by rotation or otherwise, the old one is read to its
// end and the new one, or the rotated ones between the two, from the
// beginning. When the file is cut in place, Follow emits Truncated and begins
// at its start. The bytes that emit is given are valid during the call only.
//
// Follow never polls. wake is a File's Watch; changes that others make to the
// file are noticed where the system can tell about them (inotify), and at the
// next wake otherwise.
func Follow(ctx context.Context, path string, b Backlog, wake func() (<-chan struct{}, func()), emit func([]byte) error) error {
	woken, stop := wake()
	defer stop()
	changes := watchPath(path)
	defer changes.close()

	end, err := End(path, b)
	if err != nil {
		return err
	}
	f := &follower{path: path, emit: emit}
	f.file, f.offset = end.first()
	defer func() { f.file.Close() }()
	for {
		changes.renew() // before reading, so that nothing falls in between
		moved, err := f.catchUp(ctx)
		if err != nil {
			return err
		}
		if moved {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-woken:
		case <-changes.c:
		}
	}
}

// catchUp emits all that there is now, in this file and its successors. moved
// tells that it ended in another file than it began in.
func (f *follower) catchUp(ctx context.Context) (moved bool, err error) {
	for {
		// Whether there is a successor is asked first: only what is read
		// after a file was replaced can be all of it.
		next, err := f.successor()
		if err != nil {
			return moved, err
		}
		if err := f.drain(ctx); err != nil {
			if next != nil {
				next.Close()
			}
			return moved, err
		}
		if next == nil {
			return moved, nil
		}
		f.file.Close()
		f.file, f.offset, moved = next, 0, true
	}
}

// drain emits the file from the offset to its end.
func (f *follower) drain(ctx context.Context) error {
	st, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("follow log %q: %w", f.path, bare(err))
	}
	if st.Size() < f.offset {
		if err := f.emit([]byte(Truncated)); err != nil {
			return err
		}
		f.offset = 0
	}
	buffer := followBuffers.Get().(*[32 << 10]byte)
	defer followBuffers.Put(buffer)
	for ctx.Err() == nil {
		n, err := f.file.ReadAt(buffer[:], f.offset)
		if n > 0 {
			f.offset += int64(n)
			if err := f.emit(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow log %q: %w", f.path, bare(err))
		}
	}
	return ctx.Err()
}

// successor opens the file that comes after the one being read: the rotated
// file one number below it, or else what is at the path now. It is nil while
// the file is still the one at the path, or nothing else is.
func (f *follower) successor() (*os.File, error) {
	mine, err := f.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("follow log %q: %w", f.path, bare(err))
	}
	for {
		at, found := position(f.path, mine)
		if found && at == 0 {
			return nil, nil
		}
		if !found {
			at = 1
		}
		next, _, err := openRead(Backup(f.path, at-1))
		if errors.Is(err, ErrNoFile) || errors.Is(err, ErrNotRegular) {
			return nil, nil // in the middle of a change: the end of it wakes us
		}
		if err != nil {
			return nil, err
		}
		// A rotation between the two looks would have us skip a file.
		if again, still := position(f.path, mine); again == at && still == found || !found && !still {
			return next, nil
		}
		next.Close()
	}
}

// position returns which rotated file of the log at path mine is; 0 means the
// log itself. A rotation under way leaves one number out for a moment, so the
// search ends where two are missing. It goes upwards, as the files do, and
// thus meets a file that moves meanwhile.
func position(path string, mine os.FileInfo) (at int, found bool) {
	missing := 0
	for i := 0; missing < 2; i++ {
		st, err := os.Stat(Backup(path, i))
		switch {
		case err == nil && os.SameFile(mine, st):
			return i, true
		case err == nil:
			missing = 0
		case i > 0:
			missing++
		}
	}
	return 0, false
}
