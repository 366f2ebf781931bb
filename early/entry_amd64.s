//go:build pid1 && go1.26 && !go1.27

#include "textflag.h"

// See entry.go for what this is. Offsets into the runtime's variable sig:
// mask[0] is at 8, wanted[0] at 20, state at 56.

// The HUP, INT, QUIT, USR2 and TERM of boot, as bits.
#define BOOT 0x900e

#define SYS_rt_sigaction 13
#define SYS_rt_sigreturn 15
#define SYS_getpid 39
#define SYS_madvise 28

#define MADV_POPULATE_READ 22

// SA_RESTORER|SA_RESTART, with which the kernel returns through restorer.
#define FLAGS 0x14000000

// The kernel's struct sigaction: handler, flags, restorer, mask.
DATA pid1_action<>+0(SB)/8, $pid1_handler<>(SB)
DATA pid1_action<>+8(SB)/8, $FLAGS
DATA pid1_action<>+16(SB)/8, $pid1_restorer<>(SB)
DATA pid1_action<>+24(SB)/8, $-1
GLOBL pid1_action<>(SB), NOPTR, $32

TEXT pid1_entry(SB), NOSPLIT|NOFRAME, $0
	MOVL $SYS_getpid, AX
	SYSCALL
	CMPL AX, $1
	JNE  runtime
	ORL  $BOOT, runtime·sig+20(SB)
	MOVL $15, R12

next:
	MOVL $BOOT, AX
	BTL  R12, AX
	JCC  skip
	MOVL R12, DI
	LEAQ pid1_action<>(SB), SI
	XORL DX, DX
	MOVL $8, R10
	MOVL $SYS_rt_sigaction, AX
	SYSCALL

skip:
	SUBL $1, R12
	JNE  next

	// See entry.go: what of the file is going to be touched.
runtime:
	LEAQ runtime·text(SB), R12
	LEAQ runtime·noptrdata(SB), R13
	ANDQ $~0xffff, R12

file:
	MOVQ R12, DI
	MOVL $1, SI
	MOVL $MADV_POPULATE_READ, DX
	MOVL $SYS_madvise, AX
	SYSCALL
	TESTQ AX, AX
	JNE  start
	ADDQ $0x10000, R12
	CMPQ R12, R13
	JCS  file

start:
	JMP _rt0_amd64_linux(SB)

// pid1_handler queues the signal as the runtime's own sigsend does.
TEXT pid1_handler<>(SB), NOSPLIT|NOFRAME, $0
	MOVL DI, CX
	MOVL $1, AX
	SHLL CX, AX
	LOCK
	ORL  AX, runtime·sig+8(SB)
	MOVL $2, runtime·sig+56(SB)
	RET

TEXT pid1_restorer<>(SB), NOSPLIT|NOFRAME, $0
	MOVL $SYS_rt_sigreturn, AX
	SYSCALL
	INT $3
