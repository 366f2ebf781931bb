package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/client"
)

// session is one run of supervisorctl: where it reads and writes, which server
// it asks, and the exit code so far.
type session struct {
	in       input
	out      io.Writer
	errs     io.Writer
	terminal bool // out is one
	colours  bool // and shows them
	sketches bool // errs is a terminal that can take a line back

	url     string
	user    *string
	pass    *string
	options client.Options
	guessed bool           // nobody named the URL, and no configuration file was found
	daemon  conf.CtlDaemon // what the configuration file says of it
	server  *client.Client // of url, user and pass; nil: still to be made

	interactive bool // questions may be asked
	shell       bool // Ctrl-C ends a line and not the shell
	ended       bool // no further prompt
	exit        int
	nobody      bool // there was no server at url

	flags   flagValues // of the command that runs
	replies *replies   // with --json: what it answers

	progress *progress // of a long action; nil: none is shown

	members []*session         // one for each server, if there are several
	label   string             // of one of them: what stands before its lines
	sheet   *[]api.ProcessInfo // where it leaves its table; nil: it prints it

	names  []api.ProcessInfo // what completion knows; nil: ask
	groups []string          // the same
}

// errReported says that the cause has been printed, and the code raised.
var errReported = errors.New("already reported")

// fail sets the exit code. The last failure wins; nothing resets it.
func (s *session) fail(code int) { s.exit = code }

// connect returns the client of the current URL.
func (s *session) connect() (*client.Client, error) {
	if s.server == nil {
		c, err := client.New(s.url, s.user, s.pass, s.options)
		if err != nil {
			return nil, err
		}
		s.server = c
	}
	return s.server, nil
}

// splitLine takes a line apart. The verb is the longest prefix of letters,
// digits and underscores, so that a blank behind it may be missing.
func splitLine(line string) (word, arg string) {
	if rest, ok := strings.CutPrefix(line, "?"); ok {
		return "help", strings.TrimSpace(rest)
	}
	end := strings.IndexFunc(line, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.TrimSpace(line[end:])
}

// execute performs one line.
func (s *session) execute(ctx context.Context, line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	word, arg := splitLine(line)
	v, ok := findVerb(word)
	defer s.hintURL()
	defer s.rest()
	rest, set, complaint, hint := cutFlags(v.flags(), v.own(), arg) // --json counts behind anything
	if ok && set.on(helpFlag.name) {
		rest, complaint = v.name, ""
		v, _ = findVerb("help")
	}
	s.flags = set
	round := ok && complaint == "" && s.goesRound(v)
	if set.on(jsonFlag.name) && !round {
		defer s.openReplies()()
	}
	if !ok {
		s.unknownVerb(line, word)
		return
	}
	if complaint == "" && len(s.members) > 0 && spreads(v.name) == alone {
		complaint, hint = fmt.Sprintf(textOneServer, v.name), hintOneServer
	}
	if complaint != "" {
		s.badWord(v.misuseCode(), complaint, hint)
		return
	}
	ctx, cancel := s.limited(ctx)
	defer cancel()
	if round {
		s.toServers(ctx, v, rest)
		return
	}
	s.run(ctx, v, rest)
}

// rest gives back what the servers hold for us, until there is another line.
func (s *session) rest() {
	for _, m := range s.members {
		m.rest()
	}
	if s.server != nil {
		s.server.Rest()
	}
}

// run performs a verb and words the error that it returns.
func (s *session) run(ctx context.Context, v verb, arg string) {
	for {
		err := v.run(s, ctx, arg)
		if errors.Is(err, client.ErrUnauthorized) {
			asks := s.interactive && !s.wantsJSON() // no question amid JSON
			if asks {
				s.complain(exitGeneric, problemOf(err), textUnauthorized)
			} else {
				s.complainOf(exitGeneric, err, textUnauthorized)
			}
			if asks && s.askLogin(ctx) {
				s.exit = 0
				continue
			}
			return
		}
		s.explain(err)
		return
	}
}

// unknownVerb complains about a line, and names what it may have meant.
func (s *session) unknownVerb(line, word string) {
	p := newProblem(codeBadUsage, fmt.Sprintf(strings.TrimPrefix(textUnknownSyntax, "*** "), line))
	if near := nearest(word, append(listed(verbs()), "help")); near != "" {
		p.Hint = fmt.Sprintf(textDidYouMean, near)
	}
	s.complain(exitGeneric, p, fmt.Sprintf(textUnknownSyntax, line))
	s.printHint(p.Hint)
}

// printHint prints what to do about the line before.
func (s *session) printHint(hint string) {
	if hint != "" {
		s.printf("  %s", hint)
	}
}

// badWord complains about a word behind a verb.
func (s *session) badWord(code int, complaint, hint string) {
	p := newProblem(codeBadUsage, complaint)
	p.Hint = hint
	s.complain(code, p, complaint)
	s.printHint(hint)
}

// lateError says that the time of --timeout has passed.
type lateError struct{ time time.Duration }

func (e *lateError) Error() string {
	return fmt.Sprintf("timed out after %v; what the server has begun goes on", e.time)
}

// limited returns the context of a command: --timeout ends it.
func (s *session) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := given(s.flags, timeoutFlag.name, time.Duration(0))
	if patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, patience, &lateError{patience})
}

