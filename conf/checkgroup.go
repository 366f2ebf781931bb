package conf

import (
	"fmt"
	"slices"
	"strings"
)

// checkPlugins reports what only a plugin would read.
func (l *loader) checkPlugins() {
	for _, name := range l.sectionsOf("rpcinterface") {
		s := l.scope(name, l.env)
		for _, key := range l.doc.keysOf(name) {
			if key != rpcFactoryKey {
				s.warn(key, s.option(key), "the setting has no effect: the built-in interface takes none", "")
			}
		}
	}
	for _, name := range l.sectionsOf("ctlplugin") {
		l.scope(name, l.env).warn("", nil, "the section is ignored: Python plugins cannot be loaded", "")
	}
}

// checkServers looks at the servers and at whether anybody can use them.
func (l *loader) checkServers() {
	interfaces := l.sectionsOf("rpcinterface")
	for _, srv := range l.cfg.HTTP {
		s := l.scope(srv.Section, l.env)
		if interfaces == nil {
			s.warn("", nil, "there is no [rpcinterface:supervisor], so supervisorctl cannot work", "add it, with "+rpcFactoryKey+"="+MainRPCInterface)
		}
		if srv.Family == Unix && srv.File != "" {
			s.warnDirOf("file", srv.File)
		}
	}
}

// warnDirOf reports a socket that can't be made.
func (s *scope) warnDirOf(key, file string) {
	if dir, _ := splitPath(file); !s.host.IsDir(dir) {
		s.warn(key, s.option(key), fmt.Sprintf("%s is not an existing directory", dir), "")
	}
}

// checkGroups looks for groups without members, and members of several groups.
func (l *loader) checkGroups() {
	groups := make(map[string]*Group) // of each program section, the first
	for _, g := range l.cfg.Groups {
		s := l.scope(g.Section, l.base)
		if g.Kind == KindGroup && trim(l.rawValue(g.Section, "programs")) == "" {
			s.warn("programs", s.option("programs"), "the group has no programs", "")
		}
		for _, p := range g.Programs {
			first := groups[p.Section]
			if first == nil {
				groups[p.Section] = g
			} else if first != g {
				s.warn("programs", s.option("programs"), fmt.Sprintf("[%s] is in [%s] too, and runs once for each", p.Section, first.Section), "")
			}
		}
	}
}

// rawValue is a value before anything is put into it.
func (l *loader) rawValue(section, key string) string {
	value, _, _, _ := l.doc.lookup(section, key)
	return value
}

// logUser is who writes to a log file.
type logUser struct {
	section, key string
	at           place
	rotates      bool
}

// checkLogs looks for log files that have several writers.
func (l *loader) checkLogs() {
	writers := make(map[string]logUser)
	if v := &l.cfg.Server; v.Logfile != "" && v.Logfile != "syslog" && !isDevice(v.Logfile) {
		s := l.scope("supervisord", l.base)
		p := s.problem("logfile", s.option("logfile"), "", "")
		writers[v.Logfile] = logUser{"supervisord", "logfile", place{p.File, p.Line}, v.LogfileMaxBytes > 0}
	}
	for _, g := range l.cfg.Groups {
		for _, p := range g.Programs {
			l.checkLog(writers, p, "stdout_logfile", p.Stdout)
			l.checkLog(writers, p, "stderr_logfile", p.Stderr)
		}
	}
}

func (l *loader) checkLog(writers map[string]logUser, p *Program, key string, out Output) {
	if out.Logfile == "" {
		return
	}
	file := l.host.abs(out.Logfile)
	if isDevice(file) {
		return
	}
	s := l.scope(p.Section, l.base)
	here := s.problem(key, s.option(key), "", "")
	first, taken := writers[file]
	if !taken {
		writers[file] = logUser{p.Section, key, place{here.File, here.Line}, out.MaxBytes > 0}
		return
	}
	text := fmt.Sprintf("the log file %s is also %s of [%s] (%s:%d)", file, first.key, first.section, first.at.file, first.at.line)
	hint := "give each a file of its own"
	if first.rotates || out.MaxBytes > 0 {
		hint += ": one rotates it under the other"
	}
	switch {
	case first.section == p.Section && first.key == key:
		text = fmt.Sprintf("several processes write to the same log file %s", file)
		if strings.Contains(l.rawValue(p.Section, "process_name"), "process_num") {
			hint = "put %(process_num)d into its name"
		}
	case first.section == p.Section && !strings.HasPrefix(p.Section, "eventlistener:"):
		hint = "set redirect_stderr=true and leave stderr_logfile out"
	}
	s.warn(key, s.option(key), text, hint)
}

// isDevice says whether a log goes where several may write: a device, or a
// descriptor of ours.
func isDevice(file string) bool {
	return slices.ContainsFunc([]string{"/dev/", "/proc/"}, func(dir string) bool { return strings.HasPrefix(file, dir) })
}
