package logfile

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// pathWatch tells when the file at a path is changed by anybody. The zero
// value never tells.
type pathWatch struct {
	path string
	c    chan struct{} // nil: never
	file *os.File      // the inotify instance, in Go's poller
	rc   interface {
		Control(func(fd uintptr)) error
	}
	ended chan struct{}
}

// watchPath begins to watch path and its directory. Where that is not to be
// had - the number of instances per user is small - it returns a watch that
// never tells.
func watchPath(path string) *pathWatch {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return &pathWatch{}
	}
	w := &pathWatch{
		path:  path,
		c:     make(chan struct{}, 1), // one is enough: it says "look again"
		file:  os.NewFile(uintptr(fd), "inotify"),
		ended: make(chan struct{}),
	}
	rc, err := w.file.SyscallConn()
	if err != nil {
		w.file.Close()
		return &pathWatch{}
	}
	w.rc = rc
	// A new file takes the path by appearing in the directory.
	w.add(filepath.Dir(path), unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
	w.add(path, unix.IN_MODIFY)
	go w.run()
	return w
}

// add watches path; a path watched already only stays so.
func (w *pathWatch) add(path string, events uint32) {
	_ = w.rc.Control(func(fd uintptr) {
		// An error leaves us with what the log's own writer tells.
		_, _ = unix.InotifyAddWatch(int(fd), path, events)
	})
}

// renew watches the file that is at the path now, which may be a new one.
func (w *pathWatch) renew() {
	if w.file != nil {
		w.add(w.path, unix.IN_MODIFY)
	}
}

// run passes on that something happened; what, is for the reader to find out.
func (w *pathWatch) run() {
	defer close(w.ended)
	buffer := make([]byte, 4<<10)
	for {
		if _, err := w.file.Read(buffer); err != nil {
			return // closed
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}

// close ends the watch and its goroutine.
func (w *pathWatch) close() {
	if w.file == nil {
		return
	}
	w.file.Close()
	<-w.ended
}
