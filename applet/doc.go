// Package applet makes one binary answer to several names: it chooses what to
// run from the name under which the program was called, or from its first
// argument, and makes the links that bear those names.
//
// It knows nothing of what the applets do; the table comes from main. It is
// used once, by one goroutine, before anything else happens, so it must stay
// quick, and it imports no other package of this module.
package applet
