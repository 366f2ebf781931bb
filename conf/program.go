package conf

import (
	"cmp"
	"fmt"
	"maps"
	"sort"
	"strings"
	"syscall"
)

// Bounds of numprocs=, and of what all sections together may ask for.
const (
	maxNumprocs  = 10_000
	maxProcesses = 50_000
	maxExpanded  = 256 << 20 // bytes of expanded values
	maxVariables = 5_000_000 // entries of the environments
)

// How much of each channel is kept in memory.
const (
	defaultLogRing = 64 << 10
	maxLogRing     = 64 << 20
)

// parseLogRing reads log_ring=.
func parseLogRing(s string) (int, error) {
	n, err := ParseByteSize(s)
	switch {
	case err != nil:
		return 0, err
	case n < 0 || n > maxLogRing:
		return 0, textf(msgLogRing, repr(s), maxLogRing>>20)
	}
	return int(n), nil
}

// shared is what the processes of one section have in common.
type shared struct {
	Program
	numprocs, start int
	out, err        channel
	template        string // process_name
	templateOption  *option
}

// channel is the part of an Output that all processes of a section share.
type channel struct {
	key     *channelKeys
	capture int64
	events  bool
}

// channelKeys are the keys of one channel.
type channelKeys struct {
	word                                                string // "stdout" or "stderr"
	logfile, backups, maxBytes, capture, events, syslog string
}

var (
	stdoutKeys = &channelKeys{
		"stdout", "stdout_logfile", "stdout_logfile_backups", "stdout_logfile_maxbytes",
		"stdout_capture_maxbytes", "stdout_events_enabled", "stdout_syslog",
	}
	stderrKeys = &channelKeys{
		"stderr", "stderr_logfile", "stderr_logfile_backups", "stderr_logfile_maxbytes",
		"stderr_capture_maxbytes", "stderr_events_enabled", "stderr_syslog",
	}
)

// programs reads a program section and makes its processes, sorted by name. kind
// is the section's word before the colon.
func (l *loader) programs(section, group string) []*Program {
	s := l.scope(section, l.base)
	s.suffix = true
	name, ok := l.sectionName(s)
	if !ok {
		return nil
	}
	s.names = l.base.with(texts(
		"program_name", name,
		"host_node_name", l.hostname,
		"group_name", group,
	))
	sh := s.shared(group)
	return s.processes(sh)
}

// sectionName checks what follows the colon of a section's name.
func (l *loader) sectionName(s *scope) (string, bool) {
	_, suffix, _ := strings.Cut(s.sec.name, ":")
	name, err := parseName(suffix)
	if err != nil {
		s.fail("", nil, err, "")
	}
	return name, err == nil
}

// shared reads the keys that are the same for every process of the section.
func (s *scope) shared(group string) *shared {
	sh := &s.sharing
	*sh = shared{}
	p := &sh.Program
	p.Section, p.Group = s.sec.name, group
	p.Priority = read(s, "priority", 999, parseCountInt)
	p.Autostart = read(s, "autostart", true, ParseBool)
	p.Autorestart = read(s, "autorestart", RestartUnexpected, parseAutorestart)
	p.StartSecs = read(s, "startsecs", 1, parseCountInt)
	p.StartRetries = read(s, "startretries", 3, parseCountInt)
	p.StopSignal = read(s, "stopsignal", 15, ParseSignal)
	p.StopWaitSecs = read(s, "stopwaitsecs", 10, parseCountInt)
	p.StopAsGroup = read(s, "stopasgroup", false, ParseBool)
	p.KillAsGroup = read(s, "killasgroup", p.StopAsGroup, ParseBool)
	p.ExitCodes = read(s, "exitcodes", []int{0}, parseExitCodes)
	s.stopSequence(p)
	s.killScope(p)
	p.ReloadSignal = read(s, "reload_signal", syscall.SIGHUP, signalOfProgram)
	p.OnFatal = readWord(s, "on_fatal", FatalIgnored, onFatals)
	p.OnExit = readWord(s, "on_exit", ExitIgnored, onExits)
	p.RedirectStderr = read(s, "redirect_stderr", false, ParseBool)
	p.LogRing = defaultLogRing
	if !s.original {
		p.LogRing = read(s, "log_ring", defaultLogRing, parseLogRing)
	}
	p.Log = s.lineLog()
	sh.numprocs = read(s, "numprocs", 1, parseCountInt)
	sh.start = read(s, "numprocs_start", 0, parseCountInt)
	sh.out = s.channel(stdoutKeys)
	sh.err = s.channel(stderrKeys)
	p.ServerURL, p.NoServerURL = s.serverURL()
	s.identity(p)
	p.Umask = read(s, "umask", -1, parseMask)
	s.processName(sh)

	if s.checking {
		s.checkNumbers(sh)
	}
	if sh.numprocs > maxNumprocs {
		s.fail("numprocs", s.option("numprocs"), textf(msgManyProcs, sh.numprocs, maxNumprocs), "")
		sh.numprocs = 1
	}
	if p.StopAsGroup && !p.KillAsGroup {
		s.fail("killasgroup", s.option("killasgroup"), text(msgKillAsGroup), "leave killasgroup out")
	}
	return sh
}

