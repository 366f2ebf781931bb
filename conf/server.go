package conf

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
)

// server reads [supervisord], and of its user the name only.
func (l *loader) server() {
	s := l.scope("supervisord", l.base)
	v := &l.cfg.Server
	s.envDefaults()
	v.MinFDs = read(s, "minfds", 1024, parseCountInt)
	v.MinProcs = read(s, "minprocs", 200, parseCountInt)
	v.Directory = read(s, "directory", "", l.existingDir)
	if name, opt, found, err := s.text("user"); found && err == nil {
		l.user = serverUser{name, opt}
	}
	v.Umask = read(s, "umask", 0o22, parseMask)
	_, _, v.LogfileSet, _ = s.text("logfile")
	v.Logfile = read(s, "logfile", "supervisord.log", l.existingDirpath)
	if v.Logfile != "syslog" {
		v.Logfile = l.host.abs(v.Logfile)
	}
	v.LogfileMaxBytes = read(s, "logfile_maxbytes", 50<<20, ParseByteSize)
	v.LogfileBackups = read(s, "logfile_backups", 10, parseCountInt)
	v.Loglevel = read(s, "loglevel", Info, ParseLevel)
	v.Pidfile = l.host.abs(read(s, "pidfile", "supervisord.pid", l.existingDirpath))
	v.Identifier = read(s, "identifier", "supervisor", asText)
	v.Nodaemon = read(s, "nodaemon", false, ParseBool)
	v.RequirePidfile = s.extension("require_pidfile")
	if l.host.Container {
		_, _, pidfileSet, _ := s.text("pidfile")
		v.containerServer(pidfileSet || v.RequirePidfile)
	}
	v.Silent = read(s, "silent", false, ParseBool)
	v.ChildLogDir = read(s, "childlogdir", "", l.existingDir)
	if v.ChildLogDir == "" {
		v.ChildLogDir = l.host.TempDir()
	}
	v.NoCleanup = read(s, "nocleanup", false, ParseBool)
	v.StripANSI = read(s, "strip_ansi", false, ParseBool)
	v.Strict = read(s, "strict", false, ParseBool)
	v.UpdateMode = read(s, "update_mode", UpdateProcess, parseUpdateMode)
	mismatch := MismatchFails
	if l.host.Container {
		mismatch = MismatchWarns
	}
	v.UserMismatch = readWord(s, "user_mismatch", mismatch, []UserMismatch{MismatchFails, MismatchWarns})
	v.ExitStatus = readWord(s, "exit_status", ExitAuto, exitStatuses)
	v.SignalMap = read(s, "signal_map", nil, parseSignalMap)
	v.ShutdownTimeout = s.shutdownTimeout()
	v.FatalTailLines = read(s, "fatal_tail_lines", -1, parseTailLines)

	if !l.original {
		s = s.in(l.base.with(texts("host_node_name", l.hostname)))
	}
	v.Environment = read(s, "environment", map[string]string{}, func(value string) (map[string]string, error) {
		return twice(s, "environment", value, s.environment)
	})
	l.env = l.env.withEnv(v.Environment)
	l.base = l.env.with(texts("here", l.main.here))
}

// serverUser looks up the user of [supervisord]. The original expands the value
// with the other keys, before the section's environment is known, but looks for
// the user after everything else.
func (l *loader) serverUser() {
	if l.user.opt == nil {
		return
	}
	s := l.scope("supervisord", l.base)
	a, err := l.account(l.user.name)
	if err != nil {
		s.fail("user", l.user.opt, err, valueHint("user", l.user.name, err))
	} else if l.nobody(a) {
		s.warn("user", l.user.opt, nobodyText(a), nobodyHint)
	}
	l.cfg.Server.User = a
}

// serverUser is a user that is still to be looked up; opt is nil when there is
// none.
type serverUser struct {
	name string
	opt  *option
}

func parseUpdateMode(s string) (UpdateMode, error) {
	mode := UpdateMode(strings.ToLower(s))
	if mode != UpdateProcess && mode != UpdateGroup {
		return "", textf("not an update mode: %s", Repr(s))
	}
	return mode, nil
}

// maxTailLines bounds fatal_tail_lines=: last words are to be read, not archived.
const maxTailLines = 1000

func parseTailLines(s string) (int, error) {
	n, err := parseCountInt(s)
	if err == nil && (n < 0 || n > maxTailLines) {
		return 0, textf("not a number of lines from 0 to %d: %s", maxTailLines, Repr(s))
	}
	return n, err
}

