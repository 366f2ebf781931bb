package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gosupervisor/conf"
	"gosupervisor/daemon/core"
	"gosupervisor/daemon/initd"
	"gosupervisor/daemon/serve"
	"gosupervisor/early"
	"gosupervisor/proc/cgroup"
	"gosupervisor/proc/child"
	"gosupervisor/proc/logfile"
	"gosupervisor/proc/output"
	"gosupervisor/version"
)

// exitUsage is the code for everything that keeps the daemon from starting.
const exitUsage = 2

// partingTime is how long the last answers and log lines may take on the way
// out, when everything else is done.
const partingTime = 2 * time.Second

// daemon is what lasts from the start of the process to its end, over
// restarts.
type daemon struct {
	argv0   string
	opts    *options
	path    string   // of the configuration, as given
	ready   *os.File // our parent waits for word there; nil when there is none
	signals chan os.Signal
	outputs *outputs
	journal *journal
	stderr  io.Writer
	limited bool         // the limits were raised already
	again   bool         // this is a restart
	back    bool         // and one to the configuration before, since another failed
	failure string       // why it did
	past    past         // of the life before a restart
	cgroups *cgroup.Tree // over restarts, too
	totals  totals
}

// Main runs supervisord and returns its exit code.
func Main(argv0 string, args []string) int {
	signals := make(chan os.Signal, 64) // a burst while we boot; the kernel merges equal ones anyway
	catchSignals(signals)
	child.ResetSignals()
	if runtime.NumCPU() > mostThreads {
		runtime.GOMAXPROCS(mostThreads)
	}
	stdout, stderr := output.NewStreams()
	d := &daemon{
		argv0: argv0, signals: signals, ready: takeReady(), stderr: os.Stderr, past: newPast(time.Now()),
		outputs: &outputs{stdout: stdout, stderr: stderr, syslog: output.NewSyslog(syslogSocket), poller: output.NewPoller()},
	}
	return d.main(args)
}

// readZone has the time zone read, which is a file that the first line of the log needs,
// while another thread reads the configuration; what that gains is in Decisions in
// ARCHITECTURE.md. Package time opens the file without O_CLOEXEC, so no child may be born
// of the library meanwhile.
func readZone() {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	_, _ = time.Now().Zone()
}

// mostThreads is how many threads of ours run at once, at most. More would be of no use
// to a supervisor, and on a large machine each costs memory.
const mostThreads = 8

// syslogSocket is where the system's log listens.
const syslogSocket = "/dev/log"

func (d *daemon) main(args []string) int {
	opts, err := parseOptions(args, nil)
	if err != nil {
		return d.usage(err)
	}
	d.opts = opts
	switch {
	case opts.showHelp:
		help(os.Stdout, d.argv0)
		return 0
	case opts.showVersion:
		fmt.Println(version.API)
		return 0
	}
	if len(opts.command) > 0 && opts.config == "" {
		return initd.Run(d.argv0, opts.command, d.signals)
	}
	child.MarkCloexec()
	go readZone()
	if len(opts.command) > 0 {
		early.AskForSignals(func() { signal.Notify(d.signals, forwarded...) })
	}
	if err := d.findConfig(); err != nil {
		return d.usage(err)
	}
	if opts.inspect.wanted() {
		return d.inspect(legible(os.Stdout))
	}
	cfg, err := d.load()
	if err != nil {
		return d.usage(err)
	}
	if cfg.Server.Nodaemon && d.ready != nil {
		// Nobody starts the daemon to stay in the foreground, unless the file
		// was changed just now. A parent without word stays until we end.
		d.ready.Close()
		d.ready = nil
	}
	if os.Getpid() != 1 && !cfg.Server.Nodaemon && d.ready == nil {
		code, err := detach(d.signals)
		if err != nil {
			return d.usage(err)
		}
		return code
	}
	if os.Getpid() != 1 {
		// Without it orphans of our programs are somebody else's; nothing
		// else depends on it.
		_ = child.Subreaper()
	}
	return d.serve(cfg)
}

