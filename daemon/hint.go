package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/daemon/serve"
)

// hints returns what may help a person with an error that keeps us from
// starting, a line each.
func (d *daemon) hints(err error) []string {
	var listen *serve.ListenError
	var limit *limitError
	var log *logError
	var pid *pidError
	hint := ""
	switch {
	case errors.As(err, &listen):
		hint = listen.Hint
	case errors.As(err, &limit):
		hint = d.place(limit.key) + limit.hint()
	case errors.As(err, &log):
		hint = d.place("logfile") + log.hint()
	case errors.As(err, &pid):
		hint = d.place("pidfile") + pid.hint()
	case errors.Is(err, errNotRoot):
		hint = fmt.Sprintf("%swe were started as uid %d, which cannot become another user: leave user= out, or start as root", d.place("user"), os.Getuid())
	}
	if hint == "" {
		return nil
	}
	return []string{hint}
}

// place tells where a key of [supervisord] was set.
func (d *daemon) place(key string) string {
	name := "[supervisord] " + key + ": "
	origin := conf.Origin{Kind: conf.FromDefault}
	if option, given := d.opts.given[key]; given {
		origin = conf.Origin{Kind: conf.FromOption, Name: option}
	} else if r, err := conf.Read(d.path, d.host(getentAlone)); err == nil {
		origin = r.Origin("supervisord", key)
	}
	if origin.Kind == conf.FromDefault {
		return name
	}
	return origin.String() + ": " + name
}

// limitError says that the configuration wants more than the system gives.
type limitError struct {
	fixedText
	key    string // that wants it
	most   uint64 // what the system gives
	shell  string // the option of the shell's ulimit
	docker string // the name for docker's --ulimit
}

func (e *limitError) hint() string {
	return fmt.Sprintf("lower it to at most %d, or raise the limit (ulimit %s, docker run --ulimit %s=...)", e.most, e.shell, e.docker)
}

// logError says that the activity log cannot be opened.
type logError struct {
	error
	path string
}

// Unwrap returns the cause.
func (e *logError) Unwrap() error { return e.error }

func (e *logError) hint() string {
	if errors.Is(e.error, unix.EROFS) {
		return readOnlyHint(e.path, runLogfile) + ", or set logfile=/dev/null"
	}
	if errors.Is(e.error, unix.EACCES) {
		return fmt.Sprintf("choose a place where uid %d can write, or /dev/null for none; with --container it is enough to log to standard output", os.Geteuid())
	}
	return "choose another place, or /dev/null for none"
}

// pidError says that a pidfile cannot be written without which we are not to start.
type pidError struct {
	error
	path string
}

// Unwrap returns the cause.
func (e *pidError) Unwrap() error { return e.error }

func (e *pidError) hint() string {
	const otherwise = ", or do without: require_pidfile=false"
	if errors.Is(e.error, unix.EROFS) {
		return readOnlyHint(e.path, runPidfile) + otherwise
	}
	return fmt.Sprintf("choose a place where uid %d can write", os.Geteuid()) + otherwise
}

// readOnlyHint says what to do about a file in a directory that cannot be
// written; otherwise is the key with a place that can.
func readOnlyHint(path, otherwise string) string {
	return serve.ReadOnlyHint(filepath.Dir(path), otherwise)
}

// The keys with a place where a tmpfs can be.
const (
	runPidfile  = "pidfile=/run/supervisord.pid"
	runLogfile  = "logfile=/run/supervisord.log"
	runChildLog = "childlogdir=/run"
)

// whyNoPidfile words why the pid file could not be written; the line about it
// that scripts know says only that.
func whyNoPidfile(path string, err error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, unix.EROFS):
		return readOnlyHint(path, runPidfile)
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}
