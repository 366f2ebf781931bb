package ctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

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

	url     string
	user    *string
	pass    *string
	options client.Options
	guessed bool           // nobody named the URL, and no configuration file was found
	server  *client.Client // of url, user and pass; nil: still to be made

	interactive bool // questions may be asked
	ended       bool // no further prompt
	exit        int
	nobody      bool // there was no server at url

	names []api.ProcessInfo // what completion knows; nil: ask
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

// execute performs one line and words the error that its verb returns.
func (s *session) execute(ctx context.Context, line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	word, arg := splitLine(line)
	v, ok := findVerb(word)
	if !ok {
		s.printf(textUnknownSyntax, line)
		s.fail(exitGeneric)
		return
	}
	defer s.hintURL()
	for {
		err := v.run(s, ctx, arg)
		if errors.Is(err, client.ErrUnauthorized) {
			s.printf(textUnauthorized)
			s.fail(exitGeneric)
			if s.interactive && s.askLogin(ctx) {
				s.exit = 0
				continue
			}
			return
		}
		s.explain(err)
		return
	}
}

// explain words an error that a verb has no words for.
func (s *session) explain(err error) {
	switch {
	case err == nil || errors.Is(err, errReported):
		return
	case errors.Is(err, context.Canceled): // Ctrl-C
		fmt.Fprintln(s.out)
	default:
		s.printf("error: %v", err)
	}
	s.fail(exitGeneric)
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
		s.printf(textOtherVersion, api.APIVersion, version)
		s.fail(exitVersion)
	case errors.As(err, &fault) && fault.Code == api.UnknownMethod:
		s.printf(textNoNamespace)
		s.fail(exitForeign)
	case errors.Is(err, client.ErrRefused):
		s.printf("%v", err)
		s.fail(exitRefused)
	case errors.Is(err, client.ErrNoFile):
		s.printf("%v", err)
		s.fail(exitNoFile)
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
	for _, kind := range []error{client.ErrRefused, client.ErrNoFile, client.ErrUnreachable} {
		s.nobody = s.nobody || errors.Is(err, kind)
	}
	return version, err
}

// hintURL says where a URL comes from at which nobody was, if that was our
// guess. Once is enough.
func (s *session) hintURL() {
	if s.nobody && s.guessed {
		fmt.Fprintln(s.errs, textGuessedURL)
		s.guessed = false
	}
}

// noArguments tells whether arg is empty, and else what is wrong with it.
func (s *session) noArguments(verb, arg string) bool {
	if arg == "" {
		return true
	}
	s.misuse(verb, exitGeneric, fmt.Sprintf(textNoArguments, verb))
	return false
}

// misuse prints what is wrong with a command line, and the help of its verb.
func (s *session) misuse(verb string, code int, text string) {
	s.printf("%s", text)
	s.printHelp(verb)
	s.fail(code)
}