func (s *scope) channel(k *channelKeys) channel {
	return channel{k, read(s, k.capture, 0, ParseByteSize), read(s, k.events, false, ParseBool)}
}

// serverURL reads serverurl=. AUTO is as if it were not there; an empty one means
// that the child is to get none.
func (s *scope) serverURL() (url string, none bool) {
	value := s.optional("serverurl")
	if value == nil {
		return "", false
	}
	url = trim(*value)
	if strings.EqualFold(url, "auto") {
		return "", false
	}
	return url, url == ""
}

// processName reads the template of process_name= and checks it: its characters,
// and that several processes cannot all get one name.
func (s *scope) processName(sh *shared) {
	sh.template = "%(program_name)s"
	raw, opt, _, found := s.doc.lookup(s.sec.name, "process_name")
	if found {
		sh.template, sh.templateOption = raw, opt
	}
	name, err := parseName(sh.template)
	if err != nil {
		s.fail("process_name", opt, err, "")
	}
	sh.template = name
	if sh.numprocs > 1 && !strings.Contains(sh.template, "%(process_num)") {
		s.fail("process_name", opt, text(msgProcessNum), "write process_name=%(program_name)s_%(process_num)02d")
	}
}

// processes makes one Program for each process number.
func (s *scope) processes(sh *shared) []*Program {
	if sh.numprocs <= 0 {
		return nil
	}
	if s.loader.processes += sh.numprocs; s.loader.processes > maxProcesses {
		s.fail("numprocs", s.option("numprocs"), textf(msgManyProcesses, maxProcesses), "")
		return nil
	}
	programs := make([]*Program, 0, sh.numprocs)
	before := len(s.problems)
	for i := range sh.numprocs {
		p := s.process(sh, sh.start+i)
		programs = append(programs, p)
		if len(s.problems) > before {
			break // the others would fail alike
		}
	}
	if len(programs) > 1 {
		sort.SliceStable(programs, func(i, j int) bool { return programs[i].Name < programs[j].Name })
	}
	return programs
}

// process reads the keys that may differ between the processes of a section.
func (s *scope) process(sh *shared, n int) *Program {
	p := sh.Program
	own := s.names.with([]named{counted("process_num", n), counted("numprocs", sh.numprocs)})
	t := s.in(own)
	env := t.ownEnvironment()
	if !s.addEnvironment(&p, env) {
		return &p
	}
	own.env = env

	p.Directory = read(t, "directory", "", asText)
	p.Env = t.environmentSources()
	p.Limits = t.limits()
	t.readControls(&p.Limits)
	t.errands(&p)
	p.Stdout = t.output(sh, sh.out)
	p.Stderr = t.output(sh, sh.err)
	command, _, found, _ := t.text("command")
	if !found {
		t.missing("command", textf(msgNoCommand, s.sec.name))
	}
	p.Command = command
	p.Name = t.instanceName(sh)
	p.Log.Prefix = t.logPrefix(p.Name)
	return &p
}

