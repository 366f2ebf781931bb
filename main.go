// The runtime would read the limits of our control group at the start, and again every
// second in which something happens. A supervisor is never the one who needs more
// threads; daemon.Main sees to it that there are not too many.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// The program supervisord, and in the same binary supervisorctl,
// echo_supervisord_conf and pidproxy: the name under which it is called
// chooses, or the first argument.
package main

import (
	"os"
	"os/signal"

	"gosupervisor/applet"
	"gosupervisor/conf"
	"gosupervisor/ctl"
	"gosupervisor/daemon"
	"gosupervisor/daemon/initd"
	"gosupervisor/early"
	"gosupervisor/pidproxy"
	"gosupervisor/proc/child"
	"gosupervisor/relay"
	"gosupervisor/version"
)

// binary is everything that a person may call. Nothing in it runs before it is
// chosen, so that as PID 1 the daemon meets its first signal early.
var binary = applet.Binary{
	Applets: []applet.Applet{
		{Name: "supervisord", About: "run and supervise programs", Main: daemon.Main},
		{Name: "supervisorctl", About: "talk to a running supervisord", Main: ordinary(ctl.Main)},
		{Name: "echo_supervisord_conf", About: "print a sample configuration", Main: ordinary(func(string, []string) int {
			return conf.EchoMain(os.Stdout)
		})},
		{Name: "pidproxy", About: "hand signals on to the process of a pid file", Main: ordinary(func(_ string, args []string) int {
			return pidproxy.Main(args, os.Stdout, os.Stderr)
		})},
		{Name: "init", About: "run a command as the first process of a container", Alias: true, Main: initd.Main},
		// The daemon starts it by this name where no other program has it.
		{Name: conf.StdoutCommand, Hidden: true, Main: ordinary(func(string, []string) int {
			return relay.Main(os.Stdin, os.Stdout, os.Stderr)
		})},
	},
	Version: version.Line,
	Stdout:  os.Stdout,
	Stderr:  os.Stderr,
}

// ordinary is an applet for which signals do what they do to any program. As
// PID 1, and nowhere else, package early has them wait for the daemon. To reset what is
// not set is work for the runtime all the same, so it is left out elsewhere.
func ordinary(main func(argv0 string, args []string) int) func(string, []string) int {
	return func(argv0 string, args []string) int {
		if os.Getpid() == 1 {
			early.AskForSignals(func() { signal.Reset() })
		}
		return main(argv0, args)
	}
}

func main() {
	os.Exit(run(os.Args))
}

// run is main for the given arguments. The first case is no applet: it is what
// the daemon becomes, for a moment, between a fork and the program.
func run(argv []string) int {
	if len(argv) > 0 && argv[0] == child.ExecName {
		return child.ExecMain(argv[1:])
	}
	return binary.Run(argv)
}
