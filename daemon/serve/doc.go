// Package serve puts the control surface on sockets: it opens the listeners of
// the configuration and lets clients call an api.Service over newline-delimited
// JSON, XML-RPC and plain HTTP, all three on every socket. The first byte of a
// connection decides: an opening brace or a blank means lines of JSON, anything
// else is HTTP.
//
// A connection belongs to its goroutines and shares nothing with others: one
// reads, one writes, one owns the requests in flight, and each request runs in
// its own. One that speaks HTTP has a single goroutine for its requests, one after
// another, and a second that listens for the end of the client while it has to
// wait. They end with the connection, and Shutdown joins them all. What a
// client may cost is bounded: connections, requests in flight, sizes of lines,
// headers and bodies, and the time until the first request.
//
// The texts of listening errors are fixed by compatibility and stand in
// texts.go. It must not import daemon, daemon/core or anything that touches
// processes.
package serve

//go:generate go test -run Reference -update .
