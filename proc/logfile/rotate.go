package logfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Far from the limit the end of the file is not looked at after each of many short
// writes. We write less meanwhile than would reach it, a sixteenth of the way at most, so
// that up to sixteen who write to one file are not late either; what others do to the file is
// seen after this time.
const (
	blindBytes = 4 << 10
	blindPart  = 16
	blindTime  = time.Second
)

// rotateIfLong rotates the log if its offset, which after an append is the end
// of the file, has reached the limit. It returns what there is to tell. The
// caller holds mu, and has written n bytes; the log is open and regular.
func (f *File) rotateIfLong(n int) []Problem {
	f.blind -= int64(n)
	if f.blind >= 0 && time.Since(f.looked) < blindTime {
		return nil
	}
	offset, err := f.file.(plain).position()
	if err != nil {
		return nil
	}
	if offset < f.rotateAt {
		f.blind, f.looked = min((f.rotateAt-offset)/blindPart, blindBytes), time.Now()
		return nil
	}
	f.blind = 0
	err = f.rotate()
	switch {
	case err == nil:
		f.rotateAt = f.spec.MaxBytes
	case f.auto() && f.cut() == nil:
		// Others may have put a directory in the way, and its size is no
		// choice of anybody.
		f.rotateAt = f.spec.MaxBytes
	default:
		// Nothing is lost: the file grows on. Trying at every write would
		// cost more than it could gain.
		f.rotateAt = offset + f.spec.MaxBytes
	}
	was := f.stuck
	f.stuck = err != nil
	switch {
	case f.stuck && !was:
		return []Problem{{Path: f.spec.Path, Err: err}}
	case was && !f.stuck:
		return []Problem{{Path: f.spec.Path}}
	}
	return nil
}

// rotate moves the log to .1 and its forerunners one up, or truncates it if
// none are kept.
func (f *File) rotate() error {
	if !f.atPath() {
		return f.swap(false) // deleted or moved by somebody else
	}
	// Another writer of the same file, in this process or not, may be about
	// to do the same. One does; the other finds a new file next time.
	mine := f.file.(plain)
	if unix.Flock(int(mine), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK {
		return nil
	}
	defer func() {
		// A file that was closed has given up its lock, and its number may be anybody's.
		if f.file == mine {
			_ = unix.Flock(int(mine), unix.LOCK_UN)
		}
	}()
	if !f.atPath() {
		return f.swap(false)
	}
	if f.spec.Backups <= 0 {
		if err := f.file.(plain).truncate(); err != nil {
			return fmt.Errorf("truncate log %q: %w", f.spec.Path, bare(err))
		}
		return nil
	}
	// Renaming over a file makes some file systems write the new one to the
	// disk at once, which would hold up the program. What stops the unlinking
	// stops the renaming too.
	_ = unix.Unlink(Backup(f.spec.Path, f.spec.Backups))
	for _, i := range f.backups() {
		err := rename(Backup(f.spec.Path, i), Backup(f.spec.Path, i+1))
		if err != nil && err != unix.ENOENT {
			return fmt.Errorf("rotate log %q: %w", Backup(f.spec.Path, i), err)
		}
	}
	return f.swap(true)
}

// rename is os.Rename without a look at the target first.
func rename(from, to string) error {
	for {
		if err := unix.Rename(from, to); err != unix.EINTR {
			return err
		}
	}
}

// manyBackups is from how many on it is quicker to look which ones there are than to
// try them all.
const manyBackups = 50

// backups lists the files that may have to be renamed, the oldest first: those that
// are kept, and the log itself, which is the 0th.
func (f *File) backups() []int {
	all := make([]int, 0, manyBackups)
	if f.spec.Backups > manyBackups {
		if entries, err := os.ReadDir(filepath.Dir(f.spec.Path)); err == nil {
			prefix := filepath.Base(f.spec.Path) + "."
			for _, e := range entries {
				number, found := strings.CutPrefix(e.Name(), prefix)
				i, err := strconv.Atoi(number)
				if found && err == nil && i > 0 && i < f.spec.Backups && strconv.Itoa(i) == number {
					all = append(all, i)
				}
			}
			slices.Sort(all)
			slices.Reverse(all)
			return append(all, 0)
		}
	}
	for i := f.spec.Backups - 1; i >= 0; i-- {
		all = append(all, i)
	}
	return all
}

// cut empties a log that cannot be rotated.
func (f *File) cut() error {
	if !f.atPath() {
		return fs.ErrNotExist // it was moved after all
	}
	return f.file.(plain).truncate()
}

// Backup returns the path of the i-th rotated file of the log at path; the
// 0th is the log itself.
func Backup(path string, i int) string {
	if i == 0 {
		return path
	}
	return path + "." + strconv.Itoa(i)
}

// atPath tells whether the open file is the one at its path.
func (f *File) atPath() bool { return f.file.(plain).at(f.spec.Path) }
