package integration

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"
)

// TestWhatAStartTouchesIsMappedAtOnce looks at the code and constants of the binary, in
// which there are pieces that no start touches: each of them is there if the entry
// point has asked for it.
func TestWhatAStartTouchesIsMappedAtOnce(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no entry point of ours")
	needQuietRuntime(t)
	const populateRead, piece = 22, 1 << 16
	page := make([]byte, os.Getpagesize())
	if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, uintptr(unsafe.Pointer(&page[0]))&^uintptr(len(page)-1), 1, populateRead); errno != 0 {
		inapplicable(t, fmt.Sprintf("this kernel gives no pages beforehand: %v", errno))
	}
	file, err := elf.Open(program("supervisord"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var pieces []uint64
	for _, p := range file.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_W != 0 {
			continue
		}
		for at := (p.Vaddr + piece - 1) &^ (piece - 1); at < p.Vaddr+p.Memsz; at += piece {
			pieces = append(pieces, at)
		}
	}
	if len(pieces) < 50 {
		t.Fatalf("%d pieces of code and constants", len(pieces))
	}
	// The pipe is full, so the program stays where it is: a daemon gives its code back
	// when it comes to rest.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fill(t, w)
	cmd := exec.Command(program("echo_supervisord_conf"))
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	until(t, "all pieces are mapped", func() (string, bool) {
		pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		defer pages.Close()
		absent := 0
		for _, at := range pieces {
			var entry [8]byte
			if _, err := pages.ReadAt(entry[:], int64(at/uint64(len(page))*8)); err != nil {
				t.Fatal(err)
			}
			if binary.NativeEndian.Uint64(entry[:])>>63 == 0 {
				absent++
			}
		}
		return fmt.Sprintf("%d of %d are not there", absent, len(pieces)), absent == 0
	})
}

// fill has a pipe hold as much as it can.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4096)
	var full error
	if err := raw.Control(func(fd uintptr) {
		for full == nil {
			_, full = syscall.Write(int(fd), text)
		}
	}); err != nil || full != syscall.EAGAIN {
		t.Fatal(err, full)
	}
}
