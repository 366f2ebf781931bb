package child

// MarkBy marks inherited descriptors in one of the ways that MarkCloexec has.
func MarkBy(way string) {
	switch way {
	case "all":
		MarkCloexec()
	case "listed":
		if !markListed("/proc/self/fd") {
			panic("no list")
		}
	case "swept":
		markUpTo(descriptorLimit())
	default:
		panic("no way " + way)
	}
}

// Quote is quote.
func Quote(s string) string { return quote(s) }

// RoundTrip passes a Spec through the arguments and the environment of the
// applet.
func RoundTrip(s *Spec) (*Spec, error) {
	r, err := parseRequest(request{spec: s, status: statusFD}.argv()[1:])
	if err != nil {
		return nil, err
	}
	r.spec.Env, err = parseEnviron(request{spec: s}.environ())
	return r.spec, err
}

// ParseRequest tells whether the applet understands its arguments.
func ParseRequest(args []string) error {
	_, err := parseRequest(args)
	return err
}

// HideProc makes the package find no /proc.
func HideProc() { procSelf = "/nonexistent/proc/self/exe" }

// ForkBy has the package fork in one of the ways that it has, for as long as the test
// lasts that calls what is returned at its end.
func ForkBy(way string) (undo func()) {
	vfork, clone3 := noVfork.Load(), noClone3.Load()
	switch way {
	case "clone3":
	case "clone":
		noClone3.Store(true)
	case "library":
		noVfork.Store(true)
	default:
		panic("no way " + way)
	}
	return func() {
		noVfork.Store(vfork)
		noClone3.Store(clone3)
	}
}

// ForkedBy tells in which way the last child was forked.
func ForkedBy() string {
	switch {
	case noVfork.Load():
		return "library"
	case noClone3.Load():
		return "clone"
	}
	return "clone3"
}

// NoHandler has the bell be a channel. It is for who has not had a table yet.
func NoHandler() { noHandler = true }

// Bell is the bell of a table that is not there.
type Bell struct{ b *bell }

// NewBell returns one.
func NewBell() Bell { return Bell{newBell()} }

// RingsBy tells what the bell is.
func (b Bell) RingsBy() string {
	if b.b.file == nil {
		return "channel"
	}
	return "poller"
}

// Ring is ring.
func (b Bell) Ring() { b.b.ring() }

// Sleep is sleep.
func (b Bell) Sleep() { b.b.sleep() }

// Rang tells whether the next sleep is over at once.
func (b Bell) Rang() bool {
	if b.b.file == nil {
		return len(b.b.rung) > 0
	}
	return b.b.conn.Read(func(uintptr) bool { return true }) != nil
}

// Died is died.
func (b Bell) Died() bool { return b.b.died() }

// Free is free.
func (b Bell) Free() { b.b.free() }
