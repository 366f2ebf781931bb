// Package initd is the init of a container for one command: it reaps whatever
// becomes an orphan, hands every signal on, gives the command the terminal, and
// leaves with its exit status. It takes the options and the variables of tini,
// so that it can stand in for it by name.
//
// There is no configuration, no socket, no log and no supervision here: one
// child.Table, of which one child matters.
package initd
