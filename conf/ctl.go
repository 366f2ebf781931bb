package conf

import "strings"

// Ctl is the [supervisorctl] section.
type Ctl struct {
	ServerURL   string
	Username    *string // nil: not set
	Password    *string
	Prompt      string
	HistoryFile string // "": none
	Daemon      CtlDaemon
	Notes       []Note // what the user may be told
}

// CtlDaemon is what the file of supervisorctl says of the daemon, as far as that
// can be read: it is for messages only.
type CtlDaemon struct {
	File    string // the configuration file
	Socket  string // of [unix_http_server]; "": none
	Port    string // of [inet_http_server]; "": none
	Pidfile string // "": there is no [supervisord]
}

// DefaultCtl is what supervisorctl uses when there is no configuration file.
func DefaultCtl() *Ctl {
	return &Ctl{ServerURL: "http://localhost:9001", Prompt: "supervisor"}
}

// LoadCtl reads the configuration of supervisorctl from path. Unlike the daemon
// it follows no [include]: its section stands in the main file. The keys of programs
// are passed over, since there may be thousands of them and every command waits.
func LoadCtl(path string, h *Host) (*Ctl, error) {
	l := newLoader(path, h.whole())
	l.doc.wants = func(section string) bool { return !kindOf(section).runs() }
	if err := l.open(); err != nil {
		return nil, err
	}
	if err := l.doc.parse(); err != nil {
		return nil, err
	}
	if !l.doc.has("supervisorctl") {
		l.report.add(msgNoCtl, Problem{File: path, Text: msgNoCtl, Hint: l.sectionHint("supervisorctl")})
		return nil, l.report.err()
	}
	c := DefaultCtl()
	s, plain := l.scope("supervisorctl", l.base), l.scope("supervisorctl", l.env)
	c.ServerURL = read(s, "serverurl", c.ServerURL, asText)
	if p, ok := strings.CutPrefix(c.ServerURL, "unix://"); ok {
		c.ServerURL = "unix://" + l.host.abs(l.host.expandUser(p))
	}
	c.Username = plain.optional("username")
	c.Password = plain.optional("password")
	c.Prompt = read(plain, "prompt", c.Prompt, asText)
	if file := s.optional("history_file"); file != nil && *file != "" {
		c.HistoryFile = l.host.abs(l.host.expandUser(*file))
	}
	l.ctlPlugins()
	c.Daemon = l.ctlDaemon()
	l.noteDoubts()
	c.Notes = l.cfg.Notes
	if err := l.report.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// ctlDaemon reads what concerns the daemon. A mistake in it is not ours to tell.
func (l *loader) ctlDaemon() CtlDaemon {
	kept := l.report
	l.report = report{limit: maxProblems}
	defer func() { l.report = kept }()
	d := CtlDaemon{File: l.main.name}
	text := func(section, key, def string) string {
		if !l.doc.has(section) {
			return ""
		}
		return read(l.scope(section, l.base), key, def, asText)
	}
	path := func(section, key, def string) string {
		p := text(section, key, def)
		if p == "" {
			return ""
		}
		return l.host.abs(l.host.expandUser(p))
	}
	d.Socket = path("unix_http_server", "file", "")
	d.Port = text("inet_http_server", "port", "")
	d.Pidfile = path("supervisord", "pidfile", "supervisord.pid")
	return d
}

// ctlPlugins looks at every [ctlplugin:x]. None can be loaded; as they only add
// commands to the shell, that is no reason to refuse to work.
func (l *loader) ctlPlugins() {
	for _, name := range l.sectionsOf("ctlplugin") {
		s := l.scope(name, l.env)
		spec, _, found, err := s.text(ctlFactoryKey)
		switch {
		case !found:
			s.missing(ctlFactoryKey, textf(msgNoFactory, name, ctlFactoryKey))
		case err == nil:
			l.note(Warn, "[%s] is ignored: Python plugins such as %s cannot be loaded", name, spec)
		}
	}
}
