// Package early looks at the process before the standard library changes it.
//
// Package syscall raises the soft limit on open files during its own
// initialisation and forgets what it was, for all but the children that it
// starts. Packages are initialised in the order of their import paths as far as
// their imports allow, so a package that imports only runtime and unsafe, and whose
// path sorts before "syscall", comes first. A test holds the order.
//
// With the build tag pid1 it also has the program begin before the runtime, signals be
// asked for without a thread of the runtime's, and its monitor sleep while nothing
// happens: see entry.go, ask.go and monitor.go.
//
// It must import nothing else, of ours or of the library.
package early
