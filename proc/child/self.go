package child

import "golang.org/x/sys/unix"

// Self returns a path under which our own binary can be executed, "" if there
// is none: the kernel's own name for it, or where it was called from if there
// is no /proc.
func Self() string {
	if unix.Access(procSelf, unix.X_OK) == nil {
		return procSelf
	}
	return selfPath
}
