package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Spec says where a log is and how it is kept.
type Spec struct {
	Path     string
	MaxBytes int64       // rotate when the file is this long; 0 or less: never
	Backups  int         // how many rotated files are kept; 0: truncate instead
	Mode     os.FileMode // of a file that has to be created, before the umask; 0: 0666

	// OnProblem is told when writing or rotating begins to fail and when it
	// works again, not each time; nil: nobody is. It runs in the goroutine
	// that wrote, without a lock held.
	OnProblem func(Problem)
}

// Problem is a change in how a log fares.
type Problem struct {
	Path string
	Err  error // what fails from now on; nil: it works again
	Lost int64 // bytes lost up to now in this run of failures
}

// ErrClosed is what writing to a File that is not open answers.
var ErrClosed = errors.New("log is not open")

// File is the log at one path. It lives as long as its program is configured;
// it is opened and closed many times.
type File struct {
	spec Spec

	mu      sync.Mutex
	file    handle // nil: not open
	regular bool   // file is a plain one
	wakes   map[chan struct{}]struct{}
	taps    map[*func([]byte)]struct{} // told what is written

	failing  bool  // the last write failed, and that was told
	lost     int64 // bytes lost since then
	stuck    bool  // the last rotation failed, and that was told
	rotateAt int64 // offset at which a failed rotation is tried again

	blind  int64     // so many bytes may be written before the end is looked at again
	looked time.Time // when that was done last

	// Writing to a device can wait for its reader for ever, so it happens
	// outside mu; this keeps the bytes of two writers apart.
	device sync.Mutex

	waits atomic.Bool // the open file is no regular one, so that Write may wait for a reader
}

// New returns the log that s describes. It does not open it.
func New(s Spec) *File {
	if s.Mode == 0 {
		s.Mode = 0o666
	}
	return &File{spec: s}
}

// Path returns the path of the log as it was given.
func (f *File) Path() string { return f.spec.Path }

// auto tells whether CreateAuto made the file.
func (f *File) auto() bool { return f.spec.Mode == AutoMode }

// Open opens the log for append and creates it if need be. It does nothing
// when the log is open already. It never waits for a fifo's reader.
func (f *File) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		return nil
	}
	return f.swap(false)
}

// swap opens what is at the path now and closes what was open before, in this
// order, so that a failure leaves the old file in use. fresh says that we have
// just moved away what was there. The caller holds mu.
func (f *File) swap(fresh bool) error {
	file, regular, err := openAppend(f.spec.Path, f.spec.Mode, fresh)
	if err != nil {
		return fmt.Errorf("open log %q: %w", f.spec.Path, err)
	}
	if f.file != nil {
		f.file.Close()
	}
	f.file, f.regular, f.rotateAt, f.blind = file, regular, f.spec.MaxBytes, 0
	f.waits.Store(!regular)
	return nil
}

// bare takes the operation and path off an error of package os: ours name the
// log themselves.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}

// Regular tells whether the open log is a regular file, or none is open. If it is not, Write
// may wait for a reader. It waits for nobody itself, also while another call hangs on a disk,
// and so it may be about the file that such a call is replacing.
func (f *File) Regular() bool { return !f.waits.Load() }

// Write appends p, all of it if the system lets it, and rotates the log
// afterwards if it has become long enough. It returns how many bytes were
// written; the others are lost.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	if f.file != nil && !f.regular {
		file := f.file
		f.mu.Unlock()
		return f.writeDevice(file, p)
	}
	return f.writeRegular(p)
}

// WriteRegular is Write, but ok is false, and nothing is written, if the open log is not a
// regular file. It waits for no reader.
func (f *File) WriteRegular(p []byte) (n int, ok bool, err error) {
	f.mu.Lock()
	if f.file != nil && !f.regular {
		f.mu.Unlock()
		return 0, false, nil
	}
	n, err = f.writeRegular(p)
	return n, true, err
}

