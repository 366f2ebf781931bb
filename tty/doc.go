// Package tty knows what a terminal obeys, so that all who show the words of
// somebody else escape the same. It has no state, writes nothing, and imports
// nothing of ours.
package tty
