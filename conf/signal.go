package conf

import (
	"strconv"
	"strings"
	"syscall"
)

// signals lists the names of Linux by number. Where a signal has two names the
// first is the one that is shown.
var signals = []struct {
	number int
	name   string
}{
	{1, "HUP"}, {2, "INT"}, {3, "QUIT"}, {4, "ILL"}, {5, "TRAP"},
	{6, "ABRT"}, {6, "IOT"}, {7, "BUS"}, {8, "FPE"}, {9, "KILL"},
	{10, "USR1"}, {11, "SEGV"}, {12, "USR2"}, {13, "PIPE"}, {14, "ALRM"},
	{15, "TERM"}, {16, "STKFLT"}, {17, "CHLD"}, {17, "CLD"}, {18, "CONT"},
	{19, "STOP"}, {20, "TSTP"}, {21, "TTIN"}, {22, "TTOU"}, {23, "URG"},
	{24, "XCPU"}, {25, "XFSZ"}, {26, "VTALRM"}, {27, "PROF"},
	{28, "WINCH"}, {29, "IO"}, {29, "POLL"}, {30, "PWR"}, {31, "SYS"},
	{34, "RTMIN"}, {64, "RTMAX"},
}

// ParseSignal reads a signal's name, with or without SIG and in any case, or its
// number. Zero is a number that the kernel accepts and that does nothing.
func ParseSignal(s string) (syscall.Signal, error) {
	if n, err := pythonInt(s); err == nil {
		if n == 0 {
			return 0, nil
		}
		for _, e := range signals {
			if int64(e.number) == n {
				return syscall.Signal(n), nil
			}
		}
		return 0, textf(msgSignalNum, repr(s))
	}
	name := strings.TrimPrefix(strings.ToUpper(trim(s)), "SIG")
	for _, e := range signals {
		if e.name == name {
			return syscall.Signal(e.number), nil
		}
	}
	return 0, textf(msgSignalName, repr(s))
}

// SignalName is the full name of a signal, such as SIGTERM, or its number when it
// has none.
func SignalName(sig syscall.Signal) string {
	for _, e := range signals {
		if e.number == int(sig) {
			return "SIG" + e.name
		}
	}
	return strconv.Itoa(int(sig))
}
