package daemon

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"gosupervisor/conf"
)

const shortOptions = "c:nshv?u:m:d:l:y:z:e:j:i:q:ka:t"

var longOptions = []string{
	"configuration=", "nodaemon", "silent", "help", "version", "user=", "umask=", "directory=",
	"logfile=", "logfile_maxbytes=", "logfile_backups=", "loglevel=", "pidfile=", "identifier=",
	"childlogdir=", "nocleanup", "minfds=", "minprocs=", "strip_ansi", "profile_options=",
	"+check", "+json", "+lint=", "+print-config", "+container",
}

// optionName gives both spellings of an option one name. It is a list, since a map would
// be filled whenever the program starts.
var optionName = [...]struct{ flag, name string }{
	{"-c", "configuration"}, {"-n", "nodaemon"}, {"-s", "silent"}, {"-h", "help"}, {"-?", "help"}, {"-v", "version"},
	{"-u", "user"}, {"-m", "umask"}, {"-d", "directory"}, {"-l", "logfile"}, {"-y", "logfile_maxbytes"},
	{"-z", "logfile_backups"}, {"-e", "loglevel"}, {"-j", "pidfile"}, {"-i", "identifier"}, {"-q", "childlogdir"},
	{"-k", "nocleanup"}, {"-a", "minfds"}, {"-t", "strip_ansi"},
}

// nameOf is the one name of an option.
func nameOf(flag string) string {
	for i := range optionName {
		if optionName[i].flag == flag {
			return optionName[i].name
		}
	}
	return strings.TrimPrefix(flag, "--")
}

// options are what the command line says. Apply lays them over a
// configuration: they win over the file, also after a reread.
type options struct {
	config string // the file, "" to search for it
	// What to print instead of starting.
	showHelp, showVersion bool
	inspect               inspection
	container             bool
	command               []string // what follows "--": the main program

	set   []func(*conf.Server)
	given map[string]string // of each key that set lays over: the option
}

// apply returns the configuration with the command line over it.
func (o *options) apply(cfg *conf.Config) {
	for _, set := range o.set {
		set(&cfg.Server)
	}
	if cfg.Server.StripANSI { // also when only the command line says so
		for _, g := range cfg.Groups {
			for _, p := range g.Programs {
				p.Stdout.StripANSI, p.Stderr.StripANSI = true, true
			}
		}
	}
}

// parseOptions reads the command line. Options count from left to right, so a
// help that stands before a bad value still helps.
func parseOptions(args []string, h *conf.Host) (*options, error) {
	opts, rest, err := conf.Getopt(args, shortOptions, longOptions)
	if err != nil {
		return nil, err
	}
	o := &options{given: map[string]string{}}
	if len(rest) > 0 && hasFlag(opts, "--print-config") {
		// The one word there may be. Options may stand behind it too.
		o.inspect.name = rest[0]
		var more []conf.Opt
		if more, rest, err = conf.Getopt(rest[1:], shortOptions, longOptions); err != nil {
			return nil, err
		}
		opts = append(opts, more...)
	}
	seen := map[string]bool{}
	for _, opt := range opts {
		name := nameOf(opt.Flag)
		if seen[name] {
			return nil, fmt.Errorf("conflicting command line option %s", conf.Repr(opt.Flag))
		}
		seen[name] = true
		if err := o.take(name, opt, h); err != nil {
			return nil, err
		}
		o.given[name] = opt.Flag
		if o.showHelp || o.showVersion {
			return o, nil
		}
	}
	if len(rest) == 0 && len(args) > 0 && args[len(args)-1] == "--" {
		return nil, errors.New("no command to run: write it behind the --")
	}
	if before := len(args) - len(rest); len(rest) > 0 && before > 0 && args[before-1] == "--" && !o.inspect.wanted() {
		o.command, rest = rest, nil
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("positional arguments are not supported: %s", conf.ListRepr(rest))
	}
	return o, o.inspect.validate()
}

func hasFlag(opts []conf.Opt, flag string) bool {
	return slices.ContainsFunc(opts, func(o conf.Opt) bool { return o.Flag == flag })
}

// take reads one option.
func (o *options) take(name string, opt conf.Opt, h *conf.Host) error {
	v := opt.Value
	switch name {
	case "configuration":
		o.config = v
	case "help":
		o.showHelp = true
	case "version":
		o.showVersion = true
	case "container":
		o.container = true
	case "check", "json", "lint", "print-config":
		return o.inspect.take(opt)
	case "profile_options": // of a profiler that we don't have; harmless
	case "nodaemon":
		o.over(func(s *conf.Server) { s.Nodaemon = true })
	case "silent":
		o.over(func(s *conf.Server) { s.Silent = true })
	case "nocleanup":
		o.over(func(s *conf.Server) { s.NoCleanup = true })
	case "strip_ansi":
		o.over(func(s *conf.Server) { s.StripANSI = true })
	case "identifier":
		o.over(func(s *conf.Server) { s.Identifier = v })
	case "user":
		a, err := conf.LookupAccount(v, h)
		if err != nil {
			return err
		}
		o.over(func(s *conf.Server) { s.User = a })
	default:
		if err := o.takeValue(name, v, h); err != nil {
			return fmt.Errorf("invalid value for %s %s: %v", opt.Flag, conf.Repr(v), err)
		}
	}
	return nil
}

