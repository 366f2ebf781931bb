package ctl

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/ctl/client"
)

// hint adds to an error about a server what the configuration file and the pid
// file of the daemon have to say about it.
func (s *session) hint(err error) {
	var own *client.Error
	if !errors.As(err, &own) {
		return
	}
	path, isSocket := strings.CutPrefix(s.url, "unix://")
	switch {
	case own.Kind != client.ErrNoFile && own.Kind != client.ErrRefused:
	case isSocket:
		if other := otherSocket(s.daemon, path); other != "" {
			own.Hints = append(own.Hints, other)
		}
		found, runs := aboutPID(s.daemon, path)
		if runs { // so it has not ended
			for i, hint := range own.Hints {
				own.Hints[i] = strings.TrimSuffix(hint, client.LeftBehind)
			}
		}
		if found != "" {
			own.Hints = append(own.Hints, found)
		}
	default:
		if other := otherAddress(s.daemon, s.url); other != "" {
			own.Hints = append(own.Hints, other)
		}
	}
}

// complainOf tells of an error about a server: text, and below it, on the
// standard error, what is known beyond it.
func (s *session) complainOf(exit int, err error, text string) {
	s.complain(exit, problemOf(err), text)
	s.printHints(err)
}

func (s *session) printHints(err error) {
	var own *client.Error
	if s.wantsJSON() || !errors.As(err, &own) {
		return
	}
	for _, hint := range own.Hints {
		warn(s.errs, "  %s", hint)
	}
}

// otherSocket says so when the daemon of the same file listens at another path.
func otherSocket(d conf.CtlDaemon, path string) string {
	if d.Socket == "" || d.Socket == path {
		return ""
	}
	return fmt.Sprintf("%s has file=%s in [unix_http_server]: try -s unix://%s", d.File, d.Socket, d.Socket)
}

// otherAddress does so for one that listens at another address, or at none.
func otherAddress(d conf.CtlDaemon, url string) string {
	if d.Port != "" {
		_, asked, _ := strings.Cut(url, "://")
		asked, _, _ = strings.Cut(asked, "/")
		if portOf(asked, "80") == portOf(d.Port, d.Port) {
			return ""
		}
		return fmt.Sprintf("%s has port=%s in [inet_http_server]", d.File, d.Port)
	}
	if d.Socket != "" {
		return fmt.Sprintf("%s has no [inet_http_server], but file=%s in [unix_http_server]: try -s unix://%s", d.File, d.Socket, d.Socket)
	}
	return ""
}

func portOf(address, otherwise string) string {
	if _, port, err := net.SplitHostPort(address); err == nil {
		return port
	}
	return otherwise
}

// aboutPID says what became of the daemon that should listen at path, as far as
// a pid file tells, and whether that runs.
func aboutPID(d conf.CtlDaemon, path string) (text string, runs bool) {
	beside := filepath.Dir(path)
	for _, file := range []string{d.Pidfile, strings.TrimSuffix(path, filepath.Ext(path)) + ".pid", filepath.Join(beside, "supervisord.pid")} {
		pid, ok := readPID(file)
		if !ok {
			continue
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		switch {
		case unix.Kill(pid, 0) == unix.ESRCH || hasEnded(pid):
			return fmt.Sprintf("pid %d, of %s, is not running: start supervisord", pid, file), false
		case err != nil:
			return fmt.Sprintf("pid %d, of %s, is running", pid, file), true
		}
		return fmt.Sprintf("pid %d, of %s, is running, as %s, but does not listen there", pid, file, visible(strings.TrimSpace(string(name)), "")), true
	}
	return "", false
}

// hasEnded tells whether a pid is that of a process that has ended, which a signal
// still reaches for as long as its parent does not fetch its status.
func hasEnded(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ") // the name before it may hold anything
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// readPID reads a pid file, if it is one.
func readPID(file string) (pid int, ok bool) {
	const longest = 32
	st, err := os.Stat(file)
	if err != nil || !st.Mode().IsRegular() || st.Size() > longest {
		return 0, false
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, err == nil && pid > 0
}
