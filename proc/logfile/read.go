package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// MaxRead is the most that one Read or Tail returns, however long the file is
// and whatever was asked for. Read can be called again with a later offset.
const MaxRead = 64 << 20

var (
	// ErrBadArguments means that offset and length do not go together.
	ErrBadArguments = errors.New("bad offset or length")
	// ErrNoFile means that there is no file at the path.
	ErrNoFile = errors.New("no such log file")
	// ErrNotRegular means that what is at the path cannot be read by offset.
	ErrNotRegular = errors.New("not a regular file")
)

// noFile wraps err so that a missing file is ErrNoFile.
func noFile(what, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoFile
	}
	return fmt.Errorf("%s %q: %w", what, path, bare(err))
}

// openRead opens the regular file at path and returns its length. It neither
// waits for nor reads from anything else.
func openRead(path string) (*os.File, fs.FileInfo, error) {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = ErrNotRegular // opening a device can have effects of its own
	}
	if err != nil {
		return nil, nil, noFile("read log", path, err)
	}
	fd, err := openTrusted(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, noFile("read log", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	st, err = file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		file.Close()
		return nil, nil, noFile("read log", path, err)
	}
	return file, st, nil
}

// Read returns length bytes of the log at path from offset on, fewer at its
// end; length 0 means up to the end. With a negative offset and length 0 it
// returns the last -offset bytes. Other pairs are ErrBadArguments.
func Read(path string, offset, length int64) ([]byte, error) {
	if length < 0 || offset < 0 && length != 0 {
		return nil, fmt.Errorf("read log %q at %d for %d: %w", path, offset, length, ErrBadArguments)
	}
	file, st, err := openRead(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size := st.Size()
	switch {
	case offset < 0:
		length = min(last(offset), size, MaxRead)
		offset = size - length
	case length == 0:
		length = MaxRead
	}
	return section(file, path, offset, min(length, size-offset, MaxRead))
}

// last returns how many bytes a negative offset asks for.
func last(offset int64) int64 {
	if offset == math.MinInt64 {
		return math.MaxInt64
	}
	return -offset
}

// section reads length bytes at offset, fewer if the file has shrunk since.
func section(file *os.File, path string, offset, length int64) ([]byte, error) {
	if length <= 0 {
		return []byte{}, nil
	}
	p := make([]byte, length)
	n, err := file.ReadAt(p, offset)
	if err != nil && err != io.EOF {
		return nil, noFile("read log", path, err)
	}
	return p[:n], nil
}

// Tail returns what a client that has read the log at path up to offset is to
// be shown next, length bytes at most: always the last bytes of the log, none
// if offset is its end or beyond. size, the length of the log, is the offset
// to ask from the next time; overflow tells that bytes were passed over. For
// a missing log size is 0, for one that cannot be read it is offset.
func Tail(path string, offset, length int64) (data []byte, size int64, overflow bool, err error) {
	file, st, err := openRead(path)
	if errors.Is(err, ErrNoFile) {
		return []byte{}, 0, false, err
	}
	if err != nil {
		return []byte{}, offset, false, err
	}
	defer file.Close()
	size = st.Size()
	overflow = size > add(offset, length)
	if offset >= size {
		return []byte{}, size, overflow, nil
	}
	length = min(length, size, MaxRead)
	data, err = section(file, path, size-length, length)
	if err != nil {
		return []byte{}, offset, false, err
	}
	return data, size, overflow, nil
}

// add is a+b, held at the limits of the type.
func add(a, b int64) int64 {
	switch {
	case a > 0 && b > math.MaxInt64-a:
		return math.MaxInt64
	case a < 0 && b < math.MinInt64-a:
		return math.MinInt64
	}
	return a + b
}
