package socket

import "fmt"

// Step is what was being done when a socket could not be made.
type Step string

// The steps.
const (
	TooLong   Step = "use its path"
	Binding   Step = "bind it"
	Opening   Step = "open it"
	Replaced  Step = "recognise it" // somebody has put another file there
	Mode      Step = "set its mode"
	Owner     Step = "set its owner"
	Listening Step = "listen"
	Occupied  Step = "replace what is there, which is no socket"
	Taken     Step = "replace what is there, which may be in use" // Err is the probe's
	Clearing  Step = "remove the stale socket"
	Placing   Step = "put it in its place"
	Contended Step = "put it in its place before others"
)

// Error says why there is no socket.
type Error struct {
	Step Step
	Path string // of the socket, or its temporary one
	Err  error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("socket %s: cannot %s: %v", e.Path, e.Step, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func fail(step Step, path string, err error) error { return &Error{step, path, err} }
