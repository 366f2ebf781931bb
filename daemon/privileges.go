package daemon

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
	"gosupervisor/early"
	"gosupervisor/proc/child"
)

// errNotRoot says that only root can become another user.
const errNotRoot = fixedText("Can't drop privilege as nonroot user")

// dropPrivileges makes the whole process the user of account: groups first,
// while that is still allowed. Already being that user is success and changes
// nothing. The texts of the errors are the original's.
func dropPrivileges(a *conf.Account) error {
	if os.Getuid() == a.UID {
		return nil
	}
	if os.Getuid() != 0 {
		return errNotRoot
	}
	if syscall.Setgroups(a.Groups) != nil {
		return fixedText("Could not set groups of effective user")
	}
	if syscall.Setgid(a.GID) != nil {
		return fixedText("Could not set group id of effective user")
	}
	if err := syscall.Setuid(a.UID); err != nil {
		return fixedText(fmt.Sprintf("Could not set user id %d: %v", a.UID, err))
	}
	return nil
}

// becomeUser makes the whole process the configured user, and returns what the log is
// to be told of it.
func becomeUser(s *conf.Server) (conf.Note, error) {
	err := dropPrivileges(s.User)
	switch {
	case err == nil:
		return conf.Note{Level: conf.Info, Text: fmt.Sprintf("Set uid to user %d succeeded", s.User.UID)}, nil
	case s.UserMismatch == conf.MismatchWarns:
		return conf.Note{Level: conf.Warn, Text: fmt.Sprintf("user=%s cannot be: %v; going on as user %d, as user_mismatch=warn", s.User.Name, err, os.Getuid())}, nil
	}
	return conf.Note{}, err
}

// raiseLimits raises the soft limits to what the configuration wants, exactly
// and only where they are lower, and returns what to say in the log. It must
// run before privileges are dropped, since root alone may raise a hard limit.
func raiseLimits(s *conf.Server) ([]conf.Note, error) {
	var notes []conf.Note
	raised, hard, err := raise(unix.RLIMIT_NOFILE, early.NOFILE.Soft, early.NOFILE.Hard, s.MinFDs)
	if err != nil {
		return nil, &limitError{key: "minfds", most: hard, shell: "-n", docker: "nofile", fixedText: fixedText(fmt.Sprintf("The minimum number of file descriptors required to run this process is %d as per the \"minfds\" command-line argument or config file setting. The current environment will only allow you to open %d file descriptors.  Either raise the number of usable file descriptors in your environment (see README.rst) or lower the minfds setting in the config file to allow the process to start.", s.MinFDs, hard))}
	}
	if raised {
		notes = append(notes, conf.Note{Level: conf.Info, Text: fmt.Sprintf("Increased RLIMIT_NOFILE limit to %d", s.MinFDs)})
	}
	var have unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &have); err != nil {
		return notes, nil // a kernel that has no such limit limits nothing
	}
	raised, hard, err = raise(unix.RLIMIT_NPROC, have.Cur, have.Max, s.MinProcs)
	if err != nil {
		return nil, &limitError{key: "minprocs", most: hard, shell: "-u", docker: "nproc", fixedText: fixedText(fmt.Sprintf("The minimum number of available processes required to run this program is %d as per the \"minprocs\" command-line argument or config file setting. The current environment will only allow you to open %d processes.  Either raise the number of usable processes in your environment (see README.rst) or lower the minprocs setting in the config file to allow the program to start.", s.MinProcs, hard))}
	}
	if raised {
		notes = append(notes, conf.Note{Level: conf.Info, Text: fmt.Sprintf("Increased RLIMIT_NPROC limit to %d", s.MinProcs)})
	}
	return notes, nil
}

// raise sets a soft limit to want if it is lower.
func raise(what int, soft, hard uint64, want int) (raised bool, had uint64, err error) {
	if want <= 0 || soft >= uint64(want) {
		return false, hard, nil
	}
	limit := syscall.Rlimit{Cur: uint64(want), Max: max(hard, uint64(want))}
	// The setter of package syscall, not that of unix: it also tells the
	// library that children are to inherit this limit.
	if err := syscall.Setrlimit(what, &limit); err != nil {
		return false, hard, err
	}
	if what == unix.RLIMIT_NOFILE {
		child.KeepOpenFilesLimit()
	}
	return true, hard, nil
}