// explain words an error that a verb has no words for.
func (s *session) explain(err error) {
	var late *lateError
	switch {
	case err == nil || errors.Is(err, errReported):
	case errors.As(err, &late):
		s.complain(exitTimeout, problemOf(err), "error: "+err.Error())
	case errors.Is(err, context.Canceled): // Ctrl-C
		s.complain(exitGeneric, problemOf(err), "")
	default:
		s.complainOf(exitGeneric, err, "error: "+err.Error())
	}
}

// askLogin asks for user name and password; false means that there is nobody
// to answer.
func (s *session) askLogin(ctx context.Context) bool {
	user, err := s.ask(ctx, "Username:")
	if err != nil {
		s.unanswered(err)
		return false
	}
	pass, err := s.in.secret(ctx, "Password:")
	if err != nil {
		return false
	}
	s.user, s.pass, s.server = &user, &pass, nil
	return true
}

// upcheck connects to the server and asks for its version, as most verbs do
// first. What it finds wrong it prints, and returns errReported.
func (s *session) upcheck(ctx context.Context) (*client.Client, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	version, err := s.greet(ctx, c)
	var fault *api.Fault
	switch {
	case err == nil && version == api.APIVersion:
		return c, nil
	case err == nil:
		text := fmt.Sprintf(textOtherVersion, api.APIVersion, version)
		s.complain(exitVersion, newProblem(codeOtherVersion, text), text)
	case errors.As(err, &fault) && fault.Code == api.UnknownMethod:
		s.complain(exitForeign, problemOf(err), textNoNamespace)
	case errors.Is(err, client.ErrRefused):
		s.complainOf(exitRefused, err, err.Error())
	case errors.Is(err, client.ErrNoFile):
		s.complainOf(exitNoFile, err, err.Error())
	default:
		return nil, err
	}
	return nil, errReported
}

// reach connects for the verbs that do not look at the version. A server that
// does not answer at all is found out here too, because what they ask next may
// take its time.
func (s *session) reach(ctx context.Context) (*client.Client, error) {
	c, err := s.connect()
	if err != nil {
		return nil, err
	}
	var fault *api.Fault
	if _, err := s.greet(ctx, c); err != nil && !errors.As(err, &fault) {
		return nil, err
	}
	return c, nil
}

// greet asks for the version of the API, and notes whether there was anybody to
// ask.
func (s *session) greet(ctx context.Context, c *client.Client) (string, error) {
	version, err := c.APIVersion(ctx)
	s.hint(err)
	for _, kind := range []error{client.ErrRefused, client.ErrNoFile, client.ErrUnreachable} {
		s.nobody = s.nobody || errors.Is(err, kind)
	}
	return version, err
}

// hintURL says where a URL comes from at which nobody was, if that was our
// guess. Once is enough.
func (s *session) hintURL() {
	if s.nobody && s.guessed {
		warn(s.errs, textGuessedURL)
		s.guessed = false
	}
}

// noArguments tells whether arg is empty, and else what is wrong with it.
func (s *session) noArguments(verb, arg string) bool {
	if arg == "" {
		return true
	}
	v, _ := findVerb(verb)
	s.misuse(verb, v.misuseCode(), fmt.Sprintf(textNoArguments, verb))
	return false
}

// misuse prints what is wrong with a command line, and the help of its verb.
func (s *session) misuse(verb string, code int, text string) {
	s.complain(code, newProblem(codeBadUsage, text), text)
	s.printHelp(verb)
}

// wrongUse prints what is wrong with a command line.
func (s *session) wrongUse(code int, text string) {
	s.complain(code, newProblem(codeBadUsage, text), text)
}
