#include "textflag.h"

#define SYS_exit_group 94

// func vfork(number, a1, a2 uintptr, first *step) (r uintptr)
//
// The child shares our memory, the stack included, so it touches none of it but
// the errno of a step that failed; the parent finds its return address unharmed.
TEXT ·vfork(SB), NOSPLIT|NOFRAME, $0-40
	MOVD number+0(FP), R8
	MOVD a1+8(FP), R0
	MOVD a2+16(FP), R1
	MOVD first+24(FP), R9
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD ZR, R4
	SVC
	CBZ  R0, step
	MOVD R0, r+32(FP)
	RET

step:
	MOVD 0(R9), R8
	MOVD 8(R9), R0
	MOVD 16(R9), R1
	MOVD 24(R9), R2
	MOVD 32(R9), R3
	SVC
	CMN  $4095, R0
	BCS  failed
	ADD  $48, R9
	B    step

failed:
	NEG  R0, R0
	MOVD R0, 40(R9)
	MOVD $SYS_exit_group, R8
	MOVD $127, R0
	SVC
	BRK
