// Package ndjson is the codec of the control socket: requests and replies, one
// JSON object a line.
//
// It turns bytes into requests and values into lines, over io.Reader, and holds
// the limits and the errors of the wire. It knows no method and no policy; who
// may call what, and what a call does, is decided by its callers. A Reader
// belongs to one goroutine. Nothing here may grow with what a peer sends beyond
// the limit it was given.
package ndjson
