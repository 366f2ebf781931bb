package logfile

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// Backlog says how much of what is there a reader is shown.
type Backlog struct {
	Bytes int64 // the last bytes
	Lines int64 // or the last lines, if this is more than 0
}

// LinesFromEnd looks backwards through p for the beginning of the last *n
// lines, and takes from n those that begin in p. last says that nothing comes
// after p: a newline at its end then ends a line and begins none.
func LinesFromEnd(p []byte, n *int64, last bool) (at int, found bool) {
	end := len(p)
	if last && end > 0 && p[end-1] == '\n' {
		end--
	}
	for *n > 0 {
		newline := bytes.LastIndexByte(p[:end], '\n')
		if newline < 0 {
			return 0, false
		}
		if *n--; *n == 0 {
			return newline + 1, true
		}
		end = newline
	}
	return len(p), true
}

// Extract is the end of a log as it was at one moment. What happens to the log
// afterwards does not change it, unless the file is cut in place. It holds
// files open until Close.
type Extract struct {
	path  string
	parts []part
}

// part is one file of an Extract.
type part struct {
	file    *os.File
	at, end int64
}

// End opens the end of the log at path. Lines are taken from the last rotated
// file too if the log itself has not enough of them, bytes are not.
func End(path string, b Backlog) (*Extract, error) {
	file, st, err := openRead(path)
	if err != nil {
		return nil, err
	}
	e := &Extract{path: path, parts: []part{{file, 0, st.Size()}}}
	newest := &e.parts[0]
	if b.Lines <= 0 {
		newest.at = max(0, newest.end-max(b.Bytes, 0))
		return e, nil
	}
	left := b.Lines
	enough, err := newest.seekLines(&left, true, path)
	if err != nil {
		e.Close()
		return nil, err
	}
	if enough {
		return e, nil
	}
	older, before, err := openRead(Backup(path, 1))
	if err != nil || os.SameFile(st, before) { // rotated under our eyes
		if err == nil {
			older.Close()
		}
		return e, nil
	}
	p := part{older, 0, before.Size()}
	if _, err := p.seekLines(&left, newest.end == 0, path); err != nil {
		older.Close()
		return e, nil
	}
	e.parts = []part{p, *newest}
	return e, nil
}

// seekLines moves the beginning of a part to that of the last *n lines. It
// looks through MaxRead bytes at most.
func (p *part) seekLines(n *int64, last bool, path string) (enough bool, err error) {
	buffer := followBuffers.Get().(*[32 << 10]byte)
	defer followBuffers.Put(buffer)
	for at := p.end; at > 0 && p.end-at < MaxRead; {
		size := min(at, int64(len(buffer)))
		at -= size
		got, err := p.file.ReadAt(buffer[:size], at)
		if err != nil && err != io.EOF {
			return false, noFile("read log", path, err)
		}
		i, found := LinesFromEnd(buffer[:got], n, last && at+size == p.end)
		p.at = at + int64(i)
		if found {
			return true, nil
		}
	}
	return p.at > 0, nil
}

// Each calls emit with all of it, in pieces that are valid during the call
// only.
func (e *Extract) Each(emit func([]byte) error) error {
	buffer := followBuffers.Get().(*[32 << 10]byte)
	defer followBuffers.Put(buffer)
	for _, p := range e.parts {
		for at := p.at; at < p.end; {
			n, err := p.file.ReadAt(buffer[:min(p.end-at, int64(len(buffer)))], at)
			at += int64(n)
			if n > 0 {
				if err := emit(buffer[:n]); err != nil {
					return err
				}
			}
			if errors.Is(err, io.EOF) {
				break // it was cut
			}
			if err != nil {
				return noFile("read log", e.path, err)
			}
		}
	}
	return nil
}

// Close closes the files.
func (e *Extract) Close() {
	for _, p := range e.parts {
		p.file.Close()
	}
}

// first gives the oldest part away, for somebody who goes on from there, and
// closes the others.
func (e *Extract) first() (*os.File, int64) {
	for _, p := range e.parts[1:] {
		p.file.Close()
	}
	return e.parts[0].file, e.parts[0].at
}

// Tap has tap called with what is written to the log from now on. tap must not
// wait, nor use the log; its argument is valid during the call only.
func (f *File) Tap(tap func(p []byte)) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tap(tap)
}

// TapEnd does the same, and returns the end of what is there at the same
// moment: nil, and no error, for a log that has no file that could be read. The
// caller closes the Extract.
func (f *File) TapEnd(b Backlog, tap func(p []byte)) (last *Extract, stop func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, err = End(f.spec.Path, b)
	if err != nil && !errors.Is(err, ErrNoFile) && !errors.Is(err, ErrNotRegular) {
		return nil, nil, err
	}
	return last, f.tap(tap), nil
}

// tap is Tap for a caller that holds mu.
func (f *File) tap(tap func(p []byte)) (stop func()) {
	if f.taps == nil {
		f.taps = make(map[*func([]byte)]struct{})
	}
	f.taps[&tap] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.taps, &tap)
	}
}