// serve runs the supervisor until it is asked to leave, once for every
// restart. When a restart fails although the configuration looked good, it goes
// back to the one before, once: by then everything is stopped, and leaving
// would keep it so.
func (d *daemon) serve(cfg *conf.Config) int {
	defer d.closeJournal()
	d.cgroups = cgroup.New("/proc", d.knownBy(cfg))
	defer d.cgroups.Close()
	var before *conf.Config // to go back to; nil: there is none
	for {
		leave, err := d.run(cfg)
		switch {
		case err != nil && before != nil:
			d.failure = "the restart failed, going back to the configuration before it: " + inOneLine(err)
			d.journal.log(conf.Critical, d.failure)
			cfg, before, d.back = before, nil, true
			continue
		case err != nil:
			return d.usage(err)
		case !leave.Restart:
			return leave.Status
		}
		d.again, d.back, before = true, false, cfg
		// The configuration was found good before anything was stopped. If it
		// was broken since, the one that we come from still serves.
		fresh, err := d.loadForRestart(d.host(getentAlone))
		if err != nil {
			d.journal.logf(conf.Critical, "going on with the configuration before the restart, because the present one has an error: %s", inOneLine(err))
			continue
		}
		cfg = fresh
	}
}

// knownBy is what tells this daemon from others, and is the same in its next run.
func (d *daemon) knownBy(cfg *conf.Config) string {
	path, err := filepath.Abs(d.path)
	if err != nil {
		path = d.path // nobody knows where we are
	}
	return cfg.Server.Identifier + "\x00" + path
}

// usage reports an error that keeps us from starting, in two lines that
// scripts know, followed by what helps a person.
func (d *daemon) usage(err error) int {
	first, more := err.Error(), d.hints(err)
	var le *conf.LoadError
	if errors.As(err, &le) {
		first, more = le.First(), le.Details()
	}
	errs := legible(d.stderr)
	fmt.Fprintf(errs, "Error: %s\nFor help, use %s -h\n", first, d.argv0)
	if d.again { // by now stderr may be nobody's
		d.journal.logf(conf.Critical, "the restart failed, and nothing runs any more: %s", first)
	}
	for _, line := range more {
		fmt.Fprintf(errs, "  %s\n", line)
	}
	return exitUsage
}

// findConfig finds the file to read.
func (d *daemon) findConfig() error {
	if d.opts.config != "" {
		d.path = d.opts.config
		return nil
	}
	if os.Getuid() == 0 && d.ready == nil {
		fmt.Fprintln(d.stderr, searchWarning)
	}
	path, searched, found := conf.Find(d.argv0, nil)
	if !found {
		return noConfig(searched)
	}
	d.path = path
	return nil
}

// host is what a reading of the configuration is told of where it happens. While there is
// a supervisor, getent must be its own: nobody else may start a process.
func (d *daemon) host(getent func(...string) (string, int, error)) *conf.Host {
	return &conf.Host{Container: d.opts.container, Getent: getent}
}

// load reads the configuration while there is no supervisor.
func (d *daemon) load() (*conf.Config, error) { return d.loadFrom(d.host(getentAlone)) }

// loadFrom reads the configuration and lays the command line over it.
func (d *daemon) loadFrom(h *conf.Host) (*conf.Config, error) {
	cfg, err := conf.Load(d.path, h)
	if err != nil {
		return nil, err
	}
	if err := cfg.Exposed(); err != nil {
		return nil, err
	}
	d.opts.apply(cfg)
	if len(d.opts.command) > 0 {
		err = cfg.AddMain(d.opts.command)
	}
	return cfg, err
}

