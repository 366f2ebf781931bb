package integration

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// TestWhatAStartTouchesIsMappedAtOnce looks at the variables of the binary, of which no
// start touches all: each of their pages is there if the entry point has asked for them,
// which it does when it has asked for the code.
func TestWhatAStartTouchesIsMappedAtOnce(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no entry point of ours")
	needQuietRuntime(t)
	page := make([]byte, os.Getpagesize())
	if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, uintptr(unsafe.Pointer(&page[0]))&^uintptr(len(page)-1), 1, 23); errno != 0 {
		inapplicable(t, fmt.Sprintf("this kernel gives no pages beforehand: %v", errno))
	}
	file, err := elf.Open(program("supervisord"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, bss := file.Section(".data"), file.Section(".bss")
	if data == nil || bss == nil {
		t.Fatal("no sections for variables")
	}
	s := newSup(t, "[program:p]\ncommand=/bin/cat\n").start()
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close()
	absent, size := 0, uint64(len(page))
	for at := data.Addr / size; at <= (bss.Addr+bss.Size-1)/size; at++ {
		var entry [8]byte
		if _, err := pages.ReadAt(entry[:], int64(at*8)); err != nil {
			t.Fatal(err)
		}
		if binary.NativeEndian.Uint64(entry[:])>>62 == 0 { // neither here nor swapped out
			absent++
		}
	}
	if absent > 0 {
		t.Errorf("%d pages of variables are not there", absent)
	}
	s.terminate()
}
