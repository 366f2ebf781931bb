// Package ctl is supervisorctl: options, verbs, what they print, the exit
// codes, and the shell.
//
// A verb is a row of the table in verbs.go and a file verb_NAME.go. It gets the
// rest of its line as text, without the flags that its row names (flags.go),
// asks the server through ctl/client, prints, gives --json its result
// (json.go), and raises the exit code; an error that it returns is one that it
// has no words for, and session.execute words it. Texts that scripts match, and
// the codes, stand in texts.go.
//
// With several servers (servers.go) each has a session of its own, and what it
// prints goes through the one of the command line, which puts its name in front.
//
// Everything happens in the caller's goroutine, but for what several servers are
// asked at the same time, for fg, which waits for two logs and a keyboard at
// once, for what a screen (screen.go) is told and asks, and for the watch over
// signals while the line editor has the terminal. Names that come from the server
// reach a terminal only with their control characters made visible.
//
// It may import conf, ctl/api and ctl/client.
package ctl
