//go:build pid1 && go1.26 && !go1.27

#include "textflag.h"

// See entry.go for what this is. Offsets into the runtime's variable sig:
// mask[0] is at 8, wanted[0] at 20, state at 56.

// The HUP, INT, QUIT, USR2 and TERM of boot, as bits.
#define BOOT 0x900e

#define SYS_rt_sigaction 134
#define SYS_getpid 172
#define SYS_madvise 233

#define MADV_POPULATE_READ 22

// SA_RESTART; the kernel has a way back from handlers of its own here.
#define FLAGS 0x10000000

// The kernel's struct sigaction: handler, flags, restorer, mask.
DATA pid1_action<>+0(SB)/8, $pid1_handler<>(SB)
DATA pid1_action<>+8(SB)/8, $FLAGS
DATA pid1_action<>+16(SB)/8, $0
DATA pid1_action<>+24(SB)/8, $-1
GLOBL pid1_action<>(SB), NOPTR, $32

TEXT pid1_entry(SB), NOSPLIT|NOFRAME, $0
	MOVD $SYS_getpid, R8
	SVC
	CMP  $1, R0
	BNE  runtime
	MOVD $runtime·sig(SB), R20
	MOVW 20(R20), R0
	MOVD $BOOT, R21
	ORR  R21, R0
	MOVW R0, 20(R20)
	MOVD $15, R19

next:
	LSR  R19, R21, R0
	TBZ  $0, R0, skip
	MOVD R19, R0
	MOVD $pid1_action<>(SB), R1
	MOVD $0, R2
	MOVD $8, R3
	MOVD $SYS_rt_sigaction, R8
	SVC

skip:
	SUB  $1, R19
	CBNZ R19, next

	// See entry.go: what of the file is going to be touched.
runtime:
	MOVD $runtime·text(SB), R19
	MOVD $runtime·noptrdata(SB), R20
	BIC  $0xffff, R19

file:
	MOVD R19, R0
	MOVD $1, R1
	MOVD $MADV_POPULATE_READ, R2
	MOVD $SYS_madvise, R8
	SVC
	CBNZ R0, start
	ADD  $0x10000, R19
	CMP  R20, R19
	BLO  file

start:
	JMP _rt0_arm64_linux(SB)

// pid1_handler queues the signal as the runtime's own sigsend does.
TEXT pid1_handler<>(SB), NOSPLIT|NOFRAME, $0
	MOVD $1, R1
	LSL  R0, R1, R1
	MOVD $runtime·sig(SB), R2
	ADD  $8, R2, R3

again:
	LDAXRW (R3), R4
	ORR    R1, R4
	STLXRW R4, (R3), R5
	CBNZ   R5, again
	MOVD   $2, R4
	ADD    $56, R2, R3
	STLRW  R4, (R3)
	RET
