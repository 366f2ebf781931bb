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

// fly leaves it to vfork.
func (l *launcher) fly(string, []string, *syscall.ProcAttr) bool { return false }

func (l *launcher) landed() bool { return true }

func (l *launcher) land() (pid int, err error) { return 0, syscall.ENOSYS }
