package conf

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// CPUMax is how long a program may run in each period, on all processors together,
// both in microseconds.
type CPUMax struct{ Quota, Period int64 }

// Control is a limit that is set on the control group of a program.
type Control struct {
	Key        string // memory_max
	Value      string // as it could stand in a file
	Controller string // memory
	File       string // memory.max
	Text       string // to the kernel
}

// controlKeys are the keys of all this.
var controlKeys = []string{"cpu_max", "memory_max", "pids_max"}

// Bounds of the kernel's, but for the size, below which no program is reached.
const (
	minMemory    = 2 << 20 // what execs the program takes more than one
	mostPIDs     = 1 << 22
	minQuota     = 1000
	minPeriod    = 1000
	mostPeriod   = 1_000_000
	usualPeriod  = 100_000
	mostCPUs     = maxCPU + 1
	cpuDecimals  = 5 // of a processor in usualPeriod
	noLimitValue = "max"
)

// readControls reads the keys, which programs alone have.
func (s *scope) readControls(l *Limits) {
	if s.original {
		return
	}
	l.CPUMax = limit(s, "cpu_max", parseCPUMax)
	l.MemoryMax = limit(s, "memory_max", parseMemoryMax)
	l.PIDsMax = limit(s, "pids_max", parsePIDsMax)
	if l.CPUMax != nil && *l.CPUMax == (CPUMax{}) {
		l.CPUMax = nil
	}
	for _, n := range []**int64{&l.MemoryMax, &l.PIDsMax} {
		if *n != nil && **n == 0 {
			*n = nil
		}
	}
}

// Controls lists the limits that are set.
func (l *Limits) Controls() []Control {
	var list []Control
	if l.CPUMax != nil {
		list = append(list, Control{"cpu_max", l.CPUMax.String(), "cpu", "cpu.max", fmt.Sprint(l.CPUMax.Quota, l.CPUMax.Period)})
	}
	if l.MemoryMax != nil {
		list = append(list, Control{"memory_max", byteSize(*l.MemoryMax), "memory", "memory.max", strconv.FormatInt(*l.MemoryMax, 10)})
	}
	if l.PIDsMax != nil {
		n := strconv.FormatInt(*l.PIDsMax, 10)
		list = append(list, Control{"pids_max", n, "pids", "pids.max", n})
	}
	return list
}

// WithoutControls returns the limits for what runs outside of the control group.
func (l *Limits) WithoutControls() *Limits {
	own := *l
	own.CPUMax, own.MemoryMax, own.PIDsMax = nil, nil, nil
	return &own
}

// controlText shows a key.
func (l *Limits) controlText(key string) string {
	for _, c := range l.Controls() {
		if c.Key == key {
			return c.Value
		}
	}
	return noLimitValue
}

// String shows a number of processors, where the period is the usual one.
func (c CPUMax) String() string {
	if c.Period != usualPeriod {
		return fmt.Sprint(c.Quota, c.Period)
	}
	return strconv.FormatFloat(float64(c.Quota)/usualPeriod, 'f', -1, 64)
}

// parseCPUMax reads a number of processors, such as 1.5, or the two numbers of the
// kernel; none at all for no limit.
func parseCPUMax(value string) (c CPUMax, err error) {
	bad := textf(msgCPUMax, repr(value))
	words := strings.Fields(value)
	switch {
	case len(words) == 1 && strings.EqualFold(words[0], noLimitValue):
		return c, nil
	case len(words) == 1:
		n, ok := decimal(words[0])
		c = CPUMax{n, usualPeriod}
		if !ok {
			return c, bad
		}
	case len(words) == 2:
		if c.Quota, err = pythonInt(words[0]); err == nil {
			c.Period, err = pythonInt(words[1])
		}
		if err != nil || c.Period < minPeriod || c.Period > mostPeriod {
			return c, bad
		}
	default:
		return c, bad
	}
	if c.Quota < minQuota || c.Quota > mostCPUs*c.Period {
		return c, bad
	}
	return c, nil
}

// decimal reads a number with at most cpuDecimals digits behind a point, in units of
// the last of them.
func decimal(s string) (n int64, ok bool) {
	whole, part, _ := strings.Cut(s, ".")
	if len(whole) > 5 || len(part) > cpuDecimals || whole+part == "" {
		return 0, false
	}
	digits := whole + part + strings.Repeat("0", cpuDecimals-len(part))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}

// parseMemoryMax reads a size; 0 for no limit.
func parseMemoryMax(value string) (int64, error) {
	if strings.EqualFold(value, noLimitValue) {
		return 0, nil
	}
	n, err := ParseByteSize(value)
	if err != nil || n < minMemory || n == math.MaxInt64 {
		return 0, textf(msgMemoryMax, repr(value), minMemory>>20)
	}
	return n, nil
}

// parsePIDsMax reads a number of processes; 0 for no limit.
func parsePIDsMax(value string) (int64, error) {
	if strings.EqualFold(value, noLimitValue) {
		return 0, nil
	}
	n, err := pythonInt(value)
	if err != nil || n < 1 || n > mostPIDs {
		return 0, textf(msgPIDsMax, repr(value), mostPIDs)
	}
	return n, nil
}

// percentHint is for those who write 50% as elsewhere: here a percent sign begins an
// expansion.
func percentHint(value string) string {
	number, percent := strings.CutSuffix(trim(value), "%")
	n, ok := decimal(trim(number))
	if !percent || !ok || n == 0 {
		return ""
	}
	return "write " + strconv.FormatFloat(float64(n)/usualPeriod/100, 'f', -1, 64) + ", the number of processors"
}

// controlHint says what a value was likely meant to be.
func controlHint(key, value string) string {
	switch key {
	case "cpu_max":
		return cmp.Or(percentHint(value), "a number of processors such as 1.5, or QUOTA PERIOD in microseconds, or max")
	case "memory_max":
		return "a number of bytes, or one with KB, MB or GB, or max"
	case "pids_max":
		return "a number of processes and threads, or max"
	}
	return ""
}
