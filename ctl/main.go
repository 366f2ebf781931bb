package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"gosupervisor/conf"
)

// Main is supervisorctl. argv0 is the name that it was called by, args what
// followed; it returns the exit code.
func Main(argv0 string, args []string) int {
	return run(argv0, args, os.Stdin, os.Stdout, os.Stderr)
}

func run(argv0 string, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	o, err := parseOptions(args)
	if err == nil && o.help {
		fmt.Fprintf(stdout, usage, argv0)
		return 0
	}
	var settings *conf.Ctl
	guessed := false
	switch {
	case err != nil:
	case o.needsNoServer():
		settings = conf.DefaultCtl()
	default:
		settings, guessed, err = o.settings(argv0, nil)
	}
	if err != nil {
		p := refuse(stderr, argv0, err)
		if o.wantsJSON() {
			(&replies{w: stdout, err: p}).end()
		}
		return exitUsage
	}
	for _, n := range settings.Notes {
		// The other notes are about sections that are the daemon's to judge.
		if strings.HasPrefix(n.Text, "[ctlplugin:") {
			warn(stderr, "Warning: %s", n.Text)
		}
	}
	plain := plainInput{f: stdin, out: stdout, errs: stderr}
	s := &session{
		in:       &plain,
		out:      stdout,
		errs:     stderr,
		terminal: isTerminal(stdout),
		colours:  wantsColour(stdout, os.Getenv),
		sketches: isTerminal(stderr) && smart(os.Getenv),
		url:      settings.ServerURL,
		guessed:  guessed,
		daemon:   settings.Daemon,
		user:     settings.Username,
		pass:     settings.Password,
	}
	if len(o.urls) > 1 {
		s.enlist(o.urls)
	}
	if len(o.action) > 0 {
		s.interactive = o.interactive
		s.execute(context.Background(), strings.Join(o.action, " "))
		return s.exit
	}
	if e, ok := newEditor(plain, settings.HistoryFile, s.complete); ok {
		s.in = e
	}
	defer s.in.close()
	return s.runShell(context.Background(), settings.Prompt)
}

// needsNoServer tells whether the action is one that must work without a
// configuration, because it stands in the start file of a shell.
func (o commandLine) needsNoServer() bool {
	word, _ := splitLine(strings.Join(o.action, " "))
	return word == "completion"
}

// wantsJSON tells whether the action was given --json.
func (o commandLine) wantsJSON() bool {
	word, rest := splitLine(strings.Join(o.action, " "))
	v, _ := findVerb(word)
	_, set, _, _ := cutFlags(v.flags(), v.own(), rest)
	return set.on(jsonFlag.name)
}

// refuse prints why nothing was done: two lines that scripts know, then what
// else is known to be wrong with a configuration. It returns the same as a
// problem.
func refuse(stderr io.Writer, argv0 string, err error) *problem {
	first, more := err.Error(), []string(nil)
	var bad *conf.LoadError
	if errors.As(err, &bad) {
		first, more = bad.First(), bad.Details()
	}
	warn(stderr, "Error: %s\nFor help, use %s -h", first, argv0)
	for _, line := range more {
		warn(stderr, "  %s", line)
	}
	p := newProblem(codeBadConfig, first)
	p.Hint = strings.Join(more, "\n")
	return p
}

// commandLine is what the options and the words after them say.
type commandLine struct {
	file        string
	fileGiven   bool
	help        bool
	interactive bool
	urls        []string
	user        *string
	pass        *string
	history     *string
	action      []string
}

// option is a row of the table of options: both spellings, and what one does.
type option struct {
	short string // with a colon if it takes an argument
	long  string // with an equals sign if it does
	set   func(o *commandLine, value string) error
}

var options = []option{
	{"c:", "configuration=", func(o *commandLine, v string) error { o.file, o.fileGiven = v, true; return nil }},
	{"h", "help", func(o *commandLine, _ string) error { o.help = true; return nil }},
	{"?", "", func(o *commandLine, _ string) error { o.help = true; return nil }},
	{"i", "interactive", func(o *commandLine, _ string) error { o.interactive = true; return nil }},
	{"s:", "serverurl=", (*commandLine).addURL},
	{"u:", "username=", func(o *commandLine, v string) error { o.user = &v; return nil }},
	{"p:", "password=", func(o *commandLine, v string) error { o.pass = &v; return nil }},
	{"r:", "history_file=", func(o *commandLine, v string) error { o.history = &v; return nil }},
}

// parseOptions reads the options from left to right; help ends it, so that
// what stands behind cannot be wrong any more.
func parseOptions(args []string) (commandLine, error) {
	var short string
	var long []string
	for _, opt := range options {
		short += opt.short
		if opt.long != "" {
			long = append(long, opt.long)
		}
	}
	given, rest, err := conf.Getopt(args, short, long)
	if err != nil {
		// The help of the original says --history-file, which it does not take.
		// It stands in for the other spelling, lest a prefix of both be ambiguous.
		var again error
		if given, rest, again = conf.Getopt(args, short, append(long, "history-file=")); again != nil {
			return commandLine{}, err
		}
	}
	o := commandLine{action: rest}
	seen := map[int]bool{}
	for _, g := range given {
		i := findOption(g.Flag)
		if seen[i] && options[i].short != "s:" {
			return o, fmt.Errorf("conflicting command line option '%s'", g.Flag)
		}
		seen[i] = true
		if err := options[i].set(&o, g.Value); err != nil {
			return o, fmt.Errorf("invalid value for %s %s: %v", g.Flag, conf.Repr(g.Value), err)
		}
		if o.help {
			break
		}
	}
	return o, nil
}

// findOption returns the row of a flag that Getopt found in the table.
func findOption(flag string) int {
	name := strings.ReplaceAll(strings.TrimLeft(flag, "-"), "-", "_")
	for i, opt := range options {
		if name == strings.TrimSuffix(opt.short, ":") || name == strings.TrimSuffix(opt.long, "=") {
			return i
		}
	}
	panic("bug: option " + flag + " is not in the table")
}

// addURL takes one of the servers; the same one counts once.
func (o *commandLine) addURL(url string) error {
	if !slices.Contains(o.urls, url) {
		o.urls = append(o.urls, url)
	}
	return checkURL(url)
}

// checkURL wants a scheme, and a host or a path behind it.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" && u.Opaque == "" {
		return fmt.Errorf("value %s is not a URL", conf.Repr(text))
	}
	return nil
}

// settings reads the configuration file and lets the options go over it.
// Without a file there are defaults; guessed tells whether the URL is one of
// them.
func (o commandLine) settings(argv0 string, h *conf.Host) (c *conf.Ctl, guessed bool, err error) {
	c = conf.DefaultCtl()
	path, found := o.file, o.fileGiven
	if !found {
		path, _, found = conf.Find(argv0, h)
	}
	if found {
		if c, err = conf.LoadCtl(path, h); err != nil {
			return nil, false, err
		}
	}
	if len(o.urls) > 0 {
		c.ServerURL = o.urls[0]
	}
	if o.history != nil {
		c.HistoryFile = *o.history
	}
	if o.user != nil {
		c.Username = o.user
	}
	if o.pass != nil {
		c.Password = o.pass
	}
	if c.ServerURL == "" {
		return nil, false, errors.New("serverurl is empty")
	}
	return c, !found && len(o.urls) == 0, nil
}
