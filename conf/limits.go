package conf

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Limits says what a child may take and do. What is not set stays as the daemon was
// given it.
type Limits struct {
	Resources    []ResourceLimit // rlimit_x=, by name
	Nice         *int
	OOMScoreAdj  *int
	CPUs         []int    // cpu_affinity=; nil: not set
	Capabilities []string // in the kernel's order, without CAP_; nil: not set
	DeathSignal  syscall.Signal
	NoNewPrivs   bool
	Strict       bool // what cannot be set keeps the child from running

	// Those of its control group; nil: not set.
	CPUMax             *CPUMax
	MemoryMax, PIDsMax *int64 // bytes, processes
}

// ResourceLimit is one rlimit_x=.
type ResourceLimit struct {
	Name       string // x
	Soft, Hard int64
}

// The values of a ResourceLimit that are no numbers.
const (
	Unlimited = -1
	KeepLimit = -2 // as it is
)

// Resource is a kind of thing that the kernel limits.
type Resource struct {
	Name   string
	Number int // to the kernel
	bytes  bool
}

// Resources lists them by name.
var Resources = []Resource{
	{"as", unix.RLIMIT_AS, true},
	{"core", unix.RLIMIT_CORE, true},
	{"cpu", unix.RLIMIT_CPU, false},
	{"data", unix.RLIMIT_DATA, true},
	{"fsize", unix.RLIMIT_FSIZE, true},
	{"locks", unix.RLIMIT_LOCKS, false},
	{"memlock", unix.RLIMIT_MEMLOCK, true},
	{"msgqueue", unix.RLIMIT_MSGQUEUE, true},
	{"nice", unix.RLIMIT_NICE, false},
	{"nofile", unix.RLIMIT_NOFILE, false},
	{"nproc", unix.RLIMIT_NPROC, false},
	{"rss", unix.RLIMIT_RSS, true},
	{"rtprio", unix.RLIMIT_RTPRIO, false},
	{"rttime", unix.RLIMIT_RTTIME, false},
	{"sigpending", unix.RLIMIT_SIGPENDING, false},
	{"stack", unix.RLIMIT_STACK, true},
}

// CapabilityNames lists the capabilities by their numbers.
var CapabilityNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
	"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
	"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
}

// resourceKeys are the keys of Resources, in their order.
var resourceKeys = []string{
	rlimitPrefix + "as", rlimitPrefix + "core", rlimitPrefix + "cpu", rlimitPrefix + "data", rlimitPrefix + "fsize", rlimitPrefix + "locks",
	rlimitPrefix + "memlock", rlimitPrefix + "msgqueue", rlimitPrefix + "nice", rlimitPrefix + "nofile", rlimitPrefix + "nproc", rlimitPrefix + "rss",
	rlimitPrefix + "rtprio", rlimitPrefix + "rttime", rlimitPrefix + "sigpending", rlimitPrefix + "stack",
}

// limitKeys are the keys of all this.
func limitKeys() []string {
	return slices.Concat(resourceKeys, []string{
		"capabilities", "cpu_affinity", "limits_strict", "nice", "no_new_privs", "oom_score_adj", "pdeathsig",
	})
}

const rlimitPrefix = "rlimit_"

// limits reads the keys. An empty value is as none, so that a program can take a
// default back.
func (s *scope) limits() (l Limits) {
	if s.original {
		return l
	}
	for i, r := range Resources {
		if v := limit(s, resourceKeys[i], r.parse); v != nil {
			l.Resources = append(l.Resources, *v)
		}
	}
	l.Nice = limit(s, "nice", func(v string) (int, error) { return within(v, -20, 19) })
	l.OOMScoreAdj = limit(s, "oom_score_adj", func(v string) (int, error) { return within(v, -1000, 1000) })
	if cpus := limit(s, "cpu_affinity", parseCPUs); cpus != nil {
		l.CPUs = *cpus
	}
	if names := limit(s, "capabilities", parseCapabilities); names != nil {
		l.Capabilities = *names
	}
	if sig := limit(s, "pdeathsig", parseDeathSignal); sig != nil {
		l.DeathSignal = *sig
	}
	l.NoNewPrivs = read(s, "no_new_privs", false, ParseBool)
	l.Strict = read(s, "limits_strict", false, ParseBool)
	return l
}

// limit reads a value that may be empty or not there; then it is nil.
func limit[T any](s *scope, key string, parse func(string) (T, error)) *T {
	return read(s, key, nil, func(value string) (*T, error) {
		if value = trim(value); value == "" {
			return nil, nil
		}
		v, err := parse(value)
		if err != nil {
			return nil, err
		}
		return &v, nil
	})
}

// Set says whether there is anything to be done before the program is executed.
func (l *Limits) Set() bool {
	return l.Resources != nil || l.Nice != nil || l.OOMScoreAdj != nil || l.CPUs != nil || l.Capabilities != nil ||
		l.DeathSignal != 0 || l.NoNewPrivs || l.Controls() != nil
}

// parse reads SOFT:HARD, or one number for both. What is left out stays as it is.
func (r Resource) parse(value string) (ResourceLimit, error) {
	limit := ResourceLimit{Name: r.Name}
	soft, hard, two := strings.Cut(value, ":")
	var err error
	if limit.Soft, err = r.number(soft); err == nil {
		limit.Hard = limit.Soft
		if two {
			limit.Hard, err = r.number(hard)
		}
	}
	switch {
	case err != nil:
		return limit, textf(msgLimit, Repr(value))
	case limit.Soft == KeepLimit && limit.Hard == KeepLimit:
		return limit, textf(msgLimit, Repr(value))
	case limit.Soft != KeepLimit && limit.Hard != KeepLimit && order(limit.Soft) > order(limit.Hard):
		return limit, textf(msgSoftAboveHard, Repr(value))
	}
	return limit, nil
}