func (l *loader) existingDir(s string) (string, error)     { return existingDir(s, l.host) }
func (l *loader) existingDirpath(s string) (string, error) { return existingDirpath(s, l.host) }

// environment parses environment= and notes what may surprise in it.
func (s *scope) environment(value string) (map[string]string, error) {
	return s.variablesOf("environment", value)
}

// variablesOf parses a key that has the grammar of environment=.
func (s *scope) variablesOf(key, value string) (map[string]string, error) {
	if s.original {
		tokens, err := lexOld(value, nil)
		if err == nil {
			var env map[string]string
			if env, _, err = pairs(tokens, value, true); err == nil {
				return env, nil
			}
		}
		if _, _, newErr := ParseEnvironment(value); newErr == nil {
			err = withHint(err, "only releases after 4.3 may read quotes and backslashes so")
		}
		return nil, err
	}
	env, doubt, err := ParseEnvironment(value)
	if doubt != "" {
		s.noteOnce(Warn, "For [%s], %s: %s", s.sec.name, key, doubt)
		hint := ""
		if strings.Contains(value, "$") {
			hint = "write %(ENV_NAME)s for the variable NAME"
		}
		s.warn(key, s.option(key), doubt, hint)
	}
	if err == nil && s.checking {
		s.checkEnvironment(key, value)
	}
	return env, err
}

// envDefaults reads env_default=, which says what %(ENV_x)s stands for where
// nothing else does. It is read first, so that every other key may count on it,
// and takes a place behind everything that is set otherwise.
func (l *loader) envDefaults() {
	if l.original {
		return
	}
	const key = "env_default"
	s := l.scope("supervisord", l.base.with(texts("host_node_name", l.hostname)))
	v := &l.cfg.Server
	v.EnvDefault = read(s, key, nil, func(value string) (map[string]string, error) {
		return s.variablesOf(key, value)
	})
	l.env.outer = (*names)(nil).withEnv(v.EnvDefault)
}

// noteOnce is note for what would be said again for each process of a section.
func (l *loader) noteOnce(level Level, format string, args ...any) {
	n := Note{level, fmt.Sprintf(format, args...)}
	if k := len(l.cfg.Notes); k > 0 && l.cfg.Notes[k-1] == n {
		return
	}
	l.cfg.Notes = append(l.cfg.Notes, n)
}

// parseCountInt reads an integer and keeps it within 32 bits: as a number of
// seconds, files or retries that is for ever, and it can be computed with.
func parseCountInt(s string) (int, error) {
	n, err := ParseInt(s)
	return max(min(n, math.MaxInt32), math.MinInt32), err
}

// parseMask reads a umask. The kernel looks at nine bits.
func parseMask(s string) (int, error) {
	n, err := ParseOctal(s)
	return n & 0o777, err
}

// maxRPCInterfaces bounds their number: each may repeat all keys of DEFAULT.
const maxRPCInterfaces = 100

// rpcInterfaces reads every [rpcinterface:x].
func (l *loader) rpcInterfaces() {
	sections := l.sectionsOf("rpcinterface")
	if len(sections) > maxRPCInterfaces {
		l.scope(sections[0], l.env).fail("", nil, textf(msgManyRPC, maxRPCInterfaces), "")
		return
	}
	for _, name := range sections {
		s := l.scope(name, l.env)
		spec, opt, found, err := s.text(rpcFactoryKey)
		if !found {
			s.fail(rpcFactoryKey, nil, textf(msgNoFactory, name, rpcFactoryKey), "the factory is "+MainRPCInterface)
		}
		if !found || err != nil {
			continue
		}
		if !l.host.Plugin(spec) {
			s.fail(rpcFactoryKey, opt, textf(msgPlugin, spec, name), "Python plugins cannot be loaded; the factory is "+MainRPCInterface)
			continue
		}
		settings := make(map[string]string)
		for _, key := range l.doc.keysOf(name) {
			if key == rpcFactoryKey {
				continue
			}
			if value := s.optional(key); value != nil {
				settings[key] = *value
			}
		}
		l.cfg.RPCInterfaces = append(l.cfg.RPCInterfaces, RPCInterface{strings.TrimPrefix(name, "rpcinterface:"), spec, settings})
	}
}

