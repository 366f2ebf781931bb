//go:build !amd64 && !arm64

package child

import "syscall"

// launcher is empty on processors for which there is no assembly.
type launcher struct{ pad launchPad }

type launchPad struct{}

func (l *launchPad) reserve() error { return nil }

func (l *launchPad) close() {}

// vfork leaves it to package syscall.
func (l *launcher) vfork(string, []string, *syscall.ProcAttr) (pid int, tried bool, err error) {
	return 0, false, nil
}

func mayBegin() bool { return false }

// begin leaves it to vfork.
func (l *launcher) begin(string, []string, *syscall.ProcAttr) (pid int, ok bool) { return 0, false }

func (l *launcher) over() bool { return true }

func (l *launcher) end(int) error { return syscall.ENOSYS }
