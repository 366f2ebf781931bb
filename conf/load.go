package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Load reads the configuration of the daemon from path, as given by the user,
// and from the files it includes. A nil Host is the real machine.
//
// The error, if any, is a *LoadError that holds everything that is wrong, in the
// order in which the original would find it.
func Load(path string, h *Host) (*Config, error) {
	r, err := Read(path, h)
	if err != nil {
		return nil, err
	}
	return r.Config, nil
}

// Reading is a configuration together with what it was made from.
type Reading struct {
	Config *Config
	l      *loader
}

// Read is Load for somebody who also wants to know where values come from.
func Read(path string, h *Host) (*Reading, error) {
	l := newLoader(path, h.whole())
	if err := l.run(); err != nil {
		return nil, err
	}
	l.settle()
	if l.cfg.Server.Strict {
		if warnings := l.check(); warnings != nil {
			return nil, &LoadError{fmt.Sprintf(msgStrict, len(warnings)), warnings}
		}
	}
	return &Reading{l.cfg, l}, nil
}

// loader is the state of one reading. Its methods are called in the order in
// which the original evaluates a configuration, so that the first problem is the
// original's.
type loader struct {
	host *Host
	doc  *document
	main *source
	cfg  *Config
	report

	checking bool   // somebody wants the warnings
	original bool   // read as the original does, without our extensions
	warned   report // what is no error

	hasInclude bool
	env        *names // ENV_ names: the environment, then [supervisord] environment
	base       *names // env and here
	hostname   string

	user     serverUser // of [supervisord]
	accounts map[string]accountResult
	envRead  map[envSource]envResult

	sharing shared // of the program section that is being read

	directory *directory // users and groups beyond the files; nil: nobody is asked

	// What all programs together have cost so far, against maxProcesses,
	// maxExpanded and maxVariables.
	processes, expanded, variables int
}

type accountResult struct {
	account *Account
	err     error
}

// run reads everything. What is wrong is also in l.report, and what could be
// read all the same in l.cfg.
func (l *loader) run() error {
	if err := l.open(); err != nil {
		return err
	}
	if err := l.include(); err != nil {
		return err
	}
	if l.host.Container {
		if err := l.doc.addContainer(); err != nil {
			return err
		}
	}
	if err := l.doc.parse(); err != nil {
		return err
	}
	l.noteDoubts()
	if !l.doc.has("supervisord") {
		path := l.cfg.Path
		l.report.add(msgNoServer, Problem{File: path, Text: msgNoServer, Hint: l.sectionHint("supervisord")})
		// A file without it is no configuration of its own; what else is
		// wrong in it would only distract.
		return l.report.err()
	}
	l.checking = l.checking || l.strict()
	l.lookups()
	l.server()
	l.rpcInterfaces()
	l.groups()
	l.hooks()
	l.httpServers()
	l.roles()
	l.metrics()
	l.serverUser()
	l.lookupFailure()
	return l.report.err()
}

// noteDoubts passes on what the lines themselves left in doubt.
func (l *loader) noteDoubts() {
	for _, p := range l.doc.doubtful {
		l.cfg.Notes = append(l.cfg.Notes, Note{Warn, p.String()})
		l.warned.add("", p)
	}
}

// strict says whether warnings are wanted, before the section that says so is
// read as a whole.
func (l *loader) strict() bool {
	value, _, _, found := l.doc.lookup("supervisord", "strict")
	is, err := ParseBool(value)
	return found && err == nil && is
}

// newLoader prepares a reading of path.
func newLoader(path string, h *Host) *loader {
	l := &loader{
		host:     cacheDirs(h),
		doc:      newDocument(),
		main:     newSource(h, path),
		accounts: make(map[string]accountResult),
		report:   report{limit: maxProblems},
		warned:   report{limit: maxWarnings},
	}
	l.cfg = &Config{Path: path, File: h.abs(path), Here: l.main.here}
	env := make(map[string]string, len(h.Environ))
	for _, kv := range h.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			if _, again := env[k]; !again {
				env[k] = v
			}
		}
	}
	l.env = &names{env: env}
	l.base = l.env.with(texts("here", l.main.here))
	l.hostname, _ = h.Hostname()
	return l
}

// open reads the main file.
func (l *loader) open() error {
	l.doc.original = l.original
	data, err := l.doc.readAll(l.host, l.cfg.Path)
	if err != nil {
		l.report.addFile(unreadable(l.cfg.Path, err, l.host))
		return l.report.err()
	}
	if e := l.doc.add(l.main, data); e != nil {
		l.report.addFile(e)
		if e.fatal {
			return l.report.err()
		}
	}
	return nil
}

// unreadable words why a file that was named could not be read.
func unreadable(path string, err error, h *Host) *fileError {
	var fe *fileError
	if errors.As(err, &fe) {
		return fe
	}
	if errors.Is(err, fs.ErrNotExist) || !h.Exists(path) {
		return &fileError{text: fmt.Sprintf(msgNotFound, path)}
	}
	e := &fileError{text: fmt.Sprintf(msgNotReadable, path)}
	e.problems = []Problem{{File: path, Text: e.text, Hint: reason(err)}}
	return e
}

// reason is the innermost cause of a file error, without the path.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// cacheDirs makes the question for a directory cost one look at the disk: a
// thousand programs log to the same one.
func cacheDirs(h *Host) *Host {
	w := *h
	known := make(map[string]bool)
	isDir := h.IsDir
	w.IsDir = func(p string) bool {
		is, ok := known[p]
		if !ok {
			is = isDir(p)
			known[p] = is
		}
		return is
	}
	return &w
}

func (l *loader) note(level Level, format string, args ...any) {
	l.cfg.Notes = append(l.cfg.Notes, Note{level, fmt.Sprintf(format, args...)})
}

