//go:build pid1 && (amd64 || arm64) && go1.26 && !go1.27

package early

// With the build tag pid1 the program begins with pid1_entry, in assembly,
// instead of with the runtime, which the linker has to be told:
//
//	go build -tags pid1 -ldflags '-E pid1_entry -checklinkname=0'
//
// As PID 1, and only then, pid1_entry does before anything else what the init of
// this package does otherwise: a signal of boot is queued from the program's
// first instructions on. It marks these signals as wanted in the runtime's
// queue, so that the runtime's handlers keep them from their first moment on,
// and for the time until these are installed it has a handler of its own, which
// queues alike. What comes before the first instruction, the kernel drops.
//
// The queue is a variable of the runtime's, sig in runtime/sigqueue.go, of which
// the assembly knows the layout; hence the flag for the linker, and a test which
// fails when another Go release has changed it. A build without the tag works,
// with that window of a millisecond left open.
//
// Whatever its number, pid1_entry then has the kernel map what is about to be touched:
// the file, of which a start touches nearly every piece of the 64 KiB that the kernel
// maps around a page. That is the same work in one go, without an exception for each
// piece, which in a virtual machine takes longer than the work. A kernel that does not
// know the call refuses the first one, and pages come as ever.