// run is one life of the supervisor, from opening its log to the last process
// gone. Its order is observable, and the original's: what cannot be undone
// comes after what can fail.
func (d *daemon) run(cfg *conf.Config) (leave core.Leave, err error) {
	notes, err := d.prepare(cfg)
	if err != nil {
		return leave, err
	}
	if err := d.openJournal(cfg); err != nil {
		return leave, err
	}
	early.AskForSignals(func() {
		for _, r := range cfg.Server.SignalMap {
			signal.Notify(d.signals, r.Signal)
		}
	})
	d.note(notes)
	h := newHost(cfg, d.journal, d.outputs, d.past)
	h.totals, h.cgroups = &d.totals, d.cgroups
	h.load = func() (*conf.Config, error) { return d.loadFrom(d.host(h.getent)) }
	h.loadForRestart = func() (*conf.Config, error) { return d.loadForRestart(d.host(h.getent)) }
	servers, err := d.listen(h)
	if err != nil {
		return leave, err
	}
	if err := h.tryAtBoot(); err != nil {
		shutdown(servers)
		return leave, err
	}
	d.cleanLogs(&cfg.Server)
	if d.ready != nil {
		d.settle(&cfg.Server)
	}
	pid := &pidfile{path: cfg.Server.Pidfile}
	if err := d.writePid(pid, cfg.Server.RequirePidfile); err != nil {
		shutdown(servers)
		return leave, err
	}
	if d.opts.container {
		d.journal.log(conf.Info, conf.ContainerNote(&cfg.Server))
	}
	d.announce()
	leave = h.run(d.signals, servers)
	d.past = past{serial: h.core.Serial(), chronicle: h.core.Chronicle()}
	pid.remove()
	return leave, nil
}

// writePid writes the pidfile and says that we are there. The error is that a file
// which is required could not be written.
func (d *daemon) writePid(pid *pidfile, required bool) error {
	var err error
	if pid.path != "" {
		err = pid.write(os.Getpid())
	}
	switch {
	case err == nil:
		d.journal.logf(conf.Info, "supervisord started with pid %d", os.Getpid())
	case required:
		d.journal.logf(conf.Critical, "could not write pidfile %s", pid.path)
		return &pidError{fmt.Errorf("could not write pidfile %s: %w", pid.path, cause(err)), pid.path}
	case errors.Is(err, syscall.EROFS):
		d.journal.logf(conf.Info, "supervisord started with pid %d, without a pidfile: %s is on a read-only filesystem", os.Getpid(), pid.path)
	default:
		d.journal.logf(conf.Critical, "could not write pidfile %s", pid.path)
		d.journal.logf(conf.Warn, "going on without a pidfile: %s", whyNoPidfile(pid.path, err))
	}
	return nil
}

// prepare raises the limits and becomes the configured user, and returns what
// the log is to be told, in the order of its severity.
func (d *daemon) prepare(cfg *conf.Config) ([]conf.Note, error) {
	notes := cfg.Notes
	if !d.limited {
		raised, err := raiseLimits(&cfg.Server)
		if err != nil {
			return nil, err
		}
		notes = append(notes[:len(notes):len(notes)], raised...)
		d.limited = true
	}
	switch u := cfg.Server.User; {
	case u != nil:
		n, err := becomeUser(&cfg.Server)
		if err != nil {
			return nil, err
		}
		notes = append([]conf.Note{n}, notes...)
	case os.Getuid() == 0 && d.opts.container:
		notes = append([]conf.Note{{Level: conf.Info, Text: "running as root, as containers do, and so does each program without user="}}, notes...)
	case os.Getuid() == 0:
		notes = append([]conf.Note{{Level: conf.Critical, Text: rootWarning}}, notes...)
	}
	return notes, nil
}

// note writes what came up before there was a log.
func (d *daemon) note(notes []conf.Note) {
	for _, level := range []conf.Level{conf.Critical, conf.Error, conf.Warn, conf.Info, conf.Debug} {
		for _, n := range notes {
			if n.Level == level {
				d.journal.log(n.Level, n.Text)
			}
		}
	}
}

