package initd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"gosupervisor/conf"
)

// options are what the command line and the environment say.
type options struct {
	help    bool
	group   bool           // signals go to the process group of the command
	warn    bool           // say when an orphan was reaped
	death   syscall.Signal // that we get when our parent dies; 0: none
	success map[int]bool   // exit codes that count as 0
	command []string
}

const usage = `%[1]s -- run a command as the first process of a container.

Usage: %[1]s [options] [--] COMMAND [ARGS]

It reaps orphans, hands every signal on to the command, gives it the terminal
if there is one, and leaves with its exit status: its code, or 128 and the number
of the signal that ended it; 127 when there is no such command, 126 when it
cannot be run.

Options:
-g -- hand signals on to the process group of the command (or TINI_KILL_PROCESS_GROUP)
-e CODE -- leave with 0 when the command exits with CODE; may be given more than once
-p SIGNAL -- get this signal when the parent process dies
-w -- say on standard error when an orphan was reaped
-s -- accepted: orphans are always adopted, also by other processes than the first
-v -- accepted
-h -- print this text and leave
`

// parseOptions reads the arguments. Options end at the first word that is none.
func parseOptions(args []string) (*options, error) {
	opts, rest, err := conf.Getopt(args, "ghsvwe:p:", []string{"help"})
	if err != nil {
		return nil, err
	}
	_, group := os.LookupEnv("TINI_KILL_PROCESS_GROUP")
	o := &options{group: group, success: map[int]bool{}, command: rest}
	for _, opt := range opts {
		switch opt.Flag {
		case "-h", "--help":
			o.help = true
		case "-g":
			o.group = true
		case "-w":
			o.warn = true
		case "-e":
			code, err := strconv.Atoi(opt.Value)
			if err != nil || code < 0 || code > 255 {
				return nil, fmt.Errorf("invalid value for -e %s: not an exit code from 0 to 255", conf.Repr(opt.Value))
			}
			o.success[code] = true
		case "-p":
			if o.death, err = conf.ParseSignal(opt.Value); err != nil || o.death == 0 {
				return nil, fmt.Errorf("invalid value for -p %s: not a signal", conf.Repr(opt.Value))
			}
		}
	}
	if len(rest) == 0 && !o.help {
		return nil, errors.New("no command to run: write it behind the options")
	}
	return o, nil
}

func (o *options) printUsage(w io.Writer, argv0 string) { fmt.Fprintf(w, usage, argv0) }
