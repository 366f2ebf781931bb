// Package pidproxy is the applet for programs that go into the background and
// leave a pid file: it stays in the foreground in their place and hands the
// signals that it gets to the process that the file names.
//
// One goroutine waits for the command, one handles signals; nothing is shared
// between them but the channel on which the first says that the command ended.
// The package imports no other package of this module and starts its one child
// without os/exec, like the rest of the program.
package pidproxy
