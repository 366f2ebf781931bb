#include "textflag.h"

#define SYS_write 1

// The eventfd, and what is written to it.
GLOBL deathFD<>(SB), NOPTR, $8

DATA deathOne<>+0(SB)/8, $1
GLOBL deathOne<>(SB), NOPTR|RODATA, $8

// The handler of SIGCHLD.
TEXT onDeath<>(SB), NOSPLIT|NOFRAME, $0
	LOCK
	INCL ·deaths(SB)
	MOVQ deathFD<>(SB), DI
	LEAQ deathOne<>(SB), SI
	MOVL $8, DX
	MOVL $SYS_write, AX
	SYSCALL
	RET

// func onDeath(fd int) (handler uintptr)
TEXT ·onDeath(SB), NOSPLIT, $0-16
	MOVQ fd+0(FP), AX
	MOVQ AX, deathFD<>(SB)
	LEAQ onDeath<>(SB), AX
	MOVQ AX, handler+8(FP)
	RET
