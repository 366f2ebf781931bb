package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"gosupervisor/conf"
	"gosupervisor/daemon/serve"
)

// notWritable tells whether an error says that a place cannot be written by us at
// all: its filesystem is read-only, or it belongs to somebody else.
func notWritable(err error) bool {
	return errors.Is(err, syscall.EROFS) || os.Geteuid() != 0 && errors.Is(err, syscall.EACCES)
}

// mayLack tells whether the daemon goes on without the file of its log, which cannot be
// opened: where somebody sees the lines all the same, if nobody asked for the file, if
// nothing can be written there at all, or if whoever chose our user could not know what
// the file says. Whom the machine knows, and who starts us by hand, likely meant to be
// another.
func (d *daemon) mayLack(s *conf.Server, err error) bool {
	first := os.Getpid() == 1
	switch {
	case s.Silent || !s.Nodaemon && !first:
		return false
	case !s.LogfileSet || errors.Is(err, syscall.EROFS):
		return true
	}
	return errors.Is(err, syscall.EACCES) && (first || d.opts.container || !conf.KnownUser(os.Geteuid(), nil))
}

// whoWeAre adds to an error about permission whose it was that is missing.
func whoWeAre(err error) string {
	if errors.Is(err, syscall.EACCES) {
		return fmt.Sprintf(" (we are uid %d)", os.Geteuid())
	}
	return ""
}

// listenAt opens a server. A UNIX socket whose place cannot be written goes to
// the first other one that can, or gets a name that takes no place; then its path in c is
// the new one, and told.
func (d *daemon) listenAt(c *conf.HTTPServer) (net.Listener, error) {
	options := serve.ListenOptions{Notice: func(text string) { fmt.Fprintln(d.stderr, text) }}
	l, err := serve.Listen(*c, options)
	if err == nil || c.Family != conf.Unix || !notWritable(err) {
		return l, err
	}
	for _, file := range conf.SocketFallbacks(c.File, os.Geteuid(), nil) {
		if dir := filepath.Dir(file); os.Mkdir(dir, 0o700) != nil && !conf.OwnDir(dir, os.Geteuid()) {
			continue
		}
		moved := *c
		moved.File = file
		fallback, failed := serve.Listen(moved, options)
		if failed == nil {
			d.journal.logf(conf.Warn, "the socket %s cannot be made there (%v): it is %s, where supervisorctl looks for it too",
				c.File, cause(err), file)
			*c = moved
			return fallback, nil
		}
		if !notWritable(failed) && !errors.Is(failed, syscall.ENOENT) {
			return nil, failed // such as another supervisor there
		}
	}
	moved := *c
	moved.File = conf.AbstractSocket(c.File, os.Geteuid())
	fallback, failed := serve.ListenAbstract(moved.File)
	if failed != nil {
		return nil, err
	}
	d.journal.logf(conf.Warn, "the socket %s cannot be made there (%v), nor elsewhere: it has the abstract name %s, where supervisorctl looks for it too, "+
		"for uid %d", c.File, cause(err), moved.File, os.Geteuid())
	*c = moved
	return fallback, nil
}

// cause is the system's part of an error.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
