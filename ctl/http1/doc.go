// Package http1 is as much of HTTP/1.1 as the two programs speak: a codec for
// the heads and bodies of requests and answers (RFC 9110, RFC 9112). It has no
// goroutines, timeouts or connections and decides nothing: whoever owns the
// connection does, in one goroutine for each direction.
//
// What it reads it reads strictly, since a message that two programs read in two
// ways is how a request is smuggled past the one in front. There is one length
// or one Transfer-Encoding and never both; no line that is folded, no blank
// before a colon, no control characters. Whatever it accepts package net/http
// reads in the same way, which the fuzz tests see to. All that it holds has a
// bound.
//
// It must import nothing of ours, and of the standard library nothing that is
// large: it is there because net/http is (ARCHITECTURE.md has the numbers).
package http1