// addEnvironment gives a program the environment of [supervisord] and its own, unless
// there are too many of them. What it adds to its own changes no name, since all names
// have a place where those of [supervisord] are.
func (s *scope) addEnvironment(p *Program, own map[string]string) bool {
	p.Environment = s.cfg.Server.Environment
	if len(own) == 0 {
		return true
	}
	s.variables += len(p.Environment) + len(own)
	if s.variables > maxVariables {
		s.fail("environment", s.option("environment"), textf(msgVariables, maxVariables), "")
		return false
	}
	if len(p.Environment)+len(own) > 8 {
		p.Environment = maps.Clone(p.Environment)
		maps.Copy(p.Environment, own)
		return true
	}
	for name, value := range p.Environment {
		if _, set := own[name]; !set {
			own[name] = value
		}
	}
	p.Environment = own // which has room for so few
	return true
}

// ownEnvironment reads a program's environment=, before its own names exist.
func (s *scope) ownEnvironment() map[string]string {
	value, opt, found, err := s.textAs("environment", "environment")
	if !found || err != nil {
		return nil
	}
	env, err := s.environment(value)
	if err != nil {
		s.fail("environment", opt, err, cmp.Or(hintOf(err), environmentHint(value)))
	}
	return env
}

// instanceName expands the name of one process. What comes out is checked again:
// a name with a blank or a colon could not be told apart in any message.
func (s *scope) instanceName(sh *shared) string {
	opt := sh.templateOption
	x := expansion{value: sh.template, names: s.names}
	if opt != nil {
		_, in := s.doc.find(s.sec.name, "process_name")
		x = s.expansion(sh.template, opt, in)
	}
	x.where = "process_name"
	name, err := x.run()
	if err != nil {
		s.fail("process_name", opt, err, hintOf(err))
		return ""
	}
	if _, err := parseName(name); err != nil && !s.original {
		s.fail("process_name", opt, err, "")
	}
	return name
}

// output reads where one channel of a process goes.
func (s *scope) output(sh *shared, c channel) Output {
	out := Output{CaptureMaxBytes: c.capture, Events: c.events, StripANSI: s.cfg.Server.StripANSI}
	fileKey := c.key.logfile
	target := read(s, fileKey, logTarget{auto: true}, func(v string) (logTarget, error) {
		return twice(s, fileKey, v, s.logTarget)
	})
	out.Backups = read(s, c.key.backups, 10, parseCountInt)
	out.MaxBytes = read(s, c.key.maxBytes, 50<<20, ParseByteSize)
	out.Syslog = read(s, c.key.syslog, false, ParseBool)
	out.Auto, out.Logfile = target.auto, target.file
	if target.file == ownOutput && !s.original {
		out.Logfile = "/dev/" + c.key.word
	}
	if s.checking {
		s.checkRotation(fileKey, out)
	}

	switch {
	case target.syslog:
		out.Syslog = true
		s.doubt(fileKey, msgSyslogFile, s.sec.name, fileKey, c.key.syslog)
	case target.auto && out.MaxBytes == 0:
		s.doubt(c.key.maxBytes, msgAuto, s.sec.name, fileKey)
	}
	if c.key == stderrKeys && sh.RedirectStderr {
		if !target.auto && !target.syslog && !target.none {
			s.doubt(fileKey, msgIgnored, s.sec.name)
		}
		out.Auto, out.Logfile = false, ""
	}
	return out
}

// doubt notes what the original notes too, and warns of it in its words, but for
// the section.
func (s *scope) doubt(key, format string, args ...any) {
	s.note(Warn, format, args...)
	_, words, _ := strings.Cut(fmt.Sprintf(format, args...), ", ")
	s.warn(key, s.option(key), words, "")
}

// logTarget reads the value of a log file key, which is expanded by now.
func (s *scope) logTarget(value string) (logTarget, error) {
	return parseLogTarget(collapsePercent(value), s.host)
}

// twice has a value expanded a second time before it is parsed, as the original
// does with a few keys.
func twice[T any](s *scope, where, value string, parse func(string) (T, error)) (T, error) {
	if !s.original {
		return parse(value)
	}
	again, err := expansion{value: value, where: where, names: s.names}.run()
	if err != nil {
		var none T
		return none, withHint(err, "%%%% stands for a percent sign here")
	}
	return parse(again)
}
