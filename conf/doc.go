// Package conf turns configuration files into one immutable Config: every
// section and key read, expanded, typed and defaulted, with the place each
// came from.
//
// Nothing here starts, opens or changes anything; what the package must know
// of the machine (users, directories, environment) comes through Host, so that
// a test can put another machine in its place. A Config is never changed after
// Load returned it: a reload makes a new one, and whoever holds the old one may
// go on reading it from any goroutine.
//
// go-ini stays behind ini.go; no other file names it. The package imports no
// other package of this module.
package conf
