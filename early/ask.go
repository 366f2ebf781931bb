//go:build pid1 && (amd64 || arm64) && go1.26 && !go1.27

package early

import (
	"runtime"
	"unsafe"
)

// The channels between who asks for a signal or gives it up, in runtime/signal_unix.go, and a
// goroutine of the runtime's with a thread of its own, which takes the signal out of its mask
// and answers. They are nil until somebody asks, who then makes them and starts that goroutine.
//
//go:linkname maskUpdated runtime.maskUpdatedChan
var maskUpdated chan struct{}

//go:linkname enableSig runtime.enableSigChan
var enableSig chan uint32

//go:linkname disableSig runtime.disableSigChan
var disableSig chan uint32

// signals is how many numbers of signals the runtime knows.
const signals = 65

// AskForSignals calls ask, which may ask for each signal once with signal.Notify, and may
// give each up once; nobody else may do either meanwhile.
//
// A signal costs two switches between threads otherwise, as the runtime has a thread take it
// out of its mask: a tenth of the start of a daemon with one program. That thread is only
// needed where the process was started with signals blocked, as what other threads have
// blocked is a part of that. So where nothing is blocked, everybody finds the answer there
// already, and the runtime makes neither the thread nor the goroutine. Who asks later finds
// everything as if nobody had asked before.
//
// A release of Go in which the runtime waits for anything else there would hang in its
// first call, which every test of the built binary shows; the build tag is for the one that
// is known.
func AskForSignals(ask func()) {
	if maskUpdated != nil || anyBlocked() {
		ask()
		return
	}
	answered := make(chan struct{})
	close(answered)
	maskUpdated, enableSig, disableSig = answered, make(chan uint32, signals), make(chan uint32, signals)
	defer func() { maskUpdated, enableSig, disableSig = nil, nil, nil }()
	ask()
}

// anyBlocked reports whether this thread has a signal blocked, or whether that is not known.
func anyBlocked() bool {
	number := uintptr(14) // rt_sigprocmask
	if runtime.GOARCH == "arm64" {
		number = 135
	}
	// On the stack, which does not move: the callee is assembly, which has none of Go's to grow.
	var mask uint64
	_, _, errno := rawSyscall6(number, 0, 0, uintptr(unsafe.Pointer(&mask)), unsafe.Sizeof(mask), 0, 0)
	return errno != 0 || mask != 0
}
