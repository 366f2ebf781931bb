// Package client speaks to a running supervisord from outside. New takes a
// server URL, unix://PATH, http://HOST[:PORT] or https://HOST[:PORT][/PATH]; the
// methods of Client are the calls of the control API with typed replies; Follow
// streams a log.
//
// A call has a connection to itself. That to a UNIX socket serves the calls after it that
// change nothing, until Rest, unless the server has hung up or said anything in between; if
// it hangs up at that moment, they are asked again on a new one. A call that may change
// something always has a new one, and is never sent twice. Over HTTP each makes its own. The
// first call finds out which language the server has: newline-delimited JSON,
// or, when it turns out to be the original Supervisor, XML-RPC. Only a
// question without effect is asked for that, so nothing can happen twice.
//
// No server can hold a call up. What can be answered at once must be, and go on
// coming once it has begun (patience.go). A call that waits for processes, or a
// stream, may take any time, but the server is asked for signs of life
// meanwhile: on the connection itself where that carries lines, else on another.
//
// A call fails with an *api.Fault when the server refused it, and with an
// *Error, whose Kind is one of the Err values, when it could not be asked. A
// Client belongs to one goroutine, but for Follow, which may run in several.
//
// It may import conf, ctl/api, the codecs and ctl/openssl.
package client
