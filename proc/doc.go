// Package proc is one program's life as a pure state machine: which state a
// process slot is in, what an input does to it, and which effects follow.
//
// It has no clock, goroutine, file or process: the time is an argument, and
// what has to happen is a value that the caller performs. daemon/core owns
// every Machine; nothing else steps one. It may import conf only.
package proc

//go:generate go test -run TestModelExploresEveryState -update .