// order puts an unlimited limit above all numbers.
func order(n int64) int64 {
	if n == Unlimited {
		return math.MaxInt64
	}
	return n
}

func (r Resource) number(s string) (int64, error) {
	switch s = strings.ToLower(trim(s)); s {
	case "":
		return KeepLimit, nil
	case "unlimited", "infinity":
		return Unlimited, nil
	}
	parse := pythonInt
	if r.bytes {
		parse = ParseByteSize
	}
	n, err := parse(s)
	if err == nil && n < 0 {
		err = textf(msgLimit, s)
	}
	return n, err
}

// maxCPU is the highest number of a processor that the kernel's calls take as we
// use them.
const maxCPU = 1023

// parseCPUs reads numbers and ranges such as 0,2-5.
func parseCPUs(value string) ([]int, error) {
	cpus := []int{}
	for _, item := range parseList(value) {
		from, to, ranged := strings.Cut(item, "-")
		first, err := within(from, 0, maxCPU)
		last := first
		if err == nil && ranged {
			last, err = within(to, 0, maxCPU)
		}
		if err != nil || last < first {
			return nil, textf(msgCPUs, Repr(value))
		}
		for cpu := first; cpu <= last; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

// parseCapabilities reads names, with or without CAP_ and in any case; none is none
// at all.
func parseCapabilities(value string) ([]string, error) {
	names := []string{}
	if strings.EqualFold(value, "none") {
		return names, nil
	}
	for _, item := range parseList(value) {
		name := strings.TrimPrefix(strings.ToUpper(item), "CAP_")
		if !slices.Contains(CapabilityNames, name) {
			hint := "none, or names such as NET_BIND_SERVICE with commas between them"
			if near := nearest(name, CapabilityNames); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, withHint(textf(msgCapability, Repr(item)), hint)
		}
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		return cmp.Compare(slices.Index(CapabilityNames, a), slices.Index(CapabilityNames, b)) < 0
	})
	return slices.Compact(names), nil
}

func parseDeathSignal(value string) (syscall.Signal, error) {
	sig, err := ParseSignal(value)
	if err == nil && sig == 0 {
		err = textf(msgSignalNum, repr(value))
	}
	return sig, err
}

// limitTexts shows the keys.
var limitTexts = sync.OnceValue(func() []limitText {
	var list []limitText
	for _, r := range Resources {
		list = append(list, limitText{rlimitPrefix + r.Name, func(l *Limits) string { return l.resourceText(r) }})
	}
	for _, key := range controlKeys {
		list = append(list, limitText{key, func(l *Limits) string { return l.controlText(key) }})
	}
	return append(list, []limitText{
		{"nice", func(l *Limits) string { return numberText(l.Nice) }},
		{"oom_score_adj", func(l *Limits) string { return numberText(l.OOMScoreAdj) }},
		{"cpu_affinity", func(l *Limits) string { return numbers(l.CPUs, ",") }},
		{"capabilities", capabilitiesText},
		{"pdeathsig", deathSignalText},
		{"no_new_privs", func(l *Limits) string { return strconv.FormatBool(l.NoNewPrivs) }},
		{"limits_strict", func(l *Limits) string { return strconv.FormatBool(l.Strict) }},
	}...)
})

type limitText struct {
	key  string
	text func(*Limits) string
}

func (l *Limits) resourceText(r Resource) string {
	i := slices.IndexFunc(l.Resources, func(set ResourceLimit) bool { return set.Name == r.Name })
	if i < 0 {
		return ""
	}
	return l.Resources[i].String()
}

// String shows the limit as it could stand in a file.
func (r ResourceLimit) String() string {
	if r.Soft == r.Hard {
		return limitNumber(r.Soft)
	}
	return limitNumber(r.Soft) + ":" + limitNumber(r.Hard)
}

func limitNumber(n int64) string {
	switch n {
	case Unlimited:
		return "unlimited"
	case KeepLimit:
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func numberText(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func capabilitiesText(l *Limits) string {
	if l.Capabilities == nil {
		return ""
	}
	return cmp.Or(strings.Join(l.Capabilities, ","), "none")
}

func deathSignalText(l *Limits) string {
	if l.DeathSignal == 0 {
		return ""
	}
	return strings.TrimPrefix(SignalName(l.DeathSignal), "SIG")
}

// limits shows the limits of a process: of the resources only those that are set.
func (e *explainer) limits(p *Program) []Setting {
	var list []Setting
	for _, t := range limitTexts() {
		if !slices.Contains(knownKeys(p.Section), t.key) {
			continue
		}
		text := t.text(&p.Limits)
		if text != "" || !strings.HasPrefix(t.key, rlimitPrefix) {
			list = append(list, e.setting(p.Section, t.key, text))
		}
	}
	return list
}

// limitHint says what a value was likely meant to be.
func limitHint(key string) string {
	switch name, isResource := strings.CutPrefix(key, rlimitPrefix); {
	case isResource:
		i := slices.IndexFunc(Resources, func(r Resource) bool { return r.Name == name })
		unit := "a number"
		if i >= 0 && Resources[i].bytes {
			unit = "a number of bytes, or one with KB, MB or GB"
		}
		return fmt.Sprintf("SOFT:HARD, or one for both; each %s, or unlimited", unit)
	case key == "nice":
		return "from -20, who comes first, to 19"
	case key == "oom_score_adj":
		return "from -1000, who is never killed, to 1000"
	case key == "cpu_affinity":
		return "numbers of processors, such as 0,2-5"
	case key == "pdeathsig":
		return "a signal such as TERM or KILL"
	}
	return ""
}
