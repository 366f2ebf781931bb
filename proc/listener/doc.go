// Package listener is the protocol that an event listener speaks on its
// standard output: READY, then a RESULT for each event it was sent.
//
// It is a pure parser with the state that the protocol gives a listener.
// daemon/core owns one Parser for each listener process. It keeps only what it
// needs to go on: a listener that writes without end costs no memory. The
// package imports nothing of ours.
package listener
