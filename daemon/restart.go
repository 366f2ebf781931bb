package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/daemon/serve"
	"gosupervisor/proc/logfile"
)

// loadForRestart reads the configuration and finds out what can be known of
// whether a restart into it works. An error refuses the restart; once
// everything is stopped, it would end us instead.
func (d *daemon) loadForRestart(h *conf.Host) (*conf.Config, error) {
	cfg, err := d.loadFrom(h)
	if err != nil {
		return nil, err
	}
	if err := d.fit(cfg); err != nil {
		return nil, err
	}
	return cfg, nil
}

// inOneLine words an error for the log.
func inOneLine(err error) string {
	var le *conf.LoadError
	if errors.As(err, &le) {
		return le.First()
	}
	return err.Error()
}

// fit tells whether the process can run with a configuration: as the user that
// it is or may become, with that user's access to files.
func (d *daemon) fit(cfg *conf.Config) error {
	u := cfg.Server.User
	switch {
	case u == nil || u.UID == os.Getuid():
		return d.fitFiles(cfg)
	case os.Getuid() != 0 && cfg.Server.UserMismatch == conf.MismatchWarns:
		return d.fitFiles(cfg)
	case os.Getuid() != 0:
		return fmt.Errorf("user=%s: this supervisor runs as user %d, and only root can become another; stop it and start it anew", u.Name, os.Getuid())
	}
	return asUser(u, func() error { return d.fitFiles(cfg) })
}

// asUser calls do with a user's access to files, and with ours to everything
// else. Only the thread that runs do is changed.
func asUser(u *conf.Account, do func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		groups, err := unix.Getgroups()
		if err != nil {
			runtime.UnlockOSThread()
			result <- fmt.Errorf("look up the own groups: %w", err)
			return
		}
		if err = becomeForFiles(u.UID, u.GID, u.Groups); err == nil {
			err = do()
		}
		if becomeForFiles(os.Geteuid(), os.Getegid(), groups) == nil {
			runtime.UnlockOSThread()
		} // a thread that cannot be changed back ends here
		result <- err
	}()
	return <-result
}

// becomeForFiles changes whom the system takes this thread for when it looks at
// the permissions of a file. The calls for ids answer with the previous one
// and never with an error, so each is asked again.
func becomeForFiles(uid, gid int, groups []int) error {
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("take the groups of user %d: %w", uid, err)
	}
	for range 2 {
		if was, _ := unix.SetfsgidRetGid(gid); was == gid {
			break
		}
	}
	for range 2 {
		if was, _ := unix.SetfsuidRetUid(uid); was == uid {
			break
		}
	}
	if now, _ := unix.SetfsuidRetUid(-1); now != uid {
		return fmt.Errorf("take the access of user %d: it stays that of %d", uid, now)
	}
	return nil
}

// fitFiles tries what needs a place in the file system or an address.
func (d *daemon) fitFiles(cfg *conf.Config) error {
	if err := d.fitLog(&cfg.Server); err != nil {
		return err
	}
	if err := fitPidfile(&cfg.Server); err != nil {
		return err
	}
	for _, c := range cfg.HTTP {
		if err := fitServer(c); err != nil {
			return fmt.Errorf("[%s]: %w", c.Section, err)
		}
	}
	for _, g := range cfg.Groups {
		for _, p := range g.Programs {
			if p.Socket == nil || p.Socket.Family != conf.Unix {
				continue
			}
			if err := fitDirectory(p.Socket.Path); err != nil {
				return fmt.Errorf("[%s]: %w", p.Section, err)
			}
		}
	}
	return nil
}

// fitLog tells whether the activity log can be opened. A file that only the
// trial created does not stay.
func (d *daemon) fitLog(s *conf.Server) error {
	if _, inherited := logfile.Inherited(s.Logfile); inherited || s.Logfile == "syslog" || !s.LogfileSet {
		return nil
	}
	_, err := os.Lstat(s.Logfile)
	absent := errors.Is(err, fs.ErrNotExist)
	f := logfile.New(logfile.Spec{Path: s.Logfile})
	if err := f.Open(); err != nil {
		if d.mayLack(s, err) {
			return nil
		}
		return err
	}
	f.Close() // nothing was written
	if absent {
		_ = os.Remove(s.Logfile) // empty, if it stays
	}
	return nil
}

// fitPidfile tells whether a pidfile that is required could be written: into the place
// of another, or over it.
func fitPidfile(s *conf.Server) error {
	if !s.RequirePidfile || s.Pidfile == "" {
		return nil
	}
	if st, err := os.Stat(s.Pidfile); err == nil && st.Mode().IsRegular() &&
		unix.Faccessat(unix.AT_FDCWD, s.Pidfile, unix.W_OK, unix.AT_EACCESS) == nil {
		return nil
	} else if err == nil && st.IsDir() {
		return fmt.Errorf("write the pidfile %q: %w", s.Pidfile, syscall.EISDIR)
	}
	dir := filepath.Dir(s.Pidfile)
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("write the pidfile %q: %w", s.Pidfile, err)
	}
	return nil
}

// fitServer tells whether a server can have its address. One that is in use is
// no obstacle: by then who uses it, we ourselves perhaps, may be gone.
func fitServer(c conf.HTTPServer) error {
	if c.Family == conf.Unix {
		if err := fitDirectory(c.File); err != nil && !notWritable(err) {
			return err
		}
		return nil // where nothing can be written it goes elsewhere
	}
	l, err := serve.Listen(c, serve.ListenOptions{})
	var se *serve.ListenError
	switch {
	case err == nil:
		l.Close()
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EADDRNOTAVAIL):
		if errors.As(err, &se) && se.Hint != "" {
			return fmt.Errorf("%w (%s)", err, se.Hint)
		}
		return err
	}
	return nil
}

// fitDirectory tells whether a socket can be made at path.
func fitDirectory(path string) error {
	dir := filepath.Dir(path)
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("make a socket in the directory %q: %w", dir, err)
	}
	return nil
}