func (o *options) over(set func(*conf.Server)) { o.set = append(o.set, set) }

// takeValue reads an option whose value has a type.
func (o *options) takeValue(name, v string, h *conf.Host) error {
	switch name {
	case "umask":
		return take(o, v, conf.ParseOctal, func(s *conf.Server, n int) { s.Umask = n })
	case "directory":
		return take(o, v, dirOf(h), func(s *conf.Server, p string) { s.Directory = p })
	case "childlogdir":
		return take(o, v, dirOf(h), func(s *conf.Server, p string) { s.ChildLogDir = p })
	case "logfile":
		return take(o, v, logOf(h), func(s *conf.Server, p string) { s.Logfile, s.LogfileSet = p, true })
	case "pidfile":
		return take(o, v, fileOf(h), func(s *conf.Server, p string) { s.Pidfile = p })
	case "logfile_maxbytes":
		return take(o, v, conf.ParseByteSize, func(s *conf.Server, n int64) { s.LogfileMaxBytes = n })
	case "logfile_backups":
		return take(o, v, conf.ParseInt, func(s *conf.Server, n int) { s.LogfileBackups = n })
	case "loglevel":
		return take(o, v, conf.ParseLevel, func(s *conf.Server, l conf.Level) { s.Loglevel = l })
	case "minfds":
		return take(o, v, conf.ParseInt, func(s *conf.Server, n int) { s.MinFDs = n })
	case "minprocs":
		return take(o, v, conf.ParseInt, func(s *conf.Server, n int) { s.MinProcs = n })
	}
	return errors.New("unknown option") // cannot occur: Getopt knows the same names
}

// take parses a value and remembers where it goes.
func take[T any](o *options, v string, parse func(string) (T, error), set func(*conf.Server, T)) error {
	t, err := parse(v)
	if err == nil {
		o.over(func(s *conf.Server) { set(s, t) })
	}
	return err
}

func dirOf(h *conf.Host) func(string) (string, error) {
	return func(v string) (string, error) { return conf.ExistingDir(v, h) }
}

// fileOf reads the name of a file in an existing directory, made absolute now:
// a daemon may change its directory later.
func fileOf(h *conf.Host) func(string) (string, error) {
	return func(v string) (string, error) {
		p, err := conf.ExistingDirpath(v, h)
		if err != nil {
			return "", err
		}
		return filepath.Abs(p)
	}
}

// logOf is fileOf for the activity log, which may also be the word syslog.
func logOf(h *conf.Host) func(string) (string, error) {
	return func(v string) (string, error) {
		if v == "syslog" {
			return v, nil
		}
		return fileOf(h)(v)
	}
}

// help prints what the options mean.
func help(w io.Writer, argv0 string) {
	fmt.Fprintf(w, helpText, argv0)
}

const helpText = `supervisord -- run a set of applications as daemons.

Usage: %[1]s [options]
       %[1]s [-c FILENAME] -- COMMAND [ARGS]

The second form is the init of a container for one command: it reaps orphans, hands
signals on, and leaves with the exit status of the command. The programs of the file,
if one is named, start before the command and stop after it.

Options:
-c/--configuration FILENAME -- configuration file; without it the usual places are searched
-n/--nodaemon -- stay in the foreground (same as 'nodaemon=true' in the file)
-s/--silent -- write no log to stdout while in the foreground (same as 'silent=true')
-h/--help -- print this text and leave
-v/--version -- print the version number and leave
-u/--user USER -- become this user (a name or a number)
-m/--umask UMASK -- umask of the daemon, octal (default 022)
-d/--directory DIRECTORY -- directory to change to when daemonized
-l/--logfile FILENAME -- path of the activity log
-y/--logfile_maxbytes BYTES -- rotate the activity log when it is this long
-z/--logfile_backups NUM -- how many rotated activity logs to keep
-e/--loglevel LEVEL -- least severe messages to log (critical,error,warn,info,debug,trace,blather)
-j/--pidfile FILENAME -- file to write the daemon's pid to
-i/--identifier STR -- name of this supervisord, as clients and listeners see it
-q/--childlogdir DIRECTORY -- directory for the logs that programs get without asking for one
-k/--nocleanup -- keep the automatic logs of an earlier run
-a/--minfds NUM -- least number of file descriptors to start with
-t/--strip_ansi -- remove terminal escapes from what programs write
--minprocs NUM -- least number of processes that must be allowed to start with
--profile_options OPTIONS -- accepted and ignored
--container -- defaults for containers: foreground, output of programs to ours, no pidfile, FATAL ends it, trees are killed
--check -- say what is wrong or doubtful in the configuration and leave: 0 good, 1 error, 2 warnings
--lint=upstream -- with --check: list what Supervisor 4.3 would ignore or refuse instead
--print-config [NAME] -- print what is in effect, all or of a section, group or process, and leave
--json -- with --check and --print-config: as JSON

With --version the place of -v is taken by a line that also names the build.
`
