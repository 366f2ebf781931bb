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
