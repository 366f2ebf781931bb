package main

import (
	"syscall"
	"unsafe"
)

// blockOn reads one byte from fd, which returns when there is none to come.
//
//go:nosplit
//go:norace
func blockOn(fd uintptr, b *byte) {
	syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(b)), 1)
}
