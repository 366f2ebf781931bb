package conf

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// defaultPath is searched for a command where no PATH is set at all.
const defaultPath = "/bin:/usr/bin:/usr/local/bin"

// programCheck is one look at all programs.
type programCheck struct {
	*loader
	base  string            // where a relative path begins
	found map[string]string // of PATH and command: what is wrong with it
}

// checkPrograms looks for what will keep programs from starting. Sections that
// have an error are left out: nobody knows what they will say once it is mended.
func (l *loader) checkPrograms() {
	c := &programCheck{loader: l, found: make(map[string]string)}
	c.base, _ = l.host.Getwd()
	if v := &l.cfg.Server; v.Directory != "" && !v.Nodaemon {
		c.base = l.host.abs(v.Directory)
	}
	broken := make(map[string]bool)
	for _, p := range l.report.problems {
		broken[p.Section] = true
	}
	for _, g := range l.cfg.Groups {
		for _, p := range g.Programs {
			if !broken[p.Section] {
				c.program(p)
			}
		}
	}
	for _, h := range l.cfg.Hooks {
		if !broken[h.Child.Section] {
			c.program(h.Child)
		}
	}
}

func (c *programCheck) program(p *Program) {
	s := c.scope(p.Section, c.loader.base)
	if p.Directory != "" && !c.host.IsDir(c.path(p.Directory)) {
		hint := ""
		if strings.HasPrefix(p.Directory, "~") {
			hint = "the ~ is not expanded here"
		}
		s.warn("directory", s.option("directory"), p.Directory+" is not an existing directory", hint)
	}
	s.checkIdentity(p)
	if p.Socket != nil && p.Socket.Family == Unix {
		s.warnDirOf("socket", p.Socket.Path)
	}
	if p.OnExit != ExitIgnored && p.Autorestart == RestartAlways {
		s.warn("on_exit", s.option("on_exit"), "on_exit never takes effect, because autorestart=true starts the program again after every exit",
			"set autorestart=false, or use on_fatal")
	}
	c.checkLineLog(s, p)
	c.command(s, p, "command", p.Command)
	for _, k := range errandKeys {
		if command := k.command(p); command != "" {
			c.command(s, p, k.key, command)
		}
	}
	if p.StopCommand != "" && p.StopWaitSecs <= 0 {
		s.warn("stop_command", s.option("stop_command"), "stop_command is never run, because stopwaitsecs leaves it no time", "")
	}
}

// command looks for what will keep a command of a program from being run.
func (c *programCheck) command(s *scope, p *Program, key, command string) {
	words, err := SplitCommand(command)
	opt := s.option(key)
	switch {
	case err != nil:
		s.warn(key, opt, "the command cannot be split into words: "+err.Error(), "")
		return
	case len(words) == 0:
		s.warn(key, opt, "the command is empty", "")
		return
	}
	search, shown := c.searchPath(p)
	if text := c.lookup(words[0], search); text != "" {
		s.warn(key, opt, text, commandHint(words[0], shown))
	}
	if i := slices.IndexFunc(words[1:], isShellWord); i >= 0 && !slices.Contains(comparers, path.Base(words[0])) {
		s.warn(key, opt, fmt.Sprintf("%s is given to the program as an argument: no shell reads the command", repr(words[i+1])), "write /bin/sh -c '...'")
	}
}

// path makes p absolute, as seen by the daemon.
func (c *programCheck) path(p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return joinPath(c.base, strings.TrimPrefix(p, "./"))
}

// searchPath is where the command of a program is looked for, and what is said of
// it.
func (c *programCheck) searchPath(p *Program) (search, shown string) {
	if search, set := p.Environment["PATH"]; set {
		return search, search
	}
	if v, set := c.fromFiles(p)["PATH"]; set {
		return v.Value, "that of " + v.Path
	}
	search, _ = c.host.getenv("PATH")
	search = cmp.Or(search, defaultPath)
	return search, search
}

// lookup says what is wrong with a command, or "". The first entry of that name
// counts, whatever it is.
func (c *programCheck) lookup(word, search string) string {
	id := search + "\x00" + word
	text, known := c.found[id]
	if !known {
		text = c.look(word, search)
		c.found[id] = text
	}
	return text
}

func (c *programCheck) look(word, search string) string {
	candidates := []string{word}
	if !strings.Contains(word, "/") {
		candidates = nil
		for dir := range strings.SplitSeq(search, ":") {
			candidates = append(candidates, joinPath(dir, word))
		}
	}
	for _, file := range candidates {
		full := c.path(file)
		switch {
		case !c.host.Exists(full):
			continue
		case c.host.IsDir(full):
			return fmt.Sprintf("command at %s is a directory", repr(file))
		case !c.host.Executable(full):
			return fmt.Sprintf("command at %s is not executable", repr(file))
		}
		return ""
	}
	if IsStdoutCommand(word) {
		return "" // ours steps in
	}
	return "can't find command " + repr(word)
}

// builtins are words that only a shell knows.
var builtins = []string{".", "cd", "exec", "export", "for", "if", "set", "source", "trap", "ulimit", "umask", "until", "while"}

// comparers take signs as arguments that mean something else to a shell.
var comparers = []string{"[", "expr", "test"}

func isShellWord(word string) bool {
	return slices.Contains([]string{"&&", "||", "|", "&", "<", ">", ">>", "2>&1", "2>"}, word)
}

// commandHint says why a command may not be found.
func commandHint(word, search string) string {
	name, _, assigned := strings.Cut(word, "=")
	switch {
	case strings.HasPrefix(word, "~"), strings.HasPrefix(word, "$"):
		return "no shell reads the command: write the path in full, or %(ENV_NAME)s for a variable"
	case slices.Contains(builtins, word):
		return "it is a word of the shell: write /bin/sh -c '...'"
	case assigned && !strings.Contains(name, "/"):
		return "variables are set in environment="
	case !strings.Contains(word, "/"):
		return "PATH is " + search
	case !strings.HasPrefix(word, "/"):
		return "a relative path begins where supervisord was started, not in directory="
	}
	return ""
}

// checkNumbers reports numbers that nobody can have meant.
func (s *scope) checkNumbers(sh *shared) {
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"startsecs", int64(sh.StartSecs)}, {"startretries", int64(sh.StartRetries)}, {"stopwaitsecs", int64(sh.StopWaitSecs)},
		{"stdout_capture_maxbytes", sh.out.capture}, {"stderr_capture_maxbytes", sh.err.capture},
	} {
		if n.value < 0 {
			s.warn(n.key, s.option(n.key), fmt.Sprintf("the number is negative: %d", n.value), "")
		}
	}
	if sh.numprocs < 1 {
		s.warn("numprocs", s.option("numprocs"), fmt.Sprintf("with %d processes nothing is run", sh.numprocs), "")
	}
	if sh.StopSignal == 0 {
		s.warn("stopsignal", s.option("stopsignal"), "0 is no signal: the program is only killed, after stopwaitsecs", "")
	}
}

// checkRotation is checkNumbers for one channel of a process.
func (s *scope) checkRotation(fileKey string, out Output) {
	if out.MaxBytes < 0 {
		s.warn(fileKey+"_maxbytes", s.option(fileKey+"_maxbytes"), fmt.Sprintf("the number is negative: %d", out.MaxBytes), "")
	}
	if out.Backups < 0 {
		s.warn(fileKey+"_backups", s.option(fileKey+"_backups"), fmt.Sprintf("the number is negative: %d", out.Backups), "")
	}
}
