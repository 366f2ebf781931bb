#include "textflag.h"

#define SYS_exit_group 231

// func vfork(number, a1, a2 uintptr, first *step) (r uintptr)
//
// The child shares our memory, the stack included, so it touches none of it but
// the errno of a step that failed; the parent finds its return address unharmed.
TEXT ·vfork(SB), NOSPLIT|NOFRAME, $0-40
	MOVQ number+0(FP), AX
	MOVQ a1+8(FP), DI
	MOVQ a2+16(FP), SI
	MOVQ first+24(FP), R12
	XORL DX, DX
	XORL R10, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JEQ   step
	MOVQ  AX, r+32(FP)
	RET

step:
	MOVQ 0(R12), AX
	MOVQ 8(R12), DI
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	SYSCALL
	CMPQ AX, $0xfffffffffffff001
	JCC  failed
	ADDQ $48, R12
	JMP  step

failed:
	NEGQ AX
	MOVQ AX, 40(R12)
	MOVL $SYS_exit_group, AX
	MOVL $127, DI
	SYSCALL
	INT $3
