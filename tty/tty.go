package tty

// Obeys tells whether a terminal may obey a character in place of showing it: the
// control characters, lines and tabs among them, and those that turn the direction of
// text around, so that a name reads as another (Unicode's Bidi_Control). A byte that is
// no character is for the caller to escape.
func Obeys(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	case r < 0x61c: // nearly all text
		return false
	}
	return r == 0x61c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
