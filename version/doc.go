// Package version says what this program is: which Supervisor it stands in
// for, its own name and number, and what it was built from.
//
// It holds constants and reads what the linker left in the binary; it opens
// nothing and imports no other package of this module, so that every applet
// may name it.
package version