// httpServers reads the inet servers, then the unix ones, and finds the URL that
// children are given.
func (l *loader) httpServers() {
	url := ""
	for _, name := range l.doc.order {
		if !strings.HasPrefix(name, "inet_http_server") {
			continue
		}
		srv := l.inetServer(name)
		host := srv.Host
		if host == "" {
			host = "localhost"
		}
		url = fmt.Sprintf("http://%s:%d", host, srv.Port) // the last one stays
		l.cfg.HTTP = append(l.cfg.HTTP, srv)
	}
	first := true
	for _, name := range l.doc.order {
		if !strings.HasPrefix(name, "unix_http_server") {
			continue
		}
		srv := l.unixServer(name)
		if first {
			url, first = "unix://"+srv.File, false
		}
		l.cfg.HTTP = append(l.cfg.HTTP, srv)
	}
	l.cfg.Server.ServerURL = url
}

// httpServer reads what both kinds have.
func (l *loader) httpServer(name string, family Family) (*scope, HTTPServer) {
	s := l.scope(name, l.env)
	srv := HTTPServer{Section: name, Family: family, OwnerUID: -1, OwnerGID: -1}
	srv.HealthWithoutAuth = s.extension("health_without_auth")
	srv.Username = s.optional("username")
	srv.Password = s.optional("password")
	if (srv.Username == nil) != (srv.Password == nil) {
		key := "password"
		if srv.Username == nil {
			key = "username"
		}
		s.missing(key, textf(msgAuth, name))
	}
	return s, srv
}

func (l *loader) inetServer(name string) HTTPServer {
	s, srv := l.httpServer(name, Inet)
	value, opt, found, err := s.text("port")
	if !found {
		s.missing("port", textf(msgNoPort, name))
	}
	if !found || err != nil {
		return srv
	}
	if srv.Host, srv.Port, err = parseInet(value); err != nil {
		s.fail("port", opt, err, "write port, host:port or *:port")
		return srv
	}
	srv.AllowUnauthenticated = s.extension("allow_unauthenticated")
	if !srv.Guarded() && !srv.AllowUnauthenticated && !srv.loopback() {
		text := fmt.Sprintf(msgExposed, Repr(name), net.JoinHostPort(cmp.Or(srv.address(), "*"), strconv.Itoa(srv.Port)))
		l.cfg.exposed = append(l.cfg.exposed, s.problem("port", opt, text, exposedHint(srv.Port)))
	}
	return srv
}

// extension is a boolean that the original does not know.
func (s *scope) extension(key string) bool {
	return !s.original && read(s, key, false, ParseBool)
}

// Guarded tells whether clients must give a user name and a password.
func (srv *HTTPServer) Guarded() bool { return srv.Username != nil && *srv.Username != "" }

// loopback tells whether an inet server can be reached from its own machine only.
func (srv *HTTPServer) loopback() bool {
	return srv.Host == "localhost" || net.ParseIP(srv.address()).IsLoopback()
}

// address is the host without the brackets around an address of the sixth
// version.
func (srv *HTTPServer) address() string {
	if host, ok := strings.CutPrefix(srv.Host, "["); ok {
		return strings.TrimSuffix(host, "]")
	}
	return srv.Host
}

func exposedHint(port int) string {
	return fmt.Sprintf("set both; or port=127.0.0.1:%d for this machine alone; or allow_unauthenticated=true", port)
}

// Exposed is the error that keeps a daemon from serving whoever comes: an inet
// server that can be reached from other machines must ask for a password, or say
// that it is not to. It is nil if there is none. Everybody else can read such a
// configuration.
func (c *Config) Exposed() error {
	if c.exposed == nil {
		return nil
	}
	r := report{limit: maxProblems}
	for _, p := range c.exposed {
		r.add(p.Text, p)
	}
	return r.err()
}

func (l *loader) unixServer(name string) HTTPServer {
	// The one key here that knows %(here)s is read first.
	file, _, found, err := l.scope(name, l.base).text("file")
	if !found {
		l.scope(name, l.base).missing("file", textf(msgNoFile, name))
	}
	if found && err == nil {
		file = l.host.abs(l.host.expandUser(trim(file)))
	}
	s, srv := l.httpServer(name, Unix)
	srv.File = file
	owner := read(s, "chown", [2]int{-1, -1}, func(v string) ([2]int, error) {
		o, err := parseOwner(v, l.host)
		if err != nil {
			return o, textf(msgChown, v)
		}
		return o, nil
	})
	srv.OwnerUID, srv.OwnerGID = owner[0], owner[1]
	srv.Mode = uint32(read(s, "chmod", 0o700, func(v string) (int, error) {
		n, err := ParseOctal(v)
		if err != nil {
			return 0, textf(msgChmod, v)
		}
		return n & 0o7777, nil
	}))
	return srv
}
