// Package page is the page at / and the other URLs of the original's web
// interface. The page is three static files in the binary: what it shows and
// does, it asks for itself, in lines of JSON (docs/page.md). What is made here
// are the answers to the old URLs that people call from scripts: an action that
// ends in a redirect to a message, and the end of a log.
//
// A Handler has no state but its files. It performs what it is asked through the
// caller's Do, which decides who may do what. It must not import daemon/serve,
// which mounts it.
package page
