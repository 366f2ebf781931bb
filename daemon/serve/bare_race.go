//go:build race

package serve

// watched says that a detector of races watches. It takes a write and the read of it as
// ordered only if it sees both, which are the library's.
const watched = true
