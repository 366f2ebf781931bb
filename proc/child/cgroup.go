package child

import (
	"fmt"
	"syscall"

	"gosupervisor/conf"
)

// control is a limit of a control group that is yet to be set.
type control struct {
	conf.Control
	fd int
}

// enter puts this process into its control group. Otherwise it says why it is not in
// there; then there is nothing to be limited either.
func (l *limiter) enter() (why string) {
	path := l.Cgroup + "/cgroup.procs"
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err == nil {
		_, err = syscall.Write(fd, []byte("0"))
		_ = syscall.Close(fd)
	}
	if err == nil {
		return ""
	}
	why = fmt.Sprintf("it cannot enter its cgroup: %s: %v", path, err)
	l.Uncontrolled = map[string]string{}
	for _, c := range l.Limits.Controls() {
		l.Uncontrolled[c.Controller] = why
	}
	return why
}

// openControls opens what limits of the control group are written to, while we may.
func (l *limiter) openControls() bool {
	for _, c := range l.Limits.Controls() {
		if why := l.Uncontrolled[c.Controller]; why != "" {
			if !l.failed("%s=%s: %s", c.Key, c.Value, why) {
				return false
			}
			continue
		}
		path := l.Cgroup + "/" + c.File
		// Without waiting: a limit on memory that is below what we have now is not
		// met by us, if the kernel is new enough, but by the program.
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
		if err != nil {
			if !l.failed("%s=%s: %s: %v", c.Key, c.Value, path, err) {
				return false
			}
			continue
		}
		l.controls = append(l.controls, control{c, fd})
	}
	return true
}

// setControls sets what we can bear ourselves. That is all but the number of
// processes, of which we have some, as threads; it stays for the end.
func (l *limiter) setControls() bool {
	var later []control
	for _, c := range l.controls {
		if c.Controller == "pids" {
			later = append(later, c)
			continue
		}
		if _, err := syscall.Write(c.fd, []byte(c.Text)); err != nil && !l.failed("%s=%s: %v", c.Key, c.Value, err) {
			return false
		}
	}
	l.controls = later
	return true
}