// writeRegular writes to a regular file. The caller holds mu, which it gives up.
func (f *File) writeRegular(p []byte) (int, error) {
	if f.file == nil {
		f.mu.Unlock()
		return 0, fmt.Errorf("write log %q: %w", f.spec.Path, ErrClosed)
	}
	n, err := f.file.Write(p) // goes on after a short write
	told := f.note(len(p)-n, err)
	if f.spec.MaxBytes > 0 {
		told = append(told, f.rotateIfLong(n)...)
	}
	f.wake()
	for tap := range f.taps {
		(*tap)(p) // also what the disk had no room for
	}
	f.mu.Unlock()
	f.tell(told)
	return n, f.wrote(err)
}

// writeDevice writes to a target that is not a regular file.
func (f *File) writeDevice(file handle, p []byte) (int, error) {
	f.device.Lock()
	n, err := file.Write(p)
	f.device.Unlock()
	f.mu.Lock()
	var told []Problem
	if !errors.Is(err, os.ErrClosed) { // closed under us: no fault of the target
		told = f.note(len(p)-n, err)
	}
	f.mu.Unlock()
	f.tell(told)
	return n, f.wrote(err)
}

func (f *File) wrote(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write log %q: %w", f.spec.Path, bare(err))
}

// note keeps count of what a write lost and returns what there is to tell.
// The caller holds mu.
func (f *File) note(lost int, err error) []Problem {
	f.lost += int64(lost)
	switch {
	case err != nil && !f.failing:
		f.failing = true
		return []Problem{{Path: f.spec.Path, Err: f.wrote(err), Lost: f.lost}}
	case err == nil && f.failing:
		p := Problem{Path: f.spec.Path, Lost: f.lost}
		f.failing, f.lost = false, 0
		return []Problem{p}
	}
	return nil
}

func (f *File) tell(told []Problem) {
	if f.spec.OnProblem == nil {
		return
	}
	for _, p := range told {
		f.spec.OnProblem(p)
	}
}

// Reopen opens what is at the path now, after somebody has moved the old file
// away. A log that is not open stays so. On failure the old file is kept.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	err := f.swap(false)
	f.wake()
	return err
}

// Clear deletes the file and creates it anew, whether the log is open or not.
// A file that is not there stays away while the log is closed, and what is not
// a regular file is left alone.
func (f *File) Clear() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	look := os.Stat
	if f.auto() {
		look = os.Lstat
	}
	st, err := look(f.spec.Path)
	switch {
	case err == nil && st.IsDir():
		return fmt.Errorf("clear log %q: %w", f.spec.Path, syscall.EISDIR)
	case err == nil && !st.Mode().IsRegular():
		return nil
	case errors.Is(err, fs.ErrNotExist) && f.file == nil:
		return nil
	}
	if err := os.Remove(f.spec.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear log %q: %w", f.spec.Path, bare(err))
	}
	wasOpen := f.file != nil
	if err := f.swap(true); err != nil {
		return err
	}
	f.wake()
	if !wasOpen {
		return f.close()
	}
	return nil
}

// Close closes the log. It does nothing when the log is not open.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.close()
}

// CloseRegular closes the log if it is a regular file.
func (f *File) CloseRegular() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.regular {
		return nil
	}
	return f.close()
}

func (f *File) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	f.waits.Store(false)
	if err != nil {
		return fmt.Errorf("close log %q: %w", f.spec.Path, bare(err))
	}
	return nil
}

// Size returns the length of the file at the path, and an error for a device.
func (f *File) Size() (int64, error) {
	st, err := os.Stat(f.spec.Path)
	if err == nil && !st.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return 0, noFile("size of log", f.spec.Path, err)
	}
	return st.Size(), nil
}

// Watch returns a channel that receives after the log was written to, rotated,
// reopened or cleared. Several of these may arrive as one. stop ends it.
func (f *File) Watch() (wake <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1) // one is enough: it says "look again"
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wakes == nil {
		f.wakes = make(map[chan struct{}]struct{})
	}
	f.wakes[c] = struct{}{}
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.wakes, c)
	}
}

// wake tells the watchers. The caller holds mu.
func (f *File) wake() {
	for c := range f.wakes {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
