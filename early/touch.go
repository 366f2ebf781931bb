//go:build pid1 && (amd64 || arm64) && go1.26 && !go1.27

package early

import (
	"runtime"
	"unsafe"
)

// ahead is how much of the heap is given its pages at once: what the daemon has touched
// of it by the time the first program runs, but for the little from before this init.
const ahead = 640 << 10

// here is the first object that we have on the heap. Its place tells where the heap grows.
var here *[64]byte

const madvPopulateWrite = 23

// A first touch of a page is an exception, which costs more than the page does, above all
// in a virtual machine whose host has to learn of each.
func init() {
	here = new([64]byte)
	number := uintptr(28)
	if runtime.GOARCH == "arm64" {
		number = 233
	}
	at := uintptr(unsafe.Pointer(here)) &^ (64<<10 - 1)
	// Beyond what the runtime has mapped, and where the kernel does not know this, it
	// is an error and does nothing.
	rawSyscall6(number, at, ahead, madvPopulateWrite, 0, 0, 0)
}