// account is lookupAccount, asked once for each name.
func (l *loader) account(s string) (*Account, error) {
	r, ok := l.accounts[s]
	if !ok {
		r.account, r.err = lookupAccount(s, l.host)
		l.accounts[s] = r
	}
	return r.account, r.err
}

// sectionHint looks for a section that was likely meant to be name.
func (l *loader) sectionHint(name string) string {
	unknown := func(section string) bool { return kindOf(section) == nil }
	if near := nearest(name, filtered(l.doc.order, unknown)); near != "" {
		return fmt.Sprintf("is [%s] meant to be it?", near)
	}
	for _, s := range l.doc.order {
		if strings.EqualFold(trim(s), name) {
			return fmt.Sprintf("is [%s] meant to be it?", s)
		}
	}
	return fmt.Sprintf("add a line [%s]", name)
}

// filtered returns the words that are wanted.
func filtered(words []string, wanted func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !wanted(w) })
}

// scope is a section being read with a set of names.
type scope struct {
	*loader
	sec    *section
	names  *names
	suffix bool // messages end with the section and its file
}

func (l *loader) scope(section string, n *names) *scope {
	return &scope{loader: l, sec: l.doc.sections[section], names: n}
}

// in returns a copy of s that knows other names.
func (s *scope) in(n *names) *scope {
	c := *s
	c.names = n
	return &c
}

// problem words what there is to say of a key. opt is nil when the key is not
// there.
func (s *scope) problem(key string, opt *option, text, hint string) Problem {
	p := Problem{File: s.sec.at.file, Line: s.sec.at.line, Section: s.sec.name, Key: key, Text: text, Hint: hint}
	if opt != nil {
		p.File, p.Line = opt.at().file, opt.at().line
		if properKey(opt.key) == key {
			p.Key = opt.key // as it is spelt there
		}
	}
	return p
}

// warn reports what is no error.
func (s *scope) warn(key string, opt *option, text, hint string) {
	s.warned.add("", s.problem(key, opt, text, hint))
}

// option is where a key was set, or nil.
func (s *scope) option(key string) *option {
	opt, _ := s.doc.find(s.sec.name, key)
	return opt
}

// fail reports an error of a key. opt is nil when the key is not there.
func (s *scope) fail(key string, opt *option, err error, hint string) {
	p := s.problem(key, opt, err.Error(), hint)
	p.brief = briefOf(err)
	full := err.Error()
	if s.suffix {
		full += fmt.Sprintf(msgInSection, repr(s.sec.name), repr(s.sec.origin.name))
	}
	s.report.add(full, p)
}

// missing reports that a key is not there.
func (s *scope) missing(key string, err error) {
	given := s.sec.keys()
	known := knownKeys(s.sec.name)
	hint := ""
	if near := nearest(key, given); near != "" && nearest(near, known) == key {
		hint = fmt.Sprintf("is %s= meant to be it?", near)
	} else if i := slices.IndexFunc(given, func(g string) bool { return otherName(s.sec.name, g) == key }); i >= 0 {
		hint = fmt.Sprintf("is %s= meant to be it?", given[i])
	}
	for _, defaults := range defaultsSections {
		if sec := s.doc.sections[defaults]; s.original && sec != nil && sec.option(key) != nil && s.sec.kind.runs() {
			hint = fmt.Sprintf("that of [%s] does not count", defaults)
		}
	}
	s.fail(key, nil, err, hint)
}

// expansion prepares the value of a key for expanding.
func (s *scope) expansion(value string, opt *option, in *section) expansion {
	x := expansion{value: value, names: s.names}
	if s.hasInclude {
		src := opt.origin
		if in != s.sec {
			src = s.sec.origin // a value of DEFAULT, seen by this section
		}
		x.here, x.textual = &src.here, s.original
	}
	return x
}

// text is the expanded value of a key. found is false when the key is not there;
// when it is but cannot be expanded, that is reported and err is set.
func (s *scope) text(key string) (value string, opt *option, found bool, err error) {
	return s.textAs(key, "")
}

// textAs is text for a key that messages call by another name; "" is the usual one.
func (s *scope) textAs(key, where string) (string, *option, bool, error) {
	opt, in := s.doc.find(s.sec.name, key)
	if opt == nil {
		return "", nil, false, nil
	}
	raw := s.doc.valueOf(in, opt)
	value, err := raw, error(nil)
	if strings.Contains(raw, "%") {
		x := s.expansion(raw, opt, in)
		if x.where = where; where == "" {
			x.in, x.where = s.sec.name, key
		}
		value, err = x.run()
	}
	if err != nil {
		hint := hintOf(err)
		if share := percentHint(raw); key == "cpu_max" && share != "" {
			hint = share
		}
		s.fail(key, opt, err, hint)
		return "", opt, true, err
	}
	if value != raw || key == "environment" {
		s.expanded += len(value)
	}
	if s.expanded > maxExpanded {
		err = textf(msgExpanded, maxExpanded>>20)
		s.fail(key, opt, err, "")
	}
	return value, opt, true, err
}

// read is the typed value of a key, or def when it is not there or wrong.
func read[T any](s *scope, key string, def T, parse func(string) (T, error)) T {
	value, opt, found, err := s.text(key)
	if !found || err != nil {
		return def
	}
	v, err := parse(value)
	if err != nil {
		s.fail(key, opt, err, valueHint(key, value, err))
		return def
	}
	return v
}

func asText(s string) (string, error) { return s, nil }

// optional is the text of a key, nil when it is not there.
func (s *scope) optional(key string) *string {
	value, _, found, err := s.text(key)
	if !found || err != nil {
		return nil
	}
	there := value // and not each key that is not there is to be on the heap
	return &there
}
