package child

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"gosupervisor/conf"
)

// Capabilities of a program are what it has when it begins, whoever its user is, and
// all that anything it executes can ever get: the list goes into the bounding set,
// and into the permitted, inheritable and ambient ones.

// capabilitySet is a set of numbers, one bit each.
type capabilitySet uint64

func (s capabilitySet) has(n int) bool { return s>>n&1 != 0 }

// wanted is the set that was asked for.
func (l *limiter) wanted() (set capabilitySet) {
	for _, name := range l.Capabilities {
		if n := slices.Index(conf.CapabilityNames, name); n >= 0 {
			set |= 1 << n
		}
	}
	return set
}

// maxCapability is above the numbers of all capabilities.
const maxCapability = 64

// bound drops everything else from the bounding set, and has the kernel let us keep
// what we have when the user changes.
func (l *limiter) bound() bool {
	want := l.wanted()
	for n := range maxCapability {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err != nil {
			break // the kernel has no more
		}
		if in == 0 || want.has(n) {
			continue
		}
		err = unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0)
		if err == nil {
			continue
		}
		if !l.privsStay() && !l.failed("capabilities: what a program may get stays as it is: %v (no_new_privs=true keeps it from more, too)", err) {
			return false
		}
		break // the others would fail alike
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return l.failed("capabilities: %v", err)
	}
	return true
}

// privsStay tells whether nothing can be gained by executing a program.
func (l *limiter) privsStay() bool {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return l.NoNewPrivs || err == nil && set != 0
}

// grant makes the capabilities the only ones, and hands them on to the program.
func (l *limiter) grant() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return l.failed("capabilities: %v", err)
	}
	have := capabilitySet(data[0].Permitted) | capabilitySet(data[1].Permitted)<<32
	want := l.wanted()
	if missing := want &^ have; missing != 0 && !l.failed("capabilities: supervisord does not have %s itself", missing) {
		return false
	}
	want &= have
	for i := range data {
		bits := uint32(want >> (32 * i))
		data[i] = unix.CapUserData{Effective: bits, Permitted: bits, Inheritable: bits}
	}
	if err := unix.Capset(&header, &data[0]); err != nil && !l.failed("capabilities: %v", err) {
		return false
	}
	// A kernel without ambient capabilities gives the program of another user none.
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	for n := range maxCapability {
		if !want.has(n) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n), 0, 0); err != nil {
			return l.failed("capabilities: %s: %v", capabilitySet(1)<<n, err)
		}
	}
	return true
}

// String names the members of a set.
func (s capabilitySet) String() string {
	var names []string
	for n, name := range conf.CapabilityNames {
		if s.has(n) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
