package main

import (
	"os"
	"path/filepath"
	"syscall"
)

// nsinit is run as the first process of new pid and mount namespaces. It makes
// the directory ROOT the root file system, read-only, with a small writable
// /run and no /proc, and becomes the command.
func nsinit(args []string) {
	root, command := args[0], args[1:]
	check(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	check(syscall.Mount(root, root, "", syscall.MS_BIND, ""))
	check(syscall.Mount("tmpfs", filepath.Join(root, "run"), "tmpfs", 0, "size=16m,mode=755"))
	check(syscall.Mount("", root, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	check(syscall.Chroot(root))
	check(syscall.Chdir("/"))
	check(syscall.Exec(command[0], command, os.Environ()))
}

// ownproc is run as the first process of new pid and mount namespaces. It mounts
// the /proc that belongs to them and becomes the command, args[0], with the
// arguments args[1:], the name first.
func ownproc(args []string) {
	check(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	check(syscall.Mount("proc", "/proc", "proc", 0, ""))
	check(syscall.Exec(args[0], args[1:], os.Environ()))
}