// openJournal opens the activity log. The one before it, of the life before a
// restart, takes lines until then, and goes on if that is better than nothing.
func (d *daemon) openJournal(cfg *conf.Config) error {
	s := &cfg.Server
	j := &journal{level: s.Loglevel}
	if s.Nodaemon || os.Getpid() == 1 {
		if !s.Silent {
			j.sinks = append(j.sinks, d.foreground())
		}
	}
	fd, inherited := logfile.Inherited(s.Logfile)
	switch {
	case s.Logfile == "syslog":
		j.syslog = d.outputs.syslog
	case inherited && fd == 1:
		j.sinks = append(j.sinks, d.outputs.stdout)
	case inherited && fd == 2:
		j.sinks = append(j.sinks, d.outputs.stderr)
	default:
		err := j.openFile(logfile.Spec{Path: s.Logfile, MaxBytes: s.LogfileMaxBytes, Backups: s.LogfileBackups})
		switch {
		case err == nil:
		case d.back:
			d.journal.logf(conf.Error, "going on with the log that is open: %v", err)
			return nil // we may have become another user, who cannot open it
		case !d.mayLack(s, err):
			return &logError{err, s.Logfile}
		default:
			j.file, j.sink = nil, nil
			j.logf(conf.Warn, "no activity log file: %v%s; set logfile= to choose another place, or /dev/null for none", err, whoWeAre(err))
		}
	}
	if d.journal != nil {
		if d.back && !d.journal.sameFile(j) {
			j.log(conf.Critical, d.failure) // where the lines before it are, too
		}
		d.journal.close()
	}
	d.journal = j
	return nil
}

// foreground is where the log of a daemon in the foreground goes: its standard
// output, unless that is the main program's.
func (d *daemon) foreground() *output.Stream {
	if len(d.opts.command) > 0 {
		return d.outputs.stderr
	}
	return d.outputs.stdout
}

func (d *daemon) closeJournal() {
	if d.journal == nil {
		return // we never came that far
	}
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	// A reader that does not read must not keep us.
	_ = d.outputs.stdout.Flush(ctx)
	_ = d.outputs.stderr.Flush(ctx)
	d.journal.close()
}

// cleanLogs deletes the automatic logs of an earlier run. It comes after the
// sockets are open: before that, they may be a running supervisor's.
func (d *daemon) cleanLogs(s *conf.Server) {
	if s.NoCleanup {
		return
	}
	stale, err := logfile.StaleAuto(s.ChildLogDir, s.Identifier)
	if err != nil {
		d.journal.log(conf.Warn, "Could not clear childlog dir")
		return
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			d.journal.logf(conf.Warn, "Failed to clean up %s", conf.Repr(path))
		}
	}
}

// listen opens the servers. Whatever fails, no socket stays behind.
func (d *daemon) listen(h *host) ([]*serve.Server, error) {
	cfg := h.cfg
	namespace := ""
	if len(cfg.RPCInterfaces) > 0 {
		namespace = cfg.RPCInterfaces[0].Name
	}
	var servers []*serve.Server
	bounds := serve.NewBounds()
	for _, c := range cfg.HTTP {
		file := c.File
		l, err := d.listenAt(&c)
		if err != nil {
			shutdown(servers)
			return nil, err
		}
		if c.File != file && cfg.Server.ServerURL == "unix://"+file {
			cfg.Server.ServerURL = "unix://" + c.File // what programs get told
		}
		for _, r := range cfg.RPCInterfaces {
			d.journal.logf(conf.Info, "RPC interface %s initialized", conf.Repr(r.Name))
		}
		abstract := c.Family == conf.Unix && conf.IsAbstract(c.File)
		peers := abstract || c.Family == conf.Unix && len(cfg.Roles) > 0 // who may do what is known without a password
		if !c.Guarded() && !peers {
			d.journal.logf(conf.Critical, "Server %s running without any HTTP authentication checking", conf.Repr(c.Section))
		}
		servers = append(servers, serve.New(h, c, l, d.journal.log, serve.Options{Namespace: namespace, Bounds: bounds, Roles: cfg.Roles, OwnerOnly: abstract, Level: d.journal.level}))
	}
	return servers, nil
}

// shutdown closes servers, all at once, and waits for their last answers.
func shutdown(servers []*serve.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() { s.Shutdown(ctx) })
	}
	all.Wait()
}
