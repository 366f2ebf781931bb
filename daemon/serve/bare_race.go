//go:build race

package serve

// watched says that a detector of races watches, which knows that what is read was
// written before, but only of the calls that it sees.
const watched = true
