#include "textflag.h"

#define SYS_write 64

// The eventfd, and what is written to it.
GLOBL deathFD<>(SB), NOPTR, $8

DATA deathOne<>+0(SB)/8, $1
GLOBL deathOne<>(SB), NOPTR|RODATA, $8

// The handler of SIGCHLD.
TEXT onDeath<>(SB), NOSPLIT|NOFRAME, $0
	MOVD $·deaths(SB), R0
again:
	LDAXRW (R0), R1
	ADDW $1, R1
	STLXRW R1, (R0), R2
	CBNZW R2, again
	MOVD deathFD<>(SB), R0
	MOVD $deathOne<>(SB), R1
	MOVD $8, R2
	MOVD $SYS_write, R8
	SVC
	RET

// func onDeath(fd int) (handler uintptr)
TEXT ·onDeath(SB), NOSPLIT, $0-16
	MOVD fd+0(FP), R0
	MOVD R0, deathFD<>(SB)
	MOVD $onDeath<>(SB), R0
	MOVD R0, handler+8(FP)
	RET
